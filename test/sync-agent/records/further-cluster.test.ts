import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClusterState, Skipped, StaticRecord } from '../../../sync-agent/cluster.ts';
import { changedNames } from '../../../sync-agent/records/difference.ts';
import { explainName } from '../../../sync-agent/records/explain.ts';
import type { FurtherRecords } from '../../../sync-agent/records/further.ts';
import { generateRecords } from '../../../sync-agent/records/generate.ts';
import { createRecordKeeper } from '../../../sync-agent/records/keeper.ts';
import { isAskable, type RecordSet } from '../../../sync-agent/records/record-set.ts';
import { parseName } from '../../../zone/name.ts';
import { anyState } from '../any-state.ts';
import {
  agentAt,
  endpoints,
  frameworkWith,
  recordsOf,
  settingsWith,
  statusWith,
  stateWith,
  taskWith,
} from '../states.ts';

const ALL: FurtherRecords = {
  masterServices: true,
  agentNames: true,
  numberedPorts: true,
  groupServices: true,
  serviceBindings: 'named-ports',
  txt: ['framework', 'task-id', 'label:team'],
};

describe('services of masters', () => {
  it('lead to each by its number, the leader too', () => {
    const masters = endpoints('10.0.0.2:5050', '10.0.0.1:5051', 'gone.example:5050');
    const { records } = recordsOf({ leader: masters[1] }, { masters, further: ALL });
    const all = ['master0.mesos.:5050', 'master1.mesos.:5051'];
    expect(records.SRV['_master._tcp.mesos.']).toEqual(all);
    expect(records.SRV['_master._udp.mesos.']).toEqual(all);
    expect(records.A['master1.mesos.']).toEqual(['10.0.0.1']);
  });

  it('are not there in a variant without the names of the cluster, nor without the switch', () => {
    const state = { leader: endpoints('10.0.0.1:5050')[0] };
    for (const changes of [{ further: ALL, clusterNames: 'left-out' } as const, {}])
      expect(recordsOf(state, changes).records.SRV['_master._tcp.mesos.']).toBeUndefined();
  });
});

describe("agents' own names", () => {
  const namesOf = (hostname: string | undefined): string[] => {
    const agents = [{ ...agentAt('x-S0', '10.0.0.1:5051'), hostname }];
    const { records } = recordsOf({ agents }, { further: ALL });
    return Object.keys(records.A).filter((name) => name !== 'slave.mesos.');
  };

  it.each<[string | undefined, string[]]>([
    ['node1', ['node1.agent.mesos.']],
    ['Node1.DC_1.example.com', ['node1.dc-1.example.com.agent.mesos.']],
    ['10.0.0.1', ['10-0-0-1.agent.mesos.']],
    ['fd00::1:2', ['fd00-1-2.agent.mesos.']],
    ['', []],
    ['..', []],
    [undefined, []],
  ])('%j: %j', (hostname, names) => expect(namesOf(hostname)).toEqual(names));

  it("are the cluster's: a framework called agent has none of them", () => {
    const frameworks = [
      { ...frameworkWith({ name: 'agent', tasks: [taskWith({ id: 't', name: 'node1' })] }) },
      { ...frameworkWith({ name: 'node1.agent' }), endpoint: endpoints('10.6.6.6:1')[0] },
    ];
    const agents = [{ ...agentAt('x-S0', '10.0.0.1:5051'), hostname: 'node1' }];
    const { records, reasons } = recordsOf({ agents, frameworks }, { further: ALL });
    expect(records.A['node1.agent.mesos.']).toEqual(['10.0.0.1']);
    expect(new Set(reasons())).toEqual(new Set(['reserved-name']));
    const without = recordsOf({ agents, frameworks }, { further: { ...ALL, agentNames: false } });
    expect(without.records.A['node1.agent.mesos.']).toEqual(['10.6.6.6', '10.0.0.1']);
  });
});

describe('wildcards', () => {
  it.each([
    ['*.apps.mesos.', true],
    ['*.mesos.', true],
    ['a.*.mesos.', false],
    ['*.*.mesos.', false],
  ])('%s can be asked for: %j', (name, askable) => expect(isAskable(name)).toBe(askable));

  it("are the operator's: no task makes one", () => {
    const discovery = { name: '*.web', ports: [{ number: 80, name: '', protocol: 'tcp' }] };
    const state = {
      agents: [agentAt('x-S0', '10.0.0.1:5051')],
      frameworks: [frameworkWith({ name: 'marathon', tasks: [taskWith({ id: 't', discovery })] })],
      staticRecords: [{ name: '*.apps.mesos.', type: 'A', value: '10.9.9.9' } as const],
    };
    const { records, reasons } = recordsOf(state);
    expect(Object.keys(records.A).filter((name) => name.startsWith('*'))).toEqual(['*.apps.mesos.']);
    expect(records.A['web.marathon.mesos.']).toEqual(['10.0.0.1']);
    expect(new Set(reasons())).toEqual(new Set(['reserved-name']));
  });

  it("are the operator's with mesos-dns's own names too, once there may be some", () => {
    const discovery = { name: '*.web', ports: [{ number: 80, name: '', protocol: 'tcp' }] };
    const tasks = [taskWith({ id: 't', discovery })];
    const frameworks = [frameworkWith({ name: 'marathon', tasks }), frameworkWith({ name: 'leader' })];
    const state = { agents: [agentAt('x-S0', '10.0.0.1:5051')], frameworks };
    const made = (staticWildcards?: boolean): string[] =>
      Object.keys(recordsOf(state, { reservedNames: 'mixed', staticWildcards }).records.A).filter((name) =>
        name.startsWith('*'),
      );
    expect(made()).toContain('*.web.marathon.mesos.');
    expect(made(true)).toEqual([]);
  });
});

describe('explain', () => {
  const leader = endpoints('10.0.0.1:5050')[0];
  const discovery = { name: 'web', ports: [{ number: 8443, name: 'https', protocol: 'tcp' }] };
  const task = taskWith({ id: 'web.1', discovery, running: [statusWith({ netinfo: ['9.0.0.1'] })] });
  const state = stateWith({
    leader,
    agents: [{ ...agentAt('x-S0', '10.0.0.9:5051'), hostname: 'node1' }],
    frameworks: [frameworkWith({ name: 'marathon', tasks: [task] })],
    staticRecords: [{ name: 'printer.mesos.', type: 'A', value: '10.9.9.9' }],
  });

  it.each([
    ['_master._tcp.mesos', 'master-port', 'the masters'],
    ['node1.agent.mesos', 'agent-host-name', 'agent x-S0'],
    ['_port0._web._tcp.marathon.mesos', 'numbered-port', 'task web.1'],
    ['_8443._https.web.marathon.mesos', 'service-binding', 'task web.1'],
    ['printer.mesos', 'static-record', 'the zone file'],
  ])('names the rule of %s', (name, rule, by) => {
    const explanation = explainName(state, name, {
      settings: settingsWith({ further: ALL }),
      rrsets: { origin: parseName('mesos'), ttl: 30, srvWeight: 1, sources: 1 },
      addressesOfHost: () => [],
      skipped: [],
    });
    const from = explanation.rrsets.flatMap(({ values }) => values.flatMap((value) => value.from));
    expect(explanation.verdict.kind).toBe('answered');
    expect(from.map((source) => source.rule)).toEqual([rule]);
    expect(from[0]?.by).toContain(by);
  });
});

describe('what explain says of types', () => {
  const staticRecords: readonly StaticRecord[] = [
    { name: 'a.mesos.', type: 'MORE', value: 'TXT "x"' },
    { name: 'a.mesos.', type: 'MORE', value: 'TTL 60' },
    { name: 'b.mesos.', type: 'MORE', value: 'HTTPS no' },
  ];
  const explained = (name: string, type: string): ReturnType<typeof explainName> =>
    explainName(stateWith({ staticRecords }), name, {
      settings: settingsWith(),
      rrsets: { origin: parseName('mesos'), ttl: 30, srvWeight: 1, sources: 1 },
      addressesOfHost: () => [],
      skipped: [],
      type,
    });

  it.each([
    ['a.mesos', 'TXT', 'answered: TXT'],
    ['a.mesos', 'A', 'no data: it has TXT, and no A'],
    ['b.mesos', 'HTTPS', 'no data: it exists, and no answer can carry any of its values'],
  ])('%s %s: %s', (name, type, text) => expect(explained(name, type).verdict.text).toBe(text));
});

describe('a record keeper with all of them', () => {
  const sorted = (set: RecordSet): unknown =>
    [set.A, set.AAAA, set.SRV, set.MORE].map((lists) =>
      Array.from(lists, ([name, values]) => `${name} ${values.toSorted().join(' ')}`).toSorted(),
    );
  const staticRecord: fc.Arbitrary<StaticRecord> = fc.constantFrom(
    { name: 'printer.mesos.', type: 'A', value: '10.9.9.9' },
    { name: 'printer.mesos.', type: 'MORE', value: 'TTL 60' },
    { name: 'web.marathon.mesos.', type: 'A', value: '10.0.0.1' },
    { name: '*.apps.mesos.', type: 'MORE', value: 'TXT "x"' },
  );
  /** With host names, labels, and what a zone file has. */
  const richer: fc.Arbitrary<ClusterState> = fc
    .tuple(
      anyState(),
      fc.array(fc.constantFrom('node1', 'node2', '10.0.0.1', ''), { minLength: 3, maxLength: 3 }),
      fc.constantFrom(
        undefined,
        { team: 'a' },
        { team: 'b', 'mesos-doh.alpn.0': 'h2' },
        { 'mesos-doh.svcb.0': '?' },
      ),
      fc.option(fc.array(staticRecord, { maxLength: 3 }), { nil: undefined }),
    )
    .map(([state, hostnames, labels, staticRecords]) => ({
      ...state,
      staticRecords,
      agents: state.agents.map((agent, i) => ({ ...agent, hostname: hostnames[i] })),
      frameworks: state.frameworks.map((framework) => ({
        ...framework,
        tasks: framework.tasks.map((task) => ({ ...task, labels })),
      })),
    }));

  it('follows a zone file and a host name, though nothing else changed', () => {
    const agentOf = (hostname: string): ClusterState['agents'] => [
      { ...agentAt('x-S0', '10.0.0.1:5051'), hostname },
    ];
    const keeper = createRecordKeeper(settingsWith({ further: ALL }));
    const update = (hostname: string, value: string): string[] => {
      const staticRecords = [{ name: 'printer.mesos.', type: 'A', value } as const];
      const { before } = keeper.update(stateWith({ agents: agentOf(hostname), staticRecords }), () => []);
      return [...before.keys()].toSorted();
    };
    update('node1', '10.9.9.9');
    expect(update('node1', '10.9.9.8')).toEqual(['printer.mesos.']);
    expect(update('node2', '10.9.9.8')).toEqual(['node1.agent.mesos.', 'node2.agent.mesos.']);
  });

  it('has after any states what the last one gives, and tells what changed', () => {
    const settings = settingsWith({ further: ALL });
    fc.assert(
      fc.property(fc.array(richer, { minLength: 2, maxLength: 4 }), (states) => {
        const keeper = createRecordKeeper(settings);
        let before: RecordSet | undefined;
        for (const state of [...states, ...states.slice(0, 1)]) {
          const kept = keeper.update(state, () => []);
          const skipped: Skipped[] = [];
          const report = (each: Skipped): void => void skipped.push(each);
          const records = generateRecords(state, settings, { addressesOfHost: () => [], report });
          expect(sorted(kept.records)).toEqual(sorted(records));
          if (before)
            expect([...kept.before.keys()].toSorted()).toEqual([...changedNames(before, records)].toSorted());
          before = records;
        }
      }),
      { numRuns: 100 },
    );
  });
});
