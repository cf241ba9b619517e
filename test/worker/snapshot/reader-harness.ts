import { type Blocks, createBlocks } from '../../../worker/snapshot/blocks.ts';
import type { Held } from '../../../worker/snapshot/held.ts';
import {
  type CheckedHead,
  createSnapshotReader,
  type Found,
  type SnapshotReader,
} from '../../../worker/snapshot/reader.ts';
import type { WaitUntil } from '../../../worker/snapshot/share.ts';
import { startTimer } from '../../../worker/snapshot/timer.ts';
import { formatAddress } from '../../../zone/address.ts';
import { rrsetsOf, storedRdata } from '../../../zone/entry.ts';
import { sameOctets } from '../../../zone/hash.ts';
import { decodeHead } from '../../../zone/head.ts';
import { nameToWire, parseName } from '../../../zone/name.ts';
import {
  buildSnapshot,
  createSigningKey,
  addresses,
  type Snapshot,
  type TestKey,
  type ToPublish,
} from '../publish-to-kv.ts';

export const START_MS = Date.UTC(2026, 7, 1);

/** A reader over a store in memory, with a clock that only a test moves. */
export type Harness = {
  readonly reader: SnapshotReader;
  readonly blocks: Blocks;
  readonly clock: { nowMs: number };
  /** What the next check sees. */
  readonly store: { head: Snapshot | undefined; readonly blocks: Map<string, Uint8Array> };
  /** Called by a check or a block load before it looks; may wait or throw. */
  readonly before: { check: () => Promise<void>; block: (key: string) => Promise<void> };
  readonly checks: (Uint8Array | undefined)[];
  readonly loads: { readonly key: string; readonly fresh: boolean }[];
  readonly problems: string[];
  readonly find: (name: string) => Found | Promise<Found>;
  /** The addresses found; `tombstone`, `nothing`, or `unavailable` with the reason. */
  readonly lookUp: (name: string) => Promise<string>;
  /** Lets what goes on after the answer end. */
  readonly settle: () => Promise<void>;
  readonly publish: (options: Partial<ToPublish>) => Promise<Snapshot>;
};

const none = (): Promise<void> => Promise.resolve();
let key: TestKey | undefined;

export async function createHarness({ cacheOctets = 1024 * 1024 } = {}): Promise<Harness> {
  const signingKey = (key ??= await createSigningKey());
  const clock = { nowMs: START_MS };
  const store: Harness['store'] = { head: undefined, blocks: new Map() };
  const before: Harness['before'] = { check: none, block: none };
  const checks: Harness['checks'] = [];
  const loads: { key: string; fresh: boolean }[] = [];
  const problems: string[] = [];
  let running: Promise<unknown>[] = [];
  const waitUntil: WaitUntil = (work) => void running.push(work);
  const now = (): number => clock.nowMs;
  const blocks = createBlocks({
    fetchBlock: async (blockKey, { fresh }) => {
      loads.push({ key: blockKey, fresh });
      await before.block(blockKey);
      return store.blocks.get(blockKey);
    },
    ...{ maxOctets: cacheOctets, now, startTimer },
  });
  const reader = createSnapshotReader({
    origin: parseName('mesos'),
    variant: 'main',
    source: {
      check: async (heldBodyHash) => {
        checks.push(heldBodyHash);
        const seen = store.head;
        await before.check();
        return seen && (await checkedHead(seen, heldBodyHash));
      },
    },
    ...{ blocks, now, startTimer },
    headRefreshMs: 30_000,
    headMaxAgeMs: 90_000,
    onProblem: (problem) => void problems.push(problem),
  });
  const find: Harness['find'] = (name) => reader.find(nameToWire(parseName(name)), waitUntil);
  return {
    ...{ reader, blocks, clock, store, before, checks, loads, problems, find },
    lookUp: async (name) => describeFound(await find(name)),
    settle: async () => {
      while (running.length > 0) {
        const ending = running;
        running = [];
        await Promise.all(ending);
      }
    },
    publish: async (options) => {
      const snapshot = await buildSnapshot({
        rrsets: [addresses('web.mesos', ['10.0.0.1'])],
        key: signingKey,
        createdAtMs: clock.nowMs,
        ...options,
      });
      store.head = snapshot;
      for (const [blockKey, octets] of snapshot.blocks) store.blocks.set(blockKey, octets);
      return snapshot;
    },
  };
}

/** As a source gives it: without the body where it is the one held. */
async function checkedHead({ head }: Snapshot, heldBodyHash: Uint8Array | undefined): Promise<CheckedHead> {
  const { root, body } = await decodeHead(head, 'none');
  return { root, body: heldBodyHash && sameOctets(root.bodyHash, heldBodyHash) ? undefined : body };
}

export function describeFound(found: Found): string {
  if (found.kind === 'unavailable') return `unavailable: ${found.reason}`;
  if (!found.entry) return 'nothing';
  if (found.entry.kind === 'tombstone') return 'tombstone';
  return rrsetsOf(found.entry)
    .flatMap((rrset) => storedRdata(rrset).map((rdata) => formatAddress(rdata)))
    .join(' ');
}

export function heldOf(found: Found): Held {
  if (!found.held) throw new Error('nothing is held');
  return found.held;
}
