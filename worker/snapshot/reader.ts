import { openBlock } from '../../zone/block.ts';
import type { Entry } from '../../zone/entry.ts';
import { FormatError } from '../../zone/format-error.ts';
import { sameOctets } from '../../zone/hash.ts';
import { type HeadBody, runKey, shardKey } from '../../zone/head.ts';
import type { OwnerName } from '../../zone/name.ts';
import type { Root } from '../../zone/root.ts';
import { zoneWire } from '../../zone/wire.ts';
import type { Blocks } from './blocks.ts';
import { hasExpired, type Held, headOrder } from './held.ts';
import { lookUp } from './look-up.ts';
import { createOctetCache } from './octet-cache.ts';
import { createShare, type WaitUntil } from './share.ts';
import { sinceMs, type StartTimer, within } from './timer.ts';
import { findOrWildcard } from './wildcards.ts';

/**
 * Where heads come from. `check` gives the newest root it can see, verified, and the body only if it is another
 * than the one held; undefined where there is no head. Throws `FormatError` for a head that can't be trusted.
 */
export type HeadSource = {
  readonly check: (heldBodyHash: Uint8Array | undefined) => Promise<CheckedHead | undefined>;
};
export type CheckedHead = { readonly root: Root; readonly body: HeadBody | undefined };

/** A look-up's outcome. `unavailable` is never NXDOMAIN: the zone could not be read, and why. */
export type Found =
  | {
      readonly kind: 'found';
      readonly held: Held;
      readonly entry: Entry | undefined;
      /** Of the last check, as in `ReaderState`. */
      readonly problem: string | undefined;
    }
  | { readonly kind: 'unavailable'; readonly reason: string; readonly held: Held | undefined };

export type SnapshotReader = {
  /**
   * At once where everything needed is in memory; else after what is missing was fetched. Never throws. With
   * `subtrees`, a view's names in a stored zone, wildcards are those that the view has (`findOrWildcard`).
   */
  readonly find: (
    name: Uint8Array,
    waitUntil: WaitUntil,
    subtrees?: readonly Uint8Array[],
  ) => Found | Promise<Found>;
  /** Would `find` answer from this, and at once? Has the head checked where that is due, as `find` does. */
  readonly isCurrent: (held: Held, waitUntil: WaitUntil) => boolean;
  /** What is held, after a first check if nothing is. */
  readonly current: (waitUntil: WaitUntil) => Promise<Held | undefined>;
  readonly state: () => ReaderState;
};

export type ReaderState = {
  /** Why the store's head or a block can't be used, in words for askers; undefined if the last check went well. */
  readonly problem: string | undefined;
  /** Heads taken though their serial was lower, since the ones before were lost. */
  readonly restored: number;
};

export type ReaderOptions = {
  readonly origin: OwnerName;
  readonly variant: string;
  readonly source: HeadSource;
  /** Shared by all readers of an isolate. */
  readonly blocks: Blocks;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly startTimer: StartTimer;
  /** A head checked this long ago or less is used without a word. */
  readonly headRefreshMs: number;
  /** Up to this it is used, and checked after the answer; beyond it is checked first. */
  readonly headMaxAgeMs: number;
  /** For the log: each problem once an hour, and anew after the next head. */
  readonly onProblem: (problem: string) => void;
};

/** How long an answer waits for a check when a head is at hand, and how often what failed is tried. */
const CHECK_WAIT_MS = 400;
const TRY_AGAIN_MS = 5_000;
const CLOCK_SKEW_MS = 5 * 60_000;
const TELL_AGAIN_MS = 3_600_000;
const MAX_TOLD = 100;
/** Of entries that edits were applied to, for each zone. */
const EDITED_OCTETS = 2 * 1024 * 1024;

export function createSnapshotReader(options: ReaderOptions): SnapshotReader {
  const { origin, variant, blocks, now, startTimer } = options;
  let held: Held | undefined;
  let checkedAtMs = Number.NEGATIVE_INFINITY;
  let triedAtMs = Number.NEGATIVE_INFINITY;
  let hasFailed = false;
  let problem: string | undefined;
  let restored = 0;
  const toldAtMs = new Map<string, number>();
  const heads = createShare<void>({ now, startTimer });

  const tell = (words: string): void => {
    if (sinceMs(toldAtMs.get(words) ?? Number.NEGATIVE_INFINITY, now()) < TELL_AGAIN_MS) return;
    if (toldAtMs.size >= MAX_TOLD) toldAtMs.clear();
    toldAtMs.set(words, now());
    options.onProblem(`${origin}: ${words}`);
  };
  /** The log gets what broke; askers only what our own formats say of it. */
  const noteProblem = (error: unknown): string => {
    const words = error instanceof Error ? error.message : String(error);
    tell(words);
    problem = error instanceof FormatError ? words : 'the snapshot store can not be read';
    return problem;
  };

  const check = async (waitUntil: WaitUntil): Promise<void> => {
    triedAtMs = now();
    try {
      const head = await options.source.check(held?.root.bodyHash);
      if (!head) throw new FormatError('head', 'is not there: no snapshot has been published yet');
      await take(head, waitUntil);
      checkedAtMs = now();
      hasFailed = false;
    } catch (error) {
      hasFailed = true;
      noteProblem(error);
    }
  };

  /** Holds a head from now on, its run at hand, or keeps the one held. */
  const take = async ({ root, body }: CheckedHead, waitUntil: WaitUntil): Promise<void> => {
    if (root.createdAtMs > now() + CLOCK_SKEW_MS) throw new FormatError('head', 'was made in the future');
    if (isOutdone(root)) return;
    if (!body) {
      // Another check may have taken a head since this one asked for what differs from the one held then.
      if (!held || !sameOctets(held.root.bodyHash, root.bodyHash))
        throw new FormatError('head', 'changed while it was checked');
      return hold({ ...held, root });
    }
    const { run } = body.levels;
    const key = run && runKey(origin, variant, run);
    const block = run && key ? await blocks.load(key, run.hash, waitUntil) : undefined;
    const overlay = body.overlay.length > 0 ? openBlock(body.overlay) : undefined;
    // Nor may a slow load put this head over one that was taken meanwhile.
    if (isOutdone(root)) return;
    if (block && key) blocks.hold(key, block);
    const before = held?.body.levels.run;
    const beforeKey = before && runKey(origin, variant, before);
    if (beforeKey && beforeKey !== key) blocks.release(beforeKey);
    blocks.forgetFailures();
    toldAtMs.clear();
    hold({
      root,
      body,
      overlay,
      run: block,
      zone: zoneWire(body.zone),
      edited: createOctetCache(EDITED_OCTETS),
    });
  };

  const hold = (next: Held): void => {
    if (held && headOrder(next.root, held) === 'lost') {
      restored++;
      tell(
        `a head of serial ${next.root.serial} was made long after that of ${held.root.serial}: taken, the store was restored`,
      );
    }
    held = next;
    problem = undefined;
  };

  const isOutdone = (root: Root): boolean => {
    if (!held || headOrder(root, held) !== 'older') return false;
    tell(`a head of serial ${root.serial} is older than ${held.root.serial}: kept`);
    return true;
  };

  const unavailable = (reason: string): Found => ({ kind: 'unavailable', reason, held });

  const find = (from: Held, name: Uint8Array, waitUntil: WaitUntil): Found | Promise<Found> => {
    try {
      const found = lookUp(from, name, (index) => blocks.cached(keyOfShard(from, index)));
      if (found.kind === 'entry') return { kind: 'found', held: from, entry: found.entry, problem };
      return fromShard(from, found.index, { name, waitUntil });
    } catch (error) {
      return unavailable(noteProblem(error));
    }
  };

  const keyOfShard = ({ body }: Held, index: number): string => {
    if (!body.levels.shards) throw new FormatError('level table', 'has no shards');
    return shardKey(origin, variant, { ...body.levels.shards, index });
  };

  const fromShard = async (
    from: Held,
    index: number,
    { name, waitUntil }: { name: Uint8Array; waitUntil: WaitUntil },
  ): Promise<Found> => {
    try {
      const hash = from.body.levels.shards?.hashes[index] ?? new Uint8Array();
      const shard = await blocks.load(keyOfShard(from, index), hash, waitUntil);
      const found = lookUp(from, name, () => shard);
      if (found.kind === 'entry') return { kind: 'found', held: from, entry: found.entry, problem };
      throw new FormatError('level table', `has no shard ${index}`);
    } catch (error) {
      // The head may have moved on and its predecessor's blocks may be gone: look again, once.
      await freshen(waitUntil, { always: true });
      if (held && held.body !== from.body) return find(held, name, waitUntil);
      return unavailable(noteProblem(error));
    }
  };

  /** One check at a time; a check that failed is not tried again at once, nor one that changed nothing. */
  const freshen = async (waitUntil: WaitUntil, { always = false } = {}): Promise<void> => {
    const tooSoon = (hasFailed || always) && sinceMs(triedAtMs, now()) < TRY_AGAIN_MS;
    if (tooSoon && !heads.isRunning('head')) return;
    try {
      await heads.run('head', () => check(waitUntil), waitUntil);
    } catch (error) {
      hasFailed = true;
      noteProblem(error);
    }
  };

  /** Has the head checked where that is due; a promise where the answer has to wait for it. */
  const checkIfDue = (waitUntil: WaitUntil): Promise<unknown> | undefined => {
    const ageMs = sinceMs(checkedAtMs, now());
    // That a snapshot has expired is not said on the word of an old check.
    const expired = held !== undefined && hasExpired(held, now());
    if (held && !expired && ageMs < Math.max(options.headRefreshMs, options.headMaxAgeMs)) {
      if (ageMs >= options.headRefreshMs && !heads.isRunning('head')) waitUntil(freshen(waitUntil));
      return undefined;
    }
    const checking = freshen(waitUntil, { always: expired });
    waitUntil(checking);
    return held && !expired ? within(checking, CHECK_WAIT_MS, startTimer) : checking;
  };

  const findInHeld: SnapshotReader['find'] = (name, waitUntil, subtrees) => {
    if (!held) return unavailable(problem ?? 'no snapshot has been read yet');
    const from = held;
    return from.body.wildcards || subtrees
      ? findOrWildcard(name, (each) => find(from, each, waitUntil), subtrees)
      : find(from, name, waitUntil);
  };

  return {
    find: (...asked) => {
      const checking = checkIfDue(asked[1]);
      return checking ? checking.then(() => findInHeld(...asked)) : findInHeld(...asked);
    },
    isCurrent: (it, waitUntil) => it === held && checkIfDue(waitUntil) === undefined,
    current: async (waitUntil) => {
      await checkIfDue(waitUntil);
      return held;
    },
    state: () => ({ problem, restored }),
  };
}
