import { describe, expect, it } from 'vitest';
import { openMirror } from '../../../sync-agent/local/mirror.ts';
import { createMemorySink } from '../../../sync-agent/sinks/memory.ts';
import { type Sink, SinkError } from '../../../sync-agent/sinks/sink.ts';

const HASH = '0123456789abcdef0123456789abcdef';
const head = 'z/dc2.mesos/main/head';
const run = `z/dc2.mesos/main/r/7-${HASH}`;
const signal = new AbortController().signal;
const octets = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = async (sink: Sink, key: string): Promise<string | undefined> => {
  const stored = await sink.get(key, signal);
  return stored && new TextDecoder().decode(stored.value);
};

async function sinkWith(pairs: Record<string, string>): Promise<Sink> {
  const sink = createMemorySink();
  await sink.put(
    Object.entries(pairs).map(([key, text]) => ({ key, value: octets(text), metadata: { of: text } })),
    signal,
  );
  return sink;
}

/** A sink that keeps the order in which keys were written. */
function written(): Sink & { readonly keys: string[] } {
  const keys: string[] = [];
  const sink = createMemorySink();
  return {
    ...sink,
    keys,
    put: async (pairs, at) => {
      keys.push(...pairs.map(({ key }) => key));
      await sink.put(pairs, at);
    },
  };
}

describe('a mirror of what other agents publish', () => {
  it('copies blocks before their head, with metadata, and then only what is new', async () => {
    const shard = `z/dc2.mesos/out/s/7-1-${HASH}`;
    const from = await sinkWith({
      [head]: 'h1',
      [run]: 'r',
      'z/dc2.mesos/out/head': 'o',
      [shard]: 's',
      'z/dc2.mesos/main/h/5': 'history',
      [`z/dc2.mesos/main/g/5-${HASH}`]: 'guard',
      access: 'document',
    });
    const mirror = await openMirror([from], { taken: ['dc1.mesos'], signal });
    expect(mirror.zones).toEqual(['dc2.mesos']);
    const to = written();
    expect(await mirror.copyTo(to, signal)).toBe(4);
    expect(to.keys.slice(0, 2).toSorted()).toEqual([run, shard].toSorted());
    expect(to.keys.slice(2).toSorted()).toEqual([head, 'z/dc2.mesos/out/head'].toSorted());
    expect((await to.get(head, signal))?.metadata).toEqual({ of: 'h1' });

    expect(await mirror.copyTo(to, signal)).toBe(0);
    await from.put([{ key: head, value: octets('h2') }], signal);
    expect(await mirror.copyTo(to, signal)).toBe(1);
    expect(await textOf(to, head)).toBe('h2');
  });

  it('writes no head that names a block which it has not seen', async () => {
    const from = await sinkWith({ [head]: 'h1', [run]: 'r' });
    const next = `z/dc2.mesos/main/r/8-${HASH}`;
    // A push between the read of the head and the list of blocks.
    const racing: Sink = {
      ...from,
      get: async (key, at) => {
        const stored = await from.get(key, at);
        if (key === head)
          await from.put(
            [next, head].map((each) => ({ key: each, value: octets('h2') })),
            at,
          );
        return stored;
      },
    };
    const mirror = await openMirror([racing], { taken: [], signal });
    const to = written();
    await mirror.copyTo(to, signal);
    expect(await textOf(to, head)).toBe('h1');
    expect(to.keys.at(-1)).toBe(head);
    await mirror.copyTo(to, signal);
    expect(await textOf(to, head)).toBe('h2');
    expect(await textOf(to, next)).toBe('h2');
  });

  it('goes on where a block was swept meanwhile', async () => {
    const from = await sinkWith({ [head]: 'h1', [run]: 'r' });
    const gone: Sink = { ...from, get: (key, at) => from.get(key === run ? 'none' : key, at) };
    const mirror = await openMirror([gone], { taken: [], signal });
    expect(await mirror.copyTo(createMemorySink(), signal)).toBe(1);
  });

  it('copies no zone that came after it was opened, whosever, and tells of each once', async () => {
    const from = await sinkWith({ [head]: 'h1', [run]: 'r' });
    const other = await sinkWith({ 'z/dc3.mesos/main/head': 'h3' });
    const told: string[] = [];
    const mirror = await openMirror([from, other], {
      taken: ['mesos'],
      signal,
      report: (text) => void told.push(text),
    });
    for (const zone of ['mesos', 'dc3.mesos', 'new.mesos', 'dc2.mesos/x', 'a,b', '\u001B[2J']) {
      const keys = [`z/${zone}/main/head`, `z/${zone}/main/r/7-${HASH}`];
      await from.put(
        keys.map((key) => ({ key, value: octets('evil') })),
        signal,
      );
    }
    const to = written();
    await mirror.copyTo(to, signal);
    await mirror.copyTo(to, signal);
    expect(to.keys.toSorted()).toEqual([head, 'z/dc3.mesos/main/head', run].toSorted());
    expect(await textOf(to, 'z/dc3.mesos/main/head')).toBe('h3');
    const text = (zone: string): string => `memory has a new zone ${zone}, which is not copied`;
    expect(told.toSorted()).toEqual(
      [
        text('mesos'),
        text('dc3.mesos'),
        `${text('new.mesos')}: start again to serve it too`,
        text('dc2.mesos%2Fx'),
        text('a%2Cb'),
        text('%1B%5B2J'),
      ].toSorted(),
    );
  });

  it('tells of few new zones, however many there are', async () => {
    const from = await sinkWith({ [head]: 'h1' });
    let told = 0;
    const mirror = await openMirror([from], { taken: [], signal, report: () => void told++ });
    const keys = Array.from({ length: 100 }, (_, i) => `z/n${i}/main/head`);
    await from.put(
      keys.map((key) => ({ key, value: octets('x') })),
      signal,
    );
    await mirror.copyTo(createMemorySink(), signal);
    expect(told).toBe(16);
  });

  it.each(['a,b', '..', 'A.mesos', 'a..b', '\u001B[2J', 'a b', 'ü', 'a/b', '', `${'a'.repeat(64)}.b`])(
    'is not opened with a zone called %j',
    async (zone) => {
      const from = await sinkWith({ [head]: 'h1', [`z/${zone}/main/head`]: 'x' });
      const opened = openMirror([from], { taken: [], signal });
      await expect(opened).rejects.toThrow(`a zone ${encodeURIComponent(zone)}, which is no zone's name`);
    },
  );

  it('copies from the others where one sink fails, and then throws', async () => {
    const bad = await sinkWith({ 'z/dc3.mesos/main/head': 'h3' });
    const failing: Sink = { ...bad, get: () => Promise.reject(new SinkError('broken')) };
    const mirror = await openMirror([failing, await sinkWith({ [head]: 'h1' })], { taken: [], signal });
    const to = written();
    await expect(mirror.copyTo(to, signal)).rejects.toThrow('broken');
    expect(to.keys).toEqual([head]);
  });

  it('refuses a place without a zone, and a zone that is there twice', async () => {
    const open = (from: Sink[], taken: string[] = []): Promise<unknown> =>
      openMirror(from, { taken, signal });
    await expect(open([createMemorySink()])).rejects.toThrow('has no zone: let an agent publish there first');
    await expect(open([await sinkWith({ [run]: 'r' })])).rejects.toThrow('has no zone');
    const one = await sinkWith({ [head]: 'h' });
    await expect(open([one], ['dc2.mesos'])).rejects.toThrow('the zone dc2.mesos, which is published here');
    await expect(open([one, await sinkWith({ [head]: 'x' })])).rejects.toThrow('has the zone dc2.mesos');
    expect((await openMirror([], { taken: ['dc2.mesos'], signal })).zones).toEqual([]);
  });
});
