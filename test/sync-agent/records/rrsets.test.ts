import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RecordSet } from '../../../sync-agent/records/record-set.ts';
import { type RRsetSettings, toZoneContent } from '../../../sync-agent/records/rrsets.ts';
import { compareOctets } from '../../../zone/hash.ts';
import { parseName } from '../../../zone/name.ts';
import { decodeAddress, decodeSrv, type RRset, TYPE } from '../../../zone/record.ts';
import type { ZoneContent } from '../../../zone/entries.ts';
import { keepReports } from '../reports.ts';

const WEB = parseName('web.mesos');

describe('addresses', () => {
  it('are RDATA in canonical order, each once, however they are written', () => {
    const { content } = contentOf({
      A: { 'web.mesos.': ['10.0.0.10', '10.0.0.9', '9.0.0.1', '::ffff:10.0.0.9', '10.0.0.9'] },
      AAAA: { 'web.mesos.': ['2001:db8::2', '2001:DB8:0::1', '2001:db8::1', '::1'] },
    });
    expect(texts(content.rrsetsAt(WEB))).toEqual({
      A: ['9.0.0.1', '10.0.0.9', '10.0.0.10'],
      AAAA: ['::1', '2001:db8::1', '2001:db8::2'],
    });
  });

  it('have the TTL and sources they are given', () => {
    const { content } = contentOf(
      { A: { 'web.mesos.': ['10.0.0.1'] }, SRV: { 'web.mesos.': ['web.mesos.:1'] } },
      { ttl: 0x7fffffff, sources: 5 },
    );
    expect(
      content.rrsetsAt(WEB).map(({ owner, type, ttl, sources }) => ({ owner, type, ttl, sources })),
    ).toEqual([TYPE.A, TYPE.SRV].map((type) => ({ owner: 'web.mesos', type, ttl: 0x7fffffff, sources: 5 })));
  });

  it('that are none are left out, while their name stays', () => {
    const { content, skipped } = contentOf({ A: { 'web.mesos.': ['agent-1'] } });
    expect([...content.owners()]).toEqual(['web.mesos']);
    expect(content.rrsetsAt(WEB)).toEqual([]);
    expect(skipped).toEqual([]);
  });
});

describe('SRV values', () => {
  it('have priority 0, the weight they are given, their port and target', () => {
    const { content } = contentOf(
      { SRV: { 'web.mesos.': ['b.mesos.:80', 'a.mesos.:81', 'a.mesos.:80', 'a.mesos.:0'] } },
      { srvWeight: 7 },
    );
    expect(texts(content.rrsetsAt(WEB))).toEqual({
      SRV: ['0 7 0 a.mesos', '0 7 80 a.mesos', '0 7 80 b.mesos', '0 7 81 a.mesos'],
    });
  });

  it('that are one when answered are one', () => {
    const { content } = contentOf({
      SRV: { 'web.mesos.': ['slave.mesos.:5051', 'slave.mesos.:05051', 'Slave.mesos.:5051'] },
    });
    expect(texts(content.rrsetsAt(WEB))).toEqual({ SRV: ['0 1 5051 slave.mesos'] });
  });

  it.each([
    ['a.mesos.:', /port "" is none/],
    ['a.mesos.:http', /port "http" is none/],
    ['a.mesos.:65536', /port "65536" is none/],
    ['a.mesos.:-1', /port "-1" is none/],
    ['a.mesos.:8e1', /port "8e1" is none/],
    ['a.mesos.: 80', /port " 80" is none/],
    ['api:8080.mesos.:80', /its target holds a colon/],
    ['.web.mesos.:80', /has an empty label/],
    ['a..mesos.:80', /has an empty label/],
    [`${'a'.repeat(64)}.mesos.:80`, /has a label of 64 octets/],
    [`${`${'a'.repeat(60)}.`.repeat(5)}mesos.:80`, /octets long \(at most 255\)/],
    ['nothing', /is none|colon/],
  ])(
    '%.40s are left out and told once, while their name stays and other values are there',
    (value, message) => {
      const { content, skipped } = contentOf({
        SRV: { 'web.mesos.': [value, 'a.mesos.:80'], 'odd.mesos.': [value] },
      });
      for (let i = 0; i < 3; i++) {
        expect(texts(content.rrsetsAt(WEB))).toEqual({ SRV: ['0 1 80 a.mesos'] });
        expect(content.rrsetsAt(parseName('odd.mesos'))).toEqual([]);
      }
      expect(content.has(parseName('odd.mesos'))).toBe(true);
      expect([...content.owners()]).toEqual(['web.mesos', 'odd.mesos']);
      expect(skipped.map(({ reason }) => reason)).toEqual(['value-not-answerable', 'value-not-answerable']);
      expect(skipped[0]?.detail).toMatch(message);
      expect(skipped[0]?.detail.startsWith(`web.mesos. SRV ${JSON.stringify(value)}: `)).toBe(true);
    },
  );
});

describe('names', () => {
  it('are those of the zone, each once, whatever types they have', () => {
    const values = ['10.0.0.1'];
    const { content } = contentOf({
      A: {
        'a.mesos.': values,
        'mesos.': values,
        'b.notmesos.': values,
        'mesos.example.': values,
        'example.': values,
      },
      AAAA: { 'a.mesos.': ['::1'], 'c.mesos.': ['::1'] },
      SRV: {
        'a.mesos.': ['a.mesos.:1'],
        'c.mesos.': ['a.mesos.:1'],
        'd.mesos.': ['a.mesos.:1'],
        'ns.example.': ['a.mesos.:1'],
      },
    });
    expect([...content.owners()].toSorted()).toEqual(['a.mesos', 'c.mesos', 'd.mesos', 'mesos']);
    for (const other of ['b.notmesos', 'mesos.example', 'example', 'ns.example'])
      expect(content.has(parseName(other))).toBe(false);
    for (const owner of content.owners()) expect(content.has(owner)).toBe(true);
    expect(content.rrsetsAt(parseName('a.mesos')).map(({ type }) => type)).toEqual([
      TYPE.A,
      TYPE.AAAA,
      TYPE.SRV,
    ]);
  });

  it('of a zone of several labels are those below all of them', () => {
    const { content } = contentOf(
      { A: { 'a.dc1.example.': ['10.0.0.1'], 'a.example.': ['10.0.0.1'] } },
      { origin: parseName('dc1.example') },
    );
    expect([...content.owners()]).toEqual(['a.dc1.example']);
  });

  it('that are not there have nothing', () => {
    const { content } = contentOf({});
    expect(content.has(WEB)).toBe(false);
    expect(content.rrsetsAt(WEB)).toEqual([]);
    expect([...content.owners()]).toEqual([]);
  });
});

it('whatever the values, every RRset is canonical and can be read back', () => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constantFrom('::ffff:10.0.0.1', '10.0.0.1', 'x'));
  const target = fc.oneof(fc.constantFrom('a.mesos.', 'A.mesos.', 'b.mesos.'), fc.string({ maxLength: 10 }));
  const value = fc
    .tuple(target, fc.oneof(fc.nat(70000).map(String), fc.string({ maxLength: 3 })))
    .map((parts) => parts.join(':'));
  fc.assert(
    fc.property(fc.array(address), fc.array(value), (addresses, values) => {
      const is6 = (text: string): boolean => text.includes(':') && !text.startsWith('::ffff:');
      const { content } = contentOf({
        A: { 'web.mesos.': addresses.filter((text) => !is6(text)) },
        AAAA: { 'web.mesos.': addresses.filter((text) => is6(text)) },
        SRV: { 'web.mesos.': values },
      });
      for (const rrset of content.rrsetsAt(WEB)) {
        expect(rrset.rdata.length).toBeGreaterThan(0);
        rrset.rdata.reduce((before, after) => {
          expect(compareOctets(before, after)).toBeLessThan(0);
          return after;
        });
      }
      texts(content.rrsetsAt(WEB));
    }),
  );
});

type Plain = { readonly [type in keyof RecordSet]?: Readonly<Record<string, readonly string[]>> };

function contentOf(
  records: Plain,
  settings: Partial<RRsetSettings> = {},
): { content: ZoneContent } & Pick<ReturnType<typeof keepReports>, 'skipped'> {
  const { report, skipped } = keepReports();
  const map = (names: Plain['A'] = {}): Map<string, readonly string[]> => new Map(Object.entries(names));
  const set = { A: map(records.A), AAAA: map(records.AAAA), SRV: map(records.SRV), MORE: map(records.MORE) };
  return {
    content: toZoneContent(
      set,
      { origin: parseName('mesos'), ttl: 60, srvWeight: 1, sources: 1, ...settings },
      report,
    ),
    skipped,
  };
}

/** RRsets as texts, by type; throws for RDATA that is not its type's. */
function texts(rrsets: readonly RRset[]): Partial<Record<'A' | 'AAAA' | 'SRV', string[]>> {
  return Object.fromEntries(
    rrsets.map(({ type, rdata }) => {
      if (type === TYPE.A) return ['A', rdata.map((octets) => decodeAddress(TYPE.A, octets))];
      if (type === TYPE.AAAA) return ['AAAA', rdata.map((octets) => decodeAddress(TYPE.AAAA, octets))];
      const values = rdata.map((octets) => decodeSrv(octets));
      return [
        'SRV',
        values.map(({ priority, weight, port, target }) => `${priority} ${weight} ${port} ${target}`),
      ];
    }),
  );
}

describe('values beside addresses and services', () => {
  it('have types of their own, and the least TTL of the name holds for all it has', () => {
    const { content, skipped } = contentOf({
      A: { 'web.mesos.': ['10.0.0.1'] },
      MORE: { 'web.mesos.': ['TXT "a=b"', 'TTL 20', 'TTL 5', 'HTTPS 1 . port=8443'] },
    });
    const rrsets = content.rrsetsAt(WEB);
    expect(rrsets.map(({ type, ttl }) => [type, ttl])).toEqual([
      [TYPE.A, 5],
      [TYPE.TXT, 5],
      [TYPE.HTTPS, 5],
    ]);
    expect(skipped).toEqual([]);
  });

  it('give services a priority and weight of their own', () => {
    const { content } = contentOf(
      { SRV: { 'web.mesos.': ['a.mesos.:80 10 5', 'a.mesos.:81', 'a.mesos.:82 70000 1'] } },
      { srvWeight: 7 },
    );
    expect(texts(content.rrsetsAt(WEB))).toEqual({ SRV: ['0 7 81 a.mesos', '10 5 80 a.mesos'] });
  });

  it('are left out and reported where no answer can carry them', () => {
    const { content, skipped } = contentOf({
      MORE: { 'web.mesos.': ['CAA nonsense', 'SOA a. b. 1 2 3 4 5', 'ANY x', 'WHAT x', 'TXT "ok"'] },
    });
    expect(content.rrsetsAt(WEB).map(({ type }) => type)).toEqual([TYPE.TXT]);
    expect(skipped.map(({ detail }) => detail.split(':')[0])).toEqual([
      'web.mesos. CAA nonsense',
      'web.mesos. SOA a. b. 1 2 3 4 5',
      'web.mesos. ANY x',
      'web.mesos. WHAT x',
    ]);
  });

  it('an alias stands alone: beside data it is left out, of two the first is taken', () => {
    const { content, skipped } = contentOf({
      A: { 'web.mesos.': ['10.0.0.1'] },
      MORE: { 'web.mesos.': ['CNAME b.mesos.'], 'odd.mesos.': ['CNAME b.mesos.', 'CNAME a.mesos.', 'TTL 9'] },
    });
    expect(content.rrsetsAt(WEB).map(({ type }) => type)).toEqual([TYPE.A]);
    const [alias] = content.rrsetsAt(parseName('odd.mesos'));
    expect(skipped.map(({ detail }) => detail)).toEqual([
      'web.mesos. CNAME: an alias has no other records',
      'odd.mesos. CNAME b.mesos.: an alias leads to one name, and another was taken',
    ]);
    expect([alias?.type, alias?.ttl, alias?.rdata.length]).toEqual([TYPE.CNAME, 9, 1]);
  });
});
