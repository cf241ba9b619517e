import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClusterState, MesosTask } from '../../../sync-agent/cluster.ts';
import {
  type Ambiguous,
  parseReverseZone,
  reverseRecords,
  withoutOtherNames,
} from '../../../sync-agent/records/reverse.ts';
import type { RecordSettings } from '../../../sync-agent/records/settings.ts';
import { parseConfig } from '../../../sync-agent/config.ts';
import { recordSettings } from '../../../sync-agent/record-settings.ts';
import { parseAddress, reverseName } from '../../../zone/address.ts';
import { parseName } from '../../../zone/name.ts';
import {
  agentAt,
  endpoints,
  frameworkWith,
  recordsOf,
  settingsWith,
  statusWith,
  taskWith,
} from '../states.ts';

const WITH_AGENT_NAMES: Partial<RecordSettings> = {
  further: {
    masterServices: false,
    agentNames: true,
    numberedPorts: true,
    groupServices: true,
    serviceBindings: 'named-ports',
    txt: ['framework'],
  },
};

type Asked = {
  readonly zone?: string;
  readonly ambiguous?: Ambiguous;
  readonly settings?: Partial<RecordSettings>;
};

/** PTR values of a state by name, less what `PTR` and the zone would repeat. */
function pointers(
  state: Partial<ClusterState>,
  { zone = '10.in-addr.arpa', ambiguous = 'leave-out', settings = WITH_AGENT_NAMES }: Asked = {},
): Record<string, readonly string[]> {
  const { set } = recordsOf(state, settings);
  const options = { origin: parseName(zone), ambiguous, settings: settingsWith(settings) };
  const made = reverseRecords(set, options);
  expect([made.A.size, made.AAAA.size, made.SRV.size]).toEqual([0, 0, 0]);
  return Object.fromEntries(
    Array.from(made.MORE, ([name, values]) => {
      expect(name.endsWith(`.${zone}.`)).toBe(true);
      return [name.slice(0, -zone.length - 2), values.map((value) => value.replace(/^PTR /, ''))];
    }),
  );
}

const NOTHING_ELSE = { isOfAgent: false, isFramework: () => false };
const container = (id: string, address: string, parts: Partial<MesosTask> = {}): MesosTask =>
  taskWith({ id, running: [statusWith({ netinfo: [address] })], ...parts });
const stateOf = (tasks: readonly MesosTask[], parts: Partial<ClusterState> = {}): Partial<ClusterState> => ({
  agents: [{ ...agentAt('x-S0', '10.0.0.1:5051'), hostname: 'node1.example' }],
  frameworks: [frameworkWith({ name: 'marathon', tasks })],
  ...parts,
});

describe('an address leads back', () => {
  it('to the shared name of its task, for each instance', () => {
    expect(pointers(stateOf([container('web.1', '10.1.0.1'), container('web.2', '10.1.0.2')]))).toEqual({
      '1.0.1': ['web.marathon.mesos.'],
      '2.0.1': ['web.marathon.mesos.'],
      '1.0.0': ['node1.example.agent.mesos.'],
    });
  });

  it('to nothing where two tasks have it, and to both by switch', () => {
    const state = stateOf([container('web.1', '10.1.0.1'), container('api.1', '10.1.0.1', { name: 'api' })]);
    expect(pointers(state)).not.toHaveProperty(['1.0.1']);
    expect(pointers(state, { ambiguous: 'agent' })).not.toHaveProperty(['1.0.1']);
    expect(pointers(state, { ambiguous: 'all' })['1.0.1']).toEqual([
      'api.marathon.mesos.',
      'web.marathon.mesos.',
    ]);
  });

  it('to one name though two instances of the task share the address', () => {
    const state = stateOf([container('web.1', '10.1.0.1'), container('web.2', '10.1.0.1')]);
    expect(pointers(state)['1.0.1']).toEqual(['web.marathon.mesos.']);
  });

  it.each<[Ambiguous, readonly string[] | undefined]>([
    ['leave-out', undefined],
    ['agent', ['node1.example.agent.mesos.']],
    ['all', ['node1.example.agent.mesos.', 'web.marathon.mesos.']],
  ])("of an agent that also runs a task on the host's network, with %s", (ambiguous, names) => {
    expect(pointers(stateOf([taskWith({ id: 'web.1' })]), { ambiguous })['1.0.0']).toEqual(names);
  });

  it('of two agents to neither of them, but for all', () => {
    const agents = ['node1', 'node2'].map((hostname, i) => ({
      ...agentAt(`x-S${i}`, '10.0.0.1:5051'),
      hostname,
    }));
    expect(pointers({ agents }, { ambiguous: 'agent' })).toEqual({});
    expect(pointers({ agents }, { ambiguous: 'all' })['1.0.0']).toHaveLength(2);
  });

  it('to the task where agents have no names', () => {
    expect(pointers(stateOf([taskWith({ id: 'web.1' })]), { settings: {} })).toEqual({
      '1.0.0': ['web.marathon.mesos.'],
    });
  });

  it('to the label of a discovery name that stands there twice', () => {
    const discovery = { name: 'web_1.shop', ports: [] };
    expect(pointers(stateOf([container('web.1', '10.1.0.1', { discovery })]))['1.0.1']).toEqual([
      'web-1-shop.marathon.mesos.',
    ]);
  });

  it('to the task, not to its tags and numbered ports', () => {
    const own = ['web.marathon.mesos.', `web-${'y'.repeat(5)}-s0.marathon.mesos.`];
    const names = [...own, 'blue.web.marathon.mesos.', 'web-port1.marathon.mesos.'];
    const of = (all: readonly string[]) => withoutOtherNames(new Set(all), settingsWith(), NOTHING_ELSE);
    expect(of(names)).toEqual(['web.marathon.mesos.']);
    // Without an instance of it, or with one of their own, they are things of their own.
    expect(of(names.filter((name) => !name.startsWith('web-yyyyy')))).toHaveLength(3);
    expect(of([...names, 'web-port1-nnnnn-s0.marathon.mesos.'])).toEqual([
      'web.marathon.mesos.',
      'web-port1.marathon.mesos.',
    ]);
  });

  describe('that one task alone has', () => {
    const TASK = ['web.marathon.mesos.', 'web-yyyyy-s0.marathon.mesos.'];
    const of = (more: readonly string[], facts = {}): readonly string[] =>
      withoutOtherNames(new Set([...TASK, ...more]), settingsWith(), { ...NOTHING_ELSE, ...facts });

    it('to the task, not to its aliases and vhosts', () => {
      expect(of(['shop.marathon.mesos.', 'vh.mesos.'])).toEqual(['web.marathon.mesos.']);
    });

    it('to both where it is a scheduler, and where it is of an agent', () => {
      const both = ['web.marathon.mesos.', 'chronos.mesos.'];
      expect(
        of(['chronos.mesos.', 'vh.mesos.'], { isFramework: (name: string) => name === both[1] }),
      ).toEqual(both);
      expect(of(['chronos.mesos.'], { isOfAgent: true })).toEqual(both);
      expect(of(['node1.agent.mesos.'])).toEqual(['web.marathon.mesos.', 'node1.agent.mesos.']);
    });

    it('to all where another task has it, or an instance without a name that its likes share', () => {
      const other = ['api.marathon.mesos.', 'api-nnnnn-s0.marathon.mesos.'];
      expect(of([...other, 'vh.mesos.'])).toHaveLength(3);
      expect(of(['api-nnnnn-s0.marathon.mesos.'])).toHaveLength(2);
    });

    it('and counts one that a framework’s alias and a dotted discovery name give a second name', () => {
      const frameworkAliases = new Map([['marathon', ['m']]]);
      const names = ['web', 'web-yyyyy-s0'].flatMap((label) => [
        `${label}.marathon.mesos.`,
        `${label}.m.mesos.`,
      ]);
      const settings = { ...settingsWith(), frameworkAliases };
      expect(withoutOtherNames(new Set([...names, 'vh.mesos.']), settings, NOTHING_ELSE)).toEqual([
        'web.marathon.mesos.',
      ]);
    });

    it('as labels make them, and not at the address of an agent', () => {
      const settings = recordSettings(
        parseConfig({ records: { labels: 'read', aliases: { within: 'zone' }, haproxy: {} } }, 'x'),
      );
      const labels = { 'mesos-doh.alias': 'multialias', HAPROXY_0_VHOST: 'vh.mesos' };
      const state = stateOf([
        container('multi.1', '10.3.0.1', { name: 'multi', labels }),
        container('multi.2', '10.3.0.2', { name: 'multi', labels }),
        taskWith({ id: 'web.1', labels: { 'mesos-doh.alias': 'other' } }),
      ]);
      const found = { '1.0.3': ['multi.marathon.mesos.'], '2.0.3': ['multi.marathon.mesos.'] };
      expect(pointers(state, { settings })).toEqual(found);
      expect(pointers(state, { settings, ambiguous: 'all' })).toEqual({
        ...found,
        '1.0.0': ['other.marathon.mesos.', 'web.marathon.mesos.'],
      });
    });
  });

  it('to the framework, not to what it is called besides', () => {
    const settings = { ...WITH_AGENT_NAMES, frameworkAliases: new Map([['marathon', ['aaa', 'zzz']]]) };
    const discovery = { name: 'web.shop', ports: [] };
    const state = stateOf([container('web.1', '10.1.0.1', { discovery })]);
    expect(pointers(state, { settings })['1.0.1']).toEqual(['web-shop.marathon.mesos.']);
  });

  it('to a scheduler and to what the operator wrote, but to no role and no wildcard', () => {
    const [leader] = endpoints('10.2.0.1:5050');
    const state = stateOf([], {
      leader,
      frameworks: [{ ...frameworkWith({ name: 'chronos' }), endpoint: endpoints('10.2.0.2:80')[0] }],
      staticRecords: [
        { name: 'printer.mesos.', type: 'A', value: '10.2.0.3' },
        { name: '*.apps.mesos.', type: 'A', value: '10.2.0.4' },
        { name: 'ns1.mesos.', type: 'A', value: '10.2.0.5' },
        { name: 'elsewhere.example.', type: 'A', value: '10.2.0.6' },
      ],
    });
    expect(pointers(state)).toEqual({
      '1.0.0': ['node1.example.agent.mesos.'],
      '2.0.2': ['chronos.mesos.'],
      '3.0.2': ['printer.mesos.'],
    });
  });

  it('by nibbles', () => {
    const state = stateOf([container('web.1', 'fd00::1:2')]);
    expect(pointers(state, { zone: 'd.f.ip6.arpa' })).toEqual({
      '2.0.0.0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0': ['web.marathon.mesos.'],
    });
    expect(pointers(state)).not.toHaveProperty(['1.0.1']);
  });

  it.each([
    ['0.10.in-addr.arpa', '9.9'],
    ['9.0.10.in-addr.arpa', '9'],
    ['1.10.in-addr.arpa', undefined],
    ['0.in-addr.arpa', undefined],
  ])('in the zone it is of: %s', (zone, owner) => {
    const state = { ...stateOf([container('web.1', '10.0.9.9')]), agents: [agentAt('x-S0', '192.0.2.1:1')] };
    expect(Object.keys(pointers(state, { zone }))).toEqual(owner === undefined ? [] : [owner]);
  });
});

describe('names of addresses', () => {
  it('are those of RFC 1035 §3.5 and RFC 3596 §2.5', () => {
    expect(reverseName(parseAddress('192.0.2.5') ?? new Uint8Array())).toBe('5.2.0.192.in-addr.arpa.');
    expect(reverseName(parseAddress('4321:0:1:2:3:4:567:89ab') ?? new Uint8Array())).toBe(
      'b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa.',
    );
  });

  it('are in every zone above them, and these are accepted', () => {
    const octets = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
    );
    fc.assert(
      fc.property(octets, fc.nat(), (address, at) => {
        const labels = reverseName(address).slice(0, -1).split('.');
        const inside = labels.length - 2;
        const zone = labels.slice(1 + (at % (inside - 1))).join('.');
        expect(parseReverseZone(zone.toUpperCase())).toBe(zone);
      }),
    );
  });

  it.each([
    'mesos',
    'in-addr.arpa',
    'ip6.arpa',
    '256.in-addr.arpa',
    '010.in-addr.arpa',
    '1.2.3.4.in-addr.arpa',
    '0-25.2.0.192.in-addr.arpa',
    'g.ip6.arpa',
    '10.ip6.arpa',
    '.10.in-addr.arpa',
    `${'0.'.repeat(32)}ip6.arpa`,
  ])('no zone: %s', (text) => expect(() => parseReverseZone(text)).toThrow('reverse zone such as'));
});
