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
      recovered_slaves: [7],
      orphan_tasks: [7],
      unregistered_frameworks: ['f0'],
      completed_frameworks: [{ name: 7, tasks: [7] }],
      unknown: { frameworks: [{ tasks: [7] }], slaves: [7] },
    };
    const frameworks = FRAMEWORKS.map((framework) =>
      reversed({
        ...framework,
        completed_tasks: [7],
        unreachable_tasks: 7,
        executors: [{ tasks: [7] }],
        offers: 'x',
        role: '*',
      }),
    );
    const { state, self, skipped } = await readState(reversed({ ...STATE, ...more, frameworks }));
    expect({ state, self, skipped }).toEqual({ state: wanted.state, self: wanted.self, skipped: [] });
  });

  it.each(['completed_frameworks', 'unregistered_frameworks', 'orphan_tasks', 'recovered_slaves', 'flags'])(
    'has %s passed over unparsed',
    async (key) => {
      const { state } = await readState(
        `{${JSON.stringify(key)}:[no JSON, "]"],${JSON.stringify(STATE).slice(1)}`,
      );
      expect(state).toEqual((await readState(STATE)).state);
    },
  );

  it.each(['completed_tasks', 'unreachable_tasks', 'executors', 'offers', 'completed_executors'])(
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
    expect(state).toEqual({ leader: undefined, agents: [], frameworks: [] });
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
