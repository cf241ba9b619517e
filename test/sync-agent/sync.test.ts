import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { ClusterState, Skipped } from '../../sync-agent/cluster.ts';
import type { SyncEvent } from '../../sync-agent/events.ts';
import { makeSigningKey } from '../../sync-agent/keys.ts';
import { SinkError } from '../../sync-agent/sinks/sink.ts';
import { type Source, SourceError } from '../../sync-agent/sources/source.ts';
import { countSkipped, type Sleep, syncForever, syncOnce, type SyncOptions } from '../../sync-agent/sync.ts';
import {
  type Clock,
  ORIGIN,
  publisherOf,
  readZone,
  watchedSink,
  type WatchedSink,
} from './published-zone.ts';
import { agentAt, endpoints, frameworkWith, settingsWith, stateWith, taskWith } from './states.ts';

const signal = new AbortController().signal;
const key = await makeSigningKey();

describe('one sync', () => {
  it('reads, makes records and publishes them, and tells both', async () => {
    const { options, events, sink } = open(() => clusterOf(2));
    const push = await syncOnce(options, signal);
    expect(push).toMatchObject({ kind: 'changed', writes: 2 });
    expect(events).toEqual([
      { kind: 'read', source: 'a test', agents: 1, frameworks: 1, tasks: 2, elapsedMs: 1 },
      { kind: 'pushed', sink: 'watched', elapsedMs: 1, push },
    ]);
    expect((await readZone(sink, key))?.names).toMatchObject({
      't0.marathon.mesos.': ['10.0.0.1'],
      't1.marathon.mesos.': ['10.0.0.1'],
    });
    expect((await syncOnce(options, signal)).kind).toBe('unchanged');
  });

  it('says of the head when the cluster was asked, not when it answered', async () => {
    const { options, clock, sink } = open(() => {
      clock.ms += 60_000;
      return clusterOf(1);
    });
    const askedMs = clock.ms;
    await syncOnce(options, signal);
    expect((await readZone(sink, key))?.head.root).toMatchObject({
      confirmedAtMs: askedMs,
      createdAtMs: askedMs + 60_000,
    });
  });

  it('resolves the host names of the state and of the masters', async () => {
    const asked: string[] = [];
    const { options, sink } = open(
      () =>
        stateWith({ frameworks: [frameworkWith({ name: 'f', endpoint: endpoints('fw.example:80')[0] })] }),
      {
        settings: settingsWith({ masters: endpoints('m1.example:5050') }),
        hosts: {
          resolve: async (all) => {
            asked.push(...all);
            return new Map([
              ['fw.example', ['10.0.0.9']],
              ['m1.example', ['10.0.0.5']],
            ]);
          },
        },
      },
    );
    await syncOnce(options, signal);
    expect(asked.toSorted()).toEqual(['fw.example', 'm1.example']);
    expect((await readZone(sink, key))?.names).toEqual({
      'f.mesos.': ['10.0.0.9'],
      'master.mesos.': ['10.0.0.5'],
      'master0.mesos.': ['10.0.0.5'],
    });
  });

  it('tells what was left out by source, records and values, counted and with examples, each time', async () => {
    const odd = taskWith({ id: 'odd', name: 'x'.repeat(60), ports: [{ begin: 1, end: 1 }] });
    const lost = Array.from({ length: 7 }, (_, i) => taskWith({ id: `lost${i}`, agentId: 'gone' }));
    const state = stateWith({
      agents: [agentAt('x-S0', '10.0.0.1:5051')],
      frameworks: [frameworkWith({ name: 'f', tasks: [odd, ...lost] })],
    });
    const { options, events } = open((report) => {
      report({ reason: 'task-field', detail: 'task 7' });
      return state;
    });
    for (let round = 0; round < 2; round++) {
      events.length = 0;
      await syncOnce(options, signal);
      const skipped = events.find((event) => event.kind === 'skipped');
      expect(
        skipped?.kind === 'skipped'
          ? skipped.reasons.map(({ reason, count, examples }) => [reason, count, examples.length])
          : [],
      ).toEqual([
        ['task-field', 1, 1],
        ['name-not-askable', 2, 2],
        ['unknown-agent', 7, 5],
        ['value-not-answerable', 4, 4],
      ]);
      expect(events.map(({ kind }) => kind)).toEqual(['read', 'skipped', 'pushed']);
    }
  });

  it('says nothing of what was left out where nothing was', async () => {
    const { options, events } = open(() => clusterOf(1));
    await syncOnce(options, signal);
    expect(events.map(({ kind }) => kind)).toEqual(['read', 'pushed']);
  });

  it('whose source fails publishes nothing', async () => {
    const failure = new SourceError('no master gave a state');
    const { options, events, sink } = open(() => {
      throw failure;
    });
    await expect(syncOnce(options, signal)).rejects.toBe(failure);
    expect(events).toEqual([]);
    expect(sink.puts).toEqual([]);
  });

  it('whose sink fails says so, and the next one makes it good', async () => {
    const { options, sink } = open(() => clusterOf(1));
    sink.fault = { put: 1, when: 'before' };
    await expect(syncOnce(options, signal)).rejects.toBeInstanceOf(SinkError);
    expect(await readZone(sink, key)).toBeUndefined();
    expect((await syncOnce(options, signal)).kind).toBe('changed');
    expect((await readZone(sink, key))?.names).toHaveProperty(['t0.marathon.mesos.']);
  });

  it("stops with the signal's reason and publishes nothing", async () => {
    const { options, sink } = open(() => clusterOf(1));
    const reason = new Error('enough');
    await expect(syncOnce(options, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(sink.puts).toEqual([]);
  });
});

describe('syncing on and on', () => {
  it('syncs, waits the interval, and syncs again, with nobody looking on', async () => {
    const stop = new AbortController();
    let reads = 0;
    const { options, events } = open(() => clusterOf(++reads));
    const { waits, sleep } = sleeper(stop, 3);
    await syncForever(options, { intervalMs: 60_000, sleep }, stop.signal);
    expect(reads).toBe(3);
    expect(waits).toEqual([60_000, 60_000, 60_000]);
    expect(events.filter(({ kind }) => kind === 'pushed')).toHaveLength(3);
  });

  it('goes on after failures, sooner than the interval and ever later, and leaves what is published', async () => {
    const stop = new AbortController();
    let reads = 0;
    const { options, events, sink } = open(() => {
      if (++reads > 1 && reads < 8) throw new SourceError(`failure ${reads}`);
      return clusterOf(1);
    });
    const { waits, sleep } = sleeper(stop, 9);
    await syncForever(options, { intervalMs: 30_000, sleep }, stop.signal);
    expect(reads).toBe(9);
    const failed = events.flatMap((event) => (event.kind === 'failed' ? [event] : []));
    expect(failed.map(({ error }) => error.message)).toEqual(
      [2, 3, 4, 5, 6, 7].map((read) => `failure ${read}`),
    );
    expect(failed.map(({ retryInMs }) => retryInMs)).toEqual(waits.slice(1, 7));
    expect(waits.slice(1, 7)).toEqual([2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    expect(waits.slice(7)).toEqual([30_000, 30_000]);
    expect((await readZone(sink, key))?.names).toHaveProperty(['t0.marathon.mesos.']);
  });

  it('begins anew with short waits after a success', async () => {
    const stop = new AbortController();
    let reads = 0;
    const { options } = open(() => {
      if (++reads % 2 === 1) throw new SourceError('now and then');
      return clusterOf(1);
    });
    const { waits, sleep } = sleeper(stop, 6);
    await syncForever(options, { intervalMs: 30_000, sleep }, stop.signal);
    expect(new Set([waits[0], waits[2], waits[4]]).size).toBe(1);
    expect([waits[1], waits[3], waits[5]]).toEqual([30_000, 30_000, 30_000]);
  });

  it('never waits longer than the interval, however many failures', async () => {
    const stop = new AbortController();
    const { options } = open(() => {
      throw new SourceError('for ever');
    });
    const { waits, sleep } = sleeper(stop, 1100);
    await syncForever(options, { intervalMs: 1000, sleep }, stop.signal);
    expect(new Set(waits)).toEqual(new Set([1000]));
  });

  it('goes on after a sink that fails', async () => {
    const stop = new AbortController();
    const { options, events, sink } = open(() => clusterOf(1));
    sink.fault = { put: 0, when: 'before' };
    const { sleep } = sleeper(stop, 2);
    await syncForever(options, { intervalMs: 1000, sleep }, stop.signal);
    expect(events.map(({ kind }) => kind)).toEqual(['read', 'failed', 'read', 'pushed']);
  });

  it('does nothing where it is stopped before it begins', async () => {
    const { options, events } = open(() => clusterOf(1));
    await syncForever(options, { intervalMs: 1000, sleep: () => expect.unreachable() }, AbortSignal.abort());
    expect(events).toEqual([]);
  });

  it('ends at once when it is stopped while it waits', async () => {
    const stop = new AbortController();
    const { options } = open(() => clusterOf(1));
    const startedMs = performance.now();
    const sleep: Sleep = (ms, sleeping) => {
      setImmediate(() => stop.abort(new Error('enough')));
      return delay(ms, undefined, { signal: sleeping });
    };
    await syncForever(options, { intervalMs: 60_000, sleep }, stop.signal);
    expect(performance.now() - startedMs).toBeLessThan(1000);
  });

  it('ends at once, and tells no failure, when it is stopped while it reads', async () => {
    const stop = new AbortController();
    const { options, events } = open(
      (_, reading) =>
        new Promise<ClusterState>((__, reject) => {
          reading.addEventListener('abort', () => reject(reading.reason), { once: true });
          setImmediate(() => stop.abort('a reason that is no error'));
        }),
    );
    await syncForever(options, { intervalMs: 60_000, sleep: () => expect.unreachable() }, stop.signal);
    expect(events).toEqual([]);
  });
});

describe('counting what was left out', () => {
  it('keeps the first five details of each reason, in the order reasons came', () => {
    const { report, reasons } = countSkipped();
    for (let i = 0; i < 8; i++) report({ reason: 'task-field', detail: `task ${i}` });
    report({ reason: 'leader', detail: 'no leader' });
    report({ reason: 'task-field', detail: 'task 8' });
    expect(reasons()).toEqual([
      { reason: 'task-field', count: 9, examples: [0, 1, 2, 3, 4].map((i) => `task ${i}`) },
      { reason: 'leader', count: 1, examples: ['no leader'] },
    ]);
    expect(countSkipped().reasons()).toEqual([]);
  });
});

type Read = (report: (skipped: Skipped) => void, signal: AbortSignal) => ClusterState | Promise<ClusterState>;

/** A sync of what `read` gives, into a sink that is watched. */
function open(
  read: Read,
  changes: Partial<SyncOptions> = {},
): {
  readonly options: SyncOptions;
  readonly events: SyncEvent[];
  readonly sink: WatchedSink;
  readonly clock: Clock;
} {
  const sink = watchedSink();
  const clock = { ms: 1_750_000_000_000 };
  const events: SyncEvent[] = [];
  const source: Source<ClusterState> = {
    name: 'a test',
    read: async (report, reading) => {
      reading.throwIfAborted();
      return read(report, reading);
    },
  };
  let monotonic = 0;
  const options: SyncOptions = {
    source,
    hosts: { resolve: async () => new Map() },
    settings: settingsWith(),
    onEvent: (event) => void events.push(event),
    monotonicMs: () => monotonic++,
    publisher: publisherOf(sink, {
      key,
      clock,
      limits: { overlayOctets: 4000, runOctets: 100_000, shardOctets: 50_000 },
    }),
    rrsets: { origin: ORIGIN, ttl: 60, srvWeight: 1, sources: 1 },
    sinkName: 'watched',
    now: () => clock.ms,
    ...changes,
  };
  return { options, events, sink, clock };
}

function clusterOf(tasks: number): ClusterState {
  const all = Array.from({ length: tasks }, (_, i) => taskWith({ id: `t${i}`, name: `t${i}` }));
  return stateWith({
    agents: [agentAt('x-S0', '10.0.0.1:5051')],
    frameworks: [frameworkWith({ name: 'marathon', tasks: all })],
  });
}

/** A sleep that takes no time, and stops everything with the last of so many waits. */
function sleeper(stop: AbortController, count: number): { readonly waits: number[]; readonly sleep: Sleep } {
  const waits: number[] = [];
  return {
    waits,
    sleep: async (ms) => {
      waits.push(ms);
      if (waits.length === count) stop.abort();
    },
  };
}
