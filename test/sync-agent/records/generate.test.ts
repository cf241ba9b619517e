import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClusterState } from '../../../sync-agent/cluster.ts';
import { hostNamesOf } from '../../../sync-agent/records/generate.ts';
import type { RecordSettings } from '../../../sync-agent/records/settings.ts';
import { toZoneContent } from '../../../sync-agent/records/rrsets.ts';
import { sameOctets } from '../../../zone/hash.ts';
import { parseName } from '../../../zone/name.ts';
import { encodeEntries } from '../../../zone/entries.ts';
import { cutSnapshot } from '../../../zone/plan.ts';
import { anyState } from '../any-state.ts';
import { keepReports } from '../reports.ts';
import { agentAt, endpoints, frameworkWith, recordsOf, statusWith, stateWith, taskWith } from '../states.ts';

const ORIGIN = parseName('mesos');
const SEED = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const HOSTS = { 'h1.example': ['10.1.0.1', '2001:db8:1::1'], 'h2.example': ['10.1.0.2'] };

describe('a cluster', () => {
  it('that is empty has no records', () => {
    const { records, skipped } = recordsOf({});
    expect(records).toEqual({ A: {}, AAAA: {}, SRV: {} });
    expect(skipped).toEqual([]);
  });

  it('has the records of all its parts', () => {
    const { records } = recordsOf({
      leader: endpoints('10.0.0.5:5050')[0],
      agents: [agentAt('x-S0', '10.0.0.1:5051')],
      frameworks: [
        frameworkWith({ name: 'f', endpoint: endpoints('10.0.0.9:80')[0], tasks: [taskWith({})] }),
      ],
    });
    expect(Object.keys(records.A).toSorted()).toEqual([
      'f.mesos.',
      'leader.mesos.',
      'master.mesos.',
      'master0.mesos.',
      'slave.mesos.',
      'web-5eh48-s0.f.mesos.',
      'web-5eh48-s0.f.slave.mesos.',
      'web.f.mesos.',
      'web.f.slave.mesos.',
    ]);
    expect(Object.keys(records.SRV).toSorted()).toEqual([
      '_framework._tcp.f.mesos.',
      '_leader._tcp.mesos.',
      '_leader._udp.mesos.',
      '_slave._tcp.mesos.',
    ]);
  });

  it('of two tasks that have the same label mixes their values in one name', () => {
    const tasks = ['a/b', 'a\\b', 'AB'].map((name, i) =>
      taskWith({ id: `t${i}`, name, running: [statusWith({ netinfo: [`9.0.0.${i}`] })] }),
    );
    const { records } = recordsOf({
      agents: [agentAt('x-S0', '10.0.0.1:5051')],
      frameworks: [frameworkWith({ name: 'f', tasks })],
    });
    expect(records.A['ab.f.mesos.']).toEqual(['9.0.0.0', '9.0.0.1', '9.0.0.2']);
  });

  it.each(['kept-apart', 'mixed'] as const)(
    'in any order gives the same octets and the same reports (%s)',
    async (reservedNames) => {
      await fc.assert(
        fc.asyncProperty(anyState(), fc.infiniteStream(fc.nat()), async (state, dice) => {
          const roll = (): number => dice.next().value ?? 0;
          const shuffled: ClusterState = {
            ...state,
            agents: shuffle(state.agents, roll),
            frameworks: shuffle(state.frameworks, roll).map((framework) => ({
              ...framework,
              tasks: shuffle(framework.tasks, roll),
            })),
          };
          const one = await published(state, { reservedNames });
          const other = await published(shuffled, { reservedNames });
          expect(sameOctets(one.octets, other.octets)).toBe(true);
          expect(one.reports).toEqual(other.reports);
        }),
        { numRuns: 60 },
      );
    },
  );

  it('of any texts makes names that a zone can hold, and never throws', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 12 }),
      fc.string({ maxLength: 80 }),
      fc.constantFrom('a.b', '..', 'leader', 'x:1'),
    );
    const discovery = fc.option(
      fc.record({
        name: text,
        ports: fc.array(fc.record({ number: fc.integer(), name: text, protocol: text }), { maxLength: 2 }),
      }),
      { nil: undefined },
    );
    const status = fc.record({
      timestamp: fc.double(),
      netinfo: fc.array(text),
      docker: fc.array(text),
      mesos: fc.array(text),
    });
    const range = fc.record({ begin: fc.nat(80_000), end: fc.nat(80_000) });
    const task = fc.record({
      id: text,
      name: text,
      agentId: fc.constantFrom('x-S0', 'ü-ß.É'),
      state: fc.constant('TASK_RUNNING'),
      ports: fc.array(range, { maxLength: 2 }),
      running: fc.array(status, { maxLength: 2 }),
      discovery,
    });
    const endpoint = fc.option(fc.record({ host: text, port: text }), { nil: undefined });
    const framework = fc.record({ id: text, name: text, endpoint, tasks: fc.array(task, { maxLength: 3 }) });
    const state = fc
      .record({
        leader: endpoint,
        agents: fc.array(fc.record({ id: fc.constantFrom('x-S0', 'ü-ß.É'), endpoint }), { maxLength: 3 }),
        frameworks: fc.array(framework, { maxLength: 3 }),
      })
      .map(stateWith);
    await fc.assert(
      fc.asyncProperty(
        state,
        fc.constantFrom('as-is' as const, 'lower-case' as const),
        async (odd, rawDiscoveryNames) => {
          await published(odd, { rawDiscoveryNames, maxPortsPerTask: 5 });
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('host names to resolve', () => {
  it('are those of leader, masters, agents and frameworks that are no addresses, each once', () => {
    const state = stateWith({
      leader: endpoints('leader.example:5050')[0],
      agents: [
        agentAt('a', 'h1.example:1'),
        agentAt('b', '10.0.0.1:1'),
        agentAt('c', ':1'),
        agentAt('d', undefined),
        agentAt('e', '[::1]:1'),
      ],
      frameworks: [
        frameworkWith({ name: 'f', endpoint: endpoints('h2.example:80')[0] }),
        frameworkWith({ name: 'g', endpoint: endpoints('h1.example:')[0] }),
      ],
    });
    const names = hostNamesOf(state, endpoints('m1.example:5050', '10.0.0.5:5050', 'leader.example:5050'));
    expect([...names].toSorted()).toEqual(['h1.example', 'h2.example', 'leader.example', 'm1.example']);
  });

  it('hold what looks like an address and is none', () => {
    const state = stateWith({ agents: [agentAt('a', '010.0.0.1:1'), agentAt('b', '10.1:1')] });
    expect([...hostNamesOf(state, [])]).toEqual(['010.0.0.1', '10.1']);
  });
});

/** What would be written for a state, and what would be told. */
async function published(
  state: ClusterState,
  settings: Partial<RecordSettings>,
): Promise<{ octets: Uint8Array; reports: string[] }> {
  const { report, details } = keepReports();
  const made = recordsOf(state, settings, HOSTS);
  const content = toZoneContent(made.set, { origin: ORIGIN, ttl: 60, srvWeight: 1, sources: 1 }, report);
  const entries = encodeEntries(content, { origin: ORIGIN, seed: SEED });
  const { newRun } = await cutSnapshot(entries, { seed: SEED, serial: 1 });
  if (!newRun) throw new Error('a small zone is one run');
  return { octets: newRun, reports: [...made.details(), ...details()].toSorted() };
}

function shuffle<Item>(items: readonly Item[], roll: () => number): Item[] {
  const left = [...items];
  return items.flatMap(() => left.splice(roll() % left.length, 1));
}
