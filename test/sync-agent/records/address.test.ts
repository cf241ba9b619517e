import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RunningStatus } from '../../../sync-agent/cluster.ts';
import {
  type AddressRules,
  chooseAddresses,
  excludedAddresses,
  IP_SOURCES,
  type IpSource,
  taskAddresses,
} from '../../../sync-agent/records/address.ts';
import { parsePrefix } from '../../../sync-agent/records/prefix.ts';
import { statusWith, taskWith } from '../states.ts';

const HOST = ['10.0.0.1'];
const FULL = statusWith({ netinfo: ['9.0.0.1'], docker: ['172.17.0.1'], mesos: ['172.18.0.1'] });

describe("a task's addresses", () => {
  it.each<[IpSource[], string[]]>([
    [['host'], HOST],
    [['netinfo'], ['9.0.0.1']],
    [['docker'], ['172.17.0.1']],
    [['mesos'], ['172.18.0.1']],
    [['netinfo', 'mesos', 'host'], ['9.0.0.1']],
    [['mesos', 'netinfo', 'host'], ['172.18.0.1']],
    [['host', 'netinfo'], HOST],
    [[], []],
  ])('by %j are those of the first source', (sources, addresses) => {
    expect(addressesOf([FULL], sources)).toEqual(addresses);
  });

  it('are those of the next source where one has none, and none where no source has one', () => {
    const only = (source: 'netinfo' | 'docker' | 'mesos'): RunningStatus =>
      statusWith({ [source]: ['9.9.9.9'] });
    expect(addressesOf([only('docker')], ['netinfo', 'mesos', 'docker', 'host'])).toEqual(['9.9.9.9']);
    expect(addressesOf([only('docker')], ['netinfo', 'mesos', 'host'])).toEqual(HOST);
    expect(addressesOf([only('docker')], ['netinfo', 'mesos'])).toEqual([]);
    expect(addressesOf([], ['netinfo', 'mesos', 'host'])).toEqual(HOST);
    const ipSources: IpSource[] = ['netinfo', 'host', 'mesos'];
    expect(taskAddresses(taskWith({ running: [only('mesos')] }), { ipSources }, [])).toEqual(['9.9.9.9']);
  });

  it('are all good ones of that source, both families, in order, and of no other source', () => {
    const status = statusWith({
      netinfo: ['bad', '9.0.0.2', 'fd01::2', '', '9.0.0.1'],
      mesos: ['172.18.0.1'],
    });
    expect(addressesOf([status], ['netinfo', 'mesos'])).toEqual(['9.0.0.2', 'fd01::2', '9.0.0.1']);
  });

  it.each([
    ['10.0.0.9', '10.0.0.9'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8::192.0.2.33', '2001:db8::c000:221'],
    ['::ffff:172.16.0.9', '172.16.0.9'],
    ['::', '::'],
    ['::1', '::1'],
  ])('%s is %s', (text, canonical) => {
    expect(addressesOf([statusWith({ netinfo: [text] })], ['netinfo', 'host'])).toEqual([canonical]);
  });

  it.each([
    'agent-1.example',
    '10.1',
    '010.1.1.1',
    '10.0.0.256',
    '10.0.0.1.1',
    ' 10.0.0.9',
    '10.0.0.9 ',
    '10.0.0.9\n',
    '10.0.0.9/24',
    '10.0.0.9:80',
    '[::1]',
    'fe80::1%eth0',
    '2001:db8::/32',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '12345::',
    ':',
    '',
    '0x7f000001',
    '٣.0.0.1',
  ])('%j is none: the next source is asked', (text) => {
    expect(addressesOf([statusWith({ netinfo: [text] })], ['netinfo', 'host'])).toEqual(HOST);
  });
});

describe('the status that counts', () => {
  const at = (timestamp: number, address: string): RunningStatus =>
    statusWith({ timestamp, netinfo: [address] });

  it.each<[string, RunningStatus[], string]>([
    ['is the newest, last', [at(1, '9.0.0.1'), at(2, '9.0.0.2')], '9.0.0.2'],
    ['is the newest, first', [at(2, '9.0.0.1'), at(1, '9.0.0.2')], '9.0.0.1'],
    ['is the earlier of two as new', [at(2, '9.0.0.1'), at(2, '9.0.0.2')], '9.0.0.1'],
    ['may be of time 0', [at(0, '9.0.0.1')], '9.0.0.1'],
    ['may be before 1970, by less than a second', [at(-0.5, '9.0.0.1')], '9.0.0.1'],
  ])('%s', (_, running, address) => {
    expect(addressesOf(running, ['netinfo'])).toEqual([address]);
  });

  it('is none where its time is -1 or before', () => {
    expect(addressesOf([at(-1, '9.0.0.1'), at(-5, '9.0.0.2')], ['netinfo'])).toEqual([]);
  });

  it('is no other where it has no address', () => {
    expect(
      addressesOf([at(1, '9.0.0.1'), at(2, 'bad'), statusWith({ timestamp: 3 })], ['netinfo', 'host']),
    ).toEqual(HOST);
  });

  it('is the same for all sources', () => {
    const running = [
      statusWith({ timestamp: 1, mesos: ['172.18.0.1'] }),
      statusWith({ timestamp: 2, docker: ['172.17.0.1'] }),
    ];
    expect(addressesOf(running, ['mesos', 'docker'])).toEqual(['172.17.0.1']);
  });
});

describe('excluded addresses', () => {
  const BRIDGE = ['172.17.0.0/16'];
  const bridged = statusWith({ netinfo: ['172.17.0.2'], mesos: ['9.0.0.1'] });

  it.each<[string, RunningStatus, Case, string]>([
    ['give way to the next source', bridged, { exclude: BRIDGE }, 'mesos: 9.0.0.1'],
    ['all give way to the agent', bridged, { exclude: [...BRIDGE, '9.0.0.0/8'] }, 'host: 10.0.0.1'],
    [
      "give way to the agent's where that is no source",
      bridged,
      { exclude: BRIDGE, ipSources: ['netinfo'] },
      'host: 10.0.0.1',
    ],
    [
      'leave none where the agent has none',
      bridged,
      { exclude: BRIDGE, ipSources: ['netinfo'], host: [] },
      'undefined: ',
    ],
    [
      'are not others of their source',
      statusWith({ netinfo: ['172.17.0.2', '9.0.0.3', 'fd01::3'] }),
      { exclude: BRIDGE },
      'netinfo: 9.0.0.3 fd01::3',
    ],
    [
      'may be IPv6',
      statusWith({ netinfo: ['9.0.0.3', 'fd01::3'] }),
      { exclude: ['fd00::/8'] },
      'netinfo: 9.0.0.3',
    ],
    [
      'are so however they are written',
      statusWith({ netinfo: ['::ffff:172.17.0.2'] }),
      { exclude: BRIDGE },
      'host: 10.0.0.1',
    ],
    ["are not the agent's own", bridged, { exclude: ['10.0.0.0/8'], ipSources: ['host'] }, 'host: 10.0.0.1'],
    [
      'are not what was never one',
      statusWith({ netinfo: ['bad'] }),
      { exclude: BRIDGE, ipSources: ['netinfo'] },
      'undefined: ',
    ],
  ])('%s', (_, status, rules, expected) => {
    expect(chosen([status], rules)).toBe(expected);
  });

  it('are told with their source and block, those of the newest status', () => {
    const task = taskWith({ running: [statusWith({ timestamp: 0, netinfo: ['172.17.0.9'] }), bridged] });
    const addresses: AddressRules = { prefer: [], exclude: [parsePrefix('172.17.0.1/16')], status: 'newest' };
    expect(excludedAddresses(task, { ipSources: ['host', 'netinfo', 'mesos'], addresses })).toEqual([
      { address: '172.17.0.2', source: 'netinfo', prefix: '172.17.0.0/16' },
    ]);
    expect(excludedAddresses(task, { ipSources: ['mesos'], addresses })).toEqual([]);
  });

  it('are never chosen from a status', () => {
    const address = fc.oneof(
      fc.constantFrom('172.17.0.2', '::ffff:172.17.0.3', '9.0.0.1', 'fd01::1', 'bad'),
      fc.ipV4(),
    );
    const texts = fc.array(address, { maxLength: 3 });
    const status = fc.record({ timestamp: fc.nat(3), netinfo: texts, docker: texts, mesos: texts });
    fc.assert(
      fc.property(
        fc.array(status, { maxLength: 3 }),
        fc.shuffledSubarray([...IP_SOURCES]),
        fc.constantFrom('newest' as const, 'newest-with-address' as const),
        fc.subarray(['172.16.0.0/12', '9.0.0.0/8', '10.0.0.1']),
        (running, ipSources, mode, prefer) => {
          const made = chosen(running, { exclude: [...BRIDGE, 'fd00::/8'], status: mode, ipSources, prefer });
          expect(made).not.toMatch(/172\.17\.|fd01/);
        },
      ),
    );
  });
});

describe('preferred addresses', () => {
  const both = statusWith({ netinfo: ['9.0.0.1', '10.1.0.1'], mesos: ['192.0.2.1'] });

  it.each<[string, RunningStatus, Case, string]>([
    ['come alone', both, { prefer: ['10.1.0.0/16'] }, 'netinfo: 10.1.0.1'],
    ['win over the order of sources', both, { prefer: ['192.0.2.0/24'] }, 'mesos: 192.0.2.1'],
    ["may be the agent's", both, { prefer: ['10.0.0.0/24'] }, 'host: 10.0.0.1'],
    ['that nothing has change nothing', both, { prefer: ['198.51.100.0/24'] }, 'netinfo: 9.0.0.1 10.1.0.1'],
    [
      'leave the other family alone',
      statusWith({ netinfo: ['9.0.0.1', '10.1.0.1', 'fd01::1'] }),
      { prefer: ['10.1.0.0/16'] },
      'netinfo: 10.1.0.1 fd01::1',
    ],
    [
      'of both families are both',
      statusWith({ netinfo: ['9.0.0.1', '10.1.0.1', 'fd01::1', 'fd02::1'] }),
      { prefer: ['fd02::/16', '10.1.0.0/16'] },
      'netinfo: 10.1.0.1 fd02::1',
    ],
    [
      'are not those that are excluded',
      both,
      { prefer: ['10.1.0.0/16'], exclude: ['10.1.0.0/16'] },
      'netinfo: 9.0.0.1',
    ],
  ])('%s', (_, status, rules, expected) => {
    expect(chosen([status], rules)).toBe(expected);
  });
});

describe('the newest status with an address', () => {
  const status = 'newest-with-address';
  const old = statusWith({ timestamp: 1, netinfo: ['9.0.0.1'] });
  const older = statusWith({ timestamp: 0, netinfo: ['9.0.0.9'] });
  const bare = statusWith({ timestamp: 3, healthy: true });
  const bridged = statusWith({ timestamp: 2, netinfo: ['172.17.0.2'] });

  it.each<[string, RunningStatus[], Case, string]>([
    ['is older than one without', [older, old, bare], {}, 'netinfo: 9.0.0.1'],
    [
      'is older than one with bad ones',
      [old, statusWith({ timestamp: 2, netinfo: ['bad'] })],
      {},
      'netinfo: 9.0.0.1',
    ],
    [
      'is older than one with excluded ones',
      [old, bridged],
      { exclude: ['172.17.0.0/16'] },
      'netinfo: 9.0.0.1',
    ],
    ['is the newest that has one', [old, bridged, bare], {}, 'netinfo: 172.17.0.2'],
    ['is the earlier of two as new', [statusWith({ netinfo: ['9.0.0.7'] }), old], {}, 'netinfo: 9.0.0.7'],
    [
      'does not matter where the host comes first',
      [old, bare],
      { ipSources: ['host', 'netinfo'] },
      'host: 10.0.0.1',
    ],
    [
      'matters where the host has none',
      [old, bare],
      { ipSources: ['host', 'netinfo'], host: [] },
      'netinfo: 9.0.0.1',
    ],
    [
      'is asked for sources before the host alone',
      [statusWith({ timestamp: 2, docker: ['9.0.0.5'] }), old],
      { ipSources: ['netinfo', 'host', 'docker'] },
      'netinfo: 9.0.0.1',
    ],
    ['is none of time -1', [statusWith({ timestamp: -1, netinfo: ['9.0.0.1'] }), bare], {}, 'host: 10.0.0.1'],
  ])('%s', (_, running, rules, expected) => {
    expect(chosen(running, { status, ...rules })).toBe(expected);
  });

  it('is not looked for in the profile mesos-dns', () => {
    expect(chosen([old, bare], {})).toBe('host: 10.0.0.1');
  });
});

it('never throws, and gives only addresses of one source', () => {
  const texts = fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()), { maxLength: 4 });
  const status = fc.record({ timestamp: fc.double(), netinfo: texts, docker: texts, mesos: texts });
  fc.assert(
    fc.property(
      fc.array(status, { maxLength: 4 }),
      fc.shuffledSubarray([...IP_SOURCES]),
      (running, sources) => {
        const addresses = addressesOf(running, sources);
        for (const address of addresses) expect(address).toMatch(/^[0-9a-f.:]+$/);
      },
    ),
  );
});

function addressesOf(running: readonly RunningStatus[], sources: readonly IpSource[]): readonly string[] {
  return taskAddresses(taskWith({ running }), { ipSources: sources }, HOST);
}

type Case = {
  readonly prefer?: readonly string[];
  readonly exclude?: readonly string[];
  readonly status?: AddressRules['status'];
  readonly ipSources?: readonly IpSource[];
  readonly host?: readonly string[];
};

/** `source: addresses` that are chosen by the rules. */
function chosen(
  running: readonly RunningStatus[],
  {
    prefer = [],
    exclude = [],
    status = 'newest',
    ipSources = ['netinfo', 'mesos', 'host'],
    host = HOST,
  }: Case,
): string {
  const addresses: AddressRules = {
    prefer: prefer.map((text) => parsePrefix(text)),
    exclude: exclude.map((text) => parsePrefix(text)),
    status,
  };
  const made = chooseAddresses(taskWith({ running }), { ipSources, addresses }, host);
  return `${made.from}: ${made.addresses.join(' ')}`;
}
