import { encodeForwardedQuery, writeForwardedReply } from '../../zone/forwarded.ts';
import { isAtOrBelow } from '../../zone/name.ts';
import { pointsInside } from '../../zone/private-address.ts';
import type { Query } from '../../zone/query.ts';
import { type ForeignReply, NO_RECORDS } from '../../zone/reply.ts';
import { EDE, RCODE, type WrittenReply } from '../../zone/wire.ts';
import type { WaitUntil } from '../snapshot/share.ts';
import { askUpstream, type UpstreamReply } from './ask.ts';
import { type Forwarding, forwardZoneOf, type ForwardZone } from './forwarding.ts';
import { createFlights, within } from './flights.ts';
import { askInTurn, type NoAnswer, TOTAL_MS } from './race.ts';
import { createReplyCache, type KeptReply, replyKey } from './reply-cache.ts';
import { createStanding } from './standing.ts';

/** Names that are not ours, as other resolvers answer them. */
export type Upstream = {
  /** Whose upstreams are asked for a name (lower-case wire form). */
  readonly zoneOf: (name: Uint8Array) => ForwardZone | undefined;
  /** The reply for this asker, from memory where it is there; SERVFAIL with the reason where none comes. Never throws. */
  readonly forward: (
    query: Query,
    zone: ForwardZone,
    waitUntil: WaitUntil,
  ) => WrittenReply | Promise<WrittenReply>;
  /**
   * The same upstreams in the same memory, in which it finds and leaves only replies of its own: what one view
   * asked is told to no other, not even by how fast it comes or how much of its TTL is left.
   */
  readonly apart: () => Upstream;
};

export type UpstreamOptions = { readonly fetch: typeof fetch; readonly now: () => number };

/** Of the 128 MB an isolate has. */
const CACHE = { octets: 8 * 1024 * 1024, entries: 20_000 };
const DAY_MS = 86_400_000;
/** RFC 8767 §5: an upstream has so long before a stale answer is given, whose TTL is this. */
const STALE_AFTER_MS = 1_800;
const STALE_TTL = 30;
/** That a question failed is remembered (RFC 9520 §3.2). */
const FAILURE_TTL = 2;
/** Stale answers are given for so long before their upstreams are tried again. */
const RETRY_MS = 5_000;
/** A reply given so often is renewed in the last tenth of its time, before anybody has to wait for it. */
const HOT_HITS = 3;
const PREFETCH_SHARE = 10;

export function createUpstream(forwarding: Forwarding, { fetch, now }: UpstreamOptions): Upstream {
  const cache = createReplyCache(CACHE, now);
  const flights = createFlights<KeptReply>(now);
  const standing = createStanding(now);

  let parts = 0;

  const load = async (
    query: Query,
    zone: ForwardZone,
    { key, deadline }: { key: string; deadline: number },
  ): Promise<KeptReply> => {
    const isInside = forwarding.insideNames.some((name) => isAtOrBelow(query.name, name));
    const options = { fetch, now, isWithheld: isInside ? undefined : pointsInside };
    const octets = encodeForwardedQuery(query);
    const outcome = await askInTurn(zone.urls, {
      ask: (url, signal) => askUpstream(url, { query, octets }, { ...options, signal }),
      standing,
      now,
      deadline,
    });
    const kept = 'problem' in outcome ? failure(outcome, now()) : success(outcome);
    const before = cache.get(key);
    if ('problem' in outcome && before) before.retryAt = now() + RETRY_MS;
    else if (kept.freshUntil > now()) cache.set(key, kept);
    else cache.drop(key);
    return kept;
  };

  const part = (prefix: string): Upstream => ({
    zoneOf: (name) => forwardZoneOf(forwarding, name),
    apart: () => part(`${++parts}:`),
    forward: (query, zone, waitUntil) => {
      const key = prefix + replyKey(query);
      const deadline = now() + TOTAL_MS;
      const flight = (): Promise<KeptReply> =>
        flights.join(key, () => load(query, zone, { key, deadline }), { deadline, waitUntil });
      const kept = cache.get(key);
      if (!kept) return flight().then((fresh) => written(query, fresh, now()));
      if (now() < kept.freshUntil) {
        kept.hits++;
        if (isDue(kept, now()) && !flights.isRunning(key)) void flight();
        return written(query, kept, now());
      }
      if (now() < kept.retryAt) return writtenStale(query, kept);
      return within(flight(), STALE_AFTER_MS).then((fresh) =>
        fresh && fresh.reply.rcode !== RCODE.SERVFAIL
          ? written(query, fresh, now())
          : writtenStale(query, kept),
      );
    },
  });
  return part('');
}

function success({ reply, givenAt }: UpstreamReply): KeptReply {
  const freshUntil = givenAt + Math.min((reply.ttl ?? 0) * 1000, DAY_MS);
  const staleUntil = freshUntil + DAY_MS;
  return { reply: annotated(reply), givenAt, freshUntil, staleUntil, hits: 0, retryAt: 0 };
}

/** RFC 8914 §4.16: it is we who withhold, by our operator's policy; "Filtered" would be by the asker's wish. */
function annotated(reply: ForeignReply): ForeignReply {
  if (reply.withheld === 0) return reply;
  const error = { code: EDE.blocked, text: 'private addresses were withheld (REBIND_PROTECTION)' };
  return { ...reply, extendedErrors: [...reply.extendedErrors, error] };
}

function failure({ problem, extendedErrors }: NoAnswer, at: number): KeptReply {
  const reply: ForeignReply = {
    ...NO_RECORDS,
    rcode: RCODE.SERVFAIL,
    ttl: FAILURE_TTL,
    extendedErrors: [...extendedErrors, { code: EDE.networkError, text: problem }],
  };
  const until = at + FAILURE_TTL * 1000;
  return { reply, givenAt: at, freshUntil: until, staleUntil: until, hits: 0, retryAt: 0 };
}

function written(query: Query, { reply, givenAt }: KeptReply, now: number): WrittenReply {
  return writeForwardedReply(query, reply, { ageSeconds: Math.floor(Math.max(0, now - givenAt) / 1000) });
}

function writtenStale(query: Query, { reply }: KeptReply): WrittenReply {
  const code = reply.rcode === RCODE.NXDOMAIN ? EDE.staleNxdomain : EDE.staleAnswer;
  const error = { code, text: 'no upstream answers; this was its last word' };
  return writeForwardedReply(query, reply, { ttl: STALE_TTL, extendedErrors: [error] });
}

function isDue({ hits, givenAt, freshUntil, retryAt }: KeptReply, now: number): boolean {
  return hits >= HOT_HITS && now >= retryAt && (freshUntil - now) * PREFETCH_SHARE <= freshUntil - givenAt;
}
