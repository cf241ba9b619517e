import { canonicalAddress } from '../../zone/address.ts';
import { FormatError } from '../../zone/format-error.ts';
import type { NamedEndpoint, ServerSetEndpoint, ServerSetMember, SkipReason } from '../cluster.ts';
import { asObject, type JsonObject, numberField, objectField, textField } from './fields.ts';

/** A ServerSet's node, read: `left-out` is one that is not ALIVE, which is no fault. */
export type ReadMember =
  | { readonly kind: 'alive'; readonly member: ServerSetMember }
  | { readonly kind: 'left-out'; readonly status: string }
  | { readonly kind: 'unreadable'; readonly reason: SkipReason; readonly why: string };

const MAX_OCTETS = 64 * 1024;
const MAX_ENDPOINTS = 1000;
/** twitter/commons `serverset/endpoint.py`. */
const STATUSES: ReadonlySet<string> = new Set([
  'DEAD',
  'STARTING',
  'ALIVE',
  'STOPPING',
  'STOPPED',
  'WARNING',
]);

/**
 * A member's JSON, `{"serviceEndpoint": {"host", "port"}, "additionalEndpoints": {…}, "status", "shard"}`
 * (twitter/commons `serverset/endpoint.py`, finagle `serverset2/Entry.scala`). Members before that were Thrift.
 * Unknown keys are passed over; `additionalEndpoints` and `shard` may be missing.
 */
export function readMember(name: string, octets: Uint8Array): ReadMember {
  const unreadable = (reason: SkipReason, why: string): ReadMember => ({ kind: 'unreadable', reason, why });
  if (octets.length > MAX_OCTETS)
    return unreadable('server-set-member', `has ${octets.length} octets, and ${MAX_OCTETS} is the most`);
  const text = decode(octets);
  if (text === undefined || !/^\s*[{[]/.test(text))
    return unreadable('server-set-thrift', 'is not JSON: written by an old (Thrift) announcer?');
  try {
    const json = asObject(JSON.parse(text), 'the member');
    const status = textField(json, 'status');
    if (!STATUSES.has(status))
      return unreadable('server-set-member', `has status ${JSON.stringify(status)}, which is none`);
    // What is no endpoint is told of, be the member alive or not.
    const primary = readEndpoint(objectField(json, 'serviceEndpoint'), 'serviceEndpoint');
    const additional = readAdditional(json);
    if (status !== 'ALIVE') return { kind: 'left-out', status };
    return { kind: 'alive', member: { name, shard: readShard(json), primary, additional } };
  } catch (error) {
    if (error instanceof SyntaxError) return unreadable('server-set-member', 'is not valid JSON');
    if (error instanceof FormatError) return unreadable('server-set-member', error.message);
    throw error;
  }
}

function decode(octets: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(octets);
  } catch {
    return undefined;
  }
}

function readAdditional(json: JsonObject): NamedEndpoint[] {
  const named = Object.entries(objectField(json, 'additionalEndpoints'));
  if (named.length > MAX_ENDPOINTS)
    throw new FormatError('additionalEndpoints', `has more than ${MAX_ENDPOINTS} members`);
  return named
    .map(([alias, value]) => ({ alias, ...readEndpoint(asObject(value, alias), alias) }))
    .toSorted((a, b) => (a.alias < b.alias ? -1 : 1));
}

/** A port of 0 is one that the instance has not: its announcement names a port that was never assigned. */
function readEndpoint(json: JsonObject, what: string): ServerSetEndpoint {
  const host = textField(json, 'host');
  const port = numberField(json, 'port');
  if (host === '') throw new FormatError(what, 'has no host');
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw new FormatError(what, `has port ${port}, which is none`);
  const addresses = ['inet', 'inet6']
    .map((key) => canonicalAddress(textField(json, key)))
    .filter((address) => address !== undefined);
  return { host, port, addresses };
}

function readShard(json: JsonObject): number | undefined {
  const { shard } = json;
  if (shard === undefined || shard === null) return undefined;
  if (typeof shard === 'number' && Number.isInteger(shard) && shard >= 0 && shard <= 0x7fffffff) return shard;
  throw new FormatError('shard', 'is no instance number');
}
