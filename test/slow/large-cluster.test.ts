import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createCluster } from '../../simulate/cluster.ts';
import { stateChunks } from '../../simulate/state.ts';
import { parseConfig } from '../../sync-agent/config.ts';
import { loadOrMakeSigningKey } from '../../sync-agent/keys.ts';
import { createPublisher } from '../../sync-agent/publish/publisher.ts';
import { readHead, readLevels } from '../../sync-agent/publish/stored-head.ts';
import { recordSettings, recordTtl, zoneOf, zoneSettings } from '../../sync-agent/record-settings.ts';
import { fromLevels } from '../../sync-agent/records/from-levels.ts';
import { generateRecords } from '../../sync-agent/records/generate.ts';
import type { RecordSet } from '../../sync-agent/records/record-set.ts';
import { toZoneContent } from '../../sync-agent/records/rrsets.ts';
import { createMemorySink } from '../../sync-agent/sinks/memory.ts';
import { readStateDocument } from '../../sync-agent/sources/state-document.ts';

/**
 * A zone that needs shards: 30,000 tasks read as octets, published, changed a little, published again, and read
 * back each time, name by name. What a change costs is one head.
 */
const never = new AbortController().signal;
const config = parseConfig({}, 'test');
const zone = zoneOf(config);
const rrsets = { origin: zone.origin, ttl: recordTtl(config), srvWeight: 1, sources: 1 };

it('publishes a large zone in shards, and a change as one head', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mesos-doh-large-'));
  try {
    const key = await loadOrMakeSigningKey(join(directory, 'key.pem'));
    const sink = createMemorySink();
    let nowMs = 1_800_000_000_000;
    const publisher = createPublisher({
      sink,
      zone,
      settings: zoneSettings(config),
      key,
      livenessSeconds: 300,
      now: () => (nowMs += 10_000),
      monotonicMs: () => nowMs,
      writerId: randomBytes(16),
      randomOctets: (length) => randomBytes(length),
    });
    const cluster = createCluster({ seed: 5, agents: 750, tasks: 30_000 });
    const master = { id: 'm', ip: '10.0.0.1', port: 5050, hostname: 'm', electedSeconds: 1 };
    const publish = async (): Promise<{
      writes: number;
      octets: number;
      changes: number;
      records: RecordSet;
    }> => {
      const octets = (async function* () {
        for (const chunk of stateChunks(cluster.snapshot(), master)) yield Buffer.from(chunk);
      })();
      const { state } = await readStateDocument(octets, () => undefined);
      const report = (): void => undefined;
      const records = generateRecords(state, recordSettings(config), { addressesOfHost: () => [], report });
      const content = toZoneContent(records, rrsets, report);
      const wanted = { kind: 'content', content, changed: 'all' } as const;
      const push = await publisher.publish({ wanted, confirmedAtMs: nowMs }, never);
      return { ...push, records };
    };
    const readBack = async (): Promise<RecordSet> => {
      const place = { sink, origin: zone.origin, variant: 'main' };
      const stored = await readHead(place, [key.publicKeyBase64], never);
      if (stored.kind !== 'head') throw new Error(stored.kind);
      return fromLevels(await readLevels(place, stored.head.body, never));
    };

    const first = await publish();
    expect(first.writes).toBeGreaterThan(16);
    expectSame(await readBack(), first.records);

    for (let push = 0; push < 2; push++) {
      cluster.churn(1, { atSeconds: 2_000_000 + push });
      const next = await publish();
      expect(next.changes).toBeGreaterThan(0);
      expect(next.writes).toBe(1);
      expect(next.octets).toBeLessThan(64 * 1024);
      expectSame(await readBack(), next.records);
    }
    // Enough changes to leave the overlay: merged into a run, and whole all the same.
    cluster.churn(40, { atSeconds: 2_000_010 });
    const merged = await publish();
    expect(merged.writes).toBe(2);
    expectSame(await readBack(), merged.records);
  } finally {
    await rm(directory, { recursive: true });
  }
});

function expectSame(back: RecordSet, made: RecordSet): void {
  for (const type of ['A', 'AAAA', 'SRV'] as const) {
    expect(back[type].size).toBe(made[type].size);
    for (const [name, values] of made[type])
      expect(back[type].get(name)?.toSorted()).toEqual(values.toSorted());
  }
}
