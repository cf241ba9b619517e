import { describe, expect, it } from 'vitest';
import { FormatError } from '../../../zone/format-error.ts';
import { nameToWire, parseName } from '../../../zone/name.ts';
import {
  parseStandIns,
  type Place,
  preferredBy,
  type StandInBindings,
} from '../../../worker/zones/stand-ins.ts';

const ZONES: readonly Place[] = ['mesos', 'dc1.lab', 'dc2.lab', 'in.mesos'].map((text) => {
  const origin = parseName(text);
  return { origin, originWire: nameToWire(origin) };
});
const parse = (bindings: StandInBindings): ReturnType<typeof parseStandIns> => parseStandIns(ZONES, bindings);

function aliasesOf(bindings: StandInBindings): string[] {
  return parse(bindings).aliases.map(({ origin, target, zone }) => `${origin}=${target.origin} in ${zone}`);
}

describe('ALIASES', () => {
  it.each([
    ['', []],
    ['apps.example.com=marathon.mesos', ['apps.example.com=marathon.mesos in mesos']],
    [
      ' A.example = mesos. ,b.example=x.in.mesos',
      ['a.example=mesos in mesos', 'b.example=x.in.mesos in in.mesos', 'in.a.example=in.mesos in in.mesos'],
    ],
    ['old.mesos=marathon.mesos', ['old.mesos=marathon.mesos in mesos']],
    [
      'a.example=mesos,in.a.example=mesos',
      ['a.example=mesos in mesos', 'in.a.example=mesos in mesos', 'in.in.a.example=in.mesos in in.mesos'],
    ],
  ])('%j', (ALIASES, expected) => {
    expect(aliasesOf({ ALIASES })).toEqual(expected);
  });

  it('may stand for a merged zone', () => {
    expect(aliasesOf({ MERGED: 'lab=dc1.lab,dc2.lab', ALIASES: 'l.example=lab' })).toEqual([
      'l.example=lab in lab',
      'dc1.l.example=dc1.lab in dc1.lab',
      'dc2.l.example=dc2.lab in dc2.lab',
    ]);
  });

  it.each([
    ['a.example', /instead of alias=name/],
    ['a.example=', /instead of name=name/],
    ['=mesos', /instead of name=name/],
    ['a=b=mesos', /instead of name=name/],
    ['a.example=www.example.com', /in none of our zones/],
    ['mesos=in.mesos', /twice, or as an alias of a zone/],
    ['a.example=mesos,a.example=in.mesos', /twice/],
    ['web.mesos=web.mesos', /stands for itself/],
    ['a..b=mesos', /bad name/],
  ])('%j is refused', (ALIASES, reason) => {
    expect(() => parse({ ALIASES })).toThrow(FormatError);
    expect(() => parse({ ALIASES })).toThrow(reason);
    expect(() => parse({ ALIASES })).toThrow(/^ALIASES/);
  });
});

describe('MERGED', () => {
  it('is a zone and its members, in order; another name= begins another', () => {
    const { merged } = parse({ MERGED: 'lab=dc2.lab, dc1.lab,all=mesos,dc1.lab' });
    expect(merged.map(({ origin, members }) => [origin, ...members.map((member) => member.origin)])).toEqual([
      ['lab', 'dc2.lab', 'dc1.lab'],
      ['all', 'mesos', 'dc1.lab'],
    ]);
  });

  it.each([
    ['dc1.lab,dc2.lab', /begins with "dc1.lab"/],
    ['anything', /begins with "anything" instead of zone=member: the = is missing/],
    ['lab=dc3.lab', /dc3.lab, which ZONES has not/],
    ['mesos=dc1.lab', /take it out of ZONES/],
    ['lab=dc1.lab,lab=dc2.lab', /a zone already/],
    ['lab=dc1.lab,dc1.lab', /twice/],
  ])('%j is refused', (MERGED, reason) => {
    expect(() => parse({ MERGED })).toThrow(reason);
    expect(() => parse({ MERGED })).toThrow(/^MERGED/);
  });
});

describe('MERGED_PREFER', () => {
  const standIns = parse({
    MERGED: 'lab=dc1.lab,dc2.lab',
    MERGED_PREFER: 'EU=dc1.lab, de=dc2.lab,NA=dc2.lab,NA=dc1.lab',
  });

  it.each([
    ['a country', { country: 'DE', continent: 'EU' }, ['dc2.lab']],
    ['a continent', { country: 'FR', continent: 'EU' }, ['dc1.lab']],
    ['several, in order', { country: 'US', continent: 'NA' }, ['dc2.lab', 'dc1.lab']],
    ['nobody’s continent', { country: 'JP', continent: 'AS' }, []],
    ['Namibia, which is not North America', { country: 'NA', continent: 'AF' }, []],
    ['Tor', { country: 'T1' }, []],
    ['a place of some other kind', { country: 7, continent: null }, []],
    ['nothing', undefined, []],
  ])('%s', (_, cf, expected) => {
    expect(preferredBy(standIns, cf)).toEqual(expected);
  });

  it.each([
    ['Europe=dc1.lab', /"Europe" instead of a country or continent/],
    ['EU=mesos', /mesos, which is no member/],
    ['dc1.lab', /"" instead of a country/],
  ])('%j is refused', (MERGED_PREFER, reason) => {
    expect(() => parse({ MERGED: 'lab=dc1.lab,dc2.lab', MERGED_PREFER })).toThrow(reason);
  });
});
