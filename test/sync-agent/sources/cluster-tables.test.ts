import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClusterState, ReportSkipped } from '../../../sync-agent/cluster.ts';
import { type ClusterTables, createClusterTables } from '../../../sync-agent/sources/cluster-tables.ts';
import { compareStates } from '../../../sync-agent/sources/compare-states.ts';
import { readGetState } from '../../../sync-agent/sources/operator-reader.ts';
import { FormatError } from '../../../zone/format-error.ts';
import { inPieces, readState } from '../documents.ts';
import { keepReports } from '../reports.ts';
import { plain, recordsOf } from '../states.ts';
import { createMasterModel, type MasterModel, steps } from './master-model.ts';
import { framed, readStream } from './streams.ts';

const noReport: ReportSkipped = ({ detail }) => expect.unreachable(detail);
const NOTHING = { agents: 0, frameworks: 0, tasks: 0 };
const HOSTS = { 'scheduler.example': ['192.0.2.8'] };
const pieces = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 5 });
/** As well parsed at once as cut up. */
const wholeOctets = fc.constantFrom(0, 300, 1_000_000);

describe('a cluster that streams itself', () => {
  it('gives the records that its /state gives, whatever happened and however it was split', async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(
        steps,
        fc.nat({ max: 30 }),
        pieces,
        wholeOctets,
        async (steps, before, pieces, wholeOctets) => {
          const model = createMasterModel();
          for (const step of steps.slice(0, before)) model.step(step);
          const tables = createClusterTables();
          const { report, details } = keepReports();
          const events = [model.subscribed(), ...steps.slice(before).flatMap((step) => model.step(step))];
          readStream(tables, framed(...events), { report, pieces, wholeOctets });
          const polled = await ask(model, tables);

          expect(details()).toEqual([]);
          expect(canonical(tables.state())).toEqual(canonical(polled));
          expect(compareStates(tables.state(), polled)).toEqual(NOTHING);
          expect(tables.counts()).toMatchObject({
            waitingForAgent: unreachableIn(tables),
            waitingForFramework: 0,
            unknownTasks: 0,
          });
          compared += recordsOf(polled, {}, HOSTS).set.A.size;

          // A whole state says what the events said.
          const told = JSON.stringify(model.getState());
          const fresh = await readGetState(inPieces(told, 97), report, tables);
          expect(compareStates(tables.state(), fresh.state())).toEqual(NOTHING);
          expect(canonical(fresh.state())).toEqual(canonical(polled));
        },
      ),
      { numRuns: 300 },
    );
    expect(compared).toBeGreaterThan(1_500);
  });

  it('is evidence of each task that it saw ending, and of no other', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (steps) => {
        const model = createMasterModel();
        const tables = createClusterTables();
        readStream(tables, framed(model.subscribed(), ...steps.flatMap((step) => model.step(step))));
        await ask(model, tables);
        const { ended, frameworks } = tables.state();
        expect(ended.tasks.map(({ id }) => id).toSorted()).toEqual(model.endedTasks().toSorted());
        expect(ended.frameworks.filter((name) => frameworks.some((each) => each.name === name))).toEqual([]);
      }),
    );
  });

  it('keeps all that does not change: the same objects', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (steps) => {
        const model = createMasterModel();
        const tables = createClusterTables();
        readStream(tables, framed(model.subscribed(), ...steps.flatMap((step) => model.step(step))));
        await ask(model, tables);
        const before = tables.state();
        // The whole state once more, as after a reconnect.
        readStream(tables, framed(model.subscribed()), { wholeOctets: 0 });
        const after = tables.state();
        for (const framework of after.frameworks) {
          const was = before.frameworks.find(({ id }) => id === framework.id);
          for (const task of framework.tasks) expect(was?.tasks.some((each) => each === task)).toBe(true);
        }
        for (const agent of after.agents) expect(before.agents).toContain(agent);
      }),
    );
  });
});

describe('what a change costs', () => {
  it('is the framework it is in: tasks, agents and other frameworks stay the same objects', () => {
    const tables = subscribedTo({
      frameworks: ['f1', 'f2'],
      tasks: [
        ['t1', 'f1'],
        ['t2', 'f1'],
        ['t3', 'f2'],
      ],
    });
    const before = tables.state();
    expect(tables.apply(taskUpdated('t1', 'f1', 'TASK_KILLING'), noReport)).toBe('changed');
    const after = tables.state();
    expect(after.agents).toBe(before.agents);
    expect(after.frameworks[1]).toBe(before.frameworks[1]);
    expect(after.frameworks[0]?.tasks[1]).toBe(before.frameworks[0]?.tasks[1]);
    expect(after.frameworks[0]?.tasks[0]).not.toBe(before.frameworks[0]?.tasks[0]);
    expect(tables.state().frameworks).toBe(after.frameworks);
  });

  it('shows at once, also where it was looked at before: tasks and agents that came, changed and went', () => {
    const tables = subscribedTo({ frameworks: ['f1'], tasks: [] });
    const look = () => {
      const { agents, frameworks, ended } = tables.state();
      const tasks = frameworks[0]?.tasks.map(({ id, state }) => `${id} ${state}`);
      return { agents: agents.length, tasks, ended: ended.tasks.map(({ id }) => id) };
    };
    const after = (event: unknown): ReturnType<typeof look> => {
      tables.apply(event, noReport);
      return look();
    };
    look();
    expect(after(taskAdded('t1', 'f1')).tasks).toEqual(['t1 TASK_STAGING']);
    expect(after(taskAdded('t2', 'f1')).tasks).toEqual(['t1 TASK_STAGING', 't2 TASK_STAGING']);
    expect(after(taskUpdated('t1', 'f1', 'TASK_FAILED'))).toMatchObject({
      tasks: ['t2 TASK_STAGING'],
      ended: ['t1'],
    });
    expect(after(taskUpdated('t2', 'f1', 'TASK_FAILED'))).toMatchObject({ tasks: [], ended: ['t1', 't2'] });
    expect(after(taskAdded('t1', 'f1'))).toMatchObject({ tasks: ['t1 TASK_STAGING'], ended: ['t2'] });
    expect(after({ type: 'AGENT_ADDED', agent_added: { agent: agent('S1') } }).agents).toBe(2);
    expect(after({ type: 'AGENT_REMOVED', agent_removed: { agent_id: id('S0') } }).agents).toBe(1);
  });

  it('is nothing for an event that says what is known', () => {
    const tables = subscribedTo({ frameworks: ['f1'], tasks: [['t1', 'f1']] });
    tables.apply(taskUpdated('t1', 'f1', 'TASK_RUNNING'), noReport);
    const before = tables.state();
    expect(tables.apply(taskUpdated('t1', 'f1', 'TASK_RUNNING'), noReport)).toBe('unchanged');
    expect(tables.state().frameworks).toBe(before.frameworks);
  });
});

describe('tasks that came before their framework or agent', () => {
  it('wait for it, and are there when it comes', () => {
    const tables = createClusterTables();
    tables.apply(taskAdded('t1', 'f1'), noReport);
    expect(tables.counts()).toMatchObject({ tasks: 1, waitingForAgent: 1, waitingForFramework: 1 });
    expect(tables.state().frameworks).toEqual([]);
    tables.apply({ type: 'FRAMEWORK_ADDED', framework_added: { framework: framework('f1') } }, noReport);
    expect(tables.state().frameworks[0]?.tasks.map(({ id }) => id)).toEqual(['t1']);
    tables.apply({ type: 'AGENT_ADDED', agent_added: { agent: agent('S0') } }, noReport);
    expect(tables.counts()).toMatchObject({ tasks: 1, waitingForAgent: 0, waitingForFramework: 0 });
  });

  it('are no more than ten thousand; what is above is told and left out, and known ones are still updated', () => {
    const tables = createClusterTables();
    const { report, reasons } = keepReports();
    for (let i = 0; i < 10_003; i++) tables.apply(taskAdded(`t${i}`, 'f1'), report);
    expect(tables.counts().waitingForFramework).toBe(10_000);
    expect(reasons()).toEqual(['task-field', 'task-field', 'task-field']);
    expect(tables.apply(taskUpdated('t5', 'f1', 'TASK_RUNNING'), noReport)).toBe('changed');
    expect(tables.apply(taskUpdated('t10001', 'f1', 'TASK_RUNNING'), noReport)).toBe('unchanged');
    expect(tables.counts().unknownTasks).toBe(1);
  });
});

describe('TASK_UPDATED', () => {
  const task = (tables: ClusterTables) => tables.state().frameworks[0]?.tasks[0];

  it('believes its own state before that of its status, and keeps what it does not say', () => {
    const tables = subscribedTo({ frameworks: ['f1'], tasks: [['t1', 'f1']] });
    tables.apply(
      {
        type: 'TASK_UPDATED',
        task_updated: {
          framework_id: id('f1'),
          state: 'TASK_RUNNING',
          status: { task_id: id('t1'), state: 'TASK_STARTING', timestamp: 1 },
        },
      },
      noReport,
    );
    expect(task(tables)).toMatchObject({
      name: 'web',
      state: 'TASK_RUNNING',
      running: [],
      ports: [{ begin: 31000, end: 31001 }],
    });
  });

  it('is read in the flat form of Mesos 1.0', () => {
    const tables = subscribedTo({ frameworks: ['f1'], tasks: [['t1', 'f1']] });
    const flat = { task_id: id('t1'), framework_id: id('f1'), agent_id: id('S0'), executor_id: id('x') };
    tables.apply({ type: 'TASK_UPDATED', task_updated: { ...flat, state: 'TASK_RUNNING' } }, noReport);
    expect(task(tables)?.state).toBe('TASK_RUNNING');
    tables.apply({ type: 'TASK_UPDATED', task_updated: { ...flat, state: 'TASK_FAILED' } }, noReport);
    expect(tables.state().ended.tasks).toEqual([{ id: 't1', agentId: 'S0', frameworkName: 'name of f1' }]);
  });

  it('replaces the last status by one that says the same, as masters do', () => {
    const tables = subscribedTo({ frameworks: ['f1'], tasks: [['t1', 'f1']] });
    const run = (timestamp: number, ip: string): void =>
      void tables.apply(
        taskUpdated('t1', 'f1', 'TASK_RUNNING', {
          timestamp,
          container_status: { network_infos: [{ ip_addresses: [{ ip_address: ip }] }] },
        }),
        noReport,
      );
    run(1, '10.0.0.1');
    run(2, '10.0.0.2');
    expect(task(tables)?.running.map(({ netinfo }) => netinfo)).toEqual([['10.0.0.2']]);
    tables.apply(taskUpdated('t1', 'f1', 'TASK_KILLING'), noReport);
    run(3, '10.0.0.3');
    expect(task(tables)?.running.map(({ netinfo }) => netinfo)).toEqual([['10.0.0.2'], ['10.0.0.3']]);
    for (let i = 0; i < 100; i++) {
      tables.apply(taskUpdated('t1', 'f1', 'TASK_KILLING'), noReport);
      run(4 + i, '10.0.0.4');
    }
    expect(task(tables)?.running.length).toBe(16);
  });

  it('of a status without an agent still ends the task with its agent', () => {
    const tables = subscribedTo({ frameworks: ['f1'], tasks: [['t1', 'f1']] });
    tables.apply(
      {
        type: 'TASK_UPDATED',
        task_updated: {
          framework_id: id('f1'),
          state: 'TASK_LOST',
          status: { task_id: id('t1'), state: 'TASK_LOST' },
        },
      },
      noReport,
    );
    expect(tables.state().ended.tasks).toEqual([{ id: 't1', agentId: 'S0', frameworkName: 'name of f1' }]);
    expect(tables.state().frameworks[0]?.tasks).toEqual([]);
    // Its agent comes back, and it with it: then it did not end.
    tables.apply(taskAdded('t1', 'f1'), noReport);
    expect(tables.state().ended.tasks).toEqual([]);
  });

  it('keeps a task that is unreachable, and of those the newest thousand', () => {
    const ids = Array.from({ length: 1_002 }, (_, i) => `t${i}`);
    const tables = subscribedTo({ frameworks: ['f1'], tasks: ids.map((each) => [each, 'f1']) });
    for (const each of ids) tables.apply(taskUpdated(each, 'f1', 'TASK_UNREACHABLE'), noReport);
    expect(tables.state().frameworks[0]?.tasks.map((each) => each.id)).toEqual(ids.slice(2));
    expect(tables.state().ended.tasks).toEqual([]);
    expect(recordsOf(tables.state()).records.A).toEqual({ 'slave.mesos.': ['10.1.0.1'] });
  });
});

describe('agents', () => {
  const added = (name: string, more = {}) => ({
    type: 'AGENT_ADDED',
    agent_added: { agent: { ...agent(name), ...more } },
  });

  it('that are awaited are so until they come back, or are given up', () => {
    const tables = createClusterTables();
    tables.apply(
      {
        type: 'SUBSCRIBED',
        subscribed: {
          get_state: {
            get_tasks: {},
            get_frameworks: {},
            get_agents: { recovered_agents: [{ id: id('S1') }, { id: id('S2') }, { id: id('S3') }, 7] },
          },
        },
      },
      () => {},
    );
    expect(tables.state().recoveringAgents).toBe(3);
    expect(tables.apply(added('S1'), noReport)).toBe('changed');
    expect(tables.state().recoveringAgents).toBe(2);
    tables.apply({ type: 'AGENT_REMOVED', agent_removed: { agent_id: id('S2') } }, noReport);
    expect(tables.state().recoveringAgents).toBe(1);
    expect(tables.replaceAgents({ get_agents: { agents: [agent('S1')] } }, noReport)).toBe(0);
    expect(tables.state()).toMatchObject({ recoveringAgents: 0, agents: [{ id: 'S1' }] });
  });

  it('that drain or went without an event are seen by GET_AGENTS', () => {
    const tables = createClusterTables();
    for (const name of ['S1', 'S2', 'S3']) tables.apply(added(name), noReport);
    const [kept] = tables.state().agents;
    const drained = { ...agent('S2'), deactivated: true, drain_info: { state: 'DRAINED' } };
    expect(tables.replaceAgents({ agents: [agent('S1'), drained] }, noReport)).toBe(2);
    expect(tables.state().agents.map(({ id, standing }) => [id, standing])).toEqual([
      ['S1', undefined],
      ['S2', 'draining'],
    ]);
    expect(tables.state().agents[0]).toBe(kept);
  });

  it.each([7, 'x', { get_agents: 7 }, { get_agents: { agents: 7 } }])('stay as they are after %j', (odd) => {
    const tables = createClusterTables();
    tables.apply(added('S1'), noReport);
    expect(() => tables.replaceAgents(odd, noReport)).toThrow(FormatError);
    expect(tables.state().agents).toHaveLength(1);
  });
});

describe('schedulers', () => {
  const host = (tables: ClusterTables) => tables.state().frameworks[0]?.endpoint;
  const updated = (hostname: string) => ({
    type: 'FRAMEWORK_UPDATED',
    framework_updated: { framework: framework('f1', hostname) },
  });

  it('are where /state says they listen, or on the host that the stream says', () => {
    const tables = subscribedTo({ frameworks: ['f1'], tasks: [] });
    expect(host(tables)).toEqual({ host: '', port: '' });
    expect(tables.counts().unlearnedFrameworks).toBe(1);
    const at = { host: '192.0.2.1', port: '4000' };
    expect(
      tables.learnFrameworks(
        new Map([
          ['f1', at],
          ['other', at],
        ]),
      ),
    ).toBe(1);
    expect(tables.learnFrameworks(new Map([['f1', at]]))).toBe(0);
    expect([host(tables), tables.counts().unlearnedFrameworks]).toEqual([at, 0]);
    // The pid stays until another is known; that it may be another is told.
    tables.apply(updated('new.example'), noReport);
    expect([host(tables), tables.counts().unlearnedFrameworks]).toEqual([at, 1]);
    // Without a pid the stream knows best.
    tables.learnFrameworks(new Map([['f1', { host: 'old.example', port: '' }]]));
    expect(host(tables)).toEqual({ host: 'new.example', port: '' });
  });

  it('may have moved while nobody listened: after a reconnect they are to be learned again', () => {
    const tables = subscribedTo({ frameworks: ['f1'], tasks: [] });
    const at = { host: '192.0.2.1', port: '4000' };
    tables.learnFrameworks(new Map([['f1', at]]));
    const get_state = { get_tasks: {}, get_agents: {}, get_frameworks: { frameworks: [framework('f1')] } };
    tables.apply({ type: 'SUBSCRIBED', subscribed: { get_state } }, noReport);
    expect([host(tables), tables.counts().unlearnedFrameworks]).toEqual([at, 1]);
  });

  it('that ended are evidence, unless another of that name is there', () => {
    const tables = subscribedTo({ frameworks: ['f1'], tasks: [['t1', 'f1']] });
    tables.apply({ type: 'FRAMEWORK_REMOVED', framework_removed: framework('f1') }, noReport);
    const { frameworks, ended } = tables.state();
    expect(frameworks).toEqual([]);
    expect(ended).toEqual({
      tasks: [{ id: 't1', agentId: 'S0', frameworkName: 'name of f1' }],
      frameworks: ['name of f1'],
      frameworkIds: new Map([['name of f1', ['f1']]]),
    });
    const again = { framework_info: { id: id('f2'), name: 'name of f1' } };
    tables.apply({ type: 'FRAMEWORK_ADDED', framework_added: { framework: again } }, noReport);
    expect(tables.state().ended.frameworks).toEqual([]);
  });
});

describe('evidence', () => {
  it('outlives a reconnect, and is the newest thousand of a framework', () => {
    const tables = subscribedTo({ frameworks: ['f1'], tasks: [] });
    for (let i = 0; i < 1_005; i++) tables.apply(taskUpdated(`t${i}`, 'f1', 'TASK_FAILED'), noReport);
    const empty = { get_tasks: {}, get_agents: {}, get_frameworks: { frameworks: [framework('f1')] } };
    tables.apply({ type: 'SUBSCRIBED', subscribed: { get_state: empty } }, noReport);
    const { tasks } = tables.state().ended;
    expect([tasks.length, tasks[0]?.id, tasks.at(-1)?.id]).toEqual([1_000, 't5', 't1004']);
  });

  it('is not that a framework of long ago has no task of this id any more', () => {
    const tables = subscribedTo({ frameworks: ['f1'], tasks: [['t1', 'f1']] });
    tables.apply(taskUpdated('t1', 'f1', 'TASK_LOST'), noReport);
    const back = {
      get_tasks: { tasks: [taskAdded('t1', 'f1').task_added.task] },
      get_agents: {},
      get_frameworks: { frameworks: [framework('f1')] },
    };
    tables.apply({ type: 'SUBSCRIBED', subscribed: { get_state: back } }, noReport);
    expect(tables.state().ended.tasks).toEqual([]);
  });
});

describe('a reconcile', () => {
  const asked = async (model: MasterModel, like: ClusterTables) =>
    readGetState(inPieces(JSON.stringify(model.getState())), noReport, like);

  it('finds no difference where all events arrived, whenever the master answered between them', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.nat({ max: 60 }), async (steps, at) => {
        const model = createMasterModel();
        const tables = createClusterTables();
        tables.apply(model.subscribed(), noReport);
        const reconcile = tables.beginReconcile();
        const apply = (all: typeof steps): void => {
          const quiet = all.filter(
            (step) => step.do !== 'resubscribe' && step.do !== 'lose-agent' && step.do !== 'drain-agent',
          );
          for (const event of quiet.flatMap((step) => model.step(step))) tables.apply(event, noReport);
        };
        apply(steps.slice(0, at));
        const fresh = await asked(model, tables);
        apply(steps.slice(at));
        const before = canonical(tables.state());
        expect(reconcile.finish(fresh)).toEqual(NOTHING);
        expect(canonical(tables.state())).toEqual(before);
      }),
    );
  });

  it('counts what was missed and takes it over', async () => {
    const model = createMasterModel();
    const tables = createClusterTables();
    tables.apply(model.subscribed(), noReport);
    model.step({ do: 'framework', framework: 0, pid: undefined, hostname: '' });
    model.step({ do: 'agent', agent: 1 });
    model.step({ do: 'task', framework: 0, agent: 1, name: 'web', ports: [], discovery: undefined });
    const reconcile = tables.beginReconcile();
    const fresh = await asked(model, tables);
    expect(reconcile.finish(fresh)).toEqual({ agents: 1, frameworks: 1, tasks: 1 });
    expect(tables.counts()).toMatchObject({ agents: 1, frameworks: 1, tasks: 1 });
    expect(reconcile.finish(fresh)).toBeUndefined();
  });

  it('takes no scheduler for missed that was learned meanwhile', async () => {
    const model = createMasterModel();
    model.step({ do: 'framework', framework: 0, pid: 4000, hostname: '' });
    const tables = createClusterTables();
    tables.apply(model.subscribed(), noReport);
    const reconcile = tables.beginReconcile();
    const fresh = await asked(model, tables);
    await ask(model, tables);
    expect(reconcile.finish(fresh)).toEqual(NOTHING);
    expect(tables.state().frameworks[0]?.endpoint).toEqual({ host: '192.0.2.1', port: '4000' });
    expect(tables.counts().unlearnedFrameworks).toBe(0);
  });

  it('is given up when more happened than is remembered', async () => {
    const model = createMasterModel();
    const tables = createClusterTables();
    tables.apply(model.subscribed(), noReport);
    const reconcile = tables.beginReconcile();
    const fresh = await asked(model, tables);
    for (let i = 0; i < 20_001; i++) tables.apply(taskUpdated('t1', 'f1', 'TASK_FAILED'), noReport);
    expect(reconcile.finish(fresh)).toBeUndefined();
  });

  it('is of no use after a new state', async () => {
    const model = createMasterModel();
    const tables = createClusterTables();
    const reconcile = tables.beginReconcile();
    const fresh = await asked(model, tables);
    tables.apply(model.subscribed(), noReport);
    expect(reconcile.finish(fresh)).toBeUndefined();
  });
});

describe('what can not be read', () => {
  it.each([
    ['TASK_ADDED', { task_added: 7 }, 'task-field'],
    ['TASK_ADDED', {}, 'task-field'],
    ['TASK_ADDED', { task_added: { task: { task_id: id('t9') } } }, 'task-field'],
    ['TASK_UPDATED', { task_updated: { status: 7 } }, 'task-field'],
    [
      'TASK_UPDATED',
      { task_updated: { framework_id: id('f1'), status: { task_id: id('t1') } } },
      'task-field',
    ],
    ['AGENT_ADDED', { agent_added: { agent: { agent_info: {} } } }, 'agent-field'],
    ['AGENT_REMOVED', { agent_removed: { agent_id: 'S0' } }, 'agent-field'],
    ['FRAMEWORK_UPDATED', { framework_updated: { framework: null } }, 'framework-field'],
    ['FRAMEWORK_REMOVED', { framework_removed: { framework_info: { id: 'f1' } } }, 'framework-field'],
  ])('of %s %j is told, and changes nothing', (type, body, reason) => {
    const tables = subscribedTo({ frameworks: ['f1'], tasks: [['t1', 'f1']] });
    const before = tables.state();
    const { report, reasons } = keepReports();
    expect(tables.apply({ type, ...body }, report)).toBe('unchanged');
    expect(reasons()).toEqual([reason]);
    expect(tables.state()).toEqual(before);
  });

  it('is a status of a task: the task stays, and so does what else it says', () => {
    const tables = subscribedTo({ frameworks: ['f1'], tasks: [['t1', 'f1']] });
    const { report, details } = keepReports();
    tables.apply(taskUpdated('t1', 'f1', 'TASK_RUNNING', { container_status: 7 }), report);
    expect(details()).toEqual(['task t1: container_status: is number 7 instead of an object']);
    expect(tables.state().frameworks[0]?.tasks[0]?.state).toBe('TASK_RUNNING');
  });

  it.each([
    { subscribed: {} },
    { subscribed: { get_state: {} } },
    { subscribed: { get_state: { get_tasks: {}, get_agents: {} } } },
    { subscribed: { get_state: { get_tasks: {}, get_agents: {}, get_frameworks: 7 } } },
    { subscribed: { get_state: { get_tasks: { tasks: {} }, get_agents: {}, get_frameworks: {} } } },
  ])('is a SUBSCRIBED without a whole state, which is no empty cluster: %j', (body) => {
    const tables = subscribedTo({ frameworks: ['f1'], tasks: [['t1', 'f1']] });
    const before = tables.state();
    expect(() => tables.apply({ type: 'SUBSCRIBED', ...body }, noReport)).toThrow(FormatError);
    expect(tables.state()).toEqual(before);
  });

  it.each([[7], ['x'], [[]], [{}], [{ type: 7 }]])('is %j, which is no event', (odd) => {
    expect(() => createClusterTables().apply(odd, noReport)).toThrow(FormatError);
  });

  it('is an event of a newer Mesos: counted, and passed over', () => {
    const tables = createClusterTables();
    expect(tables.apply({ type: 'OPERATION_ADDED' }, noReport)).toBe('unknown');
    expect(tables.counts().unknownEvents).toBe(1);
  });
});

it('the leader and the clock come from outside', () => {
  let nowSeconds = 5;
  const tables = createClusterTables({ nowSeconds: () => nowSeconds++ });
  expect(tables.setLeader({ host: '10.0.0.1', port: '5050' })).toBe(true);
  expect(tables.setLeader({ host: '10.0.0.1', port: '5050' })).toBe(false);
  expect([tables.state(), tables.state()]).toMatchObject([
    { leader: { host: '10.0.0.1', port: '5050' }, asOfSeconds: 5 },
    { asOfSeconds: 6 },
  ]);
});

/** What the stream does not tell is asked; gives what the same master's `/state` says. */
async function ask(model: MasterModel, tables: ClusterTables): Promise<ClusterState> {
  const { state } = await readState(model.state());
  tables.setLeader(state.leader);
  tables.learnFrameworks(new Map(state.frameworks.map(({ id, endpoint }) => [id, endpoint])));
  tables.replaceAgents(model.getAgents(), noReport);
  return state;
}

function canonical(state: ClusterState): object {
  const { records, details } = recordsOf(state, { ipSources: ['netinfo', 'docker', 'host'] }, HOSTS);
  const sorted = Object.entries(records).map(([type, names]) => [
    type,
    Object.entries(names as ReturnType<typeof plain>['A'])
      .map(([name, values]) => [name, values.toSorted()] as const)
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  ]);
  return { sorted, details: details().toSorted() };
}

/** Those of agents that are gone. */
function unreachableIn(tables: ClusterTables): number {
  const { agents, frameworks } = tables.state();
  const known = new Set(agents.map(({ id }) => id));
  return frameworks.flatMap(({ tasks }) => tasks).filter(({ agentId }) => !known.has(agentId)).length;
}

function id(value: string): { readonly value: string } {
  return { value };
}

function agent(name: string) {
  return { agent_info: { id: id(name), hostname: 'h' }, active: true, pid: 'slave(1)@10.1.0.1:5051' };
}

function framework(name: string, hostname?: string) {
  return { framework_info: { id: id(name), name: `name of ${name}`, ...(hostname && { hostname }) } };
}

function taskAdded(task: string, framework: string) {
  const ports = { name: 'ports', type: 'RANGES', ranges: { range: [{ begin: 31000, end: 31001 }] } };
  return {
    type: 'TASK_ADDED',
    task_added: {
      task: {
        task_id: id(task),
        framework_id: id(framework),
        agent_id: id('S0'),
        name: 'web',
        state: 'TASK_STAGING',
        resources: [ports],
      },
    },
  };
}

function taskUpdated(task: string, framework: string, state: string, more: object = {}) {
  return {
    type: 'TASK_UPDATED',
    task_updated: {
      framework_id: id(framework),
      state,
      status: { task_id: id(task), agent_id: id('S0'), state, ...more },
    },
  };
}

function subscribedTo({
  frameworks,
  tasks,
}: {
  readonly frameworks: readonly string[];
  readonly tasks: readonly (readonly [string, string])[];
}): ClusterTables {
  const tables = createClusterTables();
  const get_state = {
    get_tasks: { tasks: tasks.map(([task, framework]) => taskAdded(task, framework).task_added.task) },
    get_agents: { agents: [agent('S0')] },
    get_frameworks: { frameworks: frameworks.map((each) => framework(each)) },
  };
  expect(tables.apply({ type: 'SUBSCRIBED', subscribed: { get_state } }, noReport)).toBe('subscribed');
  return tables;
}
