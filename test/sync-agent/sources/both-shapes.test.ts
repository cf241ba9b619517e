import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createClusterTables } from '../../../sync-agent/sources/cluster-tables.ts';
import { compareStates } from '../../../sync-agent/sources/compare-states.ts';
import { readState } from '../documents.ts';
import { keepReports } from '../reports.ts';
import { recordsOf } from '../states.ts';
import { framed, readStream } from './streams.ts';

/** Real clusters' states (see `captures.test.ts`), told again as a stream would. */
const FOLDER = new URL('../../../../shared/captures/mesos-state-master/', import.meta.url);
const there = existsSync(FOLDER);

type Json = Readonly<Record<string, unknown>>;
type RawTask = Json & {
  readonly id: string;
  readonly slave_id: string;
  readonly framework_id: string;
  readonly resources: { readonly ports?: string };
  readonly statuses: readonly (Json & { readonly labels?: unknown })[];
};
type RawState = {
  readonly slaves: readonly (Json & { readonly id: string })[];
  readonly frameworks: readonly (Json & { readonly id: string; readonly tasks: readonly RawTask[] })[];
};

describe.skipIf(!there)('a captured state gives the same records as a stream', () => {
  it.each(there ? readdirSync(FOLDER) : [])('%s', async (file) => {
    const raw = withoutTwins(JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')));
    const { state } = await readState(raw);
    const { report, skipped } = keepReports();
    const tables = createClusterTables();
    const subscribed = { type: 'SUBSCRIBED', subscribed: { get_state: toV1(raw) } };
    readStream(tables, framed(subscribed), { pieces: [4096, 1], wholeOctets: 0, report });
    tables.setLeader(state.leader);
    tables.learnFrameworks(new Map(state.frameworks.map(({ id, endpoint }) => [id, endpoint])));
    expect(skipped).toEqual([]);
    expect(compareStates(tables.state(), state)).toEqual({ agents: 0, frameworks: 0, tasks: 0 });
    for (const ipSources of [
      ['netinfo', 'mesos', 'host'],
      ['docker', 'host'],
    ] as const) {
      expect(sorted(recordsOf(tables.state(), { ipSources }).records)).toEqual(
        sorted(recordsOf(state, { ipSources }).records),
      );
    }
  });
});

it.skipIf(there)(
  'captures are not beside this repository: the tests of both shapes are skipped',
  () => undefined,
);

/** No master has two tasks of one id; some of these states were edited by hand. */
function withoutTwins(raw: RawState): RawState {
  const frameworks = raw.frameworks.map((framework) => ({
    ...framework,
    tasks: [...new Map(framework.tasks.map((task) => [task.id, task])).values()],
  }));
  return { ...raw, frameworks };
}

function toV1({ slaves, frameworks }: RawState): Json {
  return {
    get_agents: {
      agents: slaves.map(({ id, hostname, attributes, ...agent }) => ({
        ...agent,
        agent_info: {
          id: { value: id },
          hostname,
          attributes: Object.entries({ ...(attributes as object | undefined) }).map(([name, value]) =>
            typeof value === 'string'
              ? { name, type: 'TEXT', text: { value } }
              : { name, type: 'SCALAR', scalar: { value } },
          ),
        },
      })),
    },
    get_frameworks: {
      frameworks: frameworks.map(({ id, name, hostname }) => ({
        framework_info: { id: { value: id }, name, hostname },
      })),
    },
    get_tasks: { tasks: frameworks.flatMap(({ id, tasks }) => tasks.map((task) => taskV1(task, id))) },
  };
}

function taskV1(
  { id, slave_id, resources, statuses, labels = [], role, ...task }: RawTask,
  frameworkId: string,
): Json {
  return {
    ...task,
    task_id: { value: id },
    agent_id: { value: slave_id },
    framework_id: { value: frameworkId },
    executor_id: undefined,
    labels: { labels },
    resources: [
      {
        name: 'ports',
        type: 'RANGES',
        ranges: { range: rangesIn(resources.ports) },
        allocation_info: { role },
      },
    ],
    statuses: statuses.map((status) => ({
      ...status,
      ...(status.labels !== undefined && { labels: { labels: status.labels } }),
    })),
  };
}

function rangesIn(ports = ''): readonly Json[] {
  return [...ports.matchAll(/(\d+)-(\d+)/g)].map(([, begin, end]) => ({
    begin: Number(begin),
    end: Number(end),
  }));
}

function sorted(records: ReturnType<typeof recordsOf>['records']): unknown {
  return Object.values(records).map((names) =>
    Object.entries(names)
      .map(([name, values]) => `${name} ${values.toSorted().join(' ')}`)
      .toSorted(),
  );
}
