import { type Answer, answerName } from '../zone/answer.ts';
import { type ChainedHow, cnameTarget, nextInChain, writeChained } from '../zone/chain.ts';
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
  /** What else it is from, where CNAMEs were followed: without `held`, and each once. */
  readonly further?: readonly Held[] | undefined;
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
const NO_CHAIN: ReadonlySet<string> = new Set();

/** Answers a query: our zones from their snapshots, other names by the upstream. Never throws. */
export function resolve(
  query: Query,
  options: ResolveOptions,
  waitUntil: WaitUntil,
): Resolved | Promise<Resolved> {
  return resolveName(query, options, { waitUntil, chain: NO_CHAIN });
}

/** What an answer is made with besides; `chain`: names whose CNAMEs have led to this one (`zone/chain.ts`). */
type Course = { readonly waitUntil: WaitUntil; readonly chain: ReadonlySet<string> };

function resolveName(query: Query, options: ResolveOptions, course: Course): Resolved | Promise<Resolved> {
  const { waitUntil } = course;
  const refusal = refusalOf(query);
  if (refusal) return written(query, { ...refusal, recursionAvailable: false }, options);
  const zone = options.zones.find(({ originWire }) => isAtOrBelow(query.name, originWire));
  if (!zone) return forward(query, options, waitUntil);
  const { isHidden } = options;
  const found = isHidden
    ? findVisible(zone, query.name, { isHidden, waitUntil })
    : zone.reader.find(query.name, waitUntil);
  return found instanceof Promise
    ? found.then((late) => fromZone(query, late, { options, course }))
    : fromZone(query, found, { options, course });
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

type How = { readonly options: ResolveOptions; readonly course: Course };

function fromZone(query: Query, found: Found, how: How): Resolved | Promise<Resolved> {
  const { options } = how;
  const recursionAvailable = recursionIn(found.held, options);
  if (found.kind === 'unavailable') {
    return failed(
      query,
      { recursionAvailable, held: found.held, errors: [{ code: EDE.notReady, text: found.reason }] },
      options,
    );
  }
  const { held } = found;
  const nowMs = options.now();
  const ageSeconds = snapshotAgeSeconds(held, nowMs);
  if (hasExpired(held, nowMs)) {
    const error = staleError(`the snapshot is ${ageSeconds} s old and has expired`, found.problem);
    return failed(query, { recursionAvailable, held, errors: [error] }, options);
  }
  try {
    return answerFrom(query, found, { ageSeconds, recursionAvailable, ...how });
  } catch (error) {
    // Octets that were signed and yet are no entry.
    const text = error instanceof Error ? error.message : String(error);
    return failed(query, { recursionAvailable, held, errors: [{ code: EDE.invalidData, text }] }, options);
  }
}

function answerFrom(
  query: Query,
  { held, entry, problem }: Found & { kind: 'found' },
  how: How & { readonly ageSeconds: number; readonly recursionAvailable: boolean },
): Resolved | Promise<Resolved> {
  const { ageSeconds, recursionAvailable, options } = how;
  if (isTransfer(query.type) && held.body.settings.recursionAvailable === 'forwarding') {
    const reply = { ...unsupported(RCODE.REFUSED, 'zones are not transferred'), recursionAvailable };
    return { ...written(query, reply, options), held };
  }
  const stale = isStale(held, options.now());
  const extendedErrors = stale || held.shown ? errorsOf(held, { stale, ageSeconds, problem }) : NO_ERRORS;
  const found = answerName(entry, query.type, { wire: query.name, origin: held.zone.origin });
  const answer = held.shown ? withDname(found, query, held) : found;
  if (answer.kind === 'cname') {
    const target = cnameTarget(answer.rrset);
    const ttl = stale ? Math.min(answer.rrset.ttl, STALE_TTL) : answer.rrset.ttl;
    return follow(query, { target, ttl, extendedErrors, recursionAvailable, held }, how);
  }
  const reply: Reply = {
    rcode: answer.kind === 'nxdomain' ? RCODE.NXDOMAIN : RCODE.NOERROR,
    recursionAvailable,
    authority: {
      zone: held.zone,
      serial: held.shown?.serial ?? held.root.serial,
      ...apexSections(answer, query.type),
    },
    ...(answer.kind === 'positive' && { rrsets: answer.rrsets }),
    ...(stale && { ttlAtMost: STALE_TTL }),
    ...(extendedErrors.length > 0 && { extendedErrors }),
  };
  const rewrite: Rewrite = {
    turns: Math.max(1, ...(reply.rrsets ?? []).map(({ count }) => count)),
    write: (turn) => writeReply(query, reply, options.random, turn).octets,
  };
  return { ...writeReply(query, reply, options.random), held, rewrite: stale ? undefined : rewrite };
}

/** A CNAME, and what its target's question is answered: in our zones, or by an upstream. */
function follow(
  query: Query,
  link: Omit<ChainedHow, 'rest'> & { readonly held: Held },
  { options, course }: How,
): Resolved | Promise<Resolved> {
  const { held, recursionAvailable } = link;
  const fail = (errors: readonly ExtendedError[]): Resolved =>
    failed(query, { recursionAvailable, held, errors }, options);
  const step = nextInChain(query, link.target, course.chain);
  if (step.kind === 'problem') return fail([{ code: EDE.other, text: step.problem }]);
  const join = (rest: Resolved): Resolved => {
    const chained = (octets: Uint8Array): ReturnType<typeof writeChained> =>
      writeChained(query, { ...link, rest: { query: step.query, octets } });
    const written = chained(rest.octets);
    if ('errors' in written) return fail(written.errors);
    const { rewrite } = rest;
    if (!rewrite || isStale(held, options.now())) return { ...written, held };
    const write = (turn: number): Uint8Array => {
      const again = chained(rewrite.write(turn));
      return 'errors' in again ? written.octets : again.octets;
    };
    const others = [rest.held, ...(rest.further ?? [])].flatMap((it) => (it && it !== held ? [it] : []));
    const further = others.length > 0 ? [...new Set(others)] : undefined;
    return { ...written, held, further, rewrite: { turns: rewrite.turns, write } };
  };
  const rest = resolveName(step.query, options, { ...course, chain: step.chain });
  return rest instanceof Promise ? rest.then(join) : join(rest);
}

/** At the apex of an alias a DNAME record says what it stands for (RFC 6672 §2.1). */
function withDname(answer: Answer, { type, name }: Query, { shown, zone }: Held): Answer {
  const dname = type === TYPE.DNAME && name.length === zone.origin.length ? shown?.dname : undefined;
  if (!dname) return answer;
  return { kind: 'positive', rrsets: [dname], soa: false, ns: false };
}

const NO_ERRORS: readonly ExtendedError[] = [];

/** What there is to say of the snapshot that an answer is from. */
function errorsOf(
  { shown }: Held,
  { stale, ageSeconds, problem }: { stale: boolean; ageSeconds: number; problem: string | undefined },
): ExtendedError[] {
  return [
    ...(stale ? [staleError(`the snapshot is ${ageSeconds} s old`, problem)] : []),
    ...(shown?.failover === undefined ? [] : [{ code: EDE.other, text: shown.failover }]),
  ];
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
    errors,
  }: { recursionAvailable: boolean; held: Held | undefined; errors: readonly ExtendedError[] },
  options: ResolveOptions,
): Resolved {
  const reply = { rcode: RCODE.SERVFAIL, recursionAvailable, extendedErrors: errors };
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
