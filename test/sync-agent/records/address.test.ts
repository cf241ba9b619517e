import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RunningStatus } from '../../../sync-agent/cluster.ts';
import { IP_SOURCES, type IpSource, taskAddresses } from '../../../sync-agent/records/address.ts';
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
    expect(taskAddresses(taskWith({ running: [only('mesos')] }), ['netinfo', 'host', 'mesos'], [])).toEqual([
      '9.9.9.9',
    ]);
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
  return taskAddresses(taskWith({ running }), sources, HOST);
}
