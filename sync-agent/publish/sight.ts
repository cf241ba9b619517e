import { FormatError } from '../../zone/format-error.ts';
import { sameOctets, toHex } from '../../zone/hash.ts';
import type { Levels } from '../../zone/levels.ts';
import { importVerifyKeys, type Root } from '../../zone/root.ts';
import { compareSerial, nextSerial } from '../../zone/zone.ts';
import { ConfigError } from '../config.ts';
import type { KeyPair } from '../keys.ts';
import { unfoldMemory } from './held-memory.ts';
import {
  compareRoots,
  isSameRoot,
  type Place,
  readHead,
  readLevels,
  type Stored,
  type StoredHead,
  writerText,
} from './stored-head.ts';

/** What the sink holds, as far as we know. */
export type Known = StoredHead & { readonly levels: Levels; readonly memory: Uint8Array };

/** Another agent has written a newer head: this one may write no more in its term. */
export class DeposedError extends Error {
  override readonly name = 'DeposedError';
}

/**
 * The writer's sight of the sink: what it holds, what may have landed there without a word, and the newest
 * epoch and serial anybody has written or tried to. Methods throw `SinkError`, and `DeposedError` for a head
 * that another agent wrote after ours.
 */
export type Sight = {
  /** What is published, read again where it was last seen too long ago; undefined where nothing usable is. */
  readonly current: (signal: AbortSignal) => Promise<Known | undefined>;
  /** Reads the sink's head: `older` (or none) has to be written over. */
  readonly look: (signal: AbortSignal) => Promise<'ours' | 'older'>;
  readonly known: () => Known | undefined;
  /** Epoch and serial of the next head: above all that was seen; the same serial only for the same content. */
  readonly next: (nowMs: number, contentChanged: boolean) => Pick<Root, 'epoch' | 'serial'>;
  /** The sink holds something older than what we wrote. */
  readonly isBehind: () => boolean;
  /** `next` is being written: until `landed` or `refused` it may be there or not. `onLanded` is told once it is. */
  readonly writing: (next: Known, onLanded: () => void) => void;
  readonly landed: () => void;
  readonly refused: () => void;
  /** What is known can not be used any more: it is read again, and what is found then decides. */
  readonly forget: (reason: string) => void;
};

export type SightOptions = {
  readonly place: Place;
  readonly key: KeyPair;
  readonly publicKeys: () => Promise<readonly string[]>;
  readonly writerId: Uint8Array;
  /** Of the term; undefined where the sink alone tells. */
  readonly epoch: number | undefined;
  /**
   * What was taken over from an earlier life of this agent, or from another, is written under a new serial: a
   * head it was still writing may land first, and readers that saw it would take no lower one.
   */
  readonly renumbersAdopted: boolean;
  readonly monotonicMs: () => number;
  readonly replaceOtherKey: boolean;
  readonly onUnusable: (reason: string) => void;
  /** The newest head that is kept for history, verified. */
  readonly newestKept: (signal: AbortSignal) => Promise<StoredHead | undefined>;
  /** The last content is not known to be what the sink says any more. */
  readonly onForgotten: () => void;
};

/** What was seen longer ago may have been replaced by another writer meanwhile: none takes over sooner. */
const LOOK_EVERY_MS = 15_000;

type Mark = Pick<Root, 'epoch' | 'serial' | 'writerId'>;

export function createSight(options: SightOptions): Sight {
  const { place, key, monotonicMs } = options;
  let known: Known | undefined;
  let doubtful: { readonly head: Known; readonly onLanded: () => void } | undefined;
  let highest: Mark | undefined;
  let seenAtMs: number | undefined;
  let behind = false;
  let isAdopted = false;

  const mark = (root: Mark): void => {
    const isHigher =
      !highest ||
      root.epoch > highest.epoch ||
      (root.epoch === highest.epoch && compareSerial(root.serial, highest.serial) > 0);
    if (isHigher) highest = root;
  };

  const read = async (signal: AbortSignal): Promise<Stored> => {
    const stored = await readHead(place, await options.publicKeys(), signal);
    seenAtMs = monotonicMs();
    return stored;
  };

  /** A head or block that can't be used means writing everything anew, above it. */
  const adopt = async (signal: AbortSignal): Promise<void> => {
    const stored = await read(signal);
    options.onForgotten();
    if (stored.kind === 'unusable') return passOver(stored.reason, stored.root);
    if (stored.kind === 'nothing') return resume(signal);
    const { head } = stored;
    try {
      const levels = await readLevels(place, head.body, signal);
      known = { ...head, levels, memory: await unfoldMemory(place, head.body.held, signal) };
      isAdopted = options.renumbersAdopted;
      mark(head.root);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      await passOver(error.message, head.root);
    }
  };

  /** No head, and yet history: somebody took it away. What was kept last is gone on from, above it. */
  const resume = async (signal: AbortSignal): Promise<void> => {
    try {
      const kept = await options.newestKept(signal);
      if (!kept) return;
      // The head that is gone was newer than what is kept: as another's it is passed by a higher epoch.
      mark({ ...kept.root, writerId: new Uint8Array() });
      options.onUnusable(`there is no head, though serial ${kept.root.serial} is kept`);
      known = { ...kept, levels: await readLevels(place, kept.body, signal), memory: new Uint8Array() };
      behind = true;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
    }
  };

  const passOver = async (reason: string, root: Root | undefined): Promise<void> => {
    if (root) {
      const trusted = await importVerifyKeys(await options.publicKeys());
      if (!options.replaceOtherKey && !trusted.has(toHex(root.keyId))) throw otherKeyError(root);
      mark(root);
    }
    options.onUnusable(reason);
  };

  const otherKeyError = ({ keyId, origin }: Root): ConfigError =>
    new ConfigError(
      `${place.sink.name} holds zone ${origin} signed with key ${toHex(keyId)}; the signing key here is ` +
        `${toHex(key.keyId)}, which readers of that zone do not trust. Sign with the key it was published with ` +
        `(dataDir, signingKeyFile), or give --new-key and put ${key.publicKeyBase64} into the Worker's VERIFY_KEYS`,
    );

  const look = async (signal: AbortSignal): Promise<'ours' | 'older'> => {
    const stored = await read(signal);
    const wasDoubtful = doubtful;
    doubtful = undefined;
    if (stored.kind === 'nothing') {
      // Whoever took the head may have taken the blocks too.
      if (known) options.onUnusable('the head is gone');
      known = undefined;
      options.onForgotten();
      return 'older';
    }
    if (stored.kind === 'unusable') {
      options.onUnusable(stored.reason);
      behind = true;
      return 'older';
    }
    const { root } = stored.head;
    if (wasDoubtful && isSameRoot(root, wasDoubtful.head.root)) {
      known = wasDoubtful.head;
      wasDoubtful.onLanded();
    }
    if (known && isSameRoot(root, known.root)) return 'ours';
    mark(root);
    if (known && compareRoots(root, known.root) < 0) {
      behind = true;
      return 'older';
    }
    known = undefined;
    seenAtMs = undefined;
    options.onForgotten();
    // Written by this agent before it was started anew, and landed late: taken up again.
    if (sameOctets(root.writerId, options.writerId)) return 'older';
    throw new DeposedError(
      `another agent (writer ${writerText(root)}) has published zone ${root.origin}: epoch ${root.epoch}, serial ${root.serial}`,
    );
  };

  return {
    current: async (signal) => {
      if (seenAtMs === undefined || (!known && !doubtful)) await adopt(signal);
      else if (doubtful || monotonicMs() - seenAtMs > LOOK_EVERY_MS) {
        await look(signal);
        if (!known) await adopt(signal);
      }
      return known;
    },
    look,
    known: () => known,
    next: (nowMs, contentChanged) => {
      const nowSeconds = nowMs / 1000;
      if (!highest) return { epoch: options.epoch ?? 1, serial: nextSerial(undefined, nowSeconds) };
      const isMine = sameOctets(highest.writerId, options.writerId);
      const epoch = Math.max(options.epoch ?? 0, highest.epoch + (isMine ? 0 : 1));
      const isOurs = !behind && !isAdopted && known?.root.serial === highest.serial;
      const mayStay = !contentChanged && isOurs;
      return { epoch, serial: mayStay ? highest.serial : nextSerial(highest.serial, nowSeconds) };
    },
    isBehind: () => behind,
    writing: (head, onLanded) => {
      mark(head.root);
      doubtful = { head, onLanded };
    },
    landed: () => {
      if (!doubtful) return;
      known = doubtful.head;
      doubtful.onLanded();
      doubtful = undefined;
      behind = false;
      isAdopted = false;
      seenAtMs = monotonicMs();
    },
    refused: () => {
      doubtful = undefined;
    },
    forget: (reason) => {
      options.onUnusable(reason);
      known = undefined;
      seenAtMs = undefined;
      options.onForgotten();
    },
  };
}
