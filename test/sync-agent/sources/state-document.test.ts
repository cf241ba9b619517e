import { describe, expect, it } from 'vitest';
import { readStateDocument } from '../../../sync-agent/sources/state-document.ts';
import { FormatError } from '../../../zone/format-error.ts';
import { inPieces, readState } from '../documents.ts';
import { keepReports } from '../reports.ts';

const AGENTS = [
  { id: 'S1', pid: 'slave(1)@10.0.0.1:5051' },
  { id: 'S2', pid: 'slave(1)@10.0.0.2:5051' },
];
const FRAMEWORKS = [
  { id: 'f1', name: 'one', hostname: 'h1', tasks: [{ id: 't1' }, { id: 't2' }] },
  { id: 'f2', name: 'two', hostname: 'h2', tasks: [{ id: 't3' }] },
];
const STATE = {
  pid: 'master@10.0.0.9:5050',
  leader: 'master@10.0.0.9:5050',
  slaves: AGENTS,
  frameworks: FRAMEWORKS,
};
const NOTHING = { tasks: [], frameworks: [] };
const WRONG = [7, true, 'x', { x: 1 }, ['x'], [[]]];

describe('a state', () => {
  it('is read with its leader, agents, frameworks and tasks in order, and who says it', async () => {
    const { state, self, skipped } = await readState(STATE);
    expect(state.leader).toEqual({ host: '10.0.0.9', port: '5050' });
    expect(self).toEqual({ host: '10.0.0.9', port: '5050' });
    expect(state.agents.map(({ id }) => id)).toEqual(['S1', 'S2']);
    expect(state.frameworks.map(({ name, tasks }) => [name, ...tasks.map(({ id }) => id)])).toEqual([
      ['one', 't1', 't2'],
      ['two', 't3'],
    ]);
    expect(skipped).toEqual([]);
  });

  it('is the same in whatever order its members come, and whatever stands beside them', async () => {
    const wanted = await readState(STATE);
    const reversed = (json: object): object => Object.fromEntries(Object.entries(json).toReversed());
    const more = {
      version: '1.9.0',
      flags: { tasks: [{ id: 5 }] },
      orphan_tasks: [7],
      unregistered_frameworks: ['f0'],
      completed_frameworks: [],
      recovered_slaves: [],
      unknown: { frameworks: [{ tasks: [7] }], slaves: [7] },
    };
    const frameworks = FRAMEWORKS.map((framework) =>
      reversed({
        ...framework,
        completed_tasks: [],
        unreachable_tasks: 7,
        executors: [{ tasks: [7] }],
        offers: 'x',
        role: '*',
      }),
    );
    const { state, self, skipped } = await readState(reversed({ ...STATE, ...more, frameworks }));
    expect({ state, self, skipped }).toEqual({ state: wanted.state, self: wanted.self, skipped: [] });
  });

  it.each(['unregistered_frameworks', 'orphan_tasks', 'flags'])(
    'has %s passed over unparsed',
    async (key) => {
      const { state } = await readState(
        `{${JSON.stringify(key)}:[no JSON, "]"],${JSON.stringify(STATE).slice(1)}`,
      );
      expect(state).toEqual((await readState(STATE)).state);
    },
  );

  it.each(['unreachable_tasks', 'executors', 'offers', 'completed_executors'])(
    "has a framework's %s passed over unparsed",
    async (key) => {
      const text = JSON.stringify(STATE).replaceAll(
        '"name":',
        `${JSON.stringify(key)}:{no JSON "}"},"name":`,
      );
      const { state } = await readState(text);
      expect(state).toEqual((await readState(STATE)).state);
    },
  );

  it('that is an empty object is an empty cluster without a leader', async () => {
    const { state, self, reasons } = await readState({});
    expect(state).toEqual({
      leader: undefined,
      agents: [],
      frameworks: [],
      ended: NOTHING,
      recoveringAgents: 0,
    });
    expect(self).toBeUndefined();
    expect(reasons()).toEqual(['leader']);
  });

  it.each([
    ['null', /null instead of an object/],
    ['[]', /a list instead of an object/],
    [`[${JSON.stringify(STATE)}]`, /a list instead of an object/],
    ['"state"', /string "state" instead of an object/],
    ['17', /number 17 instead of an object/],
    ['true', /boolean true instead of an object/],
    ['', /cut off at offset 0/],
    ["'true'", /not JSON .* at offset 0/],
    ['<html><body>404</body></html>', /not JSON .* at offset 0/],
    [`// http://10.0.0.1:5050/state\n${JSON.stringify(STATE)}`, /not JSON .* at offset 0/],
    [`${JSON.stringify(STATE)}x`, /more behind its end at offset/],
    [JSON.stringify(STATE).slice(0, -1), /cut off at offset/],
    ['['.repeat(100_000), /nested more than 512 deep/],
    [`{"slaves":[${'['.repeat(100_000)}`, /cut off/],
    [`{"frameworks":[{"name":${'{"a":'.repeat(100_000)}`, /nested more than 512 deep/],
  ])('%.40s … is no state', async (text, message) => {
    const error = await readState(text).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(FormatError);
    expect(error).toMatchObject({ message: expect.stringMatching(message) });
  });

  it('cut off anywhere is no state', async () => {
    const octets = Buffer.from(JSON.stringify({ ...STATE, frameworks: FRAMEWORKS.slice(0, 1) }));
    for (let length = 0; length < octets.length; length++) {
      await expect(readState(octets.subarray(0, length).toString())).rejects.toBeInstanceOf(FormatError);
    }
  });

  it('stops reading, and closes what it reads from, at the first octet that breaks it', async () => {
    let closed = false;
    let given = 0;
    async function* chunks(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) {
          given++;
          yield Buffer.from(given < 3 ? '{"slaves":[]}'.slice((given - 1) * 7, given * 7) : '}');
        }
      } finally {
        closed = true;
      }
    }
    await expect(readStateDocument(chunks(), () => undefined)).rejects.toBeInstanceOf(FormatError);
    expect({ closed, given }).toEqual({ closed: true, given: 3 });
  });

  it('whose reading fails fails with that failure', async () => {
    const failure = new Error('connection reset');
    async function* chunks(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('{"slaves":[');
      throw failure;
    }
    await expect(readStateDocument(chunks(), () => undefined)).rejects.toBe(failure);
  });

  it('of many agents and tasks is read in pieces that cut everything in two', async () => {
    const tasks = Array.from({ length: 300 }, (_, i) => ({
      id: `t${i}`,
      name: 'ünï"\\',
      slave_id: 'S1',
      state: 'TASK_RUNNING',
    }));
    const text = JSON.stringify({ ...STATE, frameworks: [{ name: 'f', tasks }] });
    const { report } = keepReports();
    const whole = await readStateDocument(inPieces(text, 1_000_000), report);
    for (const size of [1, 7, 64])
      expect(await readStateDocument(inPieces(text, size), report)).toEqual(whole);
    expect(whole.state.frameworks[0]?.tasks).toHaveLength(300);
  });
});

describe('members of the wrong type', () => {
  it.each(WRONG.filter((value) => !Array.isArray(value)))(
    'slaves that are %j leave out all agents',
    async (slaves) => {
      const { state, reasons, details } = await readState({ ...STATE, slaves });
      expect(state.agents).toEqual([]);
      expect(state.frameworks).toHaveLength(2);
      expect(reasons()).toEqual(['agent-field']);
      expect(details()).toEqual(['slaves are no list']);
    },
  );

  it.each(WRONG.filter((value) => !Array.isArray(value)))(
    'frameworks that are %j leave out all frameworks',
    async (frameworks) => {
      const { state, reasons } = await readState({ ...STATE, frameworks });
      expect(state.frameworks).toEqual([]);
      expect(state.agents).toHaveLength(2);
      expect(reasons()).toEqual(['framework-field']);
    },
  );

  it.each(WRONG.filter((value) => !Array.isArray(value)))(
    'tasks that are %j leave out the tasks of that framework',
    async (tasks) => {
      const { state, reasons, details } = await readState({
        ...STATE,
        frameworks: [{ ...FRAMEWORKS[0], tasks }, FRAMEWORKS[1]],
      });
      expect(state.frameworks.map(({ name, tasks: kept }) => [name, kept.length])).toEqual([
        ['one', 0],
        ['two', 1],
      ]);
      expect(reasons()).toEqual(['framework-field']);
      expect(details()).toEqual(['framework "one" (f1): tasks are no list']);
    },
  );

  it.each(['slaves', 'frameworks'])('%s that are null are none', async (key) => {
    const { state, skipped } = await readState({ ...STATE, [key]: null });
    expect({ agents: state.agents.length, frameworks: state.frameworks.length, skipped }).toEqual({
      agents: key === 'slaves' ? 0 : 2,
      frameworks: key === 'slaves' ? 2 : 0,
      skipped: [],
    });
  });

  it.each([7, true, 'x', [], [['x']]])(
    'an agent that is %j is left out, the rest is there',
    async (agent) => {
      const { state, reasons } = await readState({ ...STATE, slaves: [AGENTS[0], agent, AGENTS[1]] });
      expect(state.agents.map(({ id }) => id)).toEqual(['S1', 'S2']);
      expect(reasons()).toEqual(['agent-field']);
    },
  );

  it.each([7, true, 'x', [], [['x']]])(
    'a framework that is %j is left out, others keep their own tasks',
    async (framework) => {
      const { state, reasons } = await readState({
        ...STATE,
        frameworks: [FRAMEWORKS[0], framework, FRAMEWORKS[1]],
      });
      expect(state.frameworks.map(({ name, tasks }) => [name, tasks.length])).toEqual([
        ['one', 2],
        ['two', 1],
      ]);
      expect(reasons()).toEqual(['framework-field']);
    },
  );

  it.each([7, true, 'x', [], [['x']]])('a task that is %j is left out, the rest is there', async (task) => {
    const { state, reasons } = await readState({
      ...STATE,
      frameworks: [{ ...FRAMEWORKS[0], tasks: [{ id: 't1' }, task, { id: 't2' }] }],
    });
    expect(state.frameworks[0]?.tasks.map(({ id }) => id)).toEqual(['t1', 't2']);
    expect(reasons()).toEqual(['task-field']);
  });

  it('a framework without tasks has none', async () => {
    const { state, skipped } = await readState({
      ...STATE,
      frameworks: [{ name: 'a' }, { name: 'b', tasks: null }, { name: 'c', tasks: [] }],
    });
    expect(state.frameworks.map(({ tasks }) => tasks)).toEqual([[], [], []]);
    expect(skipped).toEqual([]);
  });
});

describe('what ended', () => {
  const ENDED = ['FINISHED', 'FAILED', 'KILLED', 'LOST', 'ERROR', 'DROPPED', 'GONE', 'GONE_BY_OPERATOR'];
  const NOT_ENDED = ['RUNNING', 'STAGING', 'KILLING', 'UNREACHABLE', 'UNKNOWN'];
  const taskIn = (state: string): object => ({
    id: `t-${state}`,
    name: 'web',
    slave_id: 'a-S1',
    state: `TASK_${state}`,
    statuses: [{ state: 'TASK_RUNNING', container_status: { network_infos: 7 } }],
  });
  const all = [...ENDED, ...NOT_ENDED].map((state) => taskIn(state));
  const wanted = (frameworkName: string): object[] =>
    ENDED.map((state) => ({ id: `t-${state}`, agentId: 'a-S1', frameworkName }));

  it.each([
    ['completed_tasks of a framework', { frameworks: [{ name: 'f', completed_tasks: all }] }],
    [
      'tasks of a framework',
      { frameworks: [{ name: 'f', tasks: all.map((task) => ({ ...task, statuses: [] })) }] },
    ],
    [
      'completed_tasks of a completed framework',
      { completed_frameworks: [{ name: 'f', completed_tasks: all }] },
    ],
    ['tasks of a completed framework', { completed_frameworks: [{ name: 'f', tasks: all }] }],
    ['tasks that stand before their name', { completed_frameworks: [{ completed_tasks: all, name: 'f' }] }],
  ])('is told by %s in a terminal state', async (_, members) => {
    const { state, skipped } = await readState({ ...STATE, frameworks: [], ...members });
    expect(state.ended.tasks).toEqual(wanted('f'));
    expect(skipped).toEqual([]);
  });

  it('is not told by unreachable tasks', async () => {
    const frameworks = [{ name: 'f', unreachable_tasks: [taskIn('LOST')] }];
    expect((await readState({ ...STATE, frameworks })).state.ended).toMatchObject(NOTHING);
  });

  it('names completed frameworks, each once, less those whose name a registered one has', async () => {
    const completed_frameworks = ['batch', 'one', 'batch', '', 'One', 'o-n-e'].map((name, i) => ({
      name,
      id: `c${i}`,
      principal: 'p',
    }));
    const { state } = await readState({ ...STATE, completed_frameworks });
    expect(state.ended.frameworks).toEqual(['batch', '', 'One', 'o-n-e']);
    expect(state.ended.frameworkIds).toEqual(
      new Map([
        ['batch', ['c0', 'c2']],
        ['one', ['c1']],
        ['', ['c3']],
        ['One', ['c4']],
        ['o-n-e', ['c5']],
      ]),
    );
    expect([...(state.ended.registered?.values() ?? [])]).toEqual(['one', 'two']);
  });

  it('has each task with the name of its own framework, whatever stands between them', async () => {
    const { state } = await readState({
      ...STATE,
      frameworks: [
        { name: 'f1', completed_tasks: [taskIn('LOST')] },
        7,
        { name: 'f2', completed_tasks: [taskIn('GONE')] },
      ],
      completed_frameworks: [
        { name: 'c1', completed_tasks: [taskIn('KILLED')] },
        'x',
        { name: 'c2', tasks: [taskIn('ERROR')] },
      ],
    });
    expect(state.ended.tasks.map(({ id, frameworkName }) => `${frameworkName} ${id}`)).toEqual([
      'f1 t-LOST',
      'f2 t-GONE',
      'c1 t-KILLED',
      'c2 t-ERROR',
    ]);
    expect(state.ended.frameworks).toEqual(['c1', 'c2']);
  });

  it.each([7, true, 'x', [], [['x']], { id: 7, state: 'TASK_LOST' }])(
    'by an element that is %j is not known, which costs only itself',
    async (odd) => {
      const tasks = [taskIn('LOST'), odd, taskIn('GONE')];
      const { state, reasons } = await readState({
        ...STATE,
        frameworks: [{ name: 'f', completed_tasks: tasks }],
        completed_frameworks: [{ name: 'c', tasks }],
      });
      expect(state.ended.tasks.map(({ id }) => id)).toEqual(['t-LOST', 't-GONE', 't-LOST', 't-GONE']);
      expect(reasons()).toEqual(['task-field', 'task-field']);
    },
  );

  it.each([7, true, 'x', { x: 1 }])(
    'completed frameworks that are %j are none',
    async (completed_frameworks) => {
      const { state, reasons } = await readState({ ...STATE, completed_frameworks });
      expect(state.ended).toMatchObject(NOTHING);
      expect(state.ended).not.toHaveProperty('frameworkIds');
      expect(state.frameworks).toHaveLength(2);
      expect(reasons()).toEqual(['framework-field']);
    },
  );

  it.each([7, null, { name: 7, tasks: [7] }])(
    'a completed framework that is %j costs only itself',
    async (odd) => {
      const { state } = await readState({ ...STATE, completed_frameworks: [odd, { name: 'c' }] });
      expect(state.ended.frameworks.filter((name) => name !== '')).toEqual(['c']);
    },
  );

  it('is the newest of a list that is longer than masters keep', async () => {
    const completed_tasks = Array.from({ length: 1_005 }, (_, i) => ({ id: `t${i}`, state: 'TASK_LOST' }));
    const { state } = await readState({ ...STATE, frameworks: [{ name: 'f', completed_tasks }] });
    expect(state.ended.tasks).toHaveLength(1_000);
    expect(state.ended.tasks.map(({ id }) => id).slice(-1)).toEqual(['t1004']);
  });
});

describe('agents that a new leader awaits', () => {
  it.each([
    [undefined, 0],
    [null, 0],
    [[], 0],
    [[{ id: 'S1' }, { id: 'S2' }], 2],
    [[7, null, 'x'], 3],
    [7, 0],
  ])('as recovered_slaves %j are %i', async (recovered_slaves, count) => {
    const { state, skipped } = await readState({ ...STATE, recovered_slaves });
    expect(state.recoveringAgents).toBe(count);
    expect(skipped).toEqual([]);
  });
});

describe('the leader', () => {
  const leader = (fields: object): ReturnType<typeof readState> =>
    readState({ ...STATE, leader: undefined, ...fields });

  it.each([
    ['its pid', { leader: 'master@10.0.0.9:5050' }, '10.0.0.9'],
    ['an IPv6 pid', { leader: 'master@[2001:db8::9]:5050' }, '2001:db8::9'],
    ['a host name', { leader: 'master@leader.example:5050' }, 'leader.example'],
    [
      'leader_info where leader is gone',
      { leader_info: { pid: 'master@10.0.0.9:5050', hostname: 'm9' } },
      '10.0.0.9',
    ],
    [
      'leader before leader_info',
      { leader: 'master@10.0.0.9:5050', leader_info: { pid: 'master@10.0.0.8:5050' } },
      '10.0.0.9',
    ],
    [
      'leader_info beside an empty leader',
      { leader: '', leader_info: { pid: 'master@10.0.0.9:5050' } },
      '10.0.0.9',
    ],
  ])('is read by %s', async (_, fields, host) => {
    const { state, skipped } = await leader(fields);
    expect(state.leader).toEqual({ host, port: '5050' });
    expect(skipped).toEqual([]);
  });

  it.each([
    ['missing', {}],
    ['null', { leader: null }],
    ['empty', { leader: '' }],
    ['a number', { leader: 7 }],
    ['a list', { leader: ['master@10.0.0.9:5050'] }],
    ['without @', { leader: '10.0.0.9:5050' }],
    ['with two @', { leader: 'master@10.0.0.8@10.0.0.9:5050' }],
    ['without a port', { leader: 'master@10.0.0.9' }],
    ['with an empty port', { leader: 'master@10.0.0.9:' }],
    ['with an empty host', { leader: 'master@:5050' }],
    ['IPv6 without brackets', { leader: 'master@2001:db8::9:5050' }],
    ['in a leader_info that is a text', { leader_info: 'master@10.0.0.9:5050' }],
    ['in a leader_info without a pid', { leader_info: { hostname: 'm9', port: 5050 } }],
  ])('that is %s is told, and the rest is there', async (_, fields) => {
    const { state, reasons } = await leader(fields);
    expect(state.leader).toBeUndefined();
    expect(state.agents).toHaveLength(2);
    expect(state.frameworks).toHaveLength(2);
    expect(reasons()).toEqual(['leader']);
  });
});

describe('who says it', () => {
  it.each([undefined, null, 7, '', 'x', 'master@10.0.0.9'])(
    'is not known by a pid of %j, which costs nothing else',
    async (pid) => {
      const { state, self, skipped } = await readState({ ...STATE, pid });
      expect(self).toBeUndefined();
      expect(state.agents).toHaveLength(2);
      expect(skipped).toEqual([]);
    },
  );
});
