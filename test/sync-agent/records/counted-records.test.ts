import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Skipped } from '../../../sync-agent/cluster.ts';
import { type CountedRecords, createCountedRecords } from '../../../sync-agent/records/counted-records.ts';
import { changedNames, withBefore } from '../../../sync-agent/records/difference.ts';
import {
  createRecordSet,
  type RecordSet,
  type RecordSetType,
} from '../../../sync-agent/records/record-set.ts';

type Given = { readonly type: RecordSetType; readonly name: string; readonly value: string };

const none = (): void => undefined;
const copyOf = ({ A, AAAA, SRV, MORE }: RecordSet): RecordSet => {
  const copied = (lists: RecordSet['A']): Map<string, string[]> =>
    new Map(Array.from(lists, ([name, values]) => [name, [...values]]));
  return { A: copied(A), AAAA: copied(AAAA), SRV: copied(SRV), MORE: copied(MORE) };
};
const sorted = ({ A, AAAA, SRV, MORE }: RecordSet): unknown =>
  [A, AAAA, SRV, MORE].map((lists) =>
    Array.from(lists, ([name, values]) => `${name} ${values.toSorted().join(' ')}`).toSorted(),
  );
const giveAll = (records: CountedRecords, given: readonly Given[]): void => {
  const sink = records.giving(none);
  for (const { type, name, value } of given) sink.add(type, name, value);
};
const takeAll = (records: CountedRecords, given: readonly Given[]): void => {
  const sink = records.takingBack();
  for (const { type, name, value } of given) sink.add(type, name, value);
};

describe('counted records', () => {
  it('keep a value until all who gave it have taken it back', () => {
    const records = createCountedRecords();
    const a: Given = { type: 'A', name: 'web.mesos.', value: '10.0.0.1' };
    giveAll(records, [a, a, a]);
    takeAll(records, [a]);
    takeAll(records, [a]);
    expect(records.records.A.get('web.mesos.')).toEqual(['10.0.0.1']);
    takeAll(records, [a]);
    expect(records.records.A.has('web.mesos.')).toBe(false);
    expect(() => takeAll(records, [a])).toThrow('web.mesos. A 10.0.0.1 was never given');
  });

  it('leave out names nobody can ask for, told once an element, and take back what was never in', () => {
    const records = createCountedRecords();
    const told: Skipped[] = [];
    const sink = records.giving((skipped) => told.push(skipped));
    sink.add('A', 'Web.mesos.', '10.0.0.1');
    sink.at('Web.mesos.').addAddress('10.0.0.2');
    records.takingBack().add('A', 'Web.mesos.', '10.0.0.1');
    expect(told).toEqual([{ reason: 'name-not-askable', detail: '"Web.mesos." can\'t be asked for' }]);
    expect(sorted(records.records)).toEqual([[], [], [], []]);
  });

  it('say of a service whose target moved that its answer changed', () => {
    const records = createCountedRecords();
    const service: Given = { type: 'SRV', name: '_web._tcp.mesos.', value: 'web-1.mesos.:80' };
    giveAll(records, [service, { type: 'A', name: 'web-1.mesos.', value: '10.0.0.1' }]);
    expect(records.takeChanges().size).toBe(0);
    takeAll(records, [service, { type: 'A', name: 'web-1.mesos.', value: '10.0.0.1' }]);
    giveAll(records, [service, { type: 'A', name: 'web-1.mesos.', value: '10.0.0.2' }]);
    expect([...records.takeChanges()]).toEqual([
      ['web-1.mesos.', { A: ['10.0.0.1'] }],
      ['_web._tcp.mesos.', { SRV: ['web-1.mesos.:80'] }],
    ]);
    expect(records.takeChanges().size).toBe(0);
  });

  it('are what a set made anew would be, and their changes what a comparison would find', () => {
    const element = fc.array(
      fc.record({
        type: fc.constantFrom<RecordSetType>('A', 'AAAA', 'SRV'),
        name: fc.constantFrom('a.mesos.', 'b.mesos.', 'c.mesos.', 'BAD.mesos.'),
        value: fc.nat({ max: 40 }).map((n) => `10.0.0.${n}`),
      }),
      { maxLength: 40 },
    );
    // Each round some elements are replaced by others.
    const rounds = fc.array(fc.array(fc.tuple(fc.nat({ max: 3 }), element), { maxLength: 4 }), {
      maxLength: 8,
    });
    fc.assert(
      fc.property(rounds, (all) => {
        const records = createCountedRecords();
        const elements: Given[][] = [[], [], [], []];
        records.takeChanges();
        for (const round of all) {
          const before = copyOf(records.records);
          for (const [i, next] of round) {
            takeAll(records, elements[i] ?? []);
            giveAll(records, next);
            elements[i] = next;
          }
          const anew = createRecordSet(none);
          for (const { type, name, value } of elements.flat()) anew.add(type, name, value);
          expect(sorted(records.records)).toEqual(sorted(anew.records));
          const changes = records.takeChanges();
          expect([...changes.keys()].toSorted()).toEqual(
            [...changedNames(before, records.records)].toSorted(),
          );
          expect(sorted(withBefore(records.records, changes))).toEqual(sorted(before));
        }
      }),
    );
  });
});
