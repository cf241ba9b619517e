import { describe, expect, it } from 'vitest';
import { createBlocks } from '../../../worker/snapshot/blocks.ts';
import {
  type CheckedHead,
  createSnapshotReader,
  type SnapshotReader,
} from '../../../worker/snapshot/reader.ts';
import { startTimer } from '../../../worker/snapshot/timer.ts';
import { decodeHead } from '../../../zone/head.ts';
import { nameToWire, parseName } from '../../../zone/name.ts';
import { addresses, buildSnapshot, createSigningKey, type Snapshot } from '../publish-to-kv.ts';
import { describeFound, START_MS } from './reader-harness.ts';

const LIMITS = { overlayOctets: 64_000, runOctets: 1, shardOctets: 3_000 };
const ONE_RUN = { ...LIMITS, runOctets: 1024 * 1024 };
const ORIGINS = ['one.example', 'two.example', 'three.example'];

const namesOf = (origin: string): string[] => Array.from({ length: 300 }, (_, i) => `task-${i}.${origin}`);

/** Readers of several zones over one store, with one cache of so many octets. */
async function openZones(maxOctets: number): Promise<{
  publish: (
    origin: string,
    options: { serial: number; limits?: typeof LIMITS; more?: string[] },
  ) => Promise<void>;
  lookUp: (name: string) => Promise<string>;
  octets: () => number;
  loads: string[];
  clock: { nowMs: number };
}> {
  const key = await createSigningKey();
  const clock = { nowMs: START_MS };
  const now = (): number => clock.nowMs;
  const stored = new Map<string, Uint8Array>();
  const heads = new Map<string, Snapshot>();
  const loads: string[] = [];
  const fetchBlock = async (blockKey: string): Promise<Uint8Array | undefined> => {
    loads.push(blockKey);
    return stored.get(blockKey);
  };
  const blocks = createBlocks({ fetchBlock, maxOctets, now, startTimer });
  const readers = new Map<string, SnapshotReader>();
  for (const origin of ORIGINS) {
    const check = async (): Promise<CheckedHead | undefined> => {
      const snapshot = heads.get(origin);
      return snapshot && (await decodeHead(snapshot.head, 'none'));
    };
    readers.set(
      origin,
      createSnapshotReader({
        ...{ origin: parseName(origin), variant: 'main', source: { check }, blocks, now, startTimer },
        ...{ headRefreshMs: 30_000, headMaxAgeMs: 90_000, onProblem: () => undefined },
      }),
    );
  }
  return {
    publish: async (origin, { serial, limits = LIMITS, more = [] }) => {
      const rrsets = [...namesOf(origin), ...more].map((name) => addresses(name, ['10.0.0.1']));
      const before = heads.get(origin);
      const after = limits === ONE_RUN && before ? { after: before } : {};
      const snapshot = await buildSnapshot({
        rrsets,
        key,
        origin,
        serial,
        limits,
        createdAtMs: now(),
        ...after,
      });
      heads.set(origin, snapshot);
      for (const [blockKey, octets] of snapshot.blocks) stored.set(blockKey, octets);
    },
    lookUp: async (name) => {
      const reader = readers.get(name.slice(name.indexOf('.') + 1));
      if (!reader) throw new Error(`no zone has ${name}`);
      return describeFound(await reader.find(nameToWire(parseName(name)), () => undefined));
    },
    octets: blocks.octets,
    loads,
    clock,
  };
}

describe('the blocks of an isolate', () => {
  it('are kept to so many octets over all zones and generations', async () => {
    const { publish, lookUp, octets, clock } = await openZones(20_000);
    for (let serial = 1; serial <= 3; serial++) {
      for (const origin of ORIGINS) {
        await publish(origin, { serial });
        for (const name of namesOf(origin).slice(0, 60)) {
          expect(await lookUp(name)).toBe('10.0.0.1');
          expect(octets()).toBeLessThanOrEqual(20_000);
        }
      }
      clock.nowMs += 90_000;
    }
    expect(octets()).toBeGreaterThan(10_000);
  });

  it('count runs too, and keep them while their head is held', async () => {
    const { publish, lookUp, octets, loads, clock } = await openZones(30_000);
    const [one = '', two = ''] = ORIGINS;
    await publish(one, { serial: 1, limits: ONE_RUN });
    await lookUp(`task-0.${one}`);
    const runOctets = octets();
    expect(runOctets).toBeGreaterThan(10_000);
    await publish(two, { serial: 1 });
    for (const name of namesOf(two)) await lookUp(name);
    expect(octets()).toBeLessThanOrEqual(30_000);
    // The next head names the same run: nothing is read.
    await publish(one, { serial: 2, limits: ONE_RUN, more: [`new.${one}`] });
    loads.length = 0;
    clock.nowMs += 90_000;
    expect(await lookUp(`new.${one}`)).toBe('10.0.0.1');
    expect(await lookUp(`task-7.${one}`)).toBe('10.0.0.1');
    expect(loads).toEqual([]);
  });

  it('let a run go when its head is followed by one with another', async () => {
    const { publish, lookUp, octets, clock } = await openZones(1);
    const [one = ''] = ORIGINS;
    await publish(one, { serial: 1, limits: { ...ONE_RUN } });
    await lookUp(`task-0.${one}`);
    const before = octets();
    await publish(one, { serial: 2, limits: { ...ONE_RUN }, more: [`new.${one}`] });
    clock.nowMs += 90_000;
    expect(await lookUp(`new.${one}`)).toBe('10.0.0.1');
    clock.nowMs += 90_000;
    await publish(one, { serial: 3, limits: { ...ONE_RUN } });
    await lookUp(`task-0.${one}`);
    expect(octets()).toBeLessThanOrEqual(before * 1.1);
  });
});
