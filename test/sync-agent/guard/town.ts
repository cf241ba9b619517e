import { expect } from 'vitest';
import type { ClusterState, Labels, MesosTask } from '../../../sync-agent/cluster.ts';
import { type ConfigInput, parseConfig } from '../../../sync-agent/config.ts';
import {
  guard,
  guardChanges,
  type GuardInput,
  type GuardSettings,
  namesToJudge,
  type Verdict,
} from '../../../sync-agent/guard/guard.ts';
import {
  decodeGuardMemory,
  EMPTY_MEMORY,
  encodeGuardMemory,
  type GuardMemory,
} from '../../../sync-agent/guard/memory.ts';
import { changedNames, partOf, withValues } from '../../../sync-agent/records/difference.ts';
import { recordSettings } from '../../../sync-agent/record-settings.ts';
import type { RecordSet } from '../../../sync-agent/records/record-set.ts';
import type { RecordSettings } from '../../../sync-agent/records/settings.ts';
import { agentAt, endpoints, frameworkWith, recordsOf, stateWith, statusWith, taskWith } from '../states.ts';

/** A task by what the guard's cases turn on. */
export type Job = {
  readonly framework: string;
  readonly name: string;
  readonly id: string;
  /** Number of its agent, which has the address 10.0.<n / 250>.<n % 250>. */
  readonly agent: number;
  readonly port: number;
  readonly address?: string;
  /** Of its discovery info, which it has with a port only. */
  readonly discoveryPort?: number;
  readonly labels?: Labels;
};

/** A cluster as one read sees it. */
export type Town = {
  readonly jobs: readonly Job[];
  /** Frameworks that are there, with tasks or without; by default those of the jobs. */
  readonly frameworks?: readonly string[];
  readonly ended?: readonly Job[];
  readonly completed?: readonly string[];
  readonly awaited?: number;
  /** None where it is empty. */
  readonly leader?: string;
};

/** `count` jobs of one name, the first on agent `from`, each on the next. */
export function jobs(
  framework: string,
  count: number,
  { name = 'web', from = 0, on = 10, run = '' } = {},
): Job[] {
  return Array.from({ length: count }, (_, i) => ({
    framework,
    name,
    id: `${framework}.${name}${run}.${from + i}`,
    agent: (from + i) % on,
    port: 31_000 + from + i,
  }));
}

export const SETTINGS: GuardSettings = {
  maxRemovedPercent: 30,
  minRemoved: 20,
  windowSeconds: 600,
  settleSeconds: 60,
  failoverSeconds: 600,
};

export function agentIp(agent: number): string {
  return `10.0.${Math.floor(agent / 250)}.${(agent % 250) + 1}`;
}

export function stateOf(town: Town): ClusterState {
  const names = new Set([...(town.frameworks ?? []), ...town.jobs.map(({ framework }) => framework)]);
  const agents = [...new Set(town.jobs.map(({ agent }) => agent))].toSorted((a, b) => a - b);
  return stateWith({
    leader: town.leader === '' ? undefined : endpoints(town.leader ?? '10.9.0.1:5050')[0],
    agents: agents.map((agent) => agentAt(`x-S${agent}`, `${agentIp(agent)}:5051`)),
    frameworks: [...names].map((name) =>
      frameworkWith({
        name,
        endpoint: endpoints('10.8.0.1:8080')[0],
        tasks: town.jobs.filter(({ framework }) => framework === name).map((job) => taskOf(job)),
      }),
    ),
    ended: {
      tasks: (town.ended ?? []).map(({ id, agent, framework }) => ({
        id,
        agentId: `x-S${agent}`,
        frameworkName: framework,
      })),
      frameworks: town.completed ?? [],
    },
    recoveringAgents: town.awaited ?? 0,
  });
}

export function recordsIn(town: Town, settings: Partial<RecordSettings> = {}): RecordSet {
  return recordsOf(stateOf(town), settings).set;
}

/** Tags, names of ports, aliases, TTLs, HTTPS records and texts; the keys of a configuration below `records`. */
export function withLabels(records: ConfigInput['records'] = {}): Partial<RecordSettings> {
  const { shape, further } = recordSettings(
    parseConfig(
      {
        records: {
          labels: 'read',
          tags: true,
          taskPortNames: 'definition',
          serviceBindings: 'labels',
          aliases: { within: 'zone', zones: ['apps.example'] },
          ...records,
        },
      },
      'test',
    ),
  );
  return { shape, further };
}

function taskOf({ id, name, agent, port, address, discoveryPort, labels }: Job): MesosTask {
  return taskWith({
    id,
    labels,
    name,
    agentId: `x-S${agent}`,
    ports: [{ begin: port, end: port }],
    discovery:
      discoveryPort === undefined
        ? undefined
        : { name, ports: [{ number: discoveryPort, name: '', protocol: 'tcp' }] },
    running: address === undefined ? [] : [statusWith({ netinfo: [address] })],
  });
}

/** One agent that publishes what it reads, as the guard lets it. Its memory goes through octets each time. */
export type Publisher = {
  readonly read: (town: Town | undefined, atSeconds: number, options?: ReadOptions) => Verdict;
  readonly published: () => RecordSet;
  readonly memory: () => GuardMemory;
  /** Names of published tasks, sorted, as `web.f` each with the job's own part. */
  readonly tasks: () => readonly string[];
};
export type ReadOptions = { readonly force?: boolean; readonly settings?: Partial<GuardSettings> };

/** Times of reads are counted from here, in milliseconds. */
/** How often the changes alone were enough for a verdict. */
export const seen = { brief: 0, without: 0 };

export const START_MS = 1_750_000_000_000;

export function createPublisher(first: Town, records: Partial<RecordSettings> = {}): Publisher {
  let published = recordsIn(first, records);
  let octets = encodeGuardMemory(EMPTY_MEMORY);
  return {
    read: (town, atSeconds, { force = false, settings = {} } = {}) => {
      const input = (from: RecordSet, next: RecordSet | undefined): GuardInput => ({
        sources: [
          {
            name: 'mesos',
            published: from,
            next,
            ...countsOf(town),
            isClusterRecord,
            hasFurtherNames: records.shape !== undefined,
          },
        ],
        memory: decodeGuardMemory(octets),
        settings: { ...SETTINGS, ...settings },
        nowMs: START_MS + atSeconds * 1000,
        domain: 'mesos',
        ...(force && { release: 'forced' }),
      });
      const read = town && recordsIn(town, records);
      const verdict = guard(input(published, read));
      // Whoever knows the changes alone comes to the same, or to no verdict.
      if (read) {
        const names = [...namesToJudge(changedNames(published, read), 'mesos')];
        const brief = guardChanges(input(partOf(published, names), partOf(read, names)));
        if (brief) expect(brief).toEqual(verdict);
        else seen.without++;
        if (brief) seen.brief++;
      }
      published = readBack(withValues(read ?? EMPTY_SET, verdict.kept));
      octets = encodeGuardMemory(verdict.memory);
      return verdict;
    },
    published: () => published,
    memory: () => decodeGuardMemory(octets),
    tasks: () =>
      [...published.A.keys()].filter((name) => /-[a-z0-9]{5}-s\d+\.[^.]+\.mesos\.$/.test(name)).toSorted(),
  };
}

const EMPTY_SET: RecordSet = { A: new Map(), AAAA: new Map(), SRV: new Map(), MORE: new Map() };

function countsOf(town: Town | undefined) {
  const state = stateOf(town ?? { jobs: [] });
  return {
    ended: state.ended,
    recoveringAgents: state.recoveringAgents,
    frameworks: state.frameworks.length,
    tasks: town?.jobs.length ?? 0,
  };
}

export function isClusterRecord(name: string): boolean {
  return /^(?:leader|master\d*|_leader\._(?:tcp|udp)|ns1)\.mesos\.$/.test(name);
}

/** As a snapshot gives it back: in another order, and without values that no answer can carry. */
function readBack({ A, AAAA, SRV, MORE }: RecordSet): RecordSet {
  const turned = (values: ReadonlyMap<string, readonly string[]>) =>
    new Map([...values].toReversed().map(([name, list]) => [name, list.toSorted()]));
  const carried = [...SRV].map(
    ([name, list]) => [name, list.filter((value) => /:\d+$/.test(value))] as const,
  );
  return {
    A: turned(A),
    AAAA: turned(AAAA),
    SRV: turned(new Map(carried.filter(([, list]) => list.length > 0))),
    MORE: turned(MORE),
  };
}
