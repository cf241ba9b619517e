import { canonicalAddress } from '../../zone/address.ts';
import { FormatError } from '../../zone/format-error.ts';
import type { NamedEndpoint, ServerSetEndpoint, ServerSetMember, SkipReason } from '../cluster.ts';
import { asObject, type JsonObject, kindOf, numberField, objectField, textField } from './fields.ts';

/**
 * A ServerSet's node, read: `left-out` is one that is not ALIVE, which is no fault. `faults` are what of it can't be
 * used, for people: additional endpoints, its shard; none where it is not given.
 */
export type ReadMember =
  | { readonly kind: 'alive'; readonly member: ServerSetMember; readonly faults?: readonly string[] }
  | { readonly kind: 'left-out'; readonly status: string }
  | { readonly kind: 'unreadable'; readonly reason: SkipReason; readonly why: string };

const MAX_OCTETS = 64 * 1024;
const MAX_ENDPOINTS = 1000;
/** Told of for one member. */
const MAX_FAULTS = 10;
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
    if (status !== 'ALIVE') return { kind: 'left-out', status };
    const { additional, faults: ofEndpoints } = readAdditional(json);
    const shard = readShard(json);
    const faults = shard === 'none' ? [sayShard(json), ...ofEndpoints] : ofEndpoints;
    const member = { name, shard: shard === 'none' ? undefined : shard, primary, additional };
    return { kind: 'alive', member, ...(faults.length > 0 && { faults }) };
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

/** Those that can be used; one that can't takes no other with it. */
function readAdditional(json: JsonObject): {
  readonly additional: readonly NamedEndpoint[];
  readonly faults: readonly string[];
} {
  const named = Object.entries(objectField(json, 'additionalEndpoints'));
  if (named.length > MAX_ENDPOINTS)
    throw new FormatError('additionalEndpoints', `has more than ${MAX_ENDPOINTS} members`);
  const additional: NamedEndpoint[] = [];
  const faults: string[] = [];
  for (const [alias, value] of named.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const what = `additional endpoint ${alias}`;
    try {
      additional.push({ alias, ...readEndpoint(asObject(value, what), what) });
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      faults.push(error.message.startsWith(what) ? error.message : `${what}: ${error.message}`);
    }
  }
  return { additional, faults: faults.slice(0, MAX_FAULTS) };
}

/** A port of 0 is one that the instance has not: its announcement names a port that was never assigned. */
function readEndpoint(json: JsonObject, what: string): ServerSetEndpoint {
  const host = textField(json, 'host');
  const port = numberField(json, 'port');
  if (host === '') throw new FormatError(what, 'has no host');
  if (json['port'] === undefined || json['port'] === null) throw new FormatError(what, 'has no port');
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw new FormatError(what, `has port ${port}, which is none`);
  const addresses = ['inet', 'inet6']
    .map((key) => canonicalAddress(textField(json, key)))
    .filter((address) => address !== undefined);
  return { host, port, addresses };
}

/** `none`: what stands there is no instance number. The member goes by its node's name then. */
function readShard({ shard }: JsonObject): number | undefined | 'none' {
  if (shard === undefined || shard === null) return undefined;
  if (typeof shard === 'number' && Number.isInteger(shard) && shard >= 0 && shard <= 0x7fffffff) return shard;
  return 'none';
}

function sayShard({ shard }: JsonObject): string {
  return `shard is ${kindOf(shard)}, which is no instance number`;
}
