import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createOctetCache } from '../../../worker/snapshot/octet-cache.ts';
import { type Block, encodeBlock, openBlock } from '../../../zone/block.ts';

const EMPTY = openBlock(encodeBlock([]));

function blockOf(octets: number): Block {
  return { ...EMPTY, octets: new Uint8Array(octets) };
}

describe('createOctetCache', () => {
  it('gives what was set, and nothing else', () => {
    const cache = createOctetCache<Block>(100);
    const block = blockOf(10);
    cache.set('a', block);
    expect(cache.get('a')).toBe(block);
    expect(cache.get('b')).toBeUndefined();
  });

  it('drops the longest unused when it is full, not a moment before', () => {
    const cache = createOctetCache<Block>(30);
    for (const key of ['a', 'b', 'c']) cache.set(key, blockOf(10));
    expect(cache.get('a')).toBeDefined();
    cache.set('d', blockOf(1));
    expect(['a', 'b', 'c', 'd'].filter((key) => cache.get(key))).toEqual(['a', 'c', 'd']);
  });

  it('drops as many as it takes', () => {
    const cache = createOctetCache<Block>(30);
    for (const key of ['a', 'b', 'c']) cache.set(key, blockOf(10));
    cache.set('d', blockOf(25));
    expect(['a', 'b', 'c', 'd'].filter((key) => cache.get(key))).toEqual(['d']);
  });

  it('keeps what alone is too large, alone', () => {
    const cache = createOctetCache<Block>(30);
    cache.set('a', blockOf(10));
    cache.set('b', blockOf(31));
    expect(['a', 'b'].filter((key) => cache.get(key))).toEqual(['b']);
    cache.set('c', blockOf(30));
    expect(['a', 'b', 'c'].filter((key) => cache.get(key))).toEqual(['c']);
  });

  it('counts a key once, however often it is set', () => {
    const cache = createOctetCache<Block>(30);
    for (let i = 0; i < 10; i++) cache.set('a', blockOf(10));
    cache.set('b', blockOf(20));
    expect(['a', 'b'].filter((key) => cache.get(key))).toEqual(['a', 'b']);
    cache.set('a', blockOf(5));
    cache.set('c', blockOf(5));
    expect(['a', 'b', 'c'].filter((key) => cache.get(key))).toEqual(['a', 'b', 'c']);
  });

  it('keeps what is held, counts it, and lets it go as the newest when it is released', () => {
    const cache = createOctetCache<Block>(30);
    cache.hold('run', blockOf(20));
    for (const key of ['a', 'b', 'c']) cache.set(key, blockOf(10));
    expect(['run', 'a', 'b', 'c'].filter((key) => cache.get(key))).toEqual(['run', 'c']);
    expect(cache.octets()).toBe(30);
    cache.release('run');
    expect(['run', 'c'].filter((key) => cache.get(key))).toEqual(['run', 'c']);
    cache.set('d', blockOf(10));
    expect(['run', 'c', 'd'].filter((key) => cache.get(key))).toEqual(['c', 'd']);
    cache.release('never held');
    expect(cache.octets()).toBe(20);
  });

  it('holds what it has had already, and what is held again, once', () => {
    const cache = createOctetCache<Block>(30);
    cache.set('run', blockOf(10));
    cache.hold('run', blockOf(10));
    cache.hold('run', blockOf(10));
    cache.set('run', blockOf(10));
    expect(cache.octets()).toBe(10);
    cache.set('a', blockOf(25));
    expect(['run', 'a'].filter((key) => cache.get(key))).toEqual(['run', 'a']);
  });

  it('holds the most recent keys that fit, whatever is done to it', () => {
    const step = fc.record({ key: fc.constantFrom(...'abcdef'), octets: fc.nat(20), set: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const cache = createOctetCache<Block>(50);
        let model: { key: string; octets: number }[] = [];
        for (const { key, octets, set } of steps) {
          const known = model.find((kept) => kept.key === key);
          if (!set) {
            expect(cache.get(key)?.octets.length).toBe(known?.octets);
            if (known) model = [...model.filter((kept) => kept !== known), known];
            continue;
          }
          cache.set(key, blockOf(octets));
          model = [...model.filter((kept) => kept !== known), { key, octets }];
          while (model.length > 1 && model.reduce((sum, kept) => sum + kept.octets, 0) > 50) model.shift();
        }
        for (const { key, octets } of model) expect(cache.get(key)?.octets.length).toBe(octets);
      }),
      { seed: 20_260_801, numRuns: 300 },
    );
  });
});
