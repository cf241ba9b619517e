import {
  ACCESS_KEY,
  type AccessDocument,
  MAX_ACCESS_OCTETS,
  verifyAccessDocument,
} from '../../zone/access-document.ts';
import { FormatError } from '../../zone/format-error.ts';
import { sameOctets } from '../../zone/hash.ts';
import type { VerifyKeys } from '../../zone/root.ts';
import { type Kv, readAtMost, SHORT_CACHE_TTL } from '../snapshot/kv.ts';
import { createShare, type WaitUntil } from '../snapshot/share.ts';
import { sinceMs, type StartTimer } from '../snapshot/timer.ts';

/**
 * The access document at the edge. What a caller may rely on: the document given was seen in the store, by a check
 * that began at most `maxAgeMs` ago, unless the store can't be read or has one that can't be trusted. Then it is the
 * last good one, for an hour; after that, and where there is none, undefined: nobody may ask. Never throws.
 */
export type AccessSource = {
  readonly current: (
    waitUntil: WaitUntil,
  ) => AccessDocument | undefined | Promise<AccessDocument | undefined>;
};

export type AccessSourceOptions = {
  /** The octets under the document's key; undefined where there are none. Throws where that can't be told. */
  readonly read: () => Promise<Uint8Array | undefined>;
  readonly verifyKeys: VerifyKeys | 'none';
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly startTimer: StartTimer;
  /** A document checked so long ago is used, and checked again behind the answer. */
  readonly refreshMs: number;
  /** One checked longer ago is checked first. */
  readonly maxAgeMs: number;
  /** For the log: each problem once an hour. */
  readonly onProblem: (problem: string) => void;
};

/** So long the last good document is used though no newer one can be had. */
const MAX_UNCHECKED_MS = 3_600_000;
/** How often what failed is tried, and a document that is not there looked for. */
const TRY_AGAIN_MS = 5_000;
const TELL_AGAIN_MS = 3_600_000;
const MAX_TOLD = 100;

type Held = { readonly octets: Uint8Array; readonly document: AccessDocument };

export function createAccessSource(options: AccessSourceOptions): AccessSource {
  const { read, verifyKeys, now, startTimer, maxAgeMs } = options;
  const refreshMs = Math.min(options.refreshMs, maxAgeMs);
  /** The newest that was ever taken; `isThere` says whether the store still had one. */
  let held: Held | undefined;
  let isThere = false;
  let hasFailed = false;
  let checkedAtMs = Number.NEGATIVE_INFINITY;
  let triedAtMs = Number.NEGATIVE_INFINITY;
  let [begun, done] = [0, 0];
  const toldAtMs = new Map<string, number>();
  const checks = createShare<void>({ now, startTimer });

  const tell = (error: unknown): void => {
    const words = error instanceof Error ? error.message : String(error);
    if (sinceMs(toldAtMs.get(words) ?? Number.NEGATIVE_INFINITY, now()) < TELL_AGAIN_MS) return;
    if (toldAtMs.size >= MAX_TOLD) toldAtMs.clear();
    toldAtMs.set(words, now());
    options.onProblem(words);
  };

  /** Counts from when it began: what it saw may be as old. */
  const check = async (): Promise<void> => {
    const [beganAtMs, number] = [now(), ++begun];
    const octets = await read();
    // A check that began later has seen more than this one.
    if (number < done) return;
    if (octets && !(held && sameOctets(held.octets, octets))) {
      const document = await verifyAccessDocument(octets, verifyKeys);
      if (held && isOlder(document, held.document))
        throw new FormatError(
          'access document',
          `of serial ${document.serial} is older than the one held: kept`,
        );
      held = { octets, document };
    }
    if (!octets) tell(new FormatError('access document', `is not there (${ACCESS_KEY}): nobody may ask`));
    isThere = octets !== undefined;
    hasFailed = false;
    done = number;
    checkedAtMs = beganAtMs;
  };

  const run = async (waitUntil: WaitUntil): Promise<void> => {
    try {
      await checks.run('access', check, waitUntil);
    } catch (error) {
      hasFailed = true;
      tell(error);
    }
  };

  const inForce = (): AccessDocument | undefined =>
    isThere && sinceMs(checkedAtMs, now()) < MAX_UNCHECKED_MS ? held?.document : undefined;

  return {
    current: (waitUntil) => {
      const ageMs = sinceMs(checkedAtMs, now());
      if (isThere && ageMs < refreshMs) return inForce();
      const isRunning = checks.isRunning('access');
      const isTooSoon = (hasFailed || !isThere) && sinceMs(triedAtMs, now()) < TRY_AGAIN_MS;
      if (isTooSoon && !isRunning) return inForce();
      if (!isRunning) triedAtMs = now();
      const checking = run(waitUntil);
      waitUntil(checking);
      return isThere && ageMs < maxAgeMs ? inForce() : checking.then(inForce);
    },
  };
}

/** By serial, then by when it was issued: two people may have edited the same one. */
function isOlder(document: AccessDocument, held: AccessDocument): boolean {
  return document.serial === held.serial
    ? document.issuedAtMs < held.issuedAtMs
    : document.serial < held.serial;
}

/** Reads the document's key in KV, never more of it than a document may have. */
export function createKvAccessReader(kv: Kv): AccessSourceOptions['read'] {
  return async () => {
    const { value } = await kv.getWithMetadata(ACCESS_KEY, { type: 'stream', cacheTtl: SHORT_CACHE_TTL });
    return value ? readAtMost(value, MAX_ACCESS_OCTETS, 'access document') : undefined;
  };
}
