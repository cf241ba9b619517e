import { describe, expect, it } from 'vitest';
import { endpoints, recordsOf } from '../states.ts';

type Case = readonly [
  what: string,
  leader: string | undefined,
  masters: readonly string[],
  numbered: readonly string[],
  all: readonly string[],
];

describe("masters' records", () => {
  const cases: readonly Case[] = [
    [
      'keep the order of the list',
      '10.0.0.1:5050',
      ['10.0.0.2:5050', '10.0.0.1:5050', '10.0.0.3:5050'],
      ['10.0.0.2', '10.0.0.1', '10.0.0.3'],
      ['10.0.0.1', '10.0.0.2', '10.0.0.3'],
    ],
    [
      'have the leader first in master, whatever its number',
      '10.0.0.1:5050',
      ['10.0.0.2:5050', '10.0.0.3:5050', '10.0.0.1:5050'],
      ['10.0.0.2', '10.0.0.3', '10.0.0.1'],
      ['10.0.0.1', '10.0.0.2', '10.0.0.3'],
    ],
    [
      'number a leader that is not listed last',
      '10.0.0.9:5050',
      ['10.0.0.1:5050', '10.0.0.2:5050', '10.0.0.3:5050'],
      ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.9'],
      ['10.0.0.9', '10.0.0.1', '10.0.0.2', '10.0.0.3'],
    ],
    [
      'leave out the leader with another port, and number it last',
      '10.0.0.4:5060',
      ['10.0.0.4:5050', '10.0.0.5:5050'],
      ['10.0.0.5', '10.0.0.4'],
      ['10.0.0.4', '10.0.0.5'],
    ],
    ['number the leader alone', '10.0.0.1:5050', [], ['10.0.0.1'], ['10.0.0.1']],
    [
      'number the leader once',
      '10.0.0.1:5050',
      ['10.0.0.1:5050', '10.0.0.1:5050'],
      ['10.0.0.1'],
      ['10.0.0.1'],
    ],
    [
      'number a master once',
      '10.0.0.1:5050',
      ['10.0.0.2:5050', '10.0.0.2:5050', '10.0.0.1:5050'],
      ['10.0.0.2', '10.0.0.1'],
      ['10.0.0.1', '10.0.0.2'],
    ],
    [
      'leave out a master with another port of one before',
      '10.0.0.1:5050',
      ['10.0.0.2:5050', '10.0.0.2:5051', '10.0.0.3:5050'],
      ['10.0.0.2', '10.0.0.3', '10.0.0.1'],
      ['10.0.0.1', '10.0.0.2', '10.0.0.3'],
    ],
    [
      'are those of the list without a leader',
      undefined,
      ['10.0.0.1:5050', '10.0.0.2:5050'],
      ['10.0.0.1', '10.0.0.2'],
      ['10.0.0.1', '10.0.0.2'],
    ],
  ];
  it.each(cases)('%s', (_, leader, masters, numbered, all) => {
    const { records, skipped } = recordsOf(
      { leader: leader === undefined ? undefined : endpoints(leader)[0] },
      { masters: endpoints(...masters) },
    );
    const host = leader?.replace(/:\d+$/, '');
    expect(records).toEqual({
      A: {
        ...(host !== undefined && { 'leader.mesos.': [host] }),
        'master.mesos.': all,
        ...Object.fromEntries(numbered.map((address, i) => [`master${i}.mesos.`, [address]])),
      },
      AAAA: {},
      SRV:
        host === undefined
          ? {}
          : {
              '_leader._tcp.mesos.': [`leader.mesos.:${leader?.split(':').at(-1)}`],
              '_leader._udp.mesos.': [`leader.mesos.:${leader?.split(':').at(-1)}`],
            },
    });
    expect(skipped).toEqual([]);
  });

  it('of IPv6 keep the address text as the state has it', () => {
    const { records } = recordsOf(
      { leader: endpoints('[2001:DB8::1]:5050')[0] },
      { masters: endpoints('[2001:DB8::1]:5050', '[2001:db8::2]:5050') },
    );
    expect(records.AAAA).toEqual({
      'leader.mesos.': ['2001:DB8::1'],
      'master.mesos.': ['2001:DB8::1', '2001:db8::2'],
      'master0.mesos.': ['2001:DB8::1'],
      'master1.mesos.': ['2001:db8::2'],
    });
    expect(records.A).toEqual({});
  });

  it('of an IPv4-mapped address are A records', () => {
    const { records } = recordsOf({ leader: endpoints('[::ffff:10.0.0.1]:5050')[0] });
    expect(Object.keys(records.A).toSorted()).toEqual(['leader.mesos.', 'master.mesos.', 'master0.mesos.']);
    expect(records.AAAA).toEqual({});
  });

  it('by host name are those it resolves to', () => {
    const hosts = { 'm1.example': ['10.0.0.1', '2001:db8::1'], 'm2.example': ['10.0.0.2'] };
    const { records, skipped } = recordsOf(
      { leader: endpoints('m1.example:5050')[0] },
      { masters: endpoints('m1.example:5050', 'm2.example:5050') },
      hosts,
    );
    expect(records.A).toEqual({
      'leader.mesos.': ['10.0.0.1'],
      'master.mesos.': ['10.0.0.1', '10.0.0.2'],
      'master0.mesos.': ['10.0.0.1'],
      'master1.mesos.': ['10.0.0.2'],
    });
    expect(records.AAAA).toEqual({
      'leader.mesos.': ['2001:db8::1'],
      'master.mesos.': ['2001:db8::1'],
      'master0.mesos.': ['2001:db8::1'],
    });
    expect(skipped).toEqual([]);
  });

  it('by a host name that does not resolve are told, each host once', () => {
    const gone = endpoints('gone.example:5050', 'away.example:5050', 'gone.example:5051');
    const { records, skipped } = recordsOf({ leader: gone[0] }, { masters: gone });
    expect(records.A).toEqual({});
    expect(skipped).toEqual([
      { reason: 'host-unresolved', detail: 'master gone.example: host gone.example does not resolve' },
      { reason: 'host-unresolved', detail: 'master away.example: host away.example does not resolve' },
    ]);
  });

  it('are none for no masters', () => {
    expect(recordsOf({}).records).toEqual({ A: {}, AAAA: {}, SRV: {} });
  });
});

describe("the name server's records", () => {
  it('are the addresses it is given, of both families', () => {
    const { records } = recordsOf(
      {},
      {
        nameServer: 'ns.example.',
        nameServerAddresses: ['10.0.0.53', '2001:db8::53', '::ffff:10.0.0.54', '10.0.0.53'],
      },
    );
    expect(records).toEqual({
      A: { 'ns.example.': ['10.0.0.53', '::ffff:10.0.0.54'] },
      AAAA: { 'ns.example.': ['2001:db8::53'] },
      SRV: {},
    });
  });
});
