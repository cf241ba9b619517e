import { describe, expect, it } from 'vitest';
import { shuffle } from '../../zone/shuffle.ts';
import { seededRandom } from './arbitrary.ts';

describe('shuffle', () => {
  const random = seededRandom(11);
  const shuffled = (count: number, turn?: number): string => {
    const items = Array.from({ length: count }, (_, i) => i);
    shuffle(items, random, turn);
    return items.join('');
  };
  const countOf = (orders: readonly string[]): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const order of orders) counts.set(order, (counts.get(order) ?? 0) + 1);
    return counts;
  };

  it('gives every order about as often', () => {
    const counts = countOf(Array.from({ length: 6_000 }, () => shuffled(3)));
    expect(counts.size).toBe(6);
    // 1,000 each, with a standard deviation of 29.
    for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });

  it('puts the item whose turn it is first and gives every order of the others about as often', () => {
    for (const turn of [0, 1, 2, 3, 4, 9]) {
      const counts = countOf(Array.from({ length: 3_000 }, () => shuffled(4, turn)));
      expect(counts.size).toBe(6);
      for (const [order, count] of counts) {
        expect(order[0]).toBe(String(turn % 4));
        expect([...order].toSorted().join('')).toBe('0123');
        expect(Math.abs(count - 500)).toBeLessThan(110);
      }
    }
  });

  it('has nothing to do for one item, or none', () => {
    expect([shuffled(0), shuffled(0, 5), shuffled(1), shuffled(1, 7)]).toEqual(['', '', '0', '0']);
  });
});
