import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ClusterState } from '../../../sync-agent/cluster.ts';
import { parseConfig } from '../../../sync-agent/config.ts';
import { recordSettings } from '../../../sync-agent/record-settings.ts';
import { fromLevels } from '../../../sync-agent/records/from-levels.ts';
import { generateRecords } from '../../../sync-agent/records/generate.ts';
import type { RecordSet } from '../../../sync-agent/records/record-set.ts';
import { toZoneContent } from '../../../sync-agent/records/rrsets.ts';
import { readStateDocument } from '../../../sync-agent/sources/state-document.ts';
import { canonicalAddress } from '../../../zone/address.ts';
import { FormatError } from '../../../zone/format-error.ts';
import { parseName } from '../../../zone/name.ts';
import { encodeEntries } from '../../../zone/entries.ts';
import { cutSnapshot } from '../../../zone/plan.ts';
import { inPieces } from '../documents.ts';
import { keepReports } from '../reports.ts';

/**
 * States that real clusters answered, kept beside the repository while it is developed and too large for it:
 * a clone alone does not have them, and then these tests are skipped.
 */
const CAPTURES = new URL('../../../../shared/captures/', import.meta.url);
const there = existsSync(CAPTURES);
/** What these tests look at, in the states as they stand. */
type RawState = {
  readonly leader: string;
  readonly slaves: readonly { readonly id: string }[];
  readonly frameworks: readonly {
    readonly name: string;
    readonly tasks: readonly { readonly id: string; readonly state: string; readonly slave_id: string }[];
  }[];
};

const PROFILES = ['full', 'mesos-dns'] as const;
const ORIGIN = parseName('mesos');

describe.skipIf(!there)('captured master states', () => {
  it.each(captures('mesos-state-master', 30))('%s', async (_, octets) => {
    const json: RawState = JSON.parse(octets.toString());
    const tasks = json.frameworks.flatMap((framework) => framework.tasks);
    const { state, reasons } = await read(octets);
    expect(state.agents.map(({ id }) => id)).toEqual(json.slaves.map((slave) => slave.id));
    expect(state.frameworks.map(({ name }) => name)).toEqual(
      json.frameworks.map((framework) => framework.name),
    );
    expect(tasksOf(state).map(({ id }) => id)).toEqual(tasks.map(({ id }) => id));
    expect(running(state)).toBe(tasks.filter((task) => task.state === 'TASK_RUNNING').length);
    expect(`master@${state.leader?.host}:${state.leader?.port}`).toBe(json.leader);
    // Masters write nothing that can't be read.
    expect(reasons()).toEqual([]);
    for (const profile of PROFILES) await expectPublishable(state, profile);
  });

  it('have an address for every running task on a known agent', async () => {
    let counted = 0;
    for (const [file, octets] of captures('mesos-state-master', 30)) {
      const { state } = await read(octets);
      const { records } = made(state, 'full');
      const addresses = new Set([...records.A.values(), ...records.AAAA.values()].flat());
      for (const task of tasksOf(state).filter((each) => each.state === 'TASK_RUNNING')) {
        const agent = state.agents.find(({ id }) => id === task.agentId);
        expect([file, task.id, addresses.has(canonicalAddress(agent?.endpoint?.host ?? '') ?? '')]).toEqual([
          file,
          task.id,
          true,
        ]);
        counted++;
      }
    }
    expect(counted).toBeGreaterThan(200);
  });
});

describe.skipIf(!there)('a captured bundle, where the state is a part', () => {
  const [[, octets] = ['', Buffer.of()]] = captures('mesos-state-master-in-bundle', 1);

  it('is an object without agents and frameworks: an empty cluster', async () => {
    const { state, reasons } = await read(octets);
    expect(state).toEqual({
      leader: undefined,
      agents: [],
      frameworks: [],
      ended: { tasks: [], frameworks: [] },
      recoveringAgents: 0,
    });
    expect(reasons()).toEqual(['leader']);
  });

  it('has tasks of agents that are gone, which are told and make no records', async () => {
    const bundle: Readonly<Record<string, RawState>> = JSON.parse(octets.toString());
    const json = bundle['master/state.json'] ?? expect.unreachable();
    const tasks = json.frameworks.flatMap((framework) => framework.tasks);
    const known = new Set(json.slaves.map((slave) => slave.id));
    const lost = tasks.filter((task) => task.state === 'TASK_RUNNING' && !known.has(task.slave_id)).length;
    expect(lost).toBeGreaterThan(0);
    const { state } = await read(Buffer.from(JSON.stringify(json)));
    expect(running(state)).toBe(tasks.filter((task) => task.state === 'TASK_RUNNING').length);
    expect(
      made(state, 'full')
        .reasons()
        .filter((reason) => reason === 'unknown-agent'),
    ).toHaveLength(lost);
    await expectPublishable(state, 'full');
  });
});

describe.skipIf(!there)('captured agent states', () => {
  // An agent has neither slaves nor a leader, and its tasks stand in executors: frameworks are all there is.
  it.each(captures('mesos-state-agent', 7))('%s has frameworks, and no tasks', async (_, octets) => {
    const json: RawState = JSON.parse(octets.toString());
    const { state, reasons } = await read(octets);
    expect(state.leader).toBeUndefined();
    expect(state.agents).toEqual([]);
    expect(state.frameworks.map(({ name }) => name)).toEqual(
      json.frameworks.map((framework) => framework.name),
    );
    expect(tasksOf(state)).toEqual([]);
    expect(reasons()).toEqual(['leader']);
    await expectPublishable(state, 'full');
  });
});

describe.skipIf(!there)('captures that are not JSON', () => {
  it.each([
    [
      'dcos__dcos-net--state8',
      'a browser put two comment lines before it',
      0,
      (text: string) => text.replaceAll(/^\/\/.*$/gm, ''),
    ],
    [
      'DataDog__dd-agent--state',
      'a value is in single quotes',
      153,
      (text: string) => text.replaceAll("'true'", 'true'),
    ],
  ])('%s: %s', async (name, _, offset, repaired) => {
    const [, octets] = captures('mesos-state-notjson', 2).find(([file]) => file.startsWith(name)) ?? [
      '',
      Buffer.of(),
    ];
    const error = await read(octets).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(FormatError);
    expect(error).toMatchObject({ message: expect.stringMatching(/^JSON document: is not JSON/), offset });
    const { state } = await read(Buffer.from(repaired(octets.toString())));
    expect(state.agents.length + state.frameworks.length).toBeGreaterThan(0);
  });
});

it.skipIf(there)(
  'captures are not beside this repository: the tests of real states are skipped',
  () => undefined,
);

/** File names and octets of one kind of capture; `count` guards against a folder that became empty. */
function captures(kind: string, count: number): [file: string, octets: Buffer][] {
  if (!there) return [];
  const folder = new URL(`${kind}/`, CAPTURES);
  const files = readdirSync(folder);
  if (files.length < Math.min(count, 28))
    throw new Error(`${folder.pathname} has only ${files.length} files`);
  return files.map((file) => [file, readFileSync(new URL(file, folder))]);
}

async function read(
  octets: Buffer,
): Promise<{ state: ClusterState } & Pick<ReturnType<typeof keepReports>, 'reasons'>> {
  const { report, reasons } = keepReports();
  const { state } = await readStateDocument(inPieces(octets, 997), report);
  return { state, reasons };
}

function tasksOf(state: ClusterState): ClusterState['frameworks'][number]['tasks'] {
  return state.frameworks.flatMap(({ tasks }) => tasks);
}

function running(state: ClusterState): number {
  return tasksOf(state).filter((task) => task.state === 'TASK_RUNNING').length;
}

function made(state: ClusterState, profile: (typeof PROFILES)[number]) {
  const { report, reasons } = keepReports();
  const settings = recordSettings(parseConfig({ records: { profile } }, 'test'));
  // Every host name resolves, to one address: what is tested is the state, not DNS.
  return {
    records: generateRecords(state, settings, { addressesOfHost: () => ['192.0.2.1'], report }),
    reasons,
  };
}

/** Records of a state become blocks, and read back from those are what was put in. */
async function expectPublishable(state: ClusterState, profile: (typeof PROFILES)[number]): Promise<void> {
  const { records } = made(state, profile);
  const { report, details } = keepReports();
  const content = toZoneContent(records, { origin: ORIGIN, ttl: 60, srvWeight: 1, sources: 1 }, report);
  const seed = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const { levels } = await cutSnapshot(encodeEntries(content, { origin: ORIGIN, seed }), {
    seed,
    serial: 1,
  });
  const back = fromLevels(levels);
  expect(sorted(back, 'A')).toEqual(sorted(records, 'A'));
  expect(sorted(back, 'AAAA')).toEqual(sorted(records, 'AAAA'));
  const unanswerable = new Set(details().map((detail) => detail.split(': ')[0]));
  const answerable = Object.entries(sorted(records, 'SRV'))
    .map(
      ([name, values]) =>
        [name, values.filter((value) => !unanswerable.has(`${name} SRV ${JSON.stringify(value)}`))] as const,
    )
    .filter(([, values]) => values.length > 0);
  expect(sorted(back, 'SRV')).toEqual(Object.fromEntries(answerable));
}

function sorted(records: RecordSet, type: keyof RecordSet): Record<string, string[]> {
  return Object.fromEntries(
    [...records[type]].map(([name, values]) => [
      name,
      values.map((value) => canonicalAddress(value) ?? value).toSorted(),
    ]),
  );
}
