import { describe, expect, it } from 'vitest';
import type { PublisherOptions } from '../../../sync-agent/publish/publisher.ts';
import type { Published } from '../../../sync-agent/publish/published.ts';
import { makeSigningKey } from '../../../sync-agent/keys.ts';
import { SinkError } from '../../../sync-agent/sinks/sink.ts';
import { MAX_HEAD_OCTETS } from '../../../zone/head.ts';
import { parseName } from '../../../zone/name.ts';
import {
  contentOf,
  HEAD,
  names,
  type Names,
  NOW_SECONDS,
  openPublisher,
  publisherOf,
  pushOf,
  readZone,
  ZONE,
  type WatchedSink,
} from './published-zone.ts';

const signal = new AbortController().signal;
const key = await makeSigningKey();
const open = (options?: Partial<PublisherOptions>): ReturnType<typeof openPublisher> =>
  openPublisher(key, options);

describe('the first push', () => {
  it('writes the blocks, then the head alone', async () => {
    const { sink, publish } = open();
    const push = await publish(names(0, 5));
    expect(push).toMatchObject({ kind: 'changed', serial: NOW_SECONDS, changes: 5, writes: 2 });
    expect(sink.puts).toEqual([
      [expect.stringMatching(/^z\/mesos\/main\/r\/1750000000-[0-9a-f]{32}$/)],
      [HEAD],
    ]);
    expect(push.octets).toBe(await octetsIn(sink));
    expect((await readZone(sink, key))?.names).toEqual(names(0, 5));
  });

  it('of an empty zone is a zone without names', async () => {
    const { sink, publish } = open();
    expect(await publish({})).toMatchObject({ kind: 'changed', changes: 0 });
    expect((await readZone(sink, key))?.names).toEqual({});
    expect((await publish(names(0, 1))).kind).toBe('changed');
    expect((await readZone(sink, key))?.names).toEqual(names(0, 1));
  });

  it('says who wrote it, when, and when the cluster was read; the root stands in the metadata too', async () => {
    const { sink, publisher } = open();
    await publisher.publish(pushOf(contentOf(names(0, 1)), 123_456), signal);
    const head = (await readZone(sink, key))?.head;
    expect(head?.root).toMatchObject({
      createdAtMs: NOW_SECONDS * 1000,
      confirmedAtMs: 123_456,
      epoch: 1,
      origin: 'mesos',
      variant: 'main',
    });
    expect(head?.root.writerId).toEqual(Uint8Array.from({ length: 16 }, (_, i) => i + 1));
    const stored = await sink.get(HEAD, signal);
    const root = Buffer.from(stored?.metadata?.['root'] ?? '', 'base64');
    expect(Buffer.from(stored?.value ?? []).subarray(0, root.length)).toEqual(root);
    expect(JSON.stringify(stored?.metadata).length).toBeLessThanOrEqual(1024);
  });

  it('of many names is many shards in one put, and the head behind them', async () => {
    const { sink, publish } = open();
    const push = await publish(names(0, 60));
    const shards = 2 ** ((await readZone(sink, key))?.head.body.levels.shards?.bits ?? 0);
    expect(shards).toBeGreaterThan(2);
    expect(push).toMatchObject({ kind: 'changed', changes: 60, writes: shards + 1 });
    expect(sink.puts.map((put) => put.length)).toEqual([shards, 1]);
    expect(sink.puts[0]?.every((each) => each.startsWith(`z/mesos/main/s/${NOW_SECONDS}-`))).toBe(true);
    expect((await readZone(sink, key))?.names).toEqual(names(0, 60));
  });
});

describe('an unchanged zone', () => {
  it('writes nothing until its head is due, and then only that, with its serial', async () => {
    const { sink, clock, publish } = open();
    const first = await publish(names(0, 5));
    const before = await readZone(sink, key);
    sink.puts.length = 0;
    clock.ms += 299_999;
    expect(await publish(names(0, 5))).toEqual({
      kind: 'unchanged',
      serial: first.serial,
      epoch: 1,
      changes: 0,
      writes: 0,
      octets: 0,
    });
    expect(sink.puts).toEqual([]);
    clock.ms += 1;
    const renewed = await publish(names(0, 5));
    expect(renewed).toMatchObject({ kind: 'confirmed', serial: first.serial, changes: 0, writes: 1 });
    expect(sink.puts).toEqual([[HEAD]]);
    const after = await readZone(sink, key);
    expect(after?.head.body).toEqual(before?.head.body);
    expect(after?.head.root).toMatchObject({
      createdAtMs: clock.ms,
      confirmedAtMs: clock.ms,
      serial: first.serial,
    });
    expect((await publish(names(0, 5))).kind).toBe('unchanged');
  });

  it('is unchanged whatever order its names come in', async () => {
    const { publish } = open();
    await publish(names(0, 30));
    expect((await publish(Object.fromEntries(Object.entries(names(0, 30)).toReversed()))).kind).toBe(
      'unchanged',
    );
  });

  it('with other settings is a change, of the head alone', async () => {
    const { sink, clock, publish } = open();
    const { serial } = await publish(names(0, 5));
    sink.puts.length = 0;
    const other = publisherOf(sink, {
      key,
      clock,
      settings: { staleAfterSeconds: 1, expireAfterSeconds: 0, recursionAvailable: 'never' },
    });
    expect(await other.publish(pushOf(contentOf(names(0, 5)), clock.ms), signal)).toMatchObject({
      kind: 'changed',
      serial: serial + 1,
      changes: 0,
      writes: 1,
    });
    expect(sink.puts).toEqual([[HEAD]]);
  });
});

describe('a change', () => {
  it.each<[string, Names, number]>([
    ['a name more', names(0, 6), 1],
    ['a name less', names(0, 4), 1],
    ['another address', { ...names(0, 5), 'n0.mesos.': ['10.9.9.9'] }, 1],
    ['an address more', { ...names(0, 5), 'n0.mesos.': ['10.0.0.0', '10.9.9.9'] }, 1],
    ['a name below one that is not there', { ...names(0, 5), 'a.b.c.mesos.': ['10.0.0.1'] }, 3],
    ['no name any more', {}, 5],
  ])('of %s is one write of the head', async (_, next, changes) => {
    const { sink, publish } = open({ limits: { overlayOctets: 2000, runOctets: 5000, shardOctets: 600 } });
    const { serial } = await publish(names(0, 5));
    sink.puts.length = 0;
    const push = await publish(next);
    expect(push).toMatchObject({ kind: 'changed', serial: serial + 1, changes, writes: 1 });
    expect(sink.puts).toEqual([[HEAD]]);
    expect((await readZone(sink, key))?.names).toEqual(next);
    expect(push.octets).toBe((await sink.get(HEAD, signal))?.value.length);
  });

  it('that is taken back leaves the same head but for its times, serial and churn', async () => {
    const { sink, publish } = open();
    await publish(names(0, 5));
    const before = await readZone(sink, key);
    await publish(names(0, 6));
    const back = await publish(names(0, 5));
    expect(back.kind).toBe('changed');
    const now = (await readZone(sink, key))?.head.body;
    expect({ ...now, churn: undefined }).toEqual({ ...before?.head.body, churn: undefined });
  });

  it('too large for the head is merged into a new run first; where that outgrows its budget, shards are stored behind the head and named by the next', async () => {
    const { sink, publish } = open();
    const kinds = new Set<string>();
    for (let to = 1; to <= 40; to++) {
      sink.puts.length = 0;
      await publish(names(0, to));
      const order = sink.puts.map(([first = '']) => first.split('/')[3] ?? '').join(' ');
      kinds.add(order);
      expect(sink.puts.flat().filter((each) => each === HEAD)).toHaveLength(1);
      expect((await readZone(sink, key))?.names).toEqual(names(0, to));
    }
    expect(kinds).toEqual(new Set(['r head', 'head', 'r head s']));
    expect((await readZone(sink, key))?.head.body.levels.shards).toBeDefined();
    expect(sink.rewritten).toEqual([]);
  });

  it('has a serial of the time, or the next one where that is not later', async () => {
    const { clock, publish } = open();
    expect((await publish(names(0, 1))).serial).toBe(NOW_SECONDS);
    expect((await publish(names(0, 2))).serial).toBe(NOW_SECONDS + 1);
    clock.ms -= 3_600_000;
    expect((await publish(names(0, 3))).serial).toBe(NOW_SECONDS + 2);
    clock.ms += 7_200_000;
    expect((await publish(names(0, 4))).serial).toBe(NOW_SECONDS + 3600);
  });

  it('has the same blocks wherever the same seed and content are', async () => {
    const [one, other] = [open(), open()];
    for (const [from, to] of [
      [0, 5],
      [0, 12],
      [3, 60],
      [10, 70],
    ] as const) {
      await one.publish(names(from, to));
      await other.publish(Object.fromEntries(Object.entries(names(from, to)).toReversed()));
    }
    expect(other.sink.puts).toEqual(one.sink.puts);
    for (const each of one.sink.puts.flat()) {
      if (each !== HEAD)
        expect((await other.sink.get(each, signal))?.value).toEqual(
          (await one.sink.get(each, signal))?.value,
        );
    }
    expect((await readZone(other.sink, key))?.head.body).toEqual((await readZone(one.sink, key))?.head.body);
  });

  it('to a table of very many shards never makes a head that is too large', async () => {
    const limits = { overlayOctets: 56 * 1024, runOctets: 100, shardOctets: 100 };
    const { sink, publish } = open({ limits });
    const many = (changed: number): Names =>
      Object.fromEntries(
        Array.from({ length: 700 }, (_, i) => [
          `n${i}.mesos.`,
          Array.from({ length: 20 }, (__, j) => `10.${i < changed ? 1 : 0}.${i % 256}.${j}`),
        ]),
      );
    await publish(many(0));
    expect((await readZone(sink, key))?.head.body.levels.shards?.bits).toBeGreaterThanOrEqual(10);
    const sizes: number[] = [];
    for (let changed = 200; changed <= 400; changed += 20) {
      await publish(many(changed));
      sizes.push((await sink.get(HEAD, signal))?.value.length ?? 0);
    }
    expect(Math.max(...sizes)).toBeLessThanOrEqual(MAX_HEAD_OCTETS);
    expect(Math.max(...sizes)).toBeGreaterThan(50_000);
    expect((await readZone(sink, key))?.names).toEqual(many(400));
  });

  it('that no head has room for is an error that says so, and changes nothing', async () => {
    const servers = Array.from({ length: 255 }, (_, i) =>
      parseName(`${`${'x'.repeat(60)}.`.repeat(4)}n${String(i).padStart(3, '0')}`),
    );
    const { sink, clock, publish } = open();
    await publish(names(0, 1));
    const limits = { overlayOctets: 300, runOctets: 10, shardOctets: 10 };
    const huge = publisherOf(sink, { key, clock, limits, zone: { ...ZONE, nameServers: servers } });
    // Stores shards behind its head, more than a head can name.
    await huge.publish(pushOf(contentOf(names(0, 200)), clock.ms), signal);
    const before = await sink.get(HEAD, signal);
    await expect(huge.publish(pushOf(contentOf(names(0, 201)), clock.ms), signal)).rejects.toThrow(
      /^head: is \d+ octets long \(at most 65536\)$/,
    );
    expect(await sink.get(HEAD, signal)).toEqual(before);
  });
});

describe('a restart', () => {
  it.each([[5], [12], [60]])('goes on from what the sink holds (%i names)', async (count) => {
    const { sink, clock, publish } = open();
    const first = await publish(names(0, count - 1));
    const second = await publish(names(0, count));
    const seed = (await readZone(sink, key))?.head.body.levels.seed;
    sink.puts.length = 0;
    const told: string[] = [];
    const again = publisherOf(sink, {
      key,
      clock,
      randomOctets: (length) => new Uint8Array(length).fill(99),
      onEvent: (event) => event.kind === 'unusable' && told.push(event.reason),
    });
    const publishAgain = (all: Names): Promise<Published> =>
      again.publish(pushOf(contentOf(all), clock.ms), signal);
    expect(await publishAgain(names(0, count))).toMatchObject({ kind: 'unchanged', serial: second.serial });
    expect(sink.puts).toEqual([]);
    const third = await publishAgain(names(0, count + 1));
    expect(third).toMatchObject({ kind: 'changed', changes: 1 });
    expect([first.serial, second.serial, third.serial]).toEqual([
      NOW_SECONDS,
      NOW_SECONDS + 1,
      NOW_SECONDS + 2,
    ]);
    expect((await readZone(sink, key))?.head.body.levels.seed).toEqual(seed);
    expect((await readZone(sink, key))?.names).toEqual(names(0, count + 1));
    expect(told).toEqual([]);
  });

  it('reads the sink once, and not again while nothing fails', async () => {
    const { sink, publish } = open();
    for (let to = 1; to < 30; to++) await publish(names(0, to));
    expect(sink.gets).toEqual([HEAD]);
  });

  it('that can not read a block is no reason to write anew: the next publish tries again', async () => {
    const { sink, clock, publish } = open();
    const { serial } = await publish(names(0, 5));
    sink.puts.length = 0;
    sink.failsGet = (each) => each !== HEAD;
    const again = publisherOf(sink, { key, clock, onEvent: (event) => expect.unreachable(event.kind) });
    await expect(again.publish(pushOf(contentOf(names(0, 6)), clock.ms), signal)).rejects.toThrow(
      new SinkError('get refused'),
    );
    expect(sink.puts).toEqual([]);
    sink.failsGet = () => false;
    expect(await again.publish(pushOf(contentOf(names(0, 6)), clock.ms), signal)).toMatchObject({
      serial: serial + 1,
      changes: 1,
    });
  });

  it('is not needed where the sink could not be read: the next publish tries again', async () => {
    const { sink, publish } = open();
    sink.failsGet = () => true;
    await expect(publish(names(0, 1))).rejects.toThrow(new SinkError('get refused'));
    expect(sink.puts).toEqual([]);
    sink.failsGet = () => false;
    expect((await publish(names(0, 1))).kind).toBe('changed');
  });
});

describe('a dry run', () => {
  it('writes nothing and says what would be written, each time', async () => {
    const { sink, clock, publish } = open();
    const dry = publisherOf(sink, { key, clock, dryRun: true });
    const tryOut = (all: Names): Promise<Published> => dry.publish(pushOf(contentOf(all), clock.ms), signal);
    const wanted = await tryOut(names(0, 60));
    expect(await tryOut(names(0, 60))).toEqual(wanted);
    expect(sink.puts).toEqual([]);
    expect(await publish(names(0, 60))).toEqual(wanted);
    sink.puts.length = 0;
    const after = publisherOf(sink, { key, clock, dryRun: true });
    expect(await after.publish(pushOf(contentOf(names(0, 60)), clock.ms), signal)).toMatchObject({
      kind: 'unchanged',
      writes: 0,
    });
    expect(await after.publish(pushOf(contentOf(names(1, 61)), clock.ms), signal)).toMatchObject({
      kind: 'changed',
      changes: 2,
      writes: 1,
    });
    clock.ms += 300_000;
    expect(await after.publish(pushOf(contentOf(names(0, 60)), clock.ms), signal)).toMatchObject({
      kind: 'confirmed',
      writes: 1,
    });
    expect(sink.puts).toEqual([]);
  });
});

it('variants of a zone stand beside each other', async () => {
  const { sink, clock, publish } = open();
  await publish(names(0, 3));
  const other = publisherOf(sink, { key, clock, variant: 'team-a' });
  await other.publish(pushOf(contentOf(names(0, 1)), clock.ms), signal);
  expect(sink.puts.at(-1)).toEqual(['z/mesos/team-a/head']);
  expect((await readZone(sink, key))?.names).toEqual(names(0, 3));
});

async function octetsIn(sink: WatchedSink): Promise<number> {
  const stored = await Promise.all((await sink.list('', signal)).map((each) => sink.get(each, signal)));
  return stored.reduce((sum, one) => sum + (one?.value.length ?? 0), 0);
}
