import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRecordSet } from '../../../sync-agent/records/record-set.ts';
import { parseName } from '../../../zone/name.ts';
import { keepReports } from '../reports.ts';
import { plain } from '../states.ts';

describe('a record set', () => {
  it('has each value of a name once, in the order they came, however many', () => {
    const { set } = open();
    const values = Array.from({ length: 100 }, (_, i) => `10.0.0.${i}`);
    for (const value of [...values, ...values.toReversed()]) set.addAddress('a.mesos.', value);
    expect(set.records.A.get('a.mesos.')).toEqual(values);
  });

  it('is the same set whatever is added in between, and under which type', () => {
    const step = fc.tuple(
      fc.constantFrom('A', 'AAAA', 'SRV'),
      fc.constantFrom('a.', 'b.'),
      fc.nat(40).map(String),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const { set } = open();
        const wanted = new Map<string, Set<string>>();
        for (const [type, name, value] of steps) {
          set.add(type, name, value);
          const key = `${type} ${name}`;
          wanted.set(key, (wanted.get(key) ?? new Set()).add(value));
        }
        const made = Object.entries(plain(set.records)).flatMap(([type, names]) =>
          Object.entries(names).map(([name, values]) => [`${type} ${name}`, values] as const),
        );
        expect(new Map(made)).toEqual(new Map([...wanted].map(([key, values]) => [key, [...values]])));
      }),
    );
  });

  it.each([
    ['10.0.0.1', 'A'],
    ['2001:db8::1', 'AAAA'],
    ['::', 'AAAA'],
    ['::1', 'AAAA'],
    ['::ffff:10.0.0.1', 'A'],
    ['::FFFF:A00:1', 'A'],
    ['::10.0.0.1', 'AAAA'],
  ] as const)('takes address %s as %s', (address, type) => {
    const { set } = open();
    set.addAddress('a.mesos.', address);
    const empty = { A: {}, AAAA: {}, SRV: {} };
    expect(plain(set.records)).toEqual({ ...empty, [type]: { 'a.mesos.': [address] } });
  });
});

describe('a name', () => {
  it.each([
    'a.',
    'a.mesos.',
    '_a._tcp.mesos.',
    '-a-.mesos.',
    'a*.mesos.',
    '*.mesos.',
    "!#$%&'*+,/-9:<=>?[]^_`az{|}~.mesos.",
    `${'a'.repeat(63)}.mesos.`,
    `${'a.'.repeat(127)}`,
  ])('%s can be asked', (name) => {
    const { set, skipped } = open();
    set.add('SRV', name, 'x');
    expect(set.records.SRV.get(name)).toEqual(['x']);
    expect(skipped).toEqual([]);
    expect(`${parseName(name)}.`).toBe(name);
  });

  it.each([
    '',
    '.',
    '.mesos.',
    'a..mesos.',
    'a',
    'a.mesos',
    'A.mesos.',
    'a b.mesos.',
    'a"b.mesos.',
    'a(b.mesos.',
    'a)b.mesos.',
    'a;b.mesos.',
    'a@b.mesos.',
    'a\\b.mesos.',
    'a\\.b.mesos.',
    'a\tb.mesos.',
    'a\u007f.mesos.',
    'é.mesos.',
    '日本.mesos.',
    'a.*.mesos.',
    'a.*b.mesos.',
    'a.mesos.\n',
    `${'a'.repeat(64)}.mesos.`,
    `${'a.'.repeat(127)}a.`,
  ])('%j can not: it is left out and told once, for all types and values', (name) => {
    const { set, skipped } = open();
    for (const type of ['A', 'AAAA', 'SRV'] as const)
      for (const value of ['x', 'y']) set.add(type, name, value);
    set.add('A', 'good.', 'x');
    expect(plain(set.records)).toEqual({ A: { 'good.': ['x'] }, AAAA: {}, SRV: {} });
    expect(skipped).toEqual([
      { reason: 'name-not-askable', detail: `${JSON.stringify(name)} can't be asked for` },
    ]);
  });

  it('that can be asked is one that a question can hold, and the same again', () => {
    const unit = fc.oneof(
      fc.constantFrom('a', 'z', '0', '-', '_', '.', '.', '*', 'A', '\\', 'é', ' ', '@'),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    );
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 90 }), (text) => {
        const { set } = open();
        set.add('A', `${text}.`, 'x');
        for (const name of set.records.A.keys()) expect(`${parseName(name)}.`).toBe(name);
      }),
      { numRuns: 500 },
    );
  });
});

function open(): {
  set: ReturnType<typeof createRecordSet>;
  skipped: ReturnType<typeof keepReports>['skipped'];
} {
  const { report, skipped } = keepReports();
  return { set: createRecordSet(report), skipped };
}
