import { FormatError } from '../../zone/format-error.ts';
import { sameOctets, sha256 } from '../../zone/hash.ts';
import { nameFromWire } from '../../zone/name.ts';
import {
  encodeBody,
  encodeHead,
  type HeadBody,
  type HeldNames,
  headKey,
  keyPrefix,
  MAX_HEAD_OCTETS,
  parseKey,
  rootOctets,
  type ZoneSettings,
} from '../../zone/head.ts';
import type { Levels } from '../../zone/levels.ts';
import { DEFAULT_LIMITS, type Limits } from '../../zone/plan.ts';
import type { EntryChange } from '../../zone/entries.ts';
import { decodeRoot, type Root } from '../../zone/root.ts';
import type { Serial, Zone } from '../../zone/zone.ts';
import type { Term } from '../election/election.ts';
import type { OnEvent } from '../events.ts';
import type { KeyPair } from '../keys.ts';
import { type Pair, type Sink, SinkError } from '../sinks/sink.ts';
import { churnAfter } from './churn.ts';
import { foldMemory, type Holding } from './held-memory.ts';
import { createHistory, type History, type HistorySettings, keysOf } from './history.ts';
import { changesBetween, createLayout, type Laid, type Wanted } from './layout.ts';
import { readLevels } from './stored-head.ts';
import type { Change, Published } from './published.ts';
import { createSight, DeposedError, type Known } from './sight.ts';
import { supersede, sweepable } from './sweep.ts';
import { wildcardsIn } from './wildcards.ts';

/** What is to be published. */
export type Push = {
  readonly wanted: Wanted;
  /** Unix milliseconds, by this machine's clock, at which every required source last confirmed it. */
  readonly confirmedAtMs: number;
  /** What the guard holds back. */
  readonly held?: Holding | undefined;
  /** The serial that a rollback brought back, and that stays until it is released. */
  readonly pin?: Serial | undefined;
  /** Keep what was published before, whenever the last was kept. */
  readonly keepBefore?: boolean;
};

/** What the sink says now. */
export type Standing = {
  readonly serial: Serial;
  readonly epoch: number;
  readonly levels: Levels;
  readonly pin: Serial | undefined;
  /** Octets for the guard; none where it held nothing. */
  readonly memory: Uint8Array;
};

/**
 * Publishes one variant of one zone for the length of a term. One call at a time. Every method throws
 * `SinkError` for a sink that fails, and `DeposedError` once another agent has written a newer head; nothing is
 * lost then, and the next call starts from what the sink holds.
 */
export type Publisher = {
  /** What is published; undefined where nothing usable is. Throws `ConfigError` for a zone of another key. */
  readonly standing: (signal: AbortSignal) => Promise<Standing | undefined>;
  /**
   * Brings the sink to say what is wanted: blocks first, the head last and alone, so that a reader never sees
   * a head whose blocks are not there. With `dryRun` nothing is written.
   */
  readonly publish: (push: Push, signal: AbortSignal) => Promise<Published>;
  /** Reads the sink's head: one older than ours is written over, with the next serial. */
  readonly check: (signal: AbortSignal) => Promise<'ours' | 'republished'>;
  /** Removes what nobody can ask for any more, after a check; gives how many keys. */
  readonly sweep: (signal: AbortSignal) => Promise<number>;
  readonly history: History;
  /** What a kept head says. Throws `FormatError` where it is not kept, or its blocks are gone. */
  readonly levelsOf: (serial: Serial, signal: AbortSignal) => Promise<Levels>;
  /** The changes that make what is published say it again. Throws `FormatError`. */
  readonly changesBackTo: (serial: Serial, signal: AbortSignal) => Promise<readonly EntryChange[]>;
  /** Milliseconds until stored shards may be named by a push; undefined where none wait. */
  readonly cutDueInMs: () => number | undefined;
};

export type PublisherOptions = {
  readonly sink: Sink;
  readonly zone: Zone;
  readonly settings: ZoneSettings;
  readonly key: KeyPair;
  /** Public keys (base64) whose heads are this agent's own: the key's, and those it is rotated from or to. */
  readonly trustedKeys?: () => Promise<readonly string[]>;
  readonly livenessSeconds: number;
  /** Unix milliseconds by this machine's clock; the sink's is reckoned from it. */
  readonly now: () => number;
  readonly monotonicMs: () => number;
  /** Octets nobody can guess: the hash seed of a new zone. */
  readonly randomOctets: (length: number) => Uint8Array;
  /** 16 octets that stay this agent's over restarts. */
  readonly writerId: Uint8Array;
  readonly term?: Term;
  readonly limits?: Limits;
  readonly history?: HistorySettings;
  /** How long until every reader of the sink can have what was stored. */
  readonly spreadMs?: number;
  readonly variant?: string;
  /** `none`: a name with an asterisk in front answers for itself alone. */
  readonly wildcards?: 'none' | undefined;
  readonly dryRun?: boolean;
  /** Take over a zone whose head another key signed; its readers then need the new public key. */
  readonly replaceOtherKey?: boolean;
  readonly onEvent?: OnEvent;
  /** Told of each push that changes anything, once it is published; of a dry one at once. */
  readonly onChanged?: (change: Change) => void;
};

const ALWAYS: Term = {
  epoch: undefined,
  signal: new AbortController().signal,
  leftMs: () => Number.POSITIVE_INFINITY,
  why: 'it is alone',
  resign: () => Promise.resolve(),
};
const NO_HISTORY: HistorySettings = { keep: 0, everySeconds: 0, maxOctets: 0 };
/** A write of a head is given up after this; it may land all the same. */
const HEAD_PUT_MS = 30_000;
/** So much of a term has to be left for a head to be written, and so much of that after it. */
const TERM_LEFT_MS = 12_000;
const TERM_MARGIN_MS = 5_000;
const CLOCK_ALARM_MS = 30_000;
const FUTURE_MS = 5 * 60_000;
/** Listings may lag behind writes. */
const LISTED_AFTER_SECONDS = 600;

export function createPublisher(options: PublisherOptions): Publisher {
  const { sink, zone, settings, key, variant = 'main', term = ALWAYS, monotonicMs } = options;
  const { onEvent = () => undefined, spreadMs = 0, limits = DEFAULT_LIMITS } = options;
  const place = { sink, origin: zone.origin, variant };
  const publicKeys = async (): Promise<readonly string[]> => [
    key.publicKeyBase64,
    ...((await options.trustedKeys?.()) ?? []),
  ];
  const history = createHistory(place, options.history ?? NO_HISTORY, publicKeys);
  const layout = createLayout({ ...options, origin: zone.origin, variant, limits, spreadMs });
  const sight = createSight({
    place,
    key,
    publicKeys,
    writerId: options.writerId,
    epoch: term.epoch,
    renumbersAdopted: options.term !== undefined,
    monotonicMs,
    replaceOtherKey: options.replaceOtherKey === true,
    onUnusable: (reason) => onEvent({ kind: 'unusable', reason }),
    onForgotten: layout.startOver,
    newestKept: async (signal) => {
      const serial = (await history.serials(signal)).at(-1);
      return serial === undefined ? undefined : history.read(serial, signal);
    },
  });
  let clockTold = false;

  const offsetMs = (): number => sink.clockOffsetMs?.() ?? 0;
  /** Unix milliseconds by the sink's clock. */
  const sinkNow = (): number => {
    const isOff = Math.abs(offsetMs()) > CLOCK_ALARM_MS;
    if (isOff !== clockTold) onEvent({ kind: 'clock', offsetMs: offsetMs(), isOff });
    clockTold = isOff;
    return Math.round(options.now() + offsetMs());
  };

  /** Writes a head; until it is known to be there it may be, and the next call looks. */
  const putHead = async (next: Known, onLanded: () => void, signal: AbortSignal): Promise<void> => {
    const leftMs = term.leftMs();
    if (term.signal.aborted) throw new DeposedError('the term has ended');
    if (leftMs < TERM_LEFT_MS)
      throw new Error(`only ${Math.round(leftMs / 1000)} s are left of the term: nothing is written in them`);
    const metadata = { root: Buffer.from(rootOctets(next.octets)).toString('base64') };
    const limitMs = Math.floor(Math.min(HEAD_PUT_MS, leftMs - TERM_MARGIN_MS));
    const limit = AbortSignal.timeout(limitMs);
    sight.writing(next, onLanded);
    try {
      await sink.put(
        [{ key: headKey(zone.origin, variant), value: next.octets, metadata }],
        AbortSignal.any([signal, term.signal, limit]),
      );
    } catch (cause) {
      if (cause instanceof SinkError && cause.outcome === 'refused') sight.refused();
      signal.throwIfAborted();
      if (cause instanceof SinkError) throw cause;
      if (term.signal.aborted) throw new DeposedError('the term ended while a head was written', { cause });
      if (!limit.aborted) throw cause;
      const seconds = Math.round(limitMs / 1000);
      throw new SinkError(`${sink.name}: the head of ${zone.origin} was not written within ${seconds} s`, {
        cause,
        outcome: 'unknown',
      });
    }
    sight.landed();
  };

  const seal = async (
    body: Uint8Array,
    root: Pick<Root, 'epoch' | 'serial' | 'confirmedAtMs'>,
  ): Promise<Pick<Known, 'octets' | 'root'>> => {
    const facts = {
      ...root,
      createdAtMs: sinkNow(),
      writerId: options.writerId,
      origin: zone.origin,
      variant,
    };
    const octets = await encodeHead(facts, body, key);
    if (octets.length > MAX_HEAD_OCTETS)
      throw new FormatError('head', `is ${octets.length} octets long (at most ${MAX_HEAD_OCTETS})`);
    return { octets, root: decodeRoot(octets).root };
  };

  const publish = async (push: Push, signal: AbortSignal): Promise<Published> => {
    const before = await sight.current(signal);
    const wasBehind = sight.isBehind();
    const nowSeconds = Math.floor(sinkNow() / 1000);
    const newSerial = sight.next(sinkNow(), true).serial;
    const laid = await layout.lay(before?.levels, push.wanted, newSerial);
    const folded = await fold(push, { before, laid, serial: newSerial });
    const told = before && { wildcards: before.body.wildcards, changed: laid.changed };
    const wildcards = options.wildcards === 'none' ? undefined : wildcardsIn(laid.levels, told);
    const facts = {
      zone,
      settings,
      ...(wildcards && { wildcards }),
      ...(folded.held && { held: folded.held }),
      ...(push.pin !== undefined && { pin: push.pin }),
    };
    const said = { ...facts, levels: laid.levels.table, overlay: laid.overlayOctets };
    const superseded = before ? supersede(before.body, said, { place, nowSeconds }) : [];
    const churn = churnAfter(before, laid, nowSeconds);
    const body: HeadBody = {
      ...said,
      ...(superseded.length > 0 && { superseded }),
      ...(churn && { churn }),
    };
    const octets = encodeBody(body);
    const isSame = before !== undefined && (await hasBody(before, octets));
    // What lies where, what is held and what is pinned changes no answer.
    const saysSame =
      isSame || (before && (await hasBody(before, encodeBody({ ...before.body, zone, settings }))));
    const contentChanged = laid.changes > 0 || saysSame !== true;
    const root = sight.next(sinkNow(), contentChanged);
    if (isSame && !sight.isBehind() && root.epoch === before.root.epoch && !isDue(before.root))
      return { kind: 'unchanged', ...root, changes: 0, writes: 0, octets: 0 };

    const head = await seal(octets, { ...root, confirmedAtMs: push.confirmedAtMs + offsetMs() });
    const keeping =
      before && contentChanged && !options.dryRun
        ? await history.pairFor(before, { nowSeconds, always: push.keepBefore === true }, signal)
        : undefined;
    const blocks = [laid.blocks, folded.block, keeping?.pair].flat().filter((pair) => pair !== undefined);
    const result: Published = {
      kind: contentChanged ? 'changed' : 'confirmed',
      ...root,
      changes: laid.changes,
      writes: blocks.length + 1,
      octets: blocks.reduce((sum, { value }) => sum + value.length, head.octets.length),
      ...(laid.changed.length > 0 && {
        names: laid.changed.slice(0, MOST_NAMES).map((name) => nameFromWire(name)),
      }),
    };
    const { changes, changed } = laid;
    const change = { serial: root.serial, before: before?.levels, after: laid.levels, changes, changed };
    if (options.dryRun) {
      layout.forget();
      if (contentChanged) options.onChanged?.(change);
      return result;
    }
    const next = { ...head, body, levels: laid.levels, memory: push.held?.memory ?? NOTHING };
    try {
      term.signal.throwIfAborted();
      if (blocks.length > 0) await sink.put(blocks, signal);
      keeping?.kept();
      await putHead(next, () => layout.settle(laid), signal);
    } catch (error) {
      layout.abandon(laid);
      throw error;
    }
    if (wasBehind) tellRepublished();
    if (contentChanged) options.onChanged?.(change);
    const cut = await storeCut(laid.levels, root.serial, signal);
    return { ...result, writes: result.writes + cut.writes, octets: result.octets + cut.octets };
  };

  const tellRepublished = (): void =>
    onEvent({
      kind: 'republished',
      reason: `an older head of ${zone.origin} had come back, or none was there`,
    });

  /** What is held, for the head. Where nothing is, and nothing else changes, what was remembered may stay. */
  const fold = async (
    { held }: Push,
    { before, laid, serial }: { before: Known | undefined; laid: Laid; serial: Serial },
  ): Promise<{ readonly held?: HeldNames | undefined; readonly block?: Pair | undefined }> => {
    const earlier = before?.body.held;
    if (laid.changes === 0 && (held?.names ?? 0) === 0 && (earlier?.names ?? 0) === 0)
      return { held: earlier };
    return held ? foldMemory(held, place, { serial, before: earlier }) : {};
  };

  /** Stores new shards where the run has outgrown its budget. */
  const storeCut = async (
    levels: Levels,
    serial: Serial,
    signal: AbortSignal,
  ): Promise<{ readonly writes: number; readonly octets: number }> => {
    await layout.catchUp(levels, serial);
    const cut = await layout.cut(levels, serial);
    if (!cut) return { writes: 0, octets: 0 };
    await sink.put(cut.blocks, signal);
    cut.started();
    const octets = cut.blocks.reduce((sum, { value }) => sum + value.length, 0);
    onEvent({ kind: 'cut', blocks: cut.blocks.length, octets, namedInMs: spreadMs });
    return { writes: cut.blocks.length, octets };
  };

  const levelsOf = async (serial: Serial, signal: AbortSignal): Promise<Levels> =>
    readLevels(place, (await history.read(serial, signal)).body, signal);

  const isDue = ({ createdAtMs }: Root): boolean => {
    const ageMs = sinkNow() - createdAtMs;
    return ageMs >= options.livenessSeconds * 1000 || ageMs < -FUTURE_MS;
  };

  return {
    standing: async (signal) => {
      const standing = await sight.current(signal);
      if (!standing) return undefined;
      const { root, body, levels, memory } = standing;
      return { serial: root.serial, epoch: root.epoch, levels, pin: body.pin, memory };
    },
    publish,
    check: async (signal) => {
      if (!sight.known() || (await sight.look(signal)) === 'ours') return 'ours';
      const known = sight.known();
      if (!known) return 'ours';
      const root = { ...sight.next(sinkNow(), true), confirmedAtMs: known.root.confirmedAtMs };
      const head = await seal(encodeBody(known.body), root);
      await putHead({ ...known, ...head }, () => undefined, signal);
      tellRepublished();
      return 'republished';
    },
    sweep: async (signal) => {
      if (options.dryRun || !sight.known() || (await sight.look(signal)) !== 'ours') return 0;
      const body = sight.known()?.body;
      if (!body) return 0;
      const kept = await history.review(signal);
      const named = new Set([...keysOf(body, place), ...kept.named, ...layout.pendingKeys()]);
      const nowSeconds = Math.floor(sinkNow() / 1000);
      const prefix = keyPrefix(zone.origin, variant);
      const keys = await sink.list(prefix, signal);
      const listed = new Set(keys);
      const lost = keysOf(body, place).find((each) => !listed.has(each) && isOld(each, nowSeconds));
      if (lost !== undefined) {
        sight.forget(`block ${lost}: is missing`);
        return 0;
      }
      const superseded = body.superseded ?? [];
      const gone = [...kept.excess, ...sweepable(keys, { named, prefix, superseded, nowSeconds })];
      if (gone.length > 0) await sink.remove(gone, signal);
      return gone.length;
    },
    history,
    levelsOf,
    changesBackTo: async (serial, signal) => {
      const now = await sight.current(signal);
      if (!now) throw new FormatError(zone.origin, 'is not published: there is nothing to roll back');
      return changesBetween(now.levels, await levelsOf(serial, signal));
    },
    cutDueInMs: layout.cutDueInMs,
  };
}

/** Was it stored so long ago that a listing has it? */
function isOld(key: string, nowSeconds: number): boolean {
  return nowSeconds - (parseKey(key)?.serial ?? nowSeconds) > LISTED_AFTER_SECONDS;
}

async function hasBody({ root }: Known, octets: Uint8Array): Promise<boolean> {
  return sameOctets(await sha256(octets), root.bodyHash);
}

/** Names that a result tells of a push. */
const MOST_NAMES = 5;
const NOTHING = new Uint8Array();
