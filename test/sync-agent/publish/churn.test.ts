import { describe, expect, it } from 'vitest';
import type { PublisherOptions } from '../../../sync-agent/publish/publisher.ts';
import { makeSigningKey } from '../../../sync-agent/keys.ts';
import { type Churn, encodeChurn } from '../../../zone/churn.ts';
import { decodeHead, encodeBody, encodeHead, MAX_HEAD_OCTETS } from '../../../zone/head.ts';
import {
  contentOf,
  HEAD,
  names,
  type Names,
  NOW_SECONDS,
  type Opened,
  openPublisher,
  publisherOf,
  pushOf,
  readZone,
  type WatchedSink,
} from './published-zone.ts';

const signal = new AbortController().signal;
const key = await makeSigningKey();
const open = (options?: Partial<PublisherOptions>): Opened => openPublisher(key, options);
const HALF_HOUR = 1800;
const START = NOW_SECONDS - (NOW_SECONDS % HALF_HOUR);
const NAMED = (name: string): Names => ({ [name]: ['10.0.0.1'] });
const WRITER_TWO = new Uint8Array(16).fill(2);

async function churnIn(sink: WatchedSink): Promise<Churn | undefined> {
  return (await readZone(sink, key))?.head.body.churn;
}

/** `[start, added, changed, gone]` of each half hour, the start in half hours since the first push's. */
async function counts(sink: WatchedSink): Promise<number[][] | undefined> {
  return (await churnIn(sink))?.halfHours.map(({ startSeconds, added, changed, gone }) => [
    (startSeconds - START) / HALF_HOUR,
    added,
    changed,
    gone,
  ]);
}

/** Publishes what another agent would, over the same sink. */
function another(
  { sink, clock }: Opened,
  options: Partial<PublisherOptions> = {},
): (all: Names) => Promise<unknown> {
  const publisher = publisherOf(sink, { key, clock, ...options });
  return (all) => publisher.publish(pushOf(contentOf(all), clock.ms), signal);
}

/** The head as an agent that counts nothing has written it. */
async function forgetChurn({ sink }: Opened): Promise<void> {
  const stored = await sink.get(HEAD, signal);
  const { root, body } = await decodeHead(stored?.value ?? new Uint8Array(), 'none');
  const { churn: _, ...rest } = body;
  await sink.put([{ key: HEAD, value: await encodeHead(root, encodeBody(rest), key) }], signal);
}

describe('churn in the head', () => {
  it('starts with the zone, of which nothing is new', async () => {
    const { sink, publish } = open();
    await publish(names(0, 60));
    expect(await churnIn(sink)).toEqual({ sinceSeconds: NOW_SECONDS, halfHours: [] });
  });

  it('counts names that came, changed and went, wherever they lie', async () => {
    const { sink, clock, publish } = open();
    await publish(names(0, 60));
    for (let push = 1; push <= 10; push++) {
      clock.ms += HALF_HOUR * 1000;
      // Of 60 names, half are changed, five go and five come: overlay, run and new shards all take part.
      const kept = { ...names(5 * push, 60 + 5 * (push - 1)), ...names(5 * push, 30 + 5 * push, push) };
      await publish({ ...kept, ...names(55 + 5 * push, 60 + 5 * push) });
      expect((await counts(sink))?.at(-1)).toEqual([push, 5, 30, 5]);
    }
    expect(await counts(sink)).toHaveLength(10);
  });

  it('counts a large set that was edited as one name changed', async () => {
    const { sink, publish } = open({ limits: { overlayOctets: 900, runOctets: 1e5, shardOctets: 1e5 } });
    const many = (count: number): Names => ({
      'many.mesos.': Array.from({ length: count }, (_, i) => `10.1.0.${i}`),
    });
    await publish(many(100));
    for (let count = 101; count <= 110; count++) await publish(many(count));
    expect(await counts(sink)).toEqual([[0, 0, 10, 0]]);
    expect((await readZone(sink, key))?.head.body.overlay.length).toBeLessThan(400);
  });

  it('counts the names above a name too, and one half hour in one sum', async () => {
    const { sink, clock, publish } = open();
    await publish(names(0, 3));
    await publish({ ...names(0, 3), ...NAMED('a.b.c.mesos.') });
    clock.ms += 1000;
    await publish({ ...names(0, 2), ...NAMED('c.mesos.') });
    expect(await counts(sink)).toEqual([[0, 3, 1, 3]]);
  });

  it('changes nothing by itself: a head is renewed with old counts in it, and an unchanged zone writes nothing', async () => {
    const { sink, clock, publish } = open();
    await publish(names(0, 5));
    await publish(names(0, 6));
    const before = await readZone(sink, key);
    for (const hours of [1, 30, 80]) {
      clock.ms += hours * 3_600_000;
      sink.puts.length = 0;
      expect(await publish(names(0, 6))).toMatchObject({
        kind: 'confirmed',
        serial: before?.head.root.serial,
      });
      expect((await publish(names(0, 6))).kind).toBe('unchanged');
      expect(sink.puts).toEqual([[HEAD]]);
      expect((await readZone(sink, key))?.head.root.bodyHash).toEqual(before?.head.root.bodyHash);
    }
    await publish(names(0, 5));
    expect(await counts(sink)).toEqual([[222, 0, 0, 1]]);
  });

  it('stays where only what lies where is written anew, or the zone itself', async () => {
    const opened = open({ spreadMs: 1000 });
    const { sink, clock, publish } = opened;
    for (let to = 1; to <= 40; to++) await publish(names(0, to));
    const before = await readZone(sink, key);
    expect(await counts(sink)).toEqual([[0, 39, 0, 0]]);
    clock.ms += HALF_HOUR * 1000;
    expect((await publish(names(0, 40))).kind).toBe('confirmed');
    expect((await readZone(sink, key))?.head.body.levels.shards?.cutSerial).not.toBe(
      before?.head.body.levels.shards?.cutSerial,
    );
    const settings = { staleAfterSeconds: 7, expireAfterSeconds: 0, recursionAvailable: 'never' } as const;
    expect(await another(opened, { settings })(names(0, 40))).toMatchObject({ kind: 'changed', changes: 0 });
    expect(await counts(sink)).toEqual([[0, 39, 0, 0]]);
  });

  it('goes on after a restart, and with another agent', async () => {
    const opened = open();
    const { sink, clock, publish } = opened;
    await publish(names(0, 5));
    await publish(names(0, 6));
    clock.ms += HALF_HOUR * 1000;
    await another(opened)(names(0, 8));
    clock.ms += HALF_HOUR * 1000;
    await another(opened, { writerId: WRITER_TWO })({ ...names(1, 8), ...NAMED('n2.mesos.') });
    expect(await counts(sink)).toEqual([
      [0, 1, 0, 0],
      [1, 2, 0, 0],
      [2, 0, 1, 1],
    ]);
    expect((await churnIn(sink))?.sinceSeconds).toBe(NOW_SECONDS);
  });

  it('starts with the next change where an agent has counted none, and not before', async () => {
    const opened = open();
    const { sink, clock, publish } = opened;
    await publish(names(0, 5));
    await forgetChurn(opened);
    sink.puts.length = 0;
    const next = another(opened);
    await next(names(0, 5));
    expect(sink.puts).toEqual([]);
    expect(await churnIn(sink)).toBeUndefined();
    clock.ms += 5000;
    await next(names(0, 7));
    expect(await churnIn(sink)).toMatchObject({ sinceSeconds: NOW_SECONDS + 5, halfHours: [{ added: 2 }] });
  });

  it('starts anew where everything is written anew', async () => {
    const opened = open();
    const { sink, clock, publish } = opened;
    await publish(names(0, 5));
    await publish(names(0, 6));
    await sink.remove([HEAD], signal);
    clock.ms += 60_000;
    await another(opened)(names(0, 7));
    expect(await churnIn(sink)).toEqual({ sinceSeconds: NOW_SECONDS + 60, halfHours: [] });
  });

  it('counts what a rollback brings back, and goes on from the head that it replaces', async () => {
    const { sink, clock, publish, publisher } = open({
      history: { keep: 5, everySeconds: 0, maxOctets: 1e9 },
    });
    const first = await publish(names(0, 5));
    clock.ms += HALF_HOUR * 1000;
    await publish({ ...names(2, 9), ...NAMED('n3.mesos.') });
    expect(await counts(sink)).toEqual([[1, 4, 1, 2]]);
    clock.ms += HALF_HOUR * 1000;
    const changes = await publisher.changesBackTo(first.serial, signal);
    await publisher.publish(
      { wanted: { kind: 'entries', changes }, confirmedAtMs: clock.ms, pin: first.serial },
      signal,
    );
    expect(await counts(sink)).toEqual([
      [1, 4, 1, 2],
      [2, 2, 1, 4],
    ]);
  });

  it('is kept where an older head has come back', async () => {
    const { sink, clock, publish, publisher } = open();
    await publish(names(0, 5));
    const older = await sink.get(HEAD, signal);
    await publish(names(0, 6));
    await sink.put([{ key: HEAD, value: older?.value ?? new Uint8Array() }], signal);
    clock.ms += 60_000;
    expect(await publisher.check(signal)).toBe('republished');
    expect(await counts(sink)).toEqual([[0, 1, 0, 0]]);
  });

  it.each(['before', 'after'] as const)(
    'counts a push once whose head is lost %s it is stored',
    async (when) => {
      const { sink, clock, publish } = open();
      await publish(names(0, 5));
      sink.fault = { put: sink.puts.length, when };
      await expect(publish(names(0, 8))).rejects.toThrow('put');
      sink.fault = undefined;
      clock.ms += 4000;
      await publish(names(0, 8));
      await publish(names(0, 9));
      expect(await counts(sink)).toEqual([[0, 4, 0, 0]]);
    },
  );

  it('counts a push once whose blocks could not be stored', async () => {
    const { sink, publish } = open();
    await publish(names(0, 5));
    let pushes = 0;
    for (let to = 6; to <= 60; to++) {
      // The first put of a push with blocks is theirs.
      sink.fault = { put: sink.puts.length, when: 'before' };
      await publish(names(0, to)).catch(() => pushes++);
      sink.fault = undefined;
      await publish(names(0, to));
    }
    expect(pushes).toBe(55);
    expect(await counts(sink)).toEqual([[0, 55, 0, 0]]);
  });

  it('counts nothing in a dry run', async () => {
    const opened = open();
    const { sink, publish } = opened;
    await publish(names(0, 5));
    const dry = another(opened, { dryRun: true });
    expect(await dry(names(0, 9))).toMatchObject({ kind: 'changed', changes: 4 });
    expect(await dry(names(0, 9))).toMatchObject({ kind: 'changed', changes: 4 });
    expect((await churnIn(sink))?.halfHours).toEqual([]);
    await publish(names(0, 6));
    expect(await counts(sink)).toEqual([[0, 1, 0, 0]]);
  });

  it('has room in the head, full as it may be', async () => {
    const { sink, clock, publish } = open({
      limits: { overlayOctets: 56 * 1024, runOctets: 1e6, shardOctets: 1e5 },
    });
    await publish(names(0, 10));
    const full = { octets: 0, churn: 0 };
    for (let push = 1; push <= 60; push++) {
      clock.ms += HALF_HOUR * 1000;
      await publish(names(0, 10 + push * 21));
      const octets = (await sink.get(HEAD, signal))?.value.length ?? 0;
      expect(octets).toBeLessThanOrEqual(MAX_HEAD_OCTETS);
      const churn = await churnIn(sink);
      if (churn && octets > full.octets) Object.assign(full, { octets, churn: encodeChurn(churn).length });
    }
    expect(full.octets).toBeGreaterThan(50_000);
    expect((await counts(sink))?.map(([start]) => start)).toEqual(
      Array.from({ length: 48 }, (_, i) => i + 13),
    );
  });
});
