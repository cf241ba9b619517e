import { describe, expect, it, onTestFinished } from 'vitest';
import { createClusterTables } from '../../../sync-agent/sources/cluster-tables.ts';
import type { LiveEvent } from '../../../sync-agent/sources/live.ts';
import { createMesosLive } from '../../../sync-agent/sources/mesos-live.ts';
import {
  type Reconciled,
  reconcileAgents,
  type ReconcileOptions,
  reconcileState,
} from '../../../sync-agent/sources/reconcile.ts';
import { createFakeClock, type FakeClock } from '../election/clock.ts';
import {
  agent,
  createFakeFinder,
  createFakeMasters,
  createFakePoll,
  type FakeMasters,
  framework,
  getState,
  HEARTBEAT,
  ignore,
  type StateParts,
  subscribed,
  task,
  taskAdded,
  taskNames,
} from './fake-masters.ts';

const M1 = 'http://10.0.0.1:5050';
const NO_DRIFT = { agents: 0, frameworks: 0, tasks: 0 };

type Setting = {
  readonly clock: FakeClock;
  readonly tables: ReturnType<typeof createClusterTables>;
  readonly masters: FakeMasters;
  readonly options: ReconcileOptions;
  readonly apply: (event: unknown) => void;
  /** Lets the answer come, and what is under way until then happen first. */
  readonly during: (look: Promise<Reconciled>, happen: () => void) => Promise<Reconciled>;
};

/** Tables that know one state, and a master that has another. */
function setting(known: StateParts, master: StateParts): Setting {
  const clock = createFakeClock();
  const tables = createClusterTables();
  tables.apply(subscribed(getState(known)), ignore);
  const masters = createFakeMasters(() => getState(master));
  const gate = Promise.withResolvers<void>();
  masters.answer = () => ({ waits: gate.promise });
  let agentEvents = 0;
  const { signal } = new AbortController();
  return {
    clock,
    tables,
    masters,
    options: {
      tables,
      leader: new URL(M1),
      limits: { http: masters.http, signal, timeoutMs: 1000, maxOctets: 1e6 },
      report: ignore,
      sleep: clock.sleep,
      agentEvents: () => agentEvents,
    },
    apply: (event) => {
      agentEvents++;
      tables.apply(event, ignore);
    },
    during: async (look, happen) => {
      await clock.passMs(10);
      happen();
      gate.resolve();
      await clock.passMs(10);
      await clock.passMs(2_000);
      return look;
    },
  };
}

const nothing = (): void => undefined;
const ended = (name: string): unknown => ({
  type: 'TASK_UPDATED',
  task_updated: {
    framework_id: { value: 'f1' },
    state: 'TASK_FINISHED',
    status: { task_id: { value: `${name}.1` }, state: 'TASK_FINISHED', timestamp: 2 },
  },
});

describe('comparing with GET_STATE', () => {
  it('finds nothing where nothing was missed', async () => {
    const { options, during } = setting({ tasks: ['a', 'b'] }, { tasks: ['a', 'b'] });
    expect(await during(reconcileState(options), nothing)).toEqual({ drift: NO_DRIFT, isChanged: false });
  });

  it('counts what was missed, and mends it', async () => {
    const { options, tables, during } = setting(
      { tasks: ['a', 'b'], agents: ['a1'], frameworks: ['f1', 'f2'] },
      { tasks: ['b', 'c', 'd'], agents: ['a1', 'a2'], frameworks: ['f1'] },
    );
    expect(await during(reconcileState(options), nothing)).toEqual({
      drift: { agents: 1, frameworks: 1, tasks: 3 },
      isChanged: true,
    });
    expect(taskNames(tables.state())).toEqual(['b', 'c', 'd']);
    expect(tables.state().agents.map(({ id }) => id)).toEqual(['a1', 'a2']);
  });

  it('keeps what came after the state was taken', async () => {
    const { options, tables, apply, during } = setting({ tasks: ['a'] }, { tasks: ['a'] });
    const { drift } = await during(reconcileState(options), () => apply(taskAdded('late')));
    expect(drift).toEqual(NO_DRIFT);
    expect(taskNames(tables.state())).toEqual(['a', 'late']);
  });

  it('does not bring back what ended meanwhile', async () => {
    const { options, tables, apply, during } = setting({ tasks: ['a', 'b'] }, { tasks: ['a', 'b'] });
    const { drift } = await during(reconcileState(options), () => apply(ended('b')));
    expect(drift).toEqual(NO_DRIFT);
    const running = tables.state().frameworks[0]?.tasks.filter(({ state }) => state === 'TASK_RUNNING');
    expect(running?.map(({ name }) => name)).toEqual(['a']);
  });

  it('waits for events that the answer has overtaken', async () => {
    const { options, clock, apply, during } = setting({ tasks: ['a'] }, { tasks: ['a', 'soon'] });
    const look = reconcileState(options);
    const arriving = clock.sleep(1_000, new AbortController().signal).then(() => apply(taskAdded('soon')));
    expect((await during(look, nothing)).drift).toEqual(NO_DRIFT);
    await arriving;
  });

  it('mends what was missed while it keeps what came meanwhile', async () => {
    const { options, tables, apply, during } = setting({ tasks: ['a', 'ghost'] }, { tasks: ['a'] });
    const { drift } = await during(reconcileState(options), () => apply(taskAdded('late')));
    expect(drift).toEqual({ ...NO_DRIFT, tasks: 1 });
    expect(taskNames(tables.state())).toEqual(['a', 'late']);
  });

  it('takes over who is draining, and who is waited for no longer, without calling it drift', async () => {
    const { options, tables, during } = setting({ recovered: ['a7'] }, { draining: ['a1'] });
    expect(await during(reconcileState(options), nothing)).toEqual({ drift: NO_DRIFT, isChanged: true });
    expect(tables.state().agents[0]?.standing).toBe('draining');
    expect(tables.state().recoveringAgents).toBe(0);
  });

  it('keeps the leader', async () => {
    const { options, tables, during } = setting({}, { tasks: ['other'] });
    tables.setLeader({ host: 'l', port: '1' });
    await during(reconcileState(options), nothing);
    expect(tables.state().leader).toEqual({ host: 'l', port: '1' });
  });

  it('changes nothing where the master refuses', async () => {
    const { options, tables, masters } = setting({ tasks: ['a'] }, {});
    masters.answer = () => ({ status: 503, body: 'busy' });
    await expect(reconcileState(options)).rejects.toMatchObject({ verdict: 'failed' });
    expect(taskNames(tables.state())).toEqual(['a']);
  });
});

describe('comparing with GET_AGENTS', () => {
  it('takes over who is draining, which is no drift', async () => {
    const { options, tables, during } = setting(
      { agents: ['a1', 'a2'] },
      { agents: ['a1', 'a2'], draining: ['a2'] },
    );
    expect(await during(reconcileAgents(options), nothing)).toEqual({ drift: NO_DRIFT, isChanged: true });
    expect(tables.state().agents.map(({ standing }) => standing)).toEqual([undefined, 'draining']);
  });

  it('counts agents that were missed', async () => {
    const { options, during } = setting({ agents: ['a1', 'a2'] }, { agents: ['a2', 'a3'] });
    const { drift } = await during(reconcileAgents(options), nothing);
    expect(drift).toEqual({ ...NO_DRIFT, agents: 2 });
  });

  it('is passed over where an agent came meanwhile', async () => {
    const { options, tables, apply, during } = setting({ agents: ['a1'] }, { agents: ['a1'] });
    const added = { type: 'AGENT_ADDED', agent_added: { agent: agent('a2') } };
    const found = await during(reconcileAgents(options), () => apply(added));
    expect(found).toEqual({ drift: NO_DRIFT, isChanged: false });
    expect(tables.state().agents.map(({ id }) => id)).toEqual(['a1', 'a2']);
  });

  it('changes nothing for an answer that is none', async () => {
    const { options, tables, masters, clock } = setting({ agents: ['a1'] }, {});
    masters.answer = () => ({ body: { get_agents: 7 } });
    const refused = expect(reconcileAgents(options)).rejects.toMatchObject({ name: 'SourceError' });
    await clock.passMs(2_000);
    await refused;
    expect(tables.state().agents).toHaveLength(1);
  });
});

describe('beside a stream', () => {
  async function start(known: StateParts, master: () => StateParts) {
    const clock = createFakeClock();
    const masters = createFakeMasters(() => getState(master()));
    const events: LiveEvent[] = [];
    const stopping = new AbortController();
    let changes = 0;
    const live = createMesosLive({
      finder: createFakeFinder([M1]),
      http: masters.http,
      poll: createFakePoll(),
      mode: 'auto',
      pollMs: 60_000,
      reconcileMs: 300_000,
      timeoutMs: 300_000,
      maxOctets: 1e7,
      now: clock.monotonicMs,
      monotonicMs: clock.monotonicMs,
      sleep: clock.sleep,
      random: () => 0.5,
      onEvent: (event) => void events.push(event),
    });
    const following = live.follow(() => void changes++, stopping.signal);
    onTestFinished(async () => {
      stopping.abort();
      await following;
    });
    await clock.passMs(0);
    masters.last().say(subscribed(getState(known)));
    await clock.passMs(0);
    const beat = async (seconds: number): Promise<void> => {
      for (let passed = 0; passed < seconds; passed += 5) {
        if (masters.last().isOpen()) masters.last().say(HEARTBEAT);
        await clock.passMs(5_000);
      }
    };
    const count = (call: string): number => masters.asked.filter((asked) => asked.startsWith(call)).length;
    const read = () => live.read(ignore, new AbortController().signal);
    return { clock, masters, live, events, beat, count, read, changes: () => changes };
  }

  it('the master is compared every reconcileMs, and drift is told once', async () => {
    let master: StateParts = { tasks: ['web', 'missed'] };
    const { beat, count, live, events, read } = await start({ tasks: ['web'] }, () => master);
    await beat(295);
    expect(count('GET_STATE')).toBe(0);
    await beat(15);
    expect([count('GET_AGENTS'), count('GET_STATE')]).toEqual([1, 1]);
    expect(live.status()).toMatchObject({ reconciles: 1, drift: { ...NO_DRIFT, tasks: 1 } });
    expect(events.filter(({ kind }) => kind === 'drift')).toEqual([{ kind: 'drift', ...NO_DRIFT, tasks: 1 }]);
    expect(taskNames(await read())).toEqual(['missed', 'web']);
    master = { tasks: ['web', 'missed'] };
    await beat(300);
    expect(live.status()).toMatchObject({ reconciles: 2, drift: NO_DRIFT });
    expect(events.filter(({ kind }) => kind === 'drift')).toHaveLength(1);
  });

  it('a look that fails is told, and the stream goes on', async () => {
    const { beat, masters, live, events } = await start({}, () => ({}));
    masters.answer = (call) => (call === 'GET_STATE' ? { status: 500, body: 'oops' } : undefined);
    await beat(320);
    expect(live.status()).toMatchObject({ mode: 'stream', reconciles: 0, failedReconciles: 1 });
    expect(events.at(-1)).toMatchObject({ kind: 'reconcile-failed', why: expect.stringContaining('500') });
  });

  it('a stream that misses events twice running is begun anew', async () => {
    let tasks = ['a'];
    const { beat, masters, events } = await start({ tasks }, () => ({ tasks }));
    tasks = ['a', 'b'];
    await beat(320);
    expect(masters.streams).toHaveLength(1);
    tasks = ['a', 'b', 'c'];
    await beat(320);
    expect(masters.streams).toHaveLength(2);
    const lost = events.filter(({ kind }) => kind === 'stream-lost');
    expect(lost).toMatchObject([{ why: expect.stringContaining('missed events') }]);
  });

  it('a stream that told nothing while there is something is begun anew', async () => {
    const { beat, masters } = await start({ tasks: [], frameworks: [] }, () => ({ tasks: ['a'] }));
    await beat(320);
    expect(masters.streams).toHaveLength(2);
  });

  it('agents of the last leader are asked about every 30 s until none is waited for', async () => {
    let master: StateParts = { recovered: ['a9'] };
    const { beat, count, read } = await start({ recovered: ['a9'] }, () => master);
    expect((await read()).recoveringAgents).toBe(1);
    await beat(75);
    expect(count('GET_AGENTS')).toBe(2);
    master = {};
    await beat(35);
    expect((await read()).recoveringAgents).toBe(0);
    const asked = count('GET_AGENTS');
    await beat(120);
    expect(count('GET_AGENTS')).toBe(asked);
    expect(count('GET_STATE')).toBe(0);
  });

  it('an agent whose tasks were given up is asked about soon', async () => {
    const { masters, beat, count, read } = await start({ agents: ['a1', 'a2'] }, () => ({ agents: ['a2'] }));
    const lost = (name: string): unknown => ({
      type: 'TASK_UPDATED',
      task_updated: {
        framework_id: { value: 'f1' },
        state: 'TASK_UNREACHABLE',
        status: {
          task_id: { value: `${name}.1` },
          state: 'TASK_UNREACHABLE',
          reason: 'REASON_SLAVE_REMOVED',
          timestamp: 2,
        },
      },
    });
    masters.last().say(lost('web'), lost('web'));
    await beat(15);
    expect(count('GET_AGENTS')).toBe(1);
    expect((await read()).agents.map(({ id }) => id)).toEqual(['a2']);
  });

  it('schedulers that came are asked about soon, once for many', async () => {
    const { masters, beat, count, read } = await start({}, () => ({}));
    masters.answer = (call) =>
      call.startsWith('/')
        ? { body: { frameworks: [{ id: 'f2', name: 'f2', pid: 'scheduler@10.9.9.9:1' }] } }
        : undefined;
    const added = { type: 'FRAMEWORK_ADDED', framework_added: { framework: framework('f2') } };
    masters.last().say(added, added);
    await beat(5);
    expect(count('/master/state-summary')).toBe(2);
    const found = (await read()).frameworks.find(({ id }) => id === 'f2');
    expect(found?.endpoint).toEqual({ host: '10.9.9.9', port: '1' });
  });

  it('events that arrive while the state is compared are told as ever', async () => {
    const { masters, clock, beat, changes } = await start({ tasks: ['web'] }, () => ({ tasks: ['web'] }));
    const gate = Promise.withResolvers<void>();
    masters.answer = (call) => (call === 'GET_STATE' ? { waits: gate.promise } : undefined);
    await beat(305);
    const before = changes();
    masters.last().say({ type: 'TASK_ADDED', task_added: { task: task('x') } });
    await clock.passMs(0);
    expect(changes()).toBe(before + 1);
    gate.resolve();
    await beat(5);
  });
});
