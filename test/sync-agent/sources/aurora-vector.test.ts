import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../../../zone/format-error.ts';
import type { ServerSetMember } from '../../../sync-agent/cluster.ts';
import { readVector, weighMember } from '../../../sync-agent/sources/aurora-vector.ts';

const read = (json: unknown): ReturnType<typeof readVector> =>
  readVector(new TextEncoder().encode(JSON.stringify(json)));
const member = (parts: Partial<ServerSetMember> = {}): ServerSetMember => ({
  name: 'member_0000000007',
  shard: 1,
  primary: { host: 'h1', port: 31000, addresses: [] },
  additional: [{ alias: 'admin', host: 'h1', port: 31001, addresses: [] }],
  ...parts,
});
const numbers = (...vectors: unknown[]): unknown => {
  const { primary, additional } = weighMember(
    member(),
    vectors.map((vector) => read({ vector })),
  );
  return [primary.srv, additional[0]?.srv];
};
const both = (priority: number, weight: number): unknown => [
  { priority, weight },
  { priority, weight },
];

describe('weights of ServerSet vectors', () => {
  it('are none without a vector', () => {
    expect(numbers()).toEqual([undefined, undefined]);
  });

  it.each<[string, unknown[][], unknown]>([
    ['by shard', [[{ select: 'shard=1', weight: 0.5, priority: 1 }]], both(1, 50)],
    ['by member', [[{ select: 'member=member_0000000007', weight: 2, priority: 3 }]], both(3, 200)],
    [
      'by host and port, of that endpoint alone',
      [[{ select: 'inet=H1:31001', weight: 0.1 }]],
      [
        { priority: 1, weight: 100 },
        { priority: 1, weight: 10 },
      ],
    ],
    ['of another shard', [[{ select: 'shard=2', weight: 0.5, priority: 9 }]], both(1, 100)],
    ['of nothing known', [[{ select: 'colour=red', weight: 9 }, { weight: 9 }]], both(1, 100)],
    ['that say nothing', [[{ select: 'shard=1' }]], both(1, 100)],
    [
      'in one vector, multiplied',
      [
        [
          { select: 'shard=1', weight: 0.5 },
          { select: 'member=member_0000000007', weight: 0.5, priority: 4 },
        ],
      ],
      both(4, 25),
    ],
    [
      'in two vectors, multiplied',
      [[{ select: 'shard=1', weight: 3 }], [{ select: 'shard=1', weight: 2 }]],
      both(1, 600),
    ],
    ['of 0', [[{ select: 'shard=1', weight: 0 }]], both(1, 0)],
    ['hardly above 0', [[{ select: 'shard=1', weight: 0.0001 }]], both(1, 1)],
    ['beyond all', [[{ select: 'shard=1', weight: 1e9 }]], both(1, 65535)],
    ['empty', [[]], both(1, 100)],
  ])('%s', (_, vectors, expected) => {
    expect(numbers(...vectors)).toEqual(expected);
  });

  it.each<[string, unknown]>([
    ['a weight below 0', { vector: [{ select: 'shard=1', weight: -1 }] }],
    ['a weight that is a text', { vector: [{ select: 'shard=1', weight: '1' }] }],
    ['a priority above 65535', { vector: [{ select: 'shard=1', priority: 65536 }] }],
    ['half a priority', { vector: [{ select: 'shard=1', priority: 0.5 }] }],
    ['lines that are none', { vector: [1] }],
    ['no list', { vector: {} }],
    ['a list alone', []],
  ])('refuse %s', (_, json) => {
    expect(() => read(json)).toThrow(FormatError);
  });

  it('read what they can, and throw nothing but FormatError', () => {
    const line = fc.record(
      {
        select: fc.oneof(fc.string(), fc.constantFrom('shard=1', 'inet=[::1]:5')),
        weight: fc.double(),
        priority: fc.integer(),
      },
      { requiredKeys: [] },
    );
    const data = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.array(line).map((vector) => new TextEncoder().encode(JSON.stringify({ vector }))),
    );
    fc.assert(
      fc.property(data, (octets) => {
        try {
          const { primary } = weighMember(member(), [readVector(octets)]);
          const { priority = 0, weight = 0 } = primary.srv ?? {};
          for (const number of [priority, weight])
            expect(Number.isInteger(number) && number >= 0 && number <= 65535).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
    );
  });
});
