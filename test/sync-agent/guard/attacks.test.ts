import { describe, expect, it } from 'vitest';
import type { ClusterState, EndedTask, MesosFramework, MesosTask } from '../../../sync-agent/cluster.ts';
import { createFrameworksSeen } from '../../../sync-agent/frameworks-seen.ts';
import { guard } from '../../../sync-agent/guard/guard.ts';
import { EMPTY_MEMORY } from '../../../sync-agent/guard/memory.ts';
import { withValues } from '../../../sync-agent/records/difference.ts';
import { createEndedTable } from '../../../sync-agent/sources/ended-table.ts';
import { readStateDocument } from '../../../sync-agent/sources/state-document.ts';
import { agentAt, frameworkWith, recordsOf, stateWith, statusWith, taskWith } from '../states.ts';
import { isClusterRecord, SETTINGS, START_MS } from './town.ts';

/** An agent that publishes what it reads, seconds apart; gives how many of marathon's tasks are published then. */
function createPublisher() {
  let published = recordsOf({}).set;
  let memory = EMPTY_MEMORY;
  let nowMs = START_MS;
  const seen = createFrameworksSeen();
  return (state: ClusterState): number => {
    const next = recordsOf(state).set;
    const verdict = guard({
      sources: [
        {
          name: 'mesos',
          published,
          next,
          ended: seen.withNamesakes(state.ended),
          recoveringAgents: 0,
          frameworks: state.frameworks.length,
          tasks: state.frameworks.flatMap(({ tasks }) => tasks).length,
          isClusterRecord,
        },
      ],
      memory,
      settings: SETTINGS,
      nowMs: (nowMs += 5_000),
      domain: 'mesos',
    });
    seen.add(state.frameworks.map(({ id }) => id));
    published = withValues(next, verdict.kept);
    ({ memory } = verdict);
    return [...published.A.keys()].filter((name) => /^web\d+-[a-z0-9]{5}-s\d\.marathon\.mesos\.$/.test(name))
      .length;
  };
}

const COUNT = 60;
const numbers = Array.from({ length: COUNT }, (_, i) => i);
const agents = [0, 1, 2].map((n) => agentAt(`a-S${n}`, `10.0.0.${n + 1}:5051`));

/** As a master's `/state` has them. */
const jsonTask = (id: string, i: number, state = 'TASK_RUNNING') => ({
  id,
  name: `web${i}`,
  slave_id: `a-S${i % 3}`,
  state,
  resources: { ports: `[${31_000 + i}-${31_000 + i}]` },
  statuses: [{ state, timestamp: 1 }],
});
const WEB = numbers.map((i) => jsonTask(`web.${i}`, i));
const OTHER = numbers.map((i) => ({ ...jsonTask(`o.${i}`, i), name: `o${i}`, resources: {} }));
const FORGED = jsonTask('web.0', 0, 'TASK_FINISHED');
const json = (
  id: string,
  name: string,
  tasks: readonly object[] = [],
  completed_tasks: readonly object[] = [],
) => ({
  id,
  name,
  tasks,
  completed_tasks,
});
const polled = async (
  frameworks: readonly object[],
  completed: readonly object[] = [],
): Promise<ClusterState> => {
  const slaves = [0, 1, 2].map((n) => ({ id: `a-S${n}`, pid: `slave(1)@10.0.0.${n + 1}:5051` }));
  const text = JSON.stringify({
    slaves,
    frameworks,
    completed_frameworks: completed,
    leader: 'master@10.9.0.1:5050',
  });
  const chunks = (async function* () {
    yield new TextEncoder().encode(text);
  })();
  return (await readStateDocument(chunks, () => undefined)).state;
};
const other = json('f-o', 'other', OTHER);
const before = [json('f-m', 'marathon', WEB), other];
const evil = json('f-e', 'Marathon', [jsonTask('web.0', 0)]);

describe('another framework with the same part of names', () => {
  it.each([
    ['that ended with a copied task', [json('f-e', 'Marathon', [], [FORGED])], 59],
    ['that ended with none', [json('f-e', 'Marathon')], 60],
  ])('%s lets go of no more than that task while polling', async (_, completed, left) => {
    const publish = createPublisher();
    publish(await polled(before));
    expect(publish(await polled([...before, evil]))).toBe(COUNT);
    expect(publish(await polled([json('f-m', 'marathon'), other], completed))).toBe(left);
  });

  it.each([
    ['was seen', true],
    ['was not seen', false],
  ])(
    'lets go of no more where the state does not show the victim’s either, which %s with it',
    async (_, withEvil) => {
      const publish = createPublisher();
      publish(await polled(withEvil ? [...before, evil] : before));
      expect(publish(await polled([other], [json('f-e', 'Marathon', [], [FORGED])]))).toBe(59);
    },
  );

  it('lets go of no more after a restart, where an older one has completed too', async () => {
    const publish = createPublisher();
    const state = await polled(before);
    publish({ ...state, frameworks: state.frameworks, ended: { tasks: [], frameworks: [] } });
    const completed = [json('f-e', 'Marathon', [], [FORGED]), json('f-1', 'marathon')];
    expect(publish(await polled([other], completed))).toBe(59);
  });

  it('lets go of nothing by an operator stream, though it was seen registered', () => {
    const publish = createPublisher();
    const table = createEndedTable();
    const tasks = numbers.map((i) =>
      taskWith({
        id: `web.${i}`,
        name: `web${i}`,
        agentId: `a-S${i % 3}`,
        ports: [{ begin: 31_000 + i, end: 31_000 + i }],
      }),
    );
    const stream = (frameworks: readonly MesosFramework[]): ClusterState => {
      const ended = table.ended(new Map(frameworks.map(({ id, name }) => [id, name])));
      return stateWith({ agents, frameworks, ended });
    };
    const marathon = frameworkWith({ id: 'f-m', name: 'marathon', tasks });
    publish(stream([marathon, frameworkWith({ id: 'f-e', name: 'Marathon' })]));
    table.addFramework('f-e', 'Marathon');
    expect(publish(stream([{ ...marathon, tasks: [] }]))).toBe(COUNT);
    table.addFramework('f-m', 'marathon');
    expect(publish(stream([]))).toBe(0);
  });

  it.each(['Marathon', 'marathon.slave', 'e-ybndr-s0.marathon'])(
    'takes no name over by calling its tasks the same, nor makes up for any: %s',
    async (name) => {
      const publish = createPublisher();
      publish(await polled([...before, json('f-e', name)]));
      const tasks = numbers.map((i) => ({ ...jsonTask(`evil.${i}`, i), resources: {} }));
      // In the one case its own are there beside marathon's.
      const left = publish(await polled([json('f-m', 'marathon'), other, json('f-e', name, tasks)]));
      expect(left).toBe(name === 'Marathon' ? 2 * COUNT : COUNT);
    },
  );
});

describe('a framework that really completed', () => {
  it('goes at once while polling, be it with few of its tasks in evidence or none', async () => {
    for (const completed_tasks of [[], [FORGED]]) {
      const publish = createPublisher();
      expect(publish(await polled(before))).toBe(COUNT);
      expect(publish(await polled([other], [json('f-m', 'marathon', [], completed_tasks)]))).toBe(0);
    }
  });

  it('goes at once beside an older one of its name, which completed before', async () => {
    const publish = createPublisher();
    publish(await polled([json('f-1', 'marathon', WEB), other]));
    publish(await polled(before, [json('f-1', 'marathon')]));
    expect(publish(await polled([other], [json('f-m', 'marathon'), json('f-1', 'marathon')]))).toBe(0);
  });
});

type Given = Partial<Pick<MesosTask, 'ports' | 'discovery'>> & { readonly ip?: string };
const placed = (id: string, agent: number, { ip, ...parts }: Given): MesosTask =>
  taskWith({
    id,
    name: id,
    agentId: `a-S${agent}`,
    running: ip === undefined ? [] : [statusWith({ netinfo: [ip] })],
    ...parts,
  });
const discovered = (name: string, ports: readonly number[]): MesosTask['discovery'] => ({
  name,
  ports: ports.map((number) => ({ number, name: `p${number}`, protocol: 'tcp' })),
});
const allOf = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

describe('the place of a task that is missing', () => {
  const ownIp = (i: number): string => `172.17.0.${i + 1}`;
  /** How many of marathon's are left, with these beside them in the read that loses them. */
  const left = (
    victims: (i: number) => Given,
    evil: {
      readonly name: string;
      readonly tasks: readonly MesosTask[];
      readonly victim?: readonly MesosTask[];
    },
    tasksEnded: readonly EndedTask[] = [],
  ): number => {
    const publish = createPublisher();
    const state = (frameworks: readonly MesosFramework[]): ClusterState => {
      const registered = new Map(frameworks.map(({ id, name }) => [id, name]));
      return stateWith({ agents, frameworks, ended: { tasks: tasksEnded, frameworks: [], registered } });
    };
    const marathon = frameworkWith({
      name: 'marathon',
      tasks: numbers.map((i) => placed(`web${i}`, i % 3, victims(i))),
    });
    publish(state([marathon]));
    return publish(
      state([
        { ...marathon, tasks: evil.victim ?? [] },
        frameworkWith({ name: evil.name, tasks: evil.tasks }),
      ]),
    );
  };
  const hostPorts = (i: number): Given => ({ ports: [{ begin: 31_000 + i, end: 31_000 + i }] });
  const onHost = (i: number): Given => ({ ...hostPorts(i), discovery: discovered(`web${i}`, [31_000 + i]) });
  const inContainer = (i: number): Given => ({ ip: ownIp(i), discovery: discovered(`web${i}`, [80]) });
  /** One on each agent. */
  const three = (parts: (agent: number) => Given): MesosTask[] =>
    [0, 1, 2].map((agent) => placed(`x.${agent}`, agent, parts(agent)));
  const claims = three((agent) => ({
    ports: [{ begin: 31_900 + agent, end: 31_900 + agent }],
    discovery: discovered('x', allOf(31_000, COUNT)),
  }));

  it.each([
    ['host ports', hostPorts],
    ['host ports that discovery info names', onHost],
  ])('is not taken by discovery info that claims %s', (_, victims) => {
    for (const name of [
      'evil',
      'Marathon',
      'evil.slave',
      'marathon.slave',
      'e-ybndr-s0.marathon',
      'e-ybndr-s0.marathon.slave',
    ])
      expect([name, left(victims, { name, tasks: claims })]).toEqual([name, COUNT]);
  });

  it.each([
    ['host ports', hostPorts],
    ['host ports that discovery info names', onHost],
  ])('is taken by who was given its %s', (_, victims) => {
    const given = three(() => ({ ports: [{ begin: 31_000, end: 31_029 }] }));
    expect(left(victims, { name: 'other', tasks: given })).toBe(30);
    const named = three(() => ({
      ports: [{ begin: 31_000, end: 31_029 }],
      discovery: discovered('x', [31_005]),
    }));
    expect(left(victims, { name: 'other', tasks: named })).toBe(30);
  });

  it('is taken, if it is a container’s, by one of its own framework', () => {
    const successor = placed('new', 0, { ip: ownIp(0), discovery: discovered('new', [80]) });
    expect(left(inContainer, { name: 'other', tasks: [], victim: [successor] })).toBe(59);
    const elsewhere = placed('new', 1, { ip: ownIp(0), discovery: discovered('new', [80]) });
    expect(left(inContainer, { name: 'other', tasks: [], victim: [elsewhere] })).toBe(60);
  });

  it('is not taken by a claim of another framework’s, whatever that is called', () => {
    const stolen = numbers.map((i) =>
      placed(`x${i}`, i % 3, { ip: ownIp(i), discovery: discovered('x', [80]) }),
    );
    for (const name of ['evil', 'Marathon'])
      expect([name, left(inContainer, { name, tasks: stolen })]).toEqual([name, COUNT]);
  });

  it('is not taken by a claim of its own framework’s to the agent’s ports', () => {
    expect(left(onHost, { name: 'other', tasks: [], victim: claims })).toBe(COUNT);
  });
});
