import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ClusterState, MesosTask } from '../../../sync-agent/cluster.ts';
import { createClusterTables } from '../../../sync-agent/sources/cluster-tables.ts';
import { createOperatorReader, readGetState } from '../../../sync-agent/sources/operator-reader.ts';
import { FormatError } from '../../../zone/format-error.ts';
import { inPieces } from '../documents.ts';
import { keepReports } from '../reports.ts';
import { recordsOf } from '../states.ts';
import { createMasterModel } from './master-model.ts';
import { framed, readStream } from './streams.ts';

const CAPTURES = new URL('../../../../shared/captures/', import.meta.url);
const there = existsSync(CAPTURES);
const EMPTY = { get_tasks: {}, get_frameworks: {}, get_agents: {} };
const HEARTBEAT = { type: 'HEARTBEAT' };

describe('events', () => {
  it('are told by type and effect, in any order, with what the master says of itself', () => {
    const subscribed = {
      subscribed: { get_state: EMPTY, heartbeat_interval_seconds: 0.25 },
      type: 'SUBSCRIBED',
    };
    const lost = { task_id: { value: 't' }, state: 'TASK_LOST', reason: 'REASON_AGENT_REMOVED' };
    const updated = { type: 'TASK_UPDATED', task_updated: { framework_id: { value: 'f' }, status: lost } };
    const stream = framed(HEARTBEAT, subscribed, HEARTBEAT, { type: 'NEW' }, updated);
    expect(readStream(createClusterTables(), stream, { pieces: [7] })).toEqual([
      { type: 'HEARTBEAT', effect: 'heartbeat' },
      { type: 'SUBSCRIBED', effect: 'subscribed', heartbeatSeconds: 0.25 },
      { type: 'HEARTBEAT', effect: 'heartbeat' },
      { type: 'NEW', effect: 'unknown' },
      { type: 'TASK_UPDATED', effect: 'unchanged', isAgentLost: true },
    ]);
  });

  it.each([0, 1_000_000])(
    'that are cut off leave the tables as they were (whole up to %i)',
    (wholeOctets) => {
      const model = createMasterModel();
      for (const framework of [0, 1])
        model.step({ do: 'framework', framework, pid: undefined, hostname: '' });
      const tables = createClusterTables();
      readStream(tables, framed(model.subscribed()));
      const before = tables.state();
      const all = framed({ type: 'SUBSCRIBED', subscribed: { get_state: EMPTY } });
      expect(() => readStream(tables, all.subarray(0, -1), { wholeOctets })).toThrow(FormatError);
      expect(tables.state()).toEqual(before);
      readStream(tables, all, { wholeOctets });
      expect(tables.state().frameworks).toEqual([]);
    },
  );

  it.each([
    ['no JSON', '{"type"'],
    ['no object', '7'],
    ['two of them', '{"type":"HEARTBEAT"}{}'],
  ])('that are %s end the stream, whole or cut up', (_, record) => {
    for (const wholeOctets of [0, 1_000_000]) {
      expect(() => readStream(createClusterTables(), framed(record), { wholeOctets })).toThrow(FormatError);
    }
  });

  it('may have data of an executor of any size, which is passed over', () => {
    const status = { task_id: { value: 't' }, state: 'TASK_RUNNING', data: 'A'.repeat(20 * 1024 * 1024) };
    const event = { type: 'TASK_UPDATED', task_updated: { framework_id: { value: 'f' }, status } };
    expect(readStream(createClusterTables(), framed(event), { pieces: [65_536] })).toMatchObject([
      { effect: 'unchanged' },
    ]);
  });

  it.each([
    ['one part', Buffer.alloc(1000, 'A'), '{"type":"'],
    ['many small parts', Buffer.from('"a":1,'.repeat(160)), '{'],
    ['a task', Buffer.alloc(1000, '['), '{"subscribed":{"get_state":{"get_tasks":{"tasks":['],
  ])('that are larger than any event are refused before they are in memory: %s', (_, chunk, start) => {
    const maxElementOctets = 50_000;
    const options = { tables: createClusterTables(), report: () => {}, onEvent: () => {}, maxElementOctets };
    const reader = createOperatorReader(options);
    reader.write(Buffer.from(`4000000000\n${start}`));
    let taken = 0;
    expect(() => {
      for (; taken < 100; taken++) reader.write(chunk);
    }).toThrow('has a part of more than 50000 octets');
    expect(taken).toBeLessThan(51);
  });
});

describe('SUBSCRIBED', () => {
  it('is taken element by element: the elements of 40 MB are known before its end', () => {
    let tasks = 0;
    const tables = createClusterTables();
    const { report, reasons } = keepReports();
    const reader = createOperatorReader({ tables, report, onEvent: () => {} });
    const bad = Buffer.from('{"task_id":7},');
    reader.write(Buffer.from('4000000000\n{"subscribed":{"get_state":{"get_tasks":{"tasks":['));
    for (; tasks < 100; tasks++) reader.write(bad);
    // Told as they are met, not at the end, which never comes.
    expect(reasons()).toHaveLength(tasks);
  });

  it('passes over executors, pending and orphaned tasks, whatever they are', async () => {
    const odd = {
      get_executors: 7,
      ...EMPTY,
      get_tasks: { pending_tasks: 7, orphan_tasks: [{}], tasks: [] },
    };
    const tables = createClusterTables();
    const { report, skipped } = keepReports();
    readStream(tables, framed({ type: 'SUBSCRIBED', subscribed: { get_state: odd } }), {
      wholeOctets: 0,
      report,
    });
    expect(skipped).toEqual([]);
  });
});

describe('a GET_STATE response', () => {
  it.each(['{}', '{"type":"GET_STATE"}', '[]', '{"get_state":{"get_tasks":{}}}'])(
    'that is %j is none',
    async (json) => {
      await expect(readGetState(inPieces(json), () => {})).rejects.toThrow(FormatError);
    },
  );

  it('that is cut off is none', async () => {
    const json = JSON.stringify({ get_state: EMPTY });
    await expect(readGetState(inPieces(json.slice(0, -1)), () => {})).rejects.toThrow(FormatError);
  });
});

describe.skipIf(!there)('captured streams', () => {
  it.each([
    ['dcos__dcos-net--hello-world', 13],
    ['dcos__dcos-net--operator-api', 38],
  ])('%s, event by event', (prefix, events) => {
    const lines = capture(prefix).toString().split('\n').filter(Boolean);
    const { report, skipped } = keepReports();
    const tables = createClusterTables();
    const told = readStream(tables, framed(...lines), { pieces: [1, 997, 64], report });
    const raw = lines.map((line): RawEvent => JSON.parse(line));
    expect(raw).toHaveLength(events);
    expect(told.map(({ type }) => type)).toEqual(raw.map(({ type }) => type));
    expect(skipped).toEqual([]);
    expect(tables.counts()).toMatchObject({ unknownEvents: 0, unknownTasks: 0, waitingForFramework: 0 });
    expect(
      tables
        .state()
        .frameworks.map(({ id }) => id)
        .toSorted(),
    ).toEqual(frameworksAfter(raw));
    expect(states(tables.state())).toEqual(statesAfter(raw));
    // The same by another way, and all that runs has records.
    const cut = createClusterTables();
    readStream(cut, framed(...lines), { pieces: [3], wholeOctets: 0 });
    expect(cut.state()).toEqual(tables.state());
    expectAddresses(tables.state());
  });

  it('dcos-ui: with the framing it came in', () => {
    const tables = createClusterTables();
    const octets = capture('dcos__dcos-ui--subscribe');
    const told = readStream(tables, octets, { pieces: [5, 1] });
    expect(told).toMatchObject([{ type: 'SUBSCRIBED', effect: 'subscribed' }]);
    expect(tables.counts()).toMatchObject({ agents: 2, frameworks: 2, tasks: 0 });
    expect(tables.state().agents.every(({ endpoint }) => endpoint?.port === '5051')).toBe(true);
  });

  it.each([
    ['dcos__dcos-net--tcp-and-udp', 1],
    ['dcos__dcos-net--unhealthy', 1],
  ])('%s, a GET_STATE', async (prefix, tasks) => {
    const { report, skipped } = keepReports();
    const tables = await readGetState(inPieces(capture(prefix), 61), report);
    expect(skipped).toEqual([]);
    expect(tables.counts().tasks).toBe(tasks);
    expect(running(tables.state())).toHaveLength(tasks);
    expectAddresses(tables.state());
  });

  it("an agent's own GET_STATE has no tasks of a cluster, and does no harm", async () => {
    for (const prefix of [
      'dcos__telegraf--state--0b49',
      'dcos__telegraf--state--9c91',
      'dcos__dcos-net--vip-labels',
    ]) {
      const outcome = await readGetState(inPieces(capture(prefix)), () => {}).catch(
        (error: unknown) => error,
      );
      if (outcome instanceof FormatError) continue;
      expect(outcome).toHaveProperty('counts');
    }
  });

  it('of the documentation: each event that is JSON', () => {
    const folder = new URL('mesos-v1-docs/', CAPTURES);
    const tables = createClusterTables();
    let read = 0;
    for (const file of readdirSync(folder)) {
      const text = readFileSync(new URL(file, folder), 'utf8');
      const json = text.slice(text.lastIndexOf('\n{\n') + 1);
      if (!/(?:_ADDED|_UPDATED|_REMOVED)-/.test(file) || /,\s*[}\]]/.test(json)) continue;
      const [event] = readStream(tables, framed(json));
      expect(event?.effect).not.toBe('unknown');
      expect(file).toContain(event?.type);
      read++;
    }
    expect(read).toBeGreaterThanOrEqual(5);
    const state = readFileSync(new URL('03-GET_STATE-event-or-request.txt', folder), 'utf8');
    const response = state.slice(state.lastIndexOf('\n{\n') + 1);
    return expect(readGetState(inPieces(response), () => {})).resolves.toMatchObject({});
  });
});

it.skipIf(there)(
  'captures are not beside this repository: the tests of real streams are skipped',
  () => undefined,
);

/** What these tests look at, in the events as they stand. */
type Id = { readonly value: string };
type RawTask = { readonly task_id: Id; readonly state: string };
type RawFramework = { readonly framework_info: { readonly id: Id } };
type RawEvent = {
  readonly type: string;
  readonly subscribed?: {
    readonly get_state: {
      readonly get_tasks: { readonly tasks?: readonly RawTask[] };
      readonly get_frameworks: { readonly frameworks?: readonly RawFramework[] };
    };
  };
  readonly framework_updated?: { readonly framework: RawFramework };
  readonly framework_removed?: RawFramework;
  readonly task_added?: { readonly task: RawTask };
  readonly task_updated?: { readonly status: RawTask; readonly state: string };
};

function frameworksAfter(events: readonly RawEvent[]): string[] {
  const ids = new Set<string>();
  for (const event of events) {
    for (const each of event.subscribed?.get_state.get_frameworks.frameworks ?? [])
      ids.add(each.framework_info.id.value);
    if (event.framework_updated) ids.add(event.framework_updated.framework.framework_info.id.value);
    ids.delete(event.framework_removed?.framework_info.id.value ?? '');
  }
  return [...ids].toSorted();
}

/** Of tasks that run or will. */
function statesAfter(events: readonly RawEvent[]): Record<string, string> {
  const states = new Map<string, string>();
  for (const { subscribed, task_added, task_updated } of events) {
    for (const task of [
      ...(subscribed?.get_state.get_tasks.tasks ?? []),
      ...(task_added ? [task_added.task] : []),
    ])
      states.set(task.task_id.value, task.state);
    if (task_updated) states.set(task_updated.status.task_id.value, task_updated.state);
  }
  const here = [...states].filter(([, state]) => /STAGING|STARTING|RUNNING|KILLING$/.test(state));
  return Object.fromEntries(here);
}

function states(state: ClusterState): Record<string, string> {
  return Object.fromEntries(
    state.frameworks.flatMap(({ tasks }) => tasks.map((task) => [task.id, task.state])),
  );
}

function capture(prefix: string): Buffer {
  const folder = new URL('mesos-v1-operator/', CAPTURES);
  const file = readdirSync(folder).find((name) => name.startsWith(prefix)) ?? expect.unreachable();
  return readFileSync(new URL(file, folder));
}

function running(state: ClusterState): MesosTask[] {
  return state.frameworks.flatMap(({ tasks }) => tasks).filter((task) => task.state === 'TASK_RUNNING');
}

/** Every running task is reached by a name. */
function expectAddresses(state: ClusterState): void {
  const { set, reasons } = recordsOf(state, {}, {});
  expect(reasons().filter((reason) => reason !== 'host-unresolved' && reason !== 'name-not-askable')).toEqual(
    [],
  );
  const names = [...set.A.keys(), ...set.AAAA.keys()];
  expect(names.filter((name) => /-[a-z0-9]{5}-s\d+\./.test(name)).length).toBeGreaterThanOrEqual(
    running(state).length,
  );
}
