import { describe, expect, it } from 'vitest';
import { makeSigningKey } from '../../../sync-agent/keys.ts';
import { nameFromWire } from '../../../zone/name.ts';
import { type Names, names, openPublisher, readZone, type WatchedSink } from './published-zone.ts';

const key = await makeSigningKey();

/** The parents that the head lists. */
async function listed(sink: WatchedSink): Promise<string[] | undefined> {
  const body = (await readZone(sink, key))?.head.body;
  return body?.wildcards?.map((name) => nameFromWire(name)).toSorted();
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

  it('take no more than their room in the head', async () => {
    const { sink, publish } = openPublisher(key);
    const many = Array.from({ length: 300 }, (_, i) => below(`wild${i}.mesos`));
    await publish(Object.assign({}, ...many) as Names);
    const kept = await listed(sink);
    expect(kept?.length).toBeGreaterThan(100);
    expect(kept?.length).toBeLessThan(300);
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
