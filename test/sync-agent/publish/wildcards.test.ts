import { describe, expect, it } from 'vitest';
import { makeSigningKey } from '../../../sync-agent/keys.ts';
import { nameFromWire } from '../../../zone/name.ts';
import { type Names, names, openPublisher, readZone, type WatchedSink } from './published-zone.ts';

const key = await makeSigningKey();

/** The parents that the head lists, or that there are too many of them. */
async function listed(sink: WatchedSink): Promise<string[] | 'unlisted' | undefined> {
  const wildcards = (await readZone(sink, key))?.head.body.wildcards;
  if (wildcards === 'unlisted') return wildcards;
  return wildcards?.map((name) => nameFromWire(name)).toSorted();
}

const below = (parent: string): Names => ({ [`*.${parent}.`]: ['10.0.0.1'] });

describe('the wildcards of a zone', () => {
  it('are listed with the first push, and not where there are none', async () => {
    const { sink, publish } = openPublisher(key);
    await publish({ ...names(0, 3), ...below('mesos'), ...below('a.b.mesos') });
    expect(await listed(sink)).toEqual(['a.b.mesos', 'mesos']);
    const other = openPublisher(key);
    await other.publish({ ...names(0, 3), 'x*.mesos.': ['10.0.0.1'], '**.mesos.': ['10.0.0.1'] });
    expect(await listed(other.sink)).toBeUndefined();
  });

  it('come and go with their names, through all levels of a zone', async () => {
    const { sink, publish } = openPublisher(key);
    await publish(names(0, 60));
    expect(await listed(sink)).toBeUndefined();
    await publish({ ...names(0, 60), ...below('mesos') });
    expect(await listed(sink)).toEqual(['mesos']);
    await publish({ ...names(0, 80, 1), ...below('mesos') });
    expect(await listed(sink)).toEqual(['mesos']);
    await publish({ ...names(0, 80, 1), ...below('n1.mesos') });
    expect(await listed(sink)).toEqual(['n1.mesos']);
    await publish(names(0, 80, 1));
    expect(await listed(sink)).toBeUndefined();
  });

  it('are those between names too (RFC 4592 §2.2.2)', async () => {
    const { sink, publish } = openPublisher(key);
    await publish(names(0, 3));
    await publish({ ...names(0, 3), 'a.*.mesos.': ['10.0.0.1'] });
    expect(await listed(sink)).toEqual(['mesos']);
  });

  it('are not listed where they do not fit, and again once they do, whatever way it came to that', async () => {
    const { sink, publish } = openPublisher(key);
    const many = (from: number, to: number): Names =>
      Object.assign(
        {},
        ...Array.from({ length: to - from }, (_, i) => below(`wild${from + i}.mesos`)),
      ) as Names;
    await publish(many(0, 100));
    expect(await listed(sink)).toHaveLength(100);
    await publish(many(0, 300));
    expect(await listed(sink)).toBe('unlisted');
    await publish({ ...many(0, 300), ...names(0, 3) });
    expect(await listed(sink)).toBe('unlisted');
    await publish({ ...many(0, 299), ...names(0, 3) });
    expect(await listed(sink)).toBe('unlisted');
    await publish({ ...many(250, 299), ...names(0, 3) });
    const expected = Array.from({ length: 49 }, (_, i) => `wild${250 + i}.mesos`).toSorted();
    expect(await listed(sink)).toEqual(expected);
    await publish(names(0, 3));
    expect(await listed(sink)).toBeUndefined();
    const other = openPublisher(key);
    await other.publish(many(0, 300));
    expect(await listed(other.sink)).toBe('unlisted');
  });

  it('are none where names with an asterisk are no wildcards', async () => {
    const { sink, publish } = openPublisher(key, { wildcards: 'none' });
    await publish({ ...names(0, 3), ...below('mesos') });
    await publish({ ...names(0, 3), ...below('mesos'), ...below('a.mesos') });
    expect(await listed(sink)).toBeUndefined();
    expect(await readZone(sink, key).then((zone) => zone?.head.root.serial)).toBeGreaterThan(0);
  });

  it('write nothing where nothing changes', async () => {
    const { sink, publish } = openPublisher(key);
    const all = { ...names(0, 3), ...below('mesos') };
    await publish(all);
    const { length } = sink.puts;
    expect((await publish(all)).kind).toBe('unchanged');
    expect(sink.puts).toHaveLength(length);
  });
});
