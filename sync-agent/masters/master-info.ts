import { formatAddress, parseAddress } from '../../zone/address.ts';
import { FormatError } from '../../zone/format-error.ts';
import type { Endpoint } from '../cluster.ts';
import { asObject, numberField, objectField, textField } from '../sources/fields.ts';
import { parsePid } from '../sources/pid.ts';
import { type ProtobufFields, readProtobuf } from './protobuf.ts';

/** A child of the path the masters are started with (`--zk`). */
export type MasterNode = {
  readonly name: string;
  /** How its data is written: `json.info` (Mesos 0.24 and later), `info` (before), none (older still). */
  readonly label: string | undefined;
  readonly sequence: number;
};

/** What a master says of itself there. */
export type MasterInfo = {
  /** Its address, or a host name where it gives none, and its port: what a state's `leader` has too. */
  readonly endpoint: Endpoint;
  /** As in its redirects; often not to be resolved from elsewhere. */
  readonly hostname: string | undefined;
};

/** ZooKeeper's ten digits, after a label or alone. `log_replicas`, of the replicated log, has none. */
const NODE_NAME = /^(?:(?<label>.+)_)?(?<sequence>\d{10})$/;
/** Labels, the last one no number, which in a URL is part of an IPv4 address in one of its old spellings. */
const HOST_NAME = /^(?!.*(?:^|\.)(?:\d+|0x[0-9a-f]*)$)[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?$/i;

/**
 * Those of a path's children that are masters, the leader first: the lowest sequence leads, whatever its
 * label (mesos `src/zookeeper/detector.cpp`, `group.cpp`).
 */
export function masterNodes(children: readonly string[]): MasterNode[] {
  return children
    .flatMap((name): MasterNode[] => {
      const { label, sequence } = NODE_NAME.exec(name)?.groups ?? {};
      return sequence === undefined ? [] : [{ name, label, sequence: Number(sequence) }];
    })
    .toSorted((a, b) => a.sequence - b.sequence);
}

/**
 * Reads a node's data by its label, as Mesos does (`src/master/detector/zookeeper.cpp`). Throws `FormatError`
 * naming the node; what it holds is not repeated.
 */
export function readMasterInfo({ name, label }: MasterNode, data: Uint8Array): MasterInfo {
  switch (label) {
    case 'json.info':
      return fromFields(fieldsOfJson(data, name), name);
    case 'info':
      return fromFields(fieldsOfProtobuf(readProtobuf(data, name), name), name);
    case undefined:
      return fromFields({ pid: new TextDecoder().decode(data).trim() }, name);
    default:
      throw new FormatError(name, 'is no node of a master: those are json.info_, info_ or digits alone');
  }
}

/** A MasterInfo's members (mesos.proto), empty or 0 where it has none. */
type Fields = {
  readonly pid?: string;
  /** IPv4 as in memory, read as an integer by a little-endian machine. */
  readonly ip?: number;
  readonly port?: number;
  readonly hostname?: string;
  readonly address?: { readonly ip: string; readonly hostname: string; readonly port: number };
};

function fieldsOfJson(data: Uint8Array, name: string): Fields {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder().decode(data));
  } catch {
    throw new FormatError(name, 'is not JSON');
  }
  const info = asObject(parsed, name);
  const address = objectField(info, 'address');
  return {
    pid: textField(info, 'pid'),
    ip: numberField(info, 'ip'),
    port: numberField(info, 'port'),
    hostname: textField(info, 'hostname'),
    address: {
      ip: textField(address, 'ip'),
      hostname: textField(address, 'hostname'),
      port: numberField(address, 'port'),
    },
  };
}

/** Field numbers of mesos.proto, MasterInfo: ip 2, port 3, pid 4, hostname 5, address 7 (hostname 1, ip 2, port 3). */
function fieldsOfProtobuf(fields: ProtobufFields, name: string): Fields {
  const nested = fields.get(7);
  const address = nested instanceof Uint8Array ? readProtobuf(nested, name) : undefined;
  return {
    ip: numberAt(fields, 2),
    port: numberAt(fields, 3),
    pid: textAt(fields, 4),
    hostname: textAt(fields, 5),
    ...(address && {
      address: { hostname: textAt(address, 1), ip: textAt(address, 2), port: numberAt(address, 3) },
    }),
  };
}

function numberAt(fields: ProtobufFields, number: number): number {
  const value = fields.get(number);
  return typeof value === 'bigint' ? Number(value) : 0;
}

function textAt(fields: ProtobufFields, number: number): string {
  const value = fields.get(number);
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : '';
}

/** Newer members before older ones: `address`, then the pid, then `ip`, and a host name where no address is. */
function fromFields({ pid, ip = 0, port = 0, hostname, address }: Fields, name: string): MasterInfo {
  const fromPid = endpointOf(pid);
  const hosts = [address?.ip, fromPid?.host, addressOf(ip)].filter((host) => host !== undefined);
  const names = [address?.hostname, hostname, fromPid?.host].filter((host) => host !== undefined);
  const hostName = names.find((host) => HOST_NAME.test(host));
  const host = hosts.find((text) => parseAddress(text)) ?? hostName;
  if (host === undefined) throw new FormatError(name, "has no address or host name of its master's");
  const number = [address?.port, port, Number(fromPid?.port)].find((value) => value);
  if (number === undefined || !Number.isInteger(number) || number < 1 || number > 65535)
    throw new FormatError(name, "has no valid port of its master's");
  return { endpoint: { host, port: String(number) }, hostname: hostName };
}

/** Undefined for a pid that can't be read: what stands beside it may do. */
function endpointOf(pid = ''): Endpoint | undefined {
  try {
    return parsePid(pid);
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

/** `ip` is in network order, so its lowest octet is the address's first: 151060746 is 10.1.1.9. */
function addressOf(ip: number): string | undefined {
  if (!Number.isInteger(ip) || ip < 1 || ip > 0xffffffff) return undefined;
  return formatAddress(Uint8Array.of(ip, ip >>> 8, ip >>> 16, ip >>> 24));
}
