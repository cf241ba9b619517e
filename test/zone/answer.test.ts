import { describe, expect, it } from 'vitest';
import { answerName } from '../../zone/answer.ts';
import { encodeEdit } from '../../zone/edit.ts';
import { type Entry, readEntry, storedRdata, writeEntry, writeTombstone } from '../../zone/entry.ts';
import { FormatError } from '../../zone/format-error.ts';
import { toHex } from '../../zone/hash.ts';
import { nameToWire, parseName } from '../../zone/name.ts';
import { createWriter } from '../../zone/octets.ts';
import { type RRset, TYPE } from '../../zone/record.ts';
import { hex } from './arbitrary.ts';

const ORIGIN = nameToWire(parseName('mesos'));
const HTTPS = TYPE.HTTPS;

function entry(name: string, types: readonly number[]): Entry {
  const owner = parseName(name);
  const rrsets: RRset[] = types.map((type) => ({
    owner,
    type,
    ttl: 30,
    sources: 1,
    rdata: [hex('0a000001')],
  }));
  const writer = createWriter();
  writeEntry(writer, nameToWire(owner), { rrsets, addressesOf: () => [] });
  return readEntry(writer.written());
}

function tombstone(name: string): Entry {
  const writer = createWriter();
  writeTombstone(writer, nameToWire(parseName(name)));
  return readEntry(writer.written());
}

/** The answer's kind, with the types it holds and what it says of the apex. */
function answer(name: string, type: number, found: Entry | undefined): string {
  const given = answerName(found, type, { wire: nameToWire(parseName(name)), origin: ORIGIN });
  if (given.kind !== 'positive') return given.kind;
  const { rrsets, soa, ns } = given;
  for (const rrset of rrsets) expect(storedRdata(rrset).map((rdata) => toHex(rdata))).toEqual(['0a000001']);
  return ['positive', ...rrsets.map((rrset) => rrset.type), soa && 'soa', ns && 'ns']
    .filter((part) => part !== false)
    .join(' ');
}

describe('answerName', () => {
  const both = [TYPE.A, TYPE.AAAA];
  it.each([
    ['a type it has', both, TYPE.A, 'positive 1'],
    ['another it has', both, TYPE.AAAA, 'positive 28'],
    ['ANY', both, TYPE.ANY, 'positive 1 28'],
    ['a type it lacks', both, TYPE.SRV, 'nodata'],
    ['HTTPS, which browsers ask first', both, HTTPS, 'nodata'],
    ['SOA below the apex', both, TYPE.SOA, 'nodata'],
    ['NS below the apex', both, TYPE.NS, 'nodata'],
    ['what an alias has not', [TYPE.CNAME], TYPE.A, 'cname'],
    ['an alias’ CNAME', [TYPE.CNAME], TYPE.CNAME, 'positive 5'],
    ['an alias’ ANY', [TYPE.CNAME], TYPE.ANY, 'positive 5'],
    ['an empty non-terminal’s A', [], TYPE.A, 'nodata'],
    ['an empty non-terminal’s ANY', [], TYPE.ANY, 'nodata'],
  ])('below the apex, asked for %s', (_, types, type, expected) => {
    expect(answer('a.mesos', type, entry('a.mesos', types))).toBe(expected);
  });

  it.each([TYPE.A, TYPE.SOA, TYPE.NS, TYPE.ANY, HTTPS])(
    'says NXDOMAIN to type %i of a name that is not there, or gone',
    (type) => {
      expect(answer('a.mesos', type, undefined)).toBe('nxdomain');
      expect(answer('a.mesos', type, tombstone('a.mesos'))).toBe('nxdomain');
    },
  );

  it.each([
    [TYPE.SOA, [], 'positive soa'],
    [TYPE.NS, [], 'positive ns'],
    [TYPE.ANY, [], 'positive soa ns'],
    [TYPE.ANY, [TYPE.A], 'positive 1 soa ns'],
    [TYPE.SOA, [TYPE.A], 'positive soa'],
    [TYPE.A, [TYPE.A], 'positive 1'],
    [TYPE.AAAA, [TYPE.A], 'nodata'],
    [TYPE.A, [], 'nodata'],
  ])('at the apex, type %i with records of types %j', (type, types, expected) => {
    expect(answer('mesos', type, entry('mesos', types))).toBe(expected);
  });

  it.each([
    [TYPE.SOA, 'positive soa'],
    [TYPE.NS, 'positive ns'],
    [TYPE.ANY, 'positive soa ns'],
    [TYPE.A, 'nodata'],
  ])('at an apex without an entry, type %i: it exists all the same', (type, expected) => {
    expect(answer('mesos', type, undefined)).toBe(expected);
    expect(answer('mesos', type, tombstone('mesos'))).toBe(expected);
  });

  it('refuses an edit, which says nothing by itself', () => {
    const edit = readEntry(encodeEdit(entry('a.mesos', [TYPE.A]), entry('a.mesos', [TYPE.AAAA])));
    for (const type of [TYPE.A, TYPE.SRV, TYPE.ANY])
      expect(() => answer('a.mesos', type, edit)).toThrow(FormatError);
    expect(() => answer('mesos', TYPE.SOA, edit)).toThrow(FormatError);
  });

  it('takes no other name for the apex', () => {
    for (const name of ['mesot', 'mesos.mesos', 'xmesos', 'a\\.mesos', '']) {
      expect(answer(name, TYPE.SOA, undefined)).toBe('nxdomain');
    }
  });
});
