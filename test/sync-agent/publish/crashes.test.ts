import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeSigningKey } from '../../../sync-agent/keys.ts';
import type { Publisher } from '../../../sync-agent/publish/publisher.ts';
import { readHead, readLevels } from '../../../sync-agent/publish/stored-head.ts';
import { createMemorySink } from '../../../sync-agent/sinks/memory.ts';
import type { Sink } from '../../../sync-agent/sinks/sink.ts';
import { historyKey } from '../../../zone/head.ts';
import { compareSerial } from '../../../zone/zone.ts';
import {
  contentOf,
  HEAD,
  names,
  NOW_SECONDS,
  ORIGIN,
  publisherOf,
  pushOf,
  readZone,
} from './published-zone.ts';

const signal = new AbortController().signal;
const key = await makeSigningKey();
const place = (sink: Sink): { sink: Sink; origin: typeof ORIGIN; variant: string } => ({
  sink,
  origin: ORIGIN,
  variant: 'main',
});
const HISTORY = { keep: 3, everySeconds: 3600, maxOctets: 1e9 };
const PACKED = {
  ...{ overlayOctets: 300, runOctets: 700, shardOctets: 600 },
  packed: { fromOctets: 1200, runOctets: 1500, shardOctets: 900 },
};
const DAY_MS = 86_400_000;

/** The process ends, as by kill -9, when it has written so many keys more. */
class Killed extends Error {}

type MortalSink = Sink & { writesLeft: number; readonly everWritten: Map<string, string>; reused: string[] };

function mortalSink(): MortalSink {
  const inner = createMemorySink();
  const sink: MortalSink = {
    ...inner,
    writesLeft: Number.POSITIVE_INFINITY,
    everWritten: new Map(),
    reused: [],
    put: async (pairs, putting) => {
      for (const pair of pairs) {
        if (sink.writesLeft-- <= 0) throw new Killed();
        const octets = Buffer.from(pair.value).toString('latin1');
        const before = sink.everWritten.get(pair.key);
        if (pair.key !== HEAD && before !== undefined && before !== octets) sink.reused.push(pair.key);
        sink.everWritten.set(pair.key, octets);
        await inner.put([pair], putting);
      }
    },
    remove: async (keys, removing) => {
      for (const each of keys) {
        if (sink.writesLeft-- <= 0) throw new Killed();
        await inner.remove([each], removing);
      }
    },
  };
  return sink;
}

describe('an agent that is killed between any two writes', () => {
  it('is continued from what the sink holds: whole zones, no key reused, no orphan for ever', async () => {
    const step = fc.record({
      from: fc.nat(40),
      count: fc.nat(50),
      version: fc.nat(1),
      waitMs: fc.constantFrom(1000, 10_000, 100_000, 4_000_000, DAY_MS, 2 * DAY_MS),
      sweep: fc.boolean(),
      killedAfter: fc.option(fc.nat(12), { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 25 }),
        fc.boolean(),
        async (steps, packed) => {
          const sink = mortalSink();
          const clock = { ms: NOW_SECONDS * 1000 };
          const start = (): Publisher =>
            publisherOf(sink, {
              key,
              clock,
              history: HISTORY,
              ...(packed && { limits: PACKED }),
              spreadMs: 90_000,
              onEvent: (event) => void (event.kind === 'unusable' && expect.unreachable(event.reason)),
            });
          let publisher = start();
          let before: Awaited<ReturnType<typeof readZone>>;
          for (const { from, count, version, waitMs, sweep, killedAfter } of steps) {
            clock.ms += waitMs;
            const wanted = names(from, from + count, version);
            sink.writesLeft = killedAfter ?? Number.POSITIVE_INFINITY;
            try {
              await publisher.publish(pushOf(contentOf(wanted), clock.ms), signal);
              if (sweep) await publisher.sweep(signal);
            } catch (error) {
              if (!(error instanceof Killed)) throw error;
              publisher = start();
            }
            sink.writesLeft = Number.POSITIVE_INFINITY;
            const after = await readZone(sink, key);
            expect([before?.names, wanted]).toContainEqual(after?.names);
            if (before && after)
              expect(compareSerial(after.head.root.serial, before.head.root.serial)).toBeGreaterThanOrEqual(
                0,
              );
            await expectWholeHistory(sink);
            before = after;
          }
          expect(sink.reused).toEqual([]);

          const last = names(0, 60, 1);
          for (let day = 0; day < 5; day++) {
            clock.ms += 1.5 * DAY_MS;
            await publisher.publish(pushOf(contentOf(day % 2 === 0 ? last : names(0, 5)), clock.ms), signal);
            await publisher.sweep(signal);
          }
          const named = await namedKeys(sink);
          const kept = await sink.list('z/', signal);
          const recent = NOW_SECONDS > 0 ? clock.ms / 1000 - 86_400 * 2 : 0;
          const orphans = kept.filter((each) => !named.has(each) && serialIn(each) < recent);
          expect(orphans).toEqual([]);
        },
      ),
      { numRuns: 40 },
    );
  });
});

async function expectWholeHistory(sink: Sink): Promise<void> {
  for (const each of await sink.list('z/mesos/main/h/', signal)) {
    const stored = await readHead(place(sink), [key.publicKeyBase64], signal, each);
    if (stored.kind !== 'head') throw new Error(`${each}: ${stored.kind}`);
    expect(each).toBe(historyKey(ORIGIN, 'main', stored.head.root.serial));
    await readLevels(place(sink), stored.head.body, signal);
  }
}

async function namedKeys(sink: Sink): Promise<Set<string>> {
  const { keysOf } = await import('../../../sync-agent/publish/history.ts');
  const named = new Set([HEAD]);
  for (const each of await sink.list('z/', signal)) {
    if (each !== HEAD && !each.includes('/h/')) continue;
    named.add(each);
    const stored = await readHead(place(sink), [key.publicKeyBase64], signal, each);
    if (stored.kind === 'head') for (const block of keysOf(stored.head.body, place(sink))) named.add(block);
  }
  return named;
}

function serialIn(storeKey: string): number {
  return Number(/\/[rsg]\/(\d+)-/.exec(storeKey)?.[1] ?? Number.POSITIVE_INFINITY);
}
