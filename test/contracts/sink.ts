import { describe, expect, it } from 'vitest';
import type { Pair, Sink } from '../../sync-agent/sinks/sink.ts';

export type SinkContractOptions = {
  /** How many keys the listing test puts: more than a page of the store under test. */
  readonly manyKeys?: number;
};

/**
 * What every `Sink` keeps to. `createSink` gives an empty one each time and sees to its own end, with
 * `onTestFinished`.
 */
export function sinkContract(
  name: string,
  createSink: () => Promise<Sink>,
  { manyKeys = 30 }: SinkContractOptions = {},
): void {
  const signal = new AbortController().signal;
  const allOctets = Uint8Array.from({ length: 256 }, (_, i) => i);
  const pair = (key: string, ...octets: number[]): Pair => ({ key, value: Uint8Array.from(octets) });

  describe(`${name} keeps the sink contract`, () => {
    it('has a name for people', async () => {
      expect((await createSink()).name).not.toBe('');
    });

    it('gives back all octet values, with metadata', async () => {
      const sink = await createSink();
      const metadata = { root: 'AAH/', note: 'ünï "quoted" \\ 日本' };
      await sink.put([{ key: 'z/mesos/main/head', value: allOctets, metadata }], signal);
      expect(await sink.get('z/mesos/main/head', signal)).toEqual({ value: allOctets, metadata });
    });

    it('gives back several pairs, with and without metadata', async () => {
      const sink = await createSink();
      const pairs = [{ ...pair('a', 1), metadata: { m: '1' } }, { key: 'b', value: allOctets }, pair('c', 3)];
      await sink.put(pairs, signal);
      expect(await sink.get('a', signal)).toEqual({ value: Uint8Array.of(1), metadata: { m: '1' } });
      expect(await sink.get('b', signal)).toEqual({ value: allOctets, metadata: undefined });
      expect(await sink.get('c', signal)).toEqual({ value: Uint8Array.of(3), metadata: undefined });
    });

    it('keeps an empty value apart from a missing one', async () => {
      const sink = await createSink();
      await sink.put([pair('empty')], signal);
      await sink.put([pair('empty too'), pair('more', 1)], signal);
      expect(await sink.get('empty', signal)).toEqual({ value: new Uint8Array(), metadata: undefined });
      expect(await sink.get('empty too', signal)).toEqual({ value: new Uint8Array(), metadata: undefined });
      expect(await sink.get('missing', signal)).toBeUndefined();
      expect((await sink.list('', signal)).toSorted()).toEqual(['empty', 'empty too', 'more']);
    });

    it('takes and gives copies', async () => {
      const sink = await createSink();
      const mine = Uint8Array.of(1, 2, 3);
      await sink.put([{ key: 'k', value: mine.subarray(1) }], signal);
      await sink.put(
        ['l', 'm'].map((key) => ({ key, value: mine.subarray(0, 2) })),
        signal,
      );
      mine.fill(9);
      const given = await sink.get('k', signal);
      given?.value.fill(9);
      expect((await sink.get('k', signal))?.value).toEqual(Uint8Array.of(2, 3));
      expect((await sink.get('m', signal))?.value).toEqual(Uint8Array.of(1, 2));
    });

    it('replaces value and metadata together', async () => {
      const sink = await createSink();
      await sink.put([{ ...pair('k', 1), metadata: { v: '1', old: 'yes' } }], signal);
      await sink.put([{ ...pair('k', 2, 2), metadata: { v: '2' } }], signal);
      expect(await sink.get('k', signal)).toEqual({ value: Uint8Array.of(2, 2), metadata: { v: '2' } });
      await sink.put([pair('k', 3)], signal);
      expect(await sink.get('k', signal)).toEqual({ value: Uint8Array.of(3), metadata: undefined });
      await sink.put([{ ...pair('k', 4), metadata: { v: '4' } }, pair('other', 1)], signal);
      await sink.put([pair('k', 5), pair('other', 2)], signal);
      expect(await sink.get('k', signal)).toEqual({ value: Uint8Array.of(5), metadata: undefined });
    });

    it('keeps keys apart that look alike', async () => {
      const sink = await createSink();
      const keys = [
        'a/b',
        'a%2Fb',
        'a%252Fb',
        'a b',
        'a+b',
        'a?b',
        'a#b',
        'a&b=c',
        'a\\b',
        'ä',
        'a\u0308',
        '日本/🦊',
      ];
      const odd = [
        'a',
        'a.meta.json',
        'a.meta.json.meta.json',
        '.meta.json',
        '.a',
        '...',
        '-a',
        '~',
        '*',
        "'",
      ];
      const pairs = [...keys, ...odd].map((key, i): Pair => ({
        ...pair(key, i),
        metadata: { key: encodeURIComponent(key) },
      }));
      for (const one of pairs.slice(0, 4)) await sink.put([one], signal);
      await sink.put(pairs.slice(4), signal);
      for (const { key, value, metadata } of pairs)
        expect(await sink.get(key, signal)).toEqual({ value, metadata });
      expect((await sink.list('', signal)).toSorted()).toEqual([...keys, ...odd].toSorted());
    });

    it('stores under a path step as key, or refuses it, and touches nothing else', async () => {
      const sink = await createSink();
      await sink.put([pair('k', 1)], signal);
      for (const key of ['.', '..', '../k', '../../k', '/', '/etc/passwd']) {
        const refused = await sink.put([pair(key, 2)], signal).catch((error: unknown) => error);
        if (refused === undefined) expect((await sink.get(key, signal))?.value).toEqual(Uint8Array.of(2));
        else expect(refused).toMatchObject({ name: 'SinkError', outcome: 'refused' });
      }
      expect((await sink.get('k', signal))?.value).toEqual(Uint8Array.of(1));
    });

    it('lists by prefix, as text, not as pattern', async () => {
      const sink = await createSink();
      await sink.put(
        ['z/a/x', 'z/a/y', 'z/a%', 'z/b/x', 'z/ä/x', 'z'].map((key) => pair(key, 1)),
        signal,
      );
      const list = async (prefix: string): Promise<string[]> => (await sink.list(prefix, signal)).toSorted();
      expect(await list('z/a/')).toEqual(['z/a/x', 'z/a/y']);
      expect(await list('z/a')).toEqual(['z/a%', 'z/a/x', 'z/a/y']);
      expect(await list('z/a%')).toEqual(['z/a%']);
      expect(await list('z/ä')).toEqual(['z/ä/x']);
      expect(await list('z/.')).toEqual([]);
      expect(await list('a')).toEqual([]);
    });

    it('lists an empty store', async () => {
      const sink = await createSink();
      expect(await sink.list('', signal)).toEqual([]);
    });

    it(`lists and removes ${manyKeys} keys`, async () => {
      const sink = await createSink();
      const keys = Array.from({ length: manyKeys }, (_, i) => `many/${String(i).padStart(6, '0')}`);
      await sink.put(
        [...keys, 'other'].map((key) => pair(key, 1)),
        signal,
      );
      expect((await sink.list('many/', signal)).toSorted()).toEqual(keys);
      await sink.remove(keys, signal);
      expect(await sink.list('', signal)).toEqual(['other']);
    });

    it('removes value and metadata, and minds no missing key', async () => {
      const sink = await createSink();
      await sink.put([{ ...pair('a', 1), metadata: { m: '1' } }, pair('b', 2)], signal);
      await sink.remove(['a', 'never there'], signal);
      await sink.remove(['a'], signal);
      expect(await sink.get('a', signal)).toBeUndefined();
      expect((await sink.get('b', signal))?.value).toEqual(Uint8Array.of(2));
      await sink.put([pair('a', 3)], signal);
      expect(await sink.get('a', signal)).toEqual({ value: Uint8Array.of(3), metadata: undefined });
    });

    it('does nothing for no pairs and no keys', async () => {
      const sink = await createSink();
      await sink.put([], signal);
      await sink.remove([], signal);
      expect(await sink.list('', signal)).toEqual([]);
    });

    it("stops with the signal's reason and leaves the store alone", async () => {
      const sink = await createSink();
      await sink.put([pair('k', 1)], signal);
      const reason = new Error('enough');
      const aborted = AbortSignal.abort(reason);
      await expect(sink.get('k', aborted)).rejects.toBe(reason);
      await expect(sink.put([pair('k', 2)], aborted)).rejects.toBe(reason);
      await expect(sink.put([pair('k', 2), pair('l', 2)], aborted)).rejects.toBe(reason);
      await expect(sink.list('', aborted)).rejects.toBe(reason);
      await expect(sink.remove(['k'], aborted)).rejects.toBe(reason);
      expect((await sink.get('k', signal))?.value).toEqual(Uint8Array.of(1));
      expect(await sink.list('', signal)).toEqual(['k']);
    });
  });
}
