import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changedNames, withValues } from '../../../sync-agent/records/difference.ts';
import type { RecordSet, RecordSetType } from '../../../sync-agent/records/record-set.ts';

type Values = Readonly<Record<string, readonly string[]>>;

function recordsOf(parts: { readonly [type in RecordSetType]?: Values }): RecordSet {
  const map = (values: Values = {}): ReadonlyMap<string, readonly string[]> =>
    new Map(Object.entries(values));
  return { A: map(parts.A), AAAA: map(parts.AAAA), SRV: map(parts.SRV), MORE: map(parts.MORE) };
}

describe('names whose answers differ', () => {
  const before = recordsOf({
    A: { 'a.mesos.': ['10.0.0.1', '10.0.0.2'], 'b.mesos.': ['10.0.0.3'] },
    AAAA: { 'a.mesos.': ['::1'] },
    SRV: { '_a._tcp.mesos.': ['a.mesos.:80', 'gone.mesos.:80'], '_b._tcp.mesos.': ['b.mesos.:81'] },
  });
  it.each<[string, RecordSet, string[]]>([
    ['nothing', before, []],
    [
      'another order',
      { ...before, A: new Map([...before.A].toReversed().map(([n, v]) => [n, v.toReversed()])) },
      [],
    ],
    [
      'a value, and so the services on it',
      { ...before, A: new Map([...before.A, ['b.mesos.', ['10.0.0.4']]]) },
      ['b.mesos.', '_b._tcp.mesos.'],
    ],
    [
      'one of two values',
      { ...before, A: new Map([...before.A, ['a.mesos.', ['10.0.0.1', '10.0.0.9']]]) },
      ['a.mesos.', '_a._tcp.mesos.'],
    ],
    [
      'a value less',
      { ...before, SRV: new Map([...before.SRV, ['_a._tcp.mesos.', ['a.mesos.:80']]]) },
      ['_a._tcp.mesos.'],
    ],
    ['a name less', { ...before, SRV: new Map([...before.SRV].slice(0, 1)) }, ['_b._tcp.mesos.']],
    [
      'a target that comes to be',
      { ...before, A: new Map([...before.A, ['gone.mesos.', ['10.0.0.9']]]) },
      ['gone.mesos.', '_a._tcp.mesos.'],
    ],
    ['a type less of a target', { ...before, AAAA: new Map() }, ['a.mesos.', '_a._tcp.mesos.']],
  ])('%s', (_, after, names) => {
    expect([...changedNames(before, after)].toSorted()).toEqual(names.toSorted());
    expect([...changedNames(after, before)].toSorted()).toEqual(names.toSorted());
  });
});

describe('further values', () => {
  it('stand beside those that are there, each once, and change nothing they were made of', () => {
    const records = recordsOf({ A: { 'a.mesos.': ['10.0.0.1'] } });
    const sum = withValues(records, [
      { type: 'A', name: 'a.mesos.', value: '10.0.0.2' },
      { type: 'A', name: 'a.mesos.', value: '10.0.0.1' },
      { type: 'SRV', name: '_a._tcp.mesos.', value: 'a.mesos.:80' },
    ]);
    expect(sum).toEqual(
      recordsOf({ A: { 'a.mesos.': ['10.0.0.1', '10.0.0.2'] }, SRV: { '_a._tcp.mesos.': ['a.mesos.:80'] } }),
    );
    expect(records).toEqual(recordsOf({ A: { 'a.mesos.': ['10.0.0.1'] } }));
    expect(withValues(records, [])).toBe(records);
  });

  it('taken from a set and put back leave it as it was', () => {
    const values = fc.dictionary(
      fc.constantFrom('a.', 'b.', 'c.'),
      fc.uniqueArray(fc.constantFrom('1', '2', '3')),
    );
    fc.assert(
      fc.property(values, values, (a, b) => {
        const [one, other] = [recordsOf({ A: a }), recordsOf({ A: b })];
        const all = Object.entries(b).flatMap(([name, list]) =>
          list.map((value) => ({ type: 'A' as const, name, value })),
        );
        const changed = changedNames(withValues(one, all), withValues(other, all));
        for (const name of changed) expect(a[name]).not.toEqual(b[name]);
      }),
    );
  });
});
