import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClusterState, EndedTask, Skipped } from '../../sync-agent/cluster.ts';
import type { SyncEvent } from '../../sync-agent/events.ts';
import { makeSigningKey } from '../../sync-agent/keys.ts';
import { readLevels } from '../../sync-agent/publish/stored-head.ts';
import { SinkError } from '../../sync-agent/sinks/sink.ts';
import { type Source, SourceError } from '../../sync-agent/sources/source.ts';
import type { HostResolver } from '../../sync-agent/hosts.ts';
import { createStateRecordSource } from '../../sync-agent/record-source.ts';
import type { RecordSettings } from '../../sync-agent/records/settings.ts';
import { joinServerSets } from '../../sync-agent/server-sets.ts';
import { countSkipped, createSync, type Outcome, type SyncOptions } from '../../sync-agent/sync.ts';
import { entryName } from '../../zone/entry.ts';
import { liveEntries } from '../../zone/levels.ts';
import {
  type Clock,
  ORIGIN,
  publisherOf,
  readZone,
  watchedSink,
  type WatchedSink,
} from './publish/published-zone.ts';
import { memberAt, serverSet } from './server-sets.ts';
import { agentAt, endpoints, frameworkWith, settingsWith, stateWith, taskWith } from './states.ts';

const signal = new AbortController().signal;
const key = await makeSigningKey();
const ROOMY = { overlayOctets: 4000, runOctets: 100_000, shardOctets: 50_000 };
const GUARD = {
  maxRemovedPercent: 30,
  minRemoved: 20,
  windowSeconds: 600,
  settleSeconds: 60,
  failoverSeconds: 600,
};

const syncOnce = (options: SyncOptions, stopping: AbortSignal): Promise<Outcome> =>
  createSync(options).once(stopping);

describe('one sync', () => {
  it('reads, makes records and publishes them, and tells both', async () => {
    const { options, events, sink } = open(() => clusterOf(2));
    const push = await syncOnce(options, signal);
    expect(push).toMatchObject({ kind: 'changed', writes: 2 });
    expect(events).toEqual([
      {
        kind: 'read',
        source: 'a test',
        agents: 1,
        frameworks: 1,
        tasks: 2,
        names: expect.anything(),
        hidden: {},
        spared: {},
        elapsedMs: 1,
      },
      { kind: 'pushed', sink: 'watched', elapsedMs: 1, push: { ...push, heldNames: undefined } },
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
      expect(events.map(({ kind }) => kind)).toEqual(['read', 'pushed', 'skipped']);
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

describe('what is held back', () => {
  const guard = { ...GUARD, minRemoved: 2 };
  it('stays published, is told, and goes when it has been missing for long enough', async () => {
    let tasks = 30;
    const { options, events, sink, clock } = open(() => clusterOf(tasks), { guard });
    const sync = createSync(options);
    await sync.once(signal);
    const before = (await readZone(sink, key))?.names;
    tasks = 3;
    clock.ms += 10_000;
    expect((await sync.once(signal)).heldNames).toBeGreaterThan(20);
    expect((await readZone(sink, key))?.names).toEqual(before);
    expect(events.find(({ kind }) => kind === 'held')).toMatchObject({ names: expect.any(Number) });
    expect((await readZone(sink, key))?.head.body.held).toMatchObject({ sinceSeconds: clock.ms / 1000 });
    clock.ms += 60_000;
    expect((await sync.once(signal)).heldNames).toBe(0);
    expect(events.find(({ kind }) => kind === 'released')).toMatchObject({ why: 'settled' });
    expect((await readZone(sink, key))?.names).not.toHaveProperty(['t20.marathon.mesos.']);
    expect((await readZone(sink, key))?.names).toHaveProperty(['t2.marathon.mesos.']);
  });

  it('is not let go by an old completed framework of the same name, only by one that was seen running', async () => {
    let state = clusterOf(30);
    const { options } = open(() => state, { guard });
    const sync = createSync(options);
    await sync.once(signal);
    const completed = (id: string): ClusterState =>
      stateWith({
        agents: [agentAt('x-S0', '10.0.0.1:5051')],
        ended: { tasks: [], frameworks: ['marathon'], frameworkIds: new Map([['marathon', [id]]]) },
      });
    const running = state.frameworks[0]?.id ?? '';
    state = completed('an-older-one');
    expect((await sync.once(signal)).heldNames).toBeGreaterThan(20);
    state = completed(running);
    expect((await sync.once(signal)).heldNames).toBe(0);
  });

  it('is not counted again of ServerSet members whose tasks have ended', async () => {
    const shards = Array.from({ length: 30 }, (_, i) => i);
    const ids = shards.map((i) => `r-e-j-${i}-0a1b2c3d-0000-4000-8000-000000000000`);
    const agents = [{ ...agentAt('x-S0', '10.0.0.1:5051'), hostname: 'h1' }];
    const ended = ids.map((id) => ({ id, agentId: 'x-S0', frameworkName: 'aurora' }));
    const cluster = (members: number, done: readonly EndedTask[]): ClusterState =>
      joinServerSets(
        stateWith({
          agents,
          frameworks: [frameworkWith({ name: 'aurora' }), ...clusterOf(1).frameworks],
          ended: { tasks: done, frameworks: [] },
        }),
        [
          serverSet(
            shards.slice(0, members).map((i) => memberAt(i, 'h1', { http: 31000 + i })),
            { role: 'r', environment: 'e', job: 'j' },
          ),
        ],
      );
    const held: number[] = [];
    for (const done of [[], ended]) {
      let state = cluster(30, []);
      const sync = createSync(open(() => state, { guard }).options);
      await sync.once(signal);
      state = cluster(1, done);
      held.push((await sync.once(signal)).heldNames);
    }
    expect(held[0]).toBeGreaterThan(20);
    expect(held[1]).toBe(0);
  });

  it('is told over restarts, each a process of its own', async () => {
    let tasks = 30;
    const { options, sink, clock } = open(() => clusterOf(tasks), { guard });
    await syncOnce(options, signal);
    tasks = 3;
    const held: number[] = [];
    for (let i = 0; i < 3; i++) {
      clock.ms += 40_000;
      const publisher = publisherOf(sink, { key, clock, limits: ROOMY });
      held.push((await createSync({ ...options, publisher }).once(signal)).heldNames);
    }
    expect(held.map((names) => names > 0)).toEqual([true, true, false]);
    expect((await readZone(sink, key))?.names).not.toHaveProperty(['t20.marathon.mesos.']);
  });

  it('goes at once by order', async () => {
    let tasks = 30;
    const { options, events, sink } = open(() => clusterOf(tasks), { guard });
    const sync = createSync(options);
    await sync.once(signal);
    tasks = 3;
    await sync.once(signal);
    expect((await sync.once(signal, { force: true })).heldNames).toBe(0);
    expect(events.find(({ kind }) => kind === 'released')).toMatchObject({ why: 'forced' });
    expect((await readZone(sink, key))?.names).not.toHaveProperty(['t20.marathon.mesos.']);
  });
});

describe('push after push', () => {
  it('gives the same entries as a zone published whole', async () => {
    const task = fc.record({
      id: fc.constantFrom('1', '2', '3', '4', '5', '6'),
      name: fc.constantFrom('web', 'db', 'search'),
      discovery: fc.option(
        fc.record({
          name: fc.constantFrom('a.b.web', 'b.web', 'web', 'x.y.z'),
          ports: fc.constant([{ number: 80, name: 'http', protocol: 'tcp' }]),
        }),
        { nil: undefined },
      ),
      port: fc.integer({ min: 1000, max: 1002 }),
      agent: fc.constantFrom('x-S0', 'x-S1'),
    });
    const step = fc.record({
      tasks: fc.uniqueArray(task, { selector: ({ id }) => id, maxLength: 6 }),
      moved: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
        let state = stateWith({});
        const running = open(() => state, { guard: { ...GUARD, minRemoved: 10_000 } });
        const sync = createSync(running.options);
        for (const { tasks, moved } of steps) {
          state = stateWith({
            agents: [agentAt('x-S0', '10.0.0.1:5051'), agentAt('x-S1', `10.0.0.${moved ? 3 : 2}:5051`)],
            frameworks: [
              frameworkWith({
                name: 'marathon',
                tasks: tasks.map(({ id, name, discovery, port, agent }) =>
                  taskWith({ id, name, discovery, agentId: agent, ports: [{ begin: port, end: port }] }),
                ),
              }),
            ],
          });
          running.clock.ms += 10_000;
          await sync.once(signal, { force: true });
          const whole = open(() => state);
          await createSync(whole.options).once(signal);
          expect(await entriesIn(running.sink)).toEqual(await entriesIn(whole.sink));
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('a rollback', () => {
  const history = { keep: 5, everySeconds: 0, maxOctets: 1e9 };
  it('brings back what a kept serial said, under a new one, and stays until it is released', async () => {
    let tasks = 3;
    const { options, events, sink, clock } = open(() => clusterOf(tasks));
    const publisher = publisherOf(sink, { key, clock, limits: ROOMY, history });
    const sync = createSync({ ...options, publisher });
    const first = await sync.once(signal);
    const old = (await readZone(sink, key))?.names;
    const content = (): readonly string[] => [...(sync.content()?.records.A.keys() ?? [])].toSorted();
    const oldContent = content();
    tasks = 5;
    clock.ms += 10_000;
    const second = await sync.once(signal);
    const back = await sync.rollback(first.serial, signal);
    expect(back).toMatchObject({ kind: 'changed', pinned: first.serial });
    expect(back.serial).toBeGreaterThan(second.serial);
    expect((await readZone(sink, key))?.names).toEqual(old);
    tasks = 6;
    clock.ms += 10_000;
    expect(await sync.once(signal)).toMatchObject({ kind: 'unchanged', pinned: first.serial });
    const restarted = publisherOf(sink, { key, clock, limits: ROOMY, history });
    expect(await createSync({ ...options, publisher: restarted }).once(signal)).toMatchObject({
      kind: 'unchanged',
      pinned: first.serial,
    });
    // What follows the zone follows what is published.
    expect(content()).toEqual(oldContent);
    const { revision } = sync.content() ?? {};
    expect(events.filter(({ kind }) => kind === 'pinned')).toHaveLength(2);
    expect((await readZone(sink, key))?.names).toEqual(old);
    clock.ms += 400_000;
    expect((await sync.once(signal)).kind).toBe('confirmed');
    expect(sync.content()?.revision).toBe(revision);
    const released = await sync.once(signal, { unpin: true });
    expect(released).toMatchObject({ kind: 'changed' });
    expect(released.pinned).toBeUndefined();
    expect(content()).toContain('t5.marathon.mesos.');
    expect((await readZone(sink, key))?.names).toHaveProperty(['t5.marathon.mesos.']);
    expect((await sync.once(signal)).kind).toBe('unchanged');
  });

  it('to a serial that is not kept says so and changes nothing', async () => {
    const { options, sink, clock } = open(() => clusterOf(1));
    const publisher = publisherOf(sink, { key, clock, limits: ROOMY, history });
    const sync = createSync({ ...options, publisher });
    await sync.once(signal);
    await expect(sync.rollback(7, signal)).rejects.toThrow('serial 7: is not kept (see history)');
    expect((await sync.once(signal)).kind).toBe('unchanged');
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

type Changes = Partial<Omit<SyncOptions, 'settings'>> & {
  readonly hosts?: HostResolver;
  readonly settings?: RecordSettings;
};
const NO_HOSTS: HostResolver = { resolve: async () => new Map() };

/** A sync of what `read` gives, into a sink that is watched. */
function open(
  read: Read,
  { hosts = NO_HOSTS, settings = settingsWith(), ...changes }: Changes = {},
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
    source: createStateRecordSource(source, { hosts, settings }),
    settings,
    onEvent: (event) => void events.push(event),
    monotonicMs: () => monotonic++,
    publisher: publisherOf(sink, { key, clock, limits: ROOMY }),
    guard: GUARD,
    rrsets: { origin: ORIGIN, ttl: 60, srvWeight: 1, sources: 1 },
    sinkName: 'watched',
    now: () => clock.ms,
    ...changes,
  };
  return { options, events, sink, clock };
}

/** Every entry of the zone by its name, as octets. */
async function entriesIn(sink: WatchedSink): Promise<Readonly<Record<string, string>>> {
  const head = (await readZone(sink, key))?.head;
  if (!head) return {};
  const levels = await readLevels({ sink, origin: ORIGIN, variant: 'main' }, head.body, signal);
  return Object.fromEntries(
    Array.from(liveEntries(levels), (entry) => [
      Buffer.from(entryName(entry)).toString('latin1'),
      Buffer.from(entry.octets).toString('hex'),
    ]),
  );
}

function clusterOf(tasks: number): ClusterState {
  const all = Array.from({ length: tasks }, (_, i) => taskWith({ id: `t${i}`, name: `t${i}` }));
  return stateWith({
    agents: [agentAt('x-S0', '10.0.0.1:5051')],
    frameworks: [frameworkWith({ name: 'marathon', tasks: all })],
  });
}
