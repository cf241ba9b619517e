import { type Answer, answerName } from '../zone/answer.ts';
import { writeForwardedReply } from '../zone/forwarded.ts';
import { isAtOrBelow } from '../zone/name.ts';
import { CLASS_IN, OPCODE_QUERY, type Query } from '../zone/query.ts';
import { TYPE } from '../zone/record.ts';
import type { IsHidden } from '../zone/visible.ts';
import { EDE, type ExtendedError, RCODE, type Reply, writeReply } from '../zone/wire.ts';
import { findVisible, type ViewedZone } from './access/find-visible.ts';
import { hasExpired, type Held, isStale, snapshotAgeSeconds } from './snapshot/held.ts';
import type { Found } from './snapshot/reader.ts';
import type { WaitUntil } from './snapshot/share.ts';
import { answerSpecialName, answerSpecialType } from './special-names.ts';
import { isMapped } from './upstream/forwarding.ts';
import type { Upstream } from './upstream/upstream.ts';

/** A reply's octets, how long it may be kept, and the snapshot it is from. */
export type Resolved = {
  readonly octets: Uint8Array;
  readonly ttl: number | undefined;
  readonly held: Held | undefined;
  /** Writes the reply anew for the same query and snapshot; undefined where time or another server has a say in it. */
  readonly rewrite?: Rewrite | undefined;
};

export type Rewrite = {
  /** With so many turns each value of the reply's sets has stood first. */
  readonly turns: number;
  readonly write: (turn: number) => Uint8Array;
};

/** What is answered from, as one view has it. */
export type ResolveOptions = {
  /** Longest origin first. */
  readonly zones: readonly ViewedZone[];
  /** Of names in our zones, whether or not the view has those; undefined: none is. */
  readonly isHidden?: IsHidden | undefined;
  /** Undefined: names outside our zones are refused. */
  readonly upstream: Upstream | undefined;
  readonly now: () => number;
  readonly random: () => number;
};

/** TTL of answers from a snapshot that is past its best (RFC 8767 §4). */
const STALE_TTL = 30;

/** Answers a query: our zones from their snapshots, other names by the upstream. Never throws. */
export function resolve(
  query: Query,
  options: ResolveOptions,
  waitUntil: WaitUntil,
): Resolved | Promise<Resolved> {
  const refusal = refusalOf(query);
  if (refusal) return written(query, { ...refusal, recursionAvailable: false }, options);
  const zone = options.zones.find(({ originWire }) => isAtOrBelow(query.name, originWire));
  if (!zone) return forward(query, options, waitUntil);
  const { isHidden } = options;
  const found = isHidden
    ? findVisible(zone, query.name, { isHidden, waitUntil })
    : zone.reader.find(query.name, waitUntil);
  return found instanceof Promise
    ? found.then((late) => fromZone(query, late, options))
    : fromZone(query, found, options);
}

/** What is answered whatever the name: unknown EDNS versions, other opcodes, other classes. */
function refusalOf(query: Query): Refusal | undefined {
  if (query.edns && query.edns.version > 0) return { rcode: RCODE.BADVERS };
  if (query.opcode !== OPCODE_QUERY)
    return unsupported(RCODE.NOTIMP, 'the only opcode answered here is QUERY');
  return query.class === CLASS_IN
    ? undefined
    : unsupported(RCODE.REFUSED, 'the only class answered here is IN');
}

type Refusal = Pick<Reply, 'rcode' | 'extendedErrors'>;

function unsupported(rcode: number, text: string): Refusal {
  return { rcode, extendedErrors: [{ code: EDE.notSupported, text }] };
}

function fromZone(query: Query, found: Found, options: ResolveOptions): Resolved {
  const recursionAvailable = recursionIn(found.held, options);
  if (found.kind === 'unavailable') {
    return failed(
      query,
      { recursionAvailable, held: found.held, error: { code: EDE.notReady, text: found.reason } },
      options,
    );
  }
  const { held } = found;
  const nowMs = options.now();
  const ageSeconds = snapshotAgeSeconds(held, nowMs);
  if (hasExpired(held, nowMs)) {
    const error = staleError(`the snapshot is ${ageSeconds} s old and has expired`, found.problem);
    return failed(query, { recursionAvailable, held, error }, options);
  }
  try {
    return answerFrom(query, found, { ageSeconds, recursionAvailable, options });
  } catch (error) {
    // Octets that were signed and yet are no entry.
    const text = error instanceof Error ? error.message : String(error);
    return failed(query, { recursionAvailable, held, error: { code: EDE.invalidData, text } }, options);
  }
}

function answerFrom(
  query: Query,
  { held, entry, problem }: Found & { kind: 'found' },
  how: { ageSeconds: number; recursionAvailable: boolean; options: ResolveOptions },
): Resolved {
  const { ageSeconds, recursionAvailable, options } = how;
  if (isTransfer(query.type) && held.body.settings.recursionAvailable === 'forwarding') {
    const reply = { ...unsupported(RCODE.REFUSED, 'zones are not transferred'), recursionAvailable };
    return { ...written(query, reply, options), held };
  }
  const stale = isStale(held, options.now());
  const answer = answerName(entry, query.type, { wire: query.name, origin: held.zone.origin });
  const reply: Reply = {
    rcode: answer.kind === 'nxdomain' ? RCODE.NXDOMAIN : RCODE.NOERROR,
    recursionAvailable,
    authority: { zone: held.zone, serial: held.root.serial, ...apexSections(answer, query.type) },
    ...(answer.kind === 'positive' && { rrsets: answer.rrsets }),
    ...(stale && {
      ttlAtMost: STALE_TTL,
      extendedErrors: [staleError(`the snapshot is ${ageSeconds} s old`, problem)],
    }),
  };
  const rewrite: Rewrite = {
    turns: Math.max(1, ...(reply.rrsets ?? []).map(({ count }) => count)),
    write: (turn) => writeReply(query, reply, options.random, turn).octets,
  };
  return { ...writeReply(query, reply, options.random), held, rewrite: stale ? undefined : rewrite };
}

/**
 * RFC 5936 §2.2.1. A zone that fixes RA answers as mesos-dns does (its profile says `always`), to which AXFR and
 * IXFR are types like all others, that no name has.
 */
function isTransfer(type: number): boolean {
  return type === TYPE.AXFR || type === TYPE.IXFR;
}

/** How old, and why nothing newer was taken where that is known. */
function staleError(age: string, problem: string | undefined): ExtendedError {
  return { code: EDE.staleAnswer, text: problem === undefined ? age : `${age}: ${problem}` };
}

/** Where SOA and NS go. With ANY below the apex mesos-dns gives both as authority, and so do we. */
function apexSections(answer: Answer, type: number): Pick<NonNullable<Reply['authority']>, 'soa' | 'ns'> {
  if (answer.kind !== 'positive') return { soa: 'negative' };
  if (answer.soa || answer.ns)
    return { ...(answer.soa && { soa: 'answer' }), ...(answer.ns && { ns: 'answer' }) };
  return type === TYPE.ANY ? { soa: 'authority', ns: 'authority' } : {};
}

/** Names that are not ours. What an operator has mapped to upstreams of its own is theirs, special or not. */
function forward(query: Query, options: ResolveOptions, waitUntil: WaitUntil): Resolved | Promise<Resolved> {
  const { upstream } = options;
  const zone = upstream?.zoneOf(query.name);
  const special = upstream && !isMapped(zone) ? answerSpecialName(query) : undefined;
  if (special) return { ...writeForwardedReply(query, special), held: undefined };
  if (!upstream || !zone || zone.urls.length === 0) {
    const error = { code: EDE.prohibited, text: 'only names of our own zones are answered here' };
    return written(
      query,
      { rcode: RCODE.REFUSED, recursionAvailable: false, extendedErrors: [error] },
      options,
    );
  }
  const unsent = answerSpecialType(query.type);
  const reply = unsent ? writeForwardedReply(query, unsent) : upstream.forward(query, zone, waitUntil);
  return reply instanceof Promise
    ? reply.then((late) => ({ ...late, held: undefined }))
    : { ...reply, held: undefined };
}

function failed(
  query: Query,
  {
    recursionAvailable,
    held,
    error,
  }: { recursionAvailable: boolean; held: Held | undefined; error: ExtendedError },
  options: ResolveOptions,
): Resolved {
  const reply = { rcode: RCODE.SERVFAIL, recursionAvailable, extendedErrors: [error] };
  return { ...written(query, reply, options), held };
}

/** A reply without a zone's authority: not to be kept. */
function written(query: Query, reply: Reply, options: ResolveOptions): Resolved {
  return { octets: writeReply(query, reply, options.random).octets, ttl: undefined, held: undefined };
}

function recursionIn(held: Held | undefined, options: ResolveOptions): boolean {
  const setting = held?.body.settings.recursionAvailable ?? 'forwarding';
  return setting === 'forwarding' ? options.upstream !== undefined : setting === 'always';
}
