import { describe, expect, it } from 'vitest';
import { findEntry } from '../../../zone/block.ts';
import { hashName } from '../../../zone/hash.ts';
import { nameToWire, parseName } from '../../../zone/name.ts';
import type { RRset } from '../../../zone/record.ts';
import { addresses, type Snapshot } from '../publish-to-kv.ts';
import { createHarness } from './reader-harness.ts';

const LARGE = 'large.mesos';
const others = Array.from({ length: 50 }, (_, i) => addresses(`task-${i}.mesos`, [`10.1.0.${i}`]));
const SHARDS = { overlayOctets: 64_000, runOctets: 1, shardOctets: 1_000 };
const MERGE = { overlayOctets: 0, runOctets: 1024 * 1024, shardOctets: 1_000 };
const ONE_RUN = { overlayOctets: 64_000, runOctets: 1024 * 1024, shardOctets: 1_000 };

/** The zone with the addresses 10.2.0.`from` and on at the large name. */
const zoneFrom = (from: number): RRset[] => [...others, addresses(LARGE, texts(from))];
const texts = (from: number): string[] => Array.from({ length: 100 }, (_, i) => `10.2.0.${from + i}`);
const said = (from: number): string =>
  texts(from)
    .toSorted((a, b) => Number(a.split('.')[3]) - Number(b.split('.')[3]))
    .join(' ');

/** What kind of entry each level has of the large name. */
function kindsIn({ levels }: Snapshot): string[] {
  const name = nameToWire(parseName(LARGE));
  const { slot } = hashName(name, levels.table.seed);
  return [levels.overlay, levels.run].map((block) => (block && findEntry(block, name, slot)?.kind) ?? 'none');
}

describe('an edit', () => {
  it('in the overlay is laid over the run', async () => {
    const { publish, lookUp } = await createHarness();
    const run = await publish({ rrsets: zoneFrom(0), limits: ONE_RUN });
    const next = await publish({ rrsets: zoneFrom(3), limits: ONE_RUN, serial: 2, after: run });
    expect(kindsIn(next)).toEqual(['edit', 'name']);
    expect(await lookUp(LARGE)).toBe(said(3));
  });

  it('in the overlay is laid over a shard, that is read for it', async () => {
    const { publish, lookUp, find, loads } = await createHarness();
    const cut = await publish({ rrsets: zoneFrom(0), limits: SHARDS });
    const next = await publish({ rrsets: zoneFrom(3), limits: SHARDS, serial: 2, after: cut });
    expect(kindsIn(next)).toEqual(['edit', 'none']);
    expect(await lookUp(LARGE)).toBe(said(3));
    expect(loads).toHaveLength(1);
    expect(find(LARGE)).not.toBeInstanceOf(Promise);
  });

  it('in the overlay is laid over an edit in the run, and that over a shard', async () => {
    const { publish, lookUp, clock } = await createHarness();
    const cut = await publish({ rrsets: zoneFrom(0), limits: SHARDS });
    const merged = await publish({ rrsets: zoneFrom(3), limits: MERGE, serial: 2, after: cut });
    expect(kindsIn(merged)).toEqual(['none', 'edit']);
    expect(await lookUp(LARGE)).toBe(said(3));
    // It takes away what the edit below it has added: one before the other.
    const next = await publish({ rrsets: zoneFrom(1), limits: SHARDS, serial: 3, after: merged });
    expect(kindsIn(next)).toEqual(['edit', 'edit']);
    clock.nowMs += 90_000;
    expect(await lookUp(LARGE)).toBe(said(1));
  });

  it('whose shard is not there makes its name unavailable, never NXDOMAIN', async () => {
    const { publish, lookUp, store } = await createHarness();
    const cut = await publish({ rrsets: zoneFrom(0), limits: SHARDS });
    await publish({ rrsets: zoneFrom(3), limits: SHARDS, serial: 2, after: cut });
    store.blocks.clear();
    expect(await lookUp(LARGE)).toMatch(/^unavailable: block [0-9a-f]{32}: is missing or damaged/);
  });

  it('is applied once a head, and anew for the next', async () => {
    const { publish, find, clock, lookUp } = await createHarness();
    const run = await publish({ rrsets: zoneFrom(0), limits: ONE_RUN });
    const next = await publish({ rrsets: zoneFrom(3), limits: ONE_RUN, serial: 2, after: run });
    const entry = async (): Promise<unknown> => {
      const found = await find(LARGE);
      return found.kind === 'found' && found.entry;
    };
    const first = await entry();
    expect(await entry()).toBe(first);
    await publish({ rrsets: zoneFrom(6), limits: ONE_RUN, serial: 3, after: next });
    clock.nowMs += 90_000;
    expect(await lookUp(LARGE)).toBe(said(6));
    // The same body made later is the same head in this.
    const later = await entry();
    await publish({ rrsets: zoneFrom(6), limits: ONE_RUN, serial: 3, after: next });
    clock.nowMs += 90_000;
    expect(await entry()).toBe(later);
  });

  it('takes no place beyond what is kept of them', async () => {
    const { publish, lookUp, reader } = await createHarness();
    const many = (from: number): RRset[] =>
      Array.from({ length: 40 }, (_, n) =>
        addresses(
          `large${n}.mesos`,
          Array.from({ length: 12_000 }, (_, i) => `10.${n}.${(i + from) >> 8}.${(i + from) & 255}`),
        ),
      );
    const limits = { overlayOctets: 64_000, runOctets: 64 * 1024 * 1024, shardOctets: 1_000 };
    const run = await publish({ rrsets: many(0), limits });
    const next = await publish({ rrsets: many(1), limits, serial: 2, after: run });
    expect(next.body.overlay.length).toBeGreaterThan(0);
    for (let n = 0; n < 40; n++) expect(await lookUp(`large${n}.mesos`)).toContain(`10.${n}.46.224`);
    const held = await reader.current(() => undefined);
    expect(held?.edited.octets()).toBeGreaterThan(1024 * 1024);
    expect(held?.edited.octets()).toBeLessThanOrEqual(2 * 1024 * 1024);
  });
});
