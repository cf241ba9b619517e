import { encodeForwardedQuery } from '../zone/forwarded.ts';
import { sameOctets } from '../zone/hash.ts';
import type { Query } from '../zone/query.ts';
import { type ForeignReply, NO_RECORDS, readReply } from '../zone/reply.ts';
import { EDE, RCODE } from '../zone/wire.ts';
import { type Answer, failure, refusal, staleAnswer } from './answer.ts';
import type { KeptReply, ReplyCache } from './cache.ts';
import type { Flights } from './flights.ts';
import { onlyAsked } from './only-asked.ts';
import { isWithin, questionKey } from './question.ts';
import { rotatableOctets, rotated } from './rotation.ts';
import type { RawReply, Upstream } from './upstream.ts';
import { UpstreamError } from './upstream-error.ts';

/** Finds the answer to a question: at once where it is known, else later. Never rejects. */
export type Resolver = (query: Query) => Answer | Promise<Answer>;

/** Whom to ask for names outside our zones. */
export type Other = {
  readonly ask: (query: Query) => Promise<RawReply>;
};

export type ResolverOptions = {
  readonly upstream: Upstream;
  /** The DoH server's own name in wire form, where it has one. */
  readonly dohHost: Uint8Array | undefined;
  /** Wire form; all names are ours where there is none. */
  readonly zones: readonly Uint8Array[];
  readonly other: Other | undefined;
  readonly cache: ReplyCache;
  readonly flights: Flights<KeptReply>;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly onMismatch: () => void;
};

/** Who waits so long gets what is stale (RFC 8767 §5). */
const STALE_AFTER_MS = 1_000;
const DAY_MS = 86_400_000;
/** RFC 8767 §5, RFC 9520 §3.2: a failure is not tried again for so long. */
const RETRY_MS = 5_000;
const FAILURE_MS = 1_000;
/** A reply that others asked for is renewed in the last tenth of its life. */
const HOT_HITS = 3;
const PREFETCH_SHARE = 10;
const PREFETCH_LEAST_MS = 5_000;

export function createResolver(options: ResolverOptions): Resolver {
  const { upstream, dohHost, zones, other, cache, flights, now } = options;

  const load = async (query: Query, key: string): Promise<KeptReply> => {
    const before = cache.get(key);
    try {
      const isOurs = zones.length === 0 || isWithin(query.name, zones);
      const raw = isOurs || !other ? await upstream.ask(encodeForwardedQuery(query)) : await other.ask(query);
      const whole = readReply(raw.octets, query);
      if (!whole || whole.truncated) {
        options.onMismatch();
        throw new UpstreamError('mismatch', 'the server answered something else than was asked');
      }
      const isTheirs = (name: Uint8Array): boolean => zones.length === 0 || isWithin(name, zones) === isOurs;
      const reply = onlyAsked(whole, query, isTheirs);
      const kept = keptReply(reply, now() - Math.min(raw.ageSeconds, reply.ttl ?? 0) * 1000);
      if (reply.rcode === RCODE.SERVFAIL && before) before.retryAt = now() + RETRY_MS;
      else if (kept.freshUntil > now()) cache.set(key, kept);
      return kept;
    } catch (error) {
      if (before) before.retryAt = now() + RETRY_MS;
      const kept = keptFailure(error, now());
      // What is known of the whole server needs no remembering a question.
      if (!before && !upstream.failsBecause()) cache.set(key, kept);
      return kept;
    }
  };

  const answerOf = (kept: KeptReply, known: 'fresh' | 'cached'): Answer => {
    kept.hits++;
    const ageSeconds = Math.floor(Math.max(0, now() - kept.givenAt) / 1000);
    const outcome = kept.reply.rcode === RCODE.SERVFAIL ? 'failed' : known;
    return { outcome, reply: rotated(kept.reply, kept.rotatable, kept.hits - 1), how: { ageSeconds } };
  };
  const stale = (kept: KeptReply): Answer => {
    const why = upstream.failsBecause()?.message ?? 'the DoH server does not answer';
    return staleAnswer(rotated(kept.reply, kept.rotatable, kept.hits++), `${why}; this was its last word`);
  };

  return (query) => {
    const isOurs = zones.length === 0 || isWithin(query.name, zones);
    if (!isOurs && !other)
      return refusal(RCODE.REFUSED, [
        { code: EDE.notAuthoritative, text: 'this stub is for other names alone (--zone)' },
      ]);
    const key = questionKey(query);
    const kept = cache.get(key);
    if (kept && now() < kept.freshUntil) {
      if (isDue(kept, now()) && !flights.isRunning(key))
        void flights.join(key, () => load(query, key))?.catch(() => undefined);
      return answerOf(kept, 'cached');
    }
    const down = isOurs ? upstream.failsBecause() : undefined;
    if (kept && (down || now() < kept.retryAt)) {
      // Who is asked comes back: the server is tried again behind the stale answer's back.
      if (down && now() >= kept.retryAt) void flights.join(key, () => load(query, key));
      return stale(kept);
    }
    // Whoever looks for the DoH server by asking us would have it wait for itself.
    if (isOurs && dohHost && sameOctets(query.name, dohHost) && !upstream.isUp())
      return failure({
        code: EDE.notReady,
        text: 'this is the DoH server itself, which is not connected yet',
      });
    const flight = flights.join(key, () => load(query, key));
    if (!flight)
      return kept
        ? stale(kept)
        : failure({ code: EDE.networkError, text: 'too many questions are under way' }, 'overload');
    if (!kept) return flight.then((fresh) => answerOf(fresh, 'fresh'));
    return within(flight, STALE_AFTER_MS).then((fresh) =>
      fresh && fresh.reply.rcode !== RCODE.SERVFAIL ? answerOf(fresh, 'fresh') : stale(kept),
    );
  };
}

function keptReply(reply: ForeignReply, givenAt: number): KeptReply {
  const freshUntil = givenAt + Math.min((reply.ttl ?? 0) * 1000, DAY_MS);
  const isFailure = reply.rcode === RCODE.SERVFAIL;
  return {
    reply,
    rotatable: rotatableOctets(reply),
    givenAt,
    freshUntil: isFailure ? givenAt + FAILURE_MS : freshUntil,
    staleUntil: isFailure ? givenAt + FAILURE_MS : freshUntil + DAY_MS,
    hits: 0,
    retryAt: 0,
  };
}

/** RFC 8914: 18 for a token that is refused, 23 for what is the network's or the server's. */
function keptFailure(error: unknown, at: number): KeptReply {
  const isDenied = error instanceof UpstreamError && error.kind === 'denied';
  const isWrong = error instanceof UpstreamError && (error.kind === 'body' || error.kind === 'mismatch');
  const text = error instanceof UpstreamError ? error.message : 'the question could not be asked';
  const code = isDenied ? EDE.prohibited : isWrong ? EDE.invalidData : EDE.networkError;
  return keptReply({ ...NO_RECORDS, rcode: RCODE.SERVFAIL, extendedErrors: [{ code, text }] }, at);
}

function isDue({ hits, givenAt, freshUntil }: KeptReply, now: number): boolean {
  const life = freshUntil - givenAt;
  return hits >= HOT_HITS && life >= PREFETCH_LEAST_MS && (freshUntil - now) * PREFETCH_SHARE <= life;
}

/** What `work` gives; undefined where it takes longer, and goes on all the same. */
async function within<Value>(work: Promise<Value>, ms: number): Promise<Value | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
