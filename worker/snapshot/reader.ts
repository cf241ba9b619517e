import { type Block, findEntry, openBlock } from '../../zone/block.ts';
import type { Entry } from '../../zone/entry.ts';
import { FormatError } from '../../zone/format-error.ts';
import { contentHash, hashName, sameOctets, toHex } from '../../zone/hash.ts';
import { type HeadBody, type LevelTable, runKey, shardKey } from '../../zone/head.ts';
import type { OwnerName } from '../../zone/name.ts';
import type { Root } from '../../zone/root.ts';
import { shardOf } from '../../zone/snapshot.ts';
import { compareSerial } from '../../zone/zone.ts';
import { type ZoneWire, zoneWire } from '../../zone/wire.ts';
import type { BlockCache } from './block-cache.ts';
import { createShare, sleep, type WaitUntil } from './share.ts';

/**
 * Where heads come from. `check` gives the newest root it can see, verified, and the body only if it is another
 * than the one held; undefined where there is no head. Throws `FormatError` for a head that can't be trusted.
 */
export type HeadSource = {
  readonly check: (heldBodyHash: Uint8Array | undefined) => Promise<CheckedHead | undefined>;
};
export type CheckedHead = { readonly root: Root; readonly body: HeadBody | undefined };

/** Fetches a block's octets; `fresh` asks past caches that may hold the word that it is missing. */
export type FetchBlock = (
  key: string,
  options: { readonly fresh: boolean },
) => Promise<Uint8Array | undefined>;

/** What is served of a zone right now. */
export type Held = {
  readonly root: Root;
  readonly zone: ZoneWire;
  readonly body: HeadBody;
  readonly overlay: Block | undefined;
  readonly run: Block | undefined;
};

/** A look-up's outcome. `unavailable` is never NXDOMAIN: the zone could not be read, and why. */
export type Found =
  | { readonly kind: 'found'; readonly held: Held; readonly entry: Entry | undefined }
  | { readonly kind: 'unavailable'; readonly reason: string; readonly held: Held | undefined };

export type SnapshotReader = {
  /** At once where everything needed is in memory; else after what is missing was fetched. Never throws. */
  readonly find: (name: Uint8Array, waitUntil: WaitUntil) => Found | Promise<Found>;
  /** What is held, after a first check if nothing is. */
  readonly current: (waitUntil: WaitUntil) => Promise<Held | undefined>;
};

export type ReaderOptions = {
  readonly origin: OwnerName;
  readonly variant: string;
  readonly source: HeadSource;
  readonly fetchBlock: FetchBlock;
  readonly blocks: BlockCache;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** A head checked this long ago or less is used without a word. */
  readonly headRefreshMs: number;
  /** Up to this it is used, and checked after the answer; beyond it is checked first. */
  readonly headMaxAgeMs: number;
  readonly onProblem: (problem: string) => void;
};

/** How long an answer waits for a check when a head is at hand, and how often what failed is tried. */
const CHECK_WAIT_MS = 400;
const TRY_AGAIN_MS = 5_000;
const CLOCK_SKEW_MS = 5 * 60_000;

export function createSnapshotReader(options: ReaderOptions): SnapshotReader {
  const { now } = options;
  let held: Held | undefined;
  let checkedAtMs = Number.NEGATIVE_INFINITY;
  let triedAtMs = Number.NEGATIVE_INFINITY;
  let problem = 'no snapshot has been published yet';
  /** The log gets what broke; askers only what our own formats say of it. */
  const noteProblem = (error: unknown): void => {
    const words = error instanceof Error ? error.message : String(error);
    options.onProblem(`${options.origin}: ${words}`);
    problem = error instanceof FormatError ? words : 'the snapshot store can not be read';
  };
  const heads = createShare<void>();
  const loads = createShare<Block>();
  /** When shards were last found missing or damaged, by store key. */
  const failedAtMs = new Map<string, number>();

  const check = async (): Promise<void> => {
    triedAtMs = now();
    try {
      const head = await options.source.check(held?.root.bodyHash);
      if (!head) throw new FormatError('head', 'is not there: no snapshot has been published yet');
      const next = await take(head);
      if (next) held = next;
      checkedAtMs = now();
    } catch (error) {
      noteProblem(error);
    }
  };

  /** The head to hold from now on, its run at hand; undefined to keep the one held. */
  const take = async ({ root, body }: CheckedHead): Promise<Held | undefined> => {
    if (root.createdAtMs > now() + CLOCK_SKEW_MS) throw new FormatError('head', 'was made in the future');
    if (isOutdone(root)) return undefined;
    if (!body) {
      // Another check may have taken a head since this one asked for what differs from the one held then.
      if (!held || !sameOctets(held.root.bodyHash, root.bodyHash))
        throw new FormatError('head', 'changed while it was checked');
      return { ...held, root };
    }
    const { run } = body.levels;
    const block = run && (await loadBlock(runKey(options.origin, options.variant, run), run.hash));
    // Nor may a slow load put this head over one that was taken meanwhile.
    if (isOutdone(root)) return undefined;
    failedAtMs.clear();
    return { root, body, zone: zoneWire(body.zone), overlay: openOptional(body.overlay), run: block };
  };

  const isOutdone = (root: Root): boolean => {
    if (!held || !isOlder(root, held)) return false;
    options.onProblem(
      `${options.origin}: a head of serial ${root.serial} is older than ${held.root.serial}: kept`,
    );
    return true;
  };

  const loadBlock = async (key: string, hash: Uint8Array): Promise<Block> => {
    const cached = options.blocks.get(key);
    if (cached) return cached;
    for (const fresh of [false, true]) {
      const octets = await options.fetchBlock(key, { fresh });
      if (!octets || !sameOctets(await contentHash(octets), hash)) continue;
      const block = openBlock(octets);
      options.blocks.set(key, block);
      return block;
    }
    throw new FormatError(`block ${toHex(hash)}`, 'is missing or damaged');
  };

  /** A shard that is missing or damaged is not asked for again at once. */
  const loadShard = async (key: string, hash: Uint8Array): Promise<Block> => {
    const sinceFailedMs = now() - (failedAtMs.get(key) ?? Number.NEGATIVE_INFINITY);
    if (sinceFailedMs >= 0 && sinceFailedMs < TRY_AGAIN_MS)
      throw new FormatError(`block ${toHex(hash)}`, 'is missing or damaged');
    try {
      return await loadBlock(key, hash);
    } catch (error) {
      if (error instanceof FormatError) failedAtMs.set(key, now());
      throw error;
    }
  };

  const unavailable = (): Found => ({ kind: 'unavailable', reason: problem, held });

  const unreadable = (error: unknown): Found => {
    noteProblem(error);
    return unavailable();
  };

  const lookUp = (from: Held, name: Uint8Array, waitUntil: WaitUntil): Found | Promise<Found> => {
    try {
      return lookUpLevels(from, name, waitUntil);
    } catch (error) {
      return unreadable(error);
    }
  };

  /** From the levels in memory; a promise where a shard has to come first. Throws on a block that is none. */
  const lookUpLevels = (from: Held, name: Uint8Array, waitUntil: WaitUntil): Found | Promise<Found> => {
    const { levels } = from.body;
    const hash = hashName(name, levels.seed);
    const near =
      (from.overlay && findEntry(from.overlay, name, hash.slot)) ??
      (from.run && findEntry(from.run, name, hash.slot));
    if (near || !levels.shards) return { kind: 'found', held: from, entry: near };
    const index = shardOf(hash, levels.shards.bits);
    const key = shardKey(options.origin, options.variant, { ...levels.shards, index });
    const shard = options.blocks.get(key);
    if (shard) return { kind: 'found', held: from, entry: findEntry(shard, name, hash.slot) };
    return fromShard(from, { key, hash: shardHash(levels, index), name, slot: hash.slot, waitUntil });
  };

  const fromShard = async (
    from: Held,
    want: { key: string; hash: Uint8Array; name: Uint8Array; slot: number; waitUntil: WaitUntil },
  ): Promise<Found> => {
    try {
      const shard = await loads.run(want.key, () => loadShard(want.key, want.hash), want.waitUntil);
      return { kind: 'found', held: from, entry: findEntry(shard, want.name, want.slot) };
    } catch (error) {
      // The head may have moved on and its predecessor's blocks may be gone: look again, once.
      await freshen(want.waitUntil, { always: true });
      if (held && held.root.serial !== from.root.serial) return lookUp(held, want.name, want.waitUntil);
      return unreadable(error);
    }
  };

  /** One check at a time; a check that failed is not tried again at once, nor one that changed nothing. */
  const freshen = async (waitUntil: WaitUntil, { always = false } = {}): Promise<void> => {
    const sinceTriedMs = now() - triedAtMs;
    const lastFailed = triedAtMs > checkedAtMs;
    const tooSoon = (lastFailed || always) && sinceTriedMs >= 0 && sinceTriedMs < TRY_AGAIN_MS;
    if (!tooSoon || heads.isRunning('head')) await heads.run('head', check, waitUntil);
  };

  /** Has the head checked where that is due; a promise where the answer has to wait for it. */
  const checkIfDue = (waitUntil: WaitUntil): Promise<unknown> | undefined => {
    const ageMs = now() - checkedAtMs;
    // That a snapshot has expired is not said on the word of an old check.
    const expired = held !== undefined && hasExpired(held, now());
    if (held && !expired && ageMs >= 0 && ageMs < Math.max(options.headRefreshMs, options.headMaxAgeMs)) {
      if (ageMs >= options.headRefreshMs && !heads.isRunning('head')) waitUntil(freshen(waitUntil));
      return undefined;
    }
    const checking = freshen(waitUntil, { always: expired });
    waitUntil(checking);
    return held ? Promise.race([checking, sleep(CHECK_WAIT_MS)]) : checking;
  };

  const findInHeld = (name: Uint8Array, waitUntil: WaitUntil): Found | Promise<Found> =>
    held ? lookUp(held, name, waitUntil) : unavailable();

  return {
    find: (name, waitUntil) => {
      const checking = checkIfDue(waitUntil);
      return checking ? checking.then(() => findInHeld(name, waitUntil)) : findInHeld(name, waitUntil);
    },
    current: async (waitUntil) => {
      await checkIfDue(waitUntil);
      return held;
    },
  };

  /** Older by (epoch, serial), unless made so much later that its predecessor must have been lost. */
  function isOlder(root: Root, than: Held): boolean {
    const newerEpoch = root.epoch - than.root.epoch;
    const order = newerEpoch === 0 ? compareSerial(root.serial, than.root.serial) : newerEpoch;
    if (order > 0) return false;
    if (order === 0) return root.createdAtMs < than.root.createdAtMs;
    return root.createdAtMs - than.root.createdAtMs <= than.body.settings.staleAfterSeconds * 1000;
  }
}

/** Seconds since a snapshot was last vouched for: by its writer, or by the sources, whichever is longer ago. */
export function snapshotAgeSeconds({ root }: Held, nowMs: number): number {
  return Math.max(0, Math.round((nowMs - Math.min(root.createdAtMs, root.confirmedAtMs)) / 1000));
}

/** Is a snapshot too old to be answered from at all? */
export function hasExpired(held: Held, nowMs: number): boolean {
  const { expireAfterSeconds } = held.body.settings;
  return expireAfterSeconds > 0 && snapshotAgeSeconds(held, nowMs) > expireAfterSeconds;
}

function shardHash({ shards }: LevelTable, index: number): Uint8Array {
  return shards?.hashes[index] ?? new Uint8Array();
}

function openOptional(octets: Uint8Array): Block | undefined {
  return octets.length > 0 ? openBlock(octets) : undefined;
}
