import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AgentStanding, ClusterState, MesosAgent, MesosTask } from '../../../sync-agent/cluster.ts';
import {
  type ChosenTasks,
  chosenTasks,
  type HiddenTask,
  type TaskRules,
  tasksByName,
} from '../../../sync-agent/records/eligible.ts';
import { generateRecords } from '../../../sync-agent/records/generate.ts';
import type { RecordSet } from '../../../sync-agent/records/record-set.ts';
import { agentAt, frameworkWith, settingsWith, stateWith, statusWith, taskWith } from '../states.ts';

const OFF: TaskRules = {
  unhealthyTasks: 'keep',
  graceSeconds: 0,
  killingTasks: 'by-state',
  drainingAgents: 'keep',
  deactivatedAgents: 'keep',
  minVisibility: 'framework',
};
const ON: TaskRules = {
  unhealthyTasks: 'leave-out',
  graceSeconds: 0,
  killingTasks: 'by-status',
  drainingAgents: 'leave-out',
  deactivatedAgents: 'leave-out',
  minVisibility: 'cluster',
};
const NOW = 1000;
const STANDINGS: Readonly<Record<string, AgentStanding>> = {
  draining: 'draining',
  deactivated: 'deactivated',
  disconnected: 'disconnected',
};

/** A task by a word or two: `sick`, `well`, `draining`, `killing`, `secret` …; its id is the text and its place. */
function tasksOf(words: readonly string[]): MesosTask[] {
  return words.map((text, i) => {
    const is = new Set(text.split(' '));
    const healthy = is.has('sick') ? false : is.has('well') ? true : undefined;
    const discovery = ['secret', 'public', 'other'].some((word) => is.has(word)) && {
      name: is.has('other') ? 'other' : 'web',
      ports: [],
      visibility: is.has('secret') ? 'FRAMEWORK' : 'EXTERNAL',
    };
    return {
      ...taskWith({
        id: `${text} ${i}`,
        agentId: [...is].find((word) => word in STANDINGS || word === 'lost') ?? 'plain',
        state: is.has('staging') ? 'TASK_STAGING' : 'TASK_RUNNING',
        running: [statusWith({ timestamp: 900, healthy })],
        discovery: discovery || undefined,
      }),
      ...(is.has('killing') && { killing: true }),
    };
  });
}

const agentOf = (id: string): MesosAgent | undefined =>
  id === 'lost' ? undefined : { id, endpoint: undefined, standing: STANDINGS[id] };

function choose(
  words: readonly string[],
  rules: Partial<TaskRules> = {},
  {
    asOfSeconds = NOW,
    unhealthyBefore,
  }: { asOfSeconds?: number; unhealthyBefore?: ReadonlyMap<string, number> } = {},
): ChosenTasks {
  const settings = { tasks: { ...ON, ...rules } };
  return chosenTasks(tasksOf(words), { agentOf, settings, asOfSeconds, unhealthyBefore });
}

/** Places of tasks in the list they came in. */
const places = (tasks: readonly MesosTask[]): string => tasks.map(({ id }) => id.split(' ').at(-1)).join(' ');
const why = (hidden: readonly HiddenTask[]): string[] =>
  hidden.map(({ task, why: { reason } }) => `${places([task])} ${reason}`).toSorted();

describe('tasks that are shown', () => {
  it.each<[string[], string, string[]]>([
    [['well', 'sick'], '0', ['1 unhealthy']],
    [['', 'sick'], '0', ['1 unhealthy']],
    [['well', 'well draining'], '0', ['1 agent-draining']],
    [['well', 'well deactivated'], '0', ['1 agent-deactivated']],
    [['well', 'well disconnected'], '0 1', []],
    [['well', 'well killing'], '0', ['1 killing']],
    [['secret'], '', ['0 visibility']],
    [['public', 'secret'], '0', ['1 visibility']],
    [['sick killing secret draining'], '', ['0 killing']],
    [['well', 'sick secret'], '0', ['1 visibility']],
    [['well', 'sick draining'], '0', ['1 unhealthy']],
    [['well', 'staging', 'sick'], '0', ['2 unhealthy']],
    [[], '', []],
  ])('of %j are %j', (words, shown, hidden) => {
    const made = choose(words);
    expect({ shown: places(made.shown), hidden: why(made.hidden), spared: why(made.spared) }).toEqual({
      shown,
      hidden,
      spared: [],
    });
  });

  it.each<[string, string[], string, string[]]>([
    ['all are unhealthy', ['sick', 'sick'], '0 1', ['0 unhealthy', '1 unhealthy']],
    [
      'all are on draining agents',
      ['well draining', 'draining'],
      '0 1',
      ['0 agent-draining', '1 agent-draining'],
    ],
    ['the healthy one is on a draining agent', ['sick', 'well draining'], '1', ['1 agent-draining']],
    ['all are unhealthy, one is on a draining agent', ['sick', 'sick draining'], '0', ['0 unhealthy']],
    ['the healthy one is being killed', ['sick', 'well killing'], '0', ['0 unhealthy']],
    ['the healthy one is not to be seen', ['sick public', 'well secret'], '0', ['0 unhealthy']],
    ['the healthy one is on an unknown agent', ['sick', 'well lost'], '0', ['0 unhealthy']],
    ['the healthy one does not run', ['sick', 'well staging'], '0', ['0 unhealthy']],
    ['the healthy one has another discovery name', ['sick public', 'well other'], '0 1', ['0 unhealthy']],
  ])('where %s are those that are left (fail-open)', (_, words, shown, spared) => {
    const made = choose(words);
    expect({ shown: places(made.shown), spared: why(made.spared) }).toEqual({ shown, spared });
  });

  it('are all but those on unknown agents with every rule off', () => {
    const words = ['sick', 'killing', 'draining', 'deactivated', 'secret', 'lost', 'staging'];
    for (const settings of [{}, { tasks: OFF }, { tasks: { ...OFF, graceSeconds: 5 } }]) {
      const made = chosenTasks(tasksOf(words), { agentOf, settings, asOfSeconds: NOW });
      expect(places(made.shown)).toBe('0 1 2 3 4');
      expect(places(made.unplaced)).toBe('5');
      expect([...made.hidden, ...made.spared, ...made.unhealthySince]).toEqual([]);
    }
  });

  it.each<[Partial<TaskRules>, string]>([
    [{ unhealthyTasks: 'keep' }, '0 1'],
    [{ killingTasks: 'by-state' }, '0 2'],
    [{ drainingAgents: 'keep' }, '0 3'],
    [{ deactivatedAgents: 'keep' }, '0 4'],
    [{ minVisibility: 'framework' }, '0 5'],
    [{ minVisibility: 'external' }, '6'],
  ])('are more, or less, by each switch: %j', (rules, shown) => {
    const words = ['well', 'sick', 'killing', 'draining', 'deactivated', 'secret other', 'public'];
    const made = choose(words.slice(0, rules.minVisibility === 'external' ? 7 : 6), rules);
    expect(places(made.shown)).toBe(shown);
  });

  it.each([
    ['FRAMEWORK', 'framework cluster'],
    ['CLUSTER', 'cluster'],
    ['EXTERNAL', ''],
    ['external', 'cluster'],
    [undefined, 'cluster'],
  ])('are hidden with visibility %j where more is asked for', (visibility, highest) => {
    const task = taskWith({ agentId: 'plain', discovery: { name: 'web', ports: [], visibility } });
    const least = ['framework', 'cluster', 'external'] as const;
    const hidden = least.filter((minVisibility) => {
      const settings = { tasks: { ...OFF, minVisibility } };
      return chosenTasks([task], { agentOf, settings, asOfSeconds: NOW }).hidden.length > 0;
    });
    const from = { 'framework cluster': ['cluster', 'external'], cluster: ['external'], '': [] }[highest];
    expect(hidden).toEqual(from);
  });
});

describe('the health that counts', () => {
  const sick = (...running: MesosTask['running']): string[] =>
    why(
      chosenTasks([taskWith({ id: 'x 0', agentId: 'plain', running }), ...tasksOf(['well'])], {
        agentOf,
        settings: { tasks: ON },
        asOfSeconds: NOW,
      }).hidden,
    );
  it('is that of the newest running status', () => {
    const bad = statusWith({ timestamp: 2, healthy: false });
    expect(sick(statusWith({ timestamp: 1, healthy: true }), bad)).toEqual(['0 unhealthy']);
    expect(sick(bad, statusWith({ timestamp: 3, healthy: true }))).toEqual([]);
    expect(sick(bad, statusWith({ timestamp: 3 }))).toEqual([]);
    expect(sick()).toEqual([]);
  });
});

describe('the grace of an unhealthy task', () => {
  const rules = { graceSeconds: 30 };
  const at = (asOfSeconds: number, unhealthyBefore?: ReadonlyMap<string, number>): ChosenTasks =>
    choose(['sick', 'well'], rules, { asOfSeconds, ...(unhealthyBefore && { unhealthyBefore }) });

  it('ends so long after its status, and says when', () => {
    expect(at(929.9)).toMatchObject({ hidden: [], recheckAtSeconds: 930 });
    expect(places(at(929.9).shown)).toBe('0 1');
    expect(why(at(930).hidden)).toEqual(['0 unhealthy']);
    expect(at(930).recheckAtSeconds).toBeUndefined();
    expect(at(930).hidden[0]?.why).toEqual({ reason: 'unhealthy', sinceSeconds: 900 });
  });

  it('is none without the time of the state', () => {
    const made = chosenTasks(tasksOf(['sick', 'well']), {
      agentOf,
      settings: { tasks: { ...ON, ...rules } },
      asOfSeconds: undefined,
    });
    expect(why(made.hidden)).toEqual(['0 unhealthy']);
    expect(made.recheckAtSeconds).toBeUndefined();
  });

  it('does not begin anew with each failed check', () => {
    const first = at(901, undefined).unhealthySince;
    expect([...first]).toEqual([['sick 0', 900]]);
    const later = choose(['sick', 'well'], rules, {
      asOfSeconds: 925,
      unhealthyBefore: new Map([['sick 0', 890]]),
    });
    expect(why(later.hidden)).toEqual(['0 unhealthy']);
    expect([...later.unhealthySince]).toEqual([['sick 0', 890]]);
    const healed = choose(['well', 'well'], rules, { unhealthyBefore: new Map([['well 0', 890]]) });
    expect([...healed.unhealthySince]).toEqual([]);
  });

  it('ends in time for a task whose host has a clock that is ahead', () => {
    const before = at(800).unhealthySince;
    expect([...before]).toEqual([['sick 0', 800]]);
    expect(why(at(830, before).hidden)).toEqual(['0 unhealthy']);
  });

  it('counts as health for the others', () => {
    const made = chosenTasks(
      [
        taskWith({ id: 'a 0', agentId: 'plain', running: [statusWith({ timestamp: 990, healthy: false })] }),
        ...tasksOf(['', 'sick']).slice(1),
      ],
      { agentOf, settings: { tasks: { ...ON, ...rules } }, asOfSeconds: NOW },
    );
    expect(places(made.shown)).toBe('0');
    expect(why(made.hidden)).toEqual(['1 unhealthy']);
    expect(made.recheckAtSeconds).toBe(1020);
  });
});

describe('the records of a cluster', () => {
  it('are those of a cluster that says nothing of health, agents and visibility, where all rules are off', () => {
    fc.assert(
      fc.property(clusters(), (state) => {
        const off = { ...settingsWith({ tasks: OFF }) };
        const addresses = { prefer: [], exclude: [], status: 'newest' as const };
        const made = recordsOf(state, { ...off, addresses });
        expect(inOrder(made)).toEqual(inOrder(recordsOf(plainly(state), settingsWith())));
        expect(inOrder(recordsOf(state, settingsWith()))).toEqual(inOrder(made));
      }),
      { numRuns: 200 },
    );
  });

  it('are those of a cluster without the tasks that are hidden', () => {
    let hiddenTasks = 0;
    fc.assert(
      fc.property(clusters(), rulesOf(), (state, tasks) => {
        const hidden = new Set<MesosTask>();
        const made = recordsOf(state, settingsWith({ tasks }), (chosen) => {
          for (const { task } of chosen.hidden) hidden.add(task);
        });
        const without = stateWith({
          ...state,
          frameworks: state.frameworks.map((framework) => ({
            ...framework,
            tasks: framework.tasks.filter((task) => !hidden.has(task)),
          })),
        });
        // Ports are left out by visibility alone, and without their tasks.
        const ports = { ...OFF, minVisibility: tasks.minVisibility };
        expect(inOrder(made)).toEqual(inOrder(recordsOf(without, settingsWith({ tasks: ports }))));
        hiddenTasks += hidden.size;
      }),
      { numRuns: 300 },
    );
    expect(hiddenTasks).toBeGreaterThan(100);
  });

  it('hold every name of a running task that is to be seen and not being killed, whatever its health', () => {
    fc.assert(
      fc.property(clusters(), rulesOf(), (state, tasks) => {
        const agents = new Set(state.agents.map(({ id }) => id));
        const { A } = recordsOf(state, settingsWith({ tasks }));
        for (const task of state.frameworks.flatMap((framework) => framework.tasks)) {
          const visibility =
            { FRAMEWORK: 0, CLUSTER: 1, EXTERNAL: 2 }[task.discovery?.visibility ?? 'CLUSTER'] ?? 1;
          const isGone =
            task.state !== 'TASK_RUNNING' ||
            !agents.has(task.agentId) ||
            visibility < ['framework', 'cluster', 'external'].indexOf(tasks.minVisibility) ||
            ('killing' in task && tasks.killingTasks === 'by-status');
          if (!isGone)
            expect(A.get(`${task.discovery?.name ?? task.name}.marathon.mesos.`)).not.toBeUndefined();
        }
      }),
      { numRuns: 300 },
    );
  });
});

it('tasks by name are all tasks, each with its likes, in order', () => {
  const [a, b, c] = [taskWith({ id: '1' }), taskWith({ id: '2', name: 'api' }), taskWith({ id: '3' })];
  expect([...tasksByName([a, b, c])]).toEqual([
    ['web', [a, c]],
    ['api', [b]],
  ]);
});

function recordsOf(
  state: ClusterState,
  settings: ReturnType<typeof settingsWith>,
  onChosen: (chosen: ChosenTasks) => void = () => undefined,
): RecordSet {
  return generateRecords(state, settings, { addressesOfHost: () => [], report: () => undefined, onChosen });
}

/** Every name and value, in the order they were made in. */
function inOrder({ A, AAAA, SRV }: RecordSet): unknown[] {
  return [A, AAAA, SRV].map((names) => [...names]);
}

/** The cluster as mesos-dns reads it. */
function plainly(state: ClusterState): ClusterState {
  return {
    ...stateWith({}),
    agents: state.agents.map(({ id, endpoint }) => ({ id, endpoint })),
    frameworks: state.frameworks.map((framework) => ({
      ...framework,
      tasks: framework.tasks.map(({ id, name, agentId, state: said, ports, running, discovery }) => ({
        id,
        name,
        agentId,
        state: said,
        ports,
        running: running.map(({ timestamp, netinfo, docker, mesos }) => ({
          timestamp,
          netinfo,
          docker,
          mesos,
        })),
        discovery: discovery && {
          name: discovery.name,
          ports: discovery.ports.map(({ number, name: port, protocol }) => ({
            number,
            name: port,
            protocol,
          })),
        },
      })),
    })),
  };
}

function rulesOf(): fc.Arbitrary<TaskRules> {
  const leaving = fc.constantFrom('leave-out' as const, 'keep' as const);
  return fc.record({
    unhealthyTasks: leaving,
    graceSeconds: fc.constantFrom(0, 5),
    killingTasks: fc.constantFrom('by-status' as const, 'by-state' as const),
    drainingAgents: leaving,
    deactivatedAgents: leaving,
    minVisibility: fc.constantFrom('framework' as const, 'cluster' as const, 'external' as const),
  });
}

function clusters(): fc.Arbitrary<ClusterState> {
  const visibility = fc.constantFrom(undefined, 'FRAMEWORK', 'CLUSTER', 'EXTERNAL');
  const status = fc.record({
    timestamp: fc.nat(9),
    netinfo: fc.subarray(['9.0.0.1', '9.0.0.2', 'bad'], { maxLength: 2 }),
    docker: fc.constant([]),
    mesos: fc.constant([]),
    healthy: fc.constantFrom(undefined, true, false, false),
  });
  const port = fc.record({
    number: fc.nat(3),
    name: fc.constantFrom('', 'http'),
    protocol: fc.constant('tcp'),
    visibility,
  });
  const task = fc
    .record({
      name: fc.constantFrom('web', 'api'),
      agentId: fc.constantFrom('m-S0', 'm-S1', 'm-S2', 'm-S3'),
      state: fc.constantFrom('TASK_RUNNING', 'TASK_RUNNING', 'TASK_RUNNING', 'TASK_KILLING'),
      ports: fc.constantFrom([], [{ begin: 1, end: 1 }]),
      running: fc.array(status, { maxLength: 3 }),
      discovery: fc.option(
        fc.record({
          name: fc.constantFrom('web', 'db'),
          ports: fc.array(port, { maxLength: 2 }),
          visibility,
        }),
        { nil: undefined },
      ),
      killing: fc.constantFrom(true, undefined, undefined),
    })
    .map(({ killing, ...rest }) => ({ ...rest, ...(killing && { killing }) }));
  return fc
    .record({
      tasks: fc.array(task, { maxLength: 7 }),
      standings: fc.tuple(
        ...[0, 1, 2].map(() =>
          fc.constantFrom(undefined, undefined, 'draining', 'deactivated', 'disconnected'),
        ),
      ),
    })
    .map(({ tasks, standings }) =>
      stateWith({
        asOfSeconds: 10,
        agents: standings.map((standing, i) => ({
          ...agentAt(`m-S${i}`, `10.0.0.${i}:1`),
          standing: standing === undefined ? undefined : STANDINGS[standing],
        })),
        frameworks: [
          frameworkWith({ name: 'marathon', tasks: tasks.map((each, i) => ({ ...each, id: `t${i}` })) }),
        ],
      }),
    );
}
