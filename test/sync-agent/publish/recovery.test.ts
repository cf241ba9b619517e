import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../sync-agent/config.ts';
import type { Publisher } from '../../../sync-agent/publish/publisher.ts';
import { makeSigningKey } from '../../../sync-agent/keys.ts';
import { SinkError } from '../../../sync-agent/sinks/sink.ts';
import { toHex } from '../../../zone/hash.ts';
import { FormatError } from '../../../zone/format-error.ts';
import { decodeHead } from '../../../zone/head.ts';
import { importVerifyKeys } from '../../../zone/root.ts';
import { compareSerial } from '../../../zone/zone.ts';
import {
  contentOf,
  HEAD,
  names,
  type Names,
  openPublisher,
  publisherOf,
  pushOf,
  type PutFault,
  readZone,
  type WatchedSink,
} from './published-zone.ts';

const signal = new AbortController().signal;
const key = await makeSigningKey();
const otherKey = await makeSigningKey();
const open = (): ReturnType<typeof openPublisher> => openPublisher(key);

describe('what can not be used', () => {
  type Damage = (sink: WatchedSink) => Promise<void>;
  const blocks = async (sink: WatchedSink): Promise<string[]> =>
    (await sink.list('z/', signal)).filter((each) => each !== HEAD);
  const edit = async (
    sink: WatchedSink,
    each: string,
    change: (octets: Uint8Array) => Uint8Array,
  ): Promise<void> => {
    const stored = await sink.get(each, signal);
    await sink.put([{ key: each, value: change(stored?.value ?? new Uint8Array()) }], signal);
  };
  const flip =
    (at: number) =>
    (octets: Uint8Array): Uint8Array =>
      octets.map((octet, i) => (i === at ? octet ^ 1 : octet));

  it.each<[string, number, RegExp, Damage]>([
    [
      'a lost run',
      5,
      /^block z\/mesos\/main\/r\/\S+: is missing$/,
      async (sink) => sink.remove(await blocks(sink), signal),
    ],
    [
      'a lost shard',
      60,
      /^block z\/mesos\/main\/s\/\S+: is missing$/,
      async (sink) => sink.remove((await blocks(sink)).slice(3, 4), signal),
    ],
    [
      'a damaged run',
      5,
      /^block \S+: is damaged$/,
      async (sink) => edit(sink, (await blocks(sink))[0] ?? '', flip(20)),
    ],
    [
      'a damaged shard',
      60,
      /^block \S+: is damaged$/,
      async (sink) => edit(sink, (await blocks(sink))[2] ?? '', flip(20)),
    ],
    [
      'a cut-off run',
      5,
      /^block \S+: is damaged$/,
      async (sink) => edit(sink, (await blocks(sink))[0] ?? '', (octets) => octets.slice(0, -1)),
    ],
    [
      'an empty run',
      5,
      /^block \S+: is damaged$/,
      async (sink) => edit(sink, (await blocks(sink))[0] ?? '', () => new Uint8Array()),
    ],
    [
      'a head with another body',
      5,
      /^head: has a body other than the one its root vouches for$/,
      (sink) => edit(sink, HEAD, (octets) => flip(octets.length - 1)(octets)),
    ],
    [
      'a head with a damaged signature',
      5,
      /^head root: has a signature that does not hold$/,
      (sink) => edit(sink, HEAD, flip(150)),
    ],
    [
      'a head cut off behind its root',
      5,
      /^head: has a body other/,
      (sink) => edit(sink, HEAD, (octets) => octets.slice(0, 200)),
    ],
  ])('%s is told, and everything written anew above its serial', async (_, count, reason, damage) => {
    const { sink, clock, publish } = open();
    const { serial } = await publish(names(0, count));
    await damage(sink);
    clock.ms -= 86_400_000;
    const told: string[] = [];
    sink.puts.length = 0;
    const again = publisherOf(sink, {
      key,
      clock,
      randomOctets: (length) => new Uint8Array(length).fill(9),
      onEvent: (event) => event.kind === 'unusable' && told.push(event.reason),
    });
    const push = await again.publish(pushOf(contentOf(names(0, count)), clock.ms), signal);
    expect(told).toEqual([expect.stringMatching(reason)]);
    expect(push).toMatchObject({ kind: 'changed', serial: serial + 1, changes: count });
    expect(sink.puts.at(-1)).toEqual([HEAD]);
    expect((await readZone(sink, key))?.names).toEqual(names(0, count));
    expect((await again.publish(pushOf(contentOf(names(0, count)), clock.ms), signal)).kind).toBe(
      'unchanged',
    );
    expect(told).toHaveLength(1);
  });

  it('a head signed with another key is left as it is, and the operator told what to do', async () => {
    const { sink, clock, publish } = open();
    await publish(names(0, 5));
    sink.puts.length = 0;
    const other = publisherOf(sink, {
      key: otherKey,
      clock,
      onEvent: (event) => expect.unreachable(event.kind),
    });
    for (let i = 0; i < 2; i++) {
      const error = await other
        .publish(pushOf(contentOf(names(0, 6)), clock.ms), signal)
        .catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(ConfigError);
      const message = error instanceof Error ? error.message : '';
      for (const fact of ['zone mesos', toHex(key.keyId), toHex(otherKey.keyId), otherKey.publicKeyBase64]) {
        expect(message).toContain(fact);
      }
    }
    expect(sink.puts).toEqual([]);
    expect((await readZone(sink, key))?.names).toEqual(names(0, 5));
  });

  it('a head signed with another key is left alone, with what to do', async () => {
    const { sink, clock, publish } = open();
    await publish(names(0, 5));
    const other = publisherOf(sink, { key: otherKey, clock });
    await expect(other.publish(pushOf(contentOf(names(0, 6)), clock.ms), signal)).rejects.toThrow(
      /signed with key [0-9a-f]{16}; .*give --new-key and put \S{44} into the Worker's VERIFY_KEYS/,
    );
    expect((await readZone(sink, key))?.names).toEqual(names(0, 5));
  });

  it('a head signed with another key is told, and written anew above its serial, where that is wanted', async () => {
    const { sink, clock, publish } = open();
    const { serial } = await publish(names(0, 5));
    const told: string[] = [];
    const other = publisherOf(sink, {
      key: otherKey,
      clock,
      replaceOtherKey: true,
      onEvent: (event) => event.kind === 'unusable' && told.push(event.reason),
    });
    const push = await other.publish(pushOf(contentOf(names(0, 5)), clock.ms), signal);
    expect(push).toMatchObject({ kind: 'changed', serial: serial + 1, changes: 5 });
    expect(told).toEqual([
      expect.stringMatching(/^head root: is signed by key [0-9a-f]{16}, which is not trusted here$/),
    ]);
    expect((await readZone(sink, otherKey))?.names).toEqual(names(0, 5));
    await expect(readZone(sink, key)).rejects.toThrow('not trusted here');
  });

  it.each([
    ['empty', new Uint8Array()],
    ['text', Buffer.from('not a head at all, by far')],
    ['a root cut off', 100],
  ])('a head that is %s is told, and written anew', async (_, value) => {
    const { sink, clock, publish } = open();
    const { serial } = await publish(names(0, 5));
    await edit(sink, HEAD, (octets) => (typeof value === 'number' ? octets.slice(0, value) : value));
    clock.ms += 5000;
    const told: string[] = [];
    const again = publisherOf(sink, {
      key,
      clock,
      onEvent: (event) => event.kind === 'unusable' && told.push(event.reason),
    });
    const push = await again.publish(pushOf(contentOf(names(0, 5)), clock.ms), signal);
    expect(push.serial).toBe(serial + 5);
    expect(told).toHaveLength(1);
    expect((await readZone(sink, key))?.names).toEqual(names(0, 5));
  });

  it('any octet of the head changed is noticed', async () => {
    const { sink, publish } = open();
    await publish(names(0, 3));
    const head = (await sink.get(HEAD, signal))?.value ?? new Uint8Array();
    const keys = await importVerifyKeys([key.publicKeyBase64]);
    for (let at = 0; at < head.length; at++)
      await expect(decodeHead(flip(at)(head), keys)).rejects.toBeInstanceOf(FormatError);
  });
});

describe('a sink that fails', () => {
  const steps: readonly Names[] = [
    names(0, 5),
    names(0, 12),
    names(0, 60),
    names(5, 60),
    names(5, 60, 1),
    {},
    names(0, 3),
  ];

  it.each(['before', 'half', 'after'] as const)(
    '%s a put is done, at each put in turn: readers see a whole zone at every moment',
    async (when) => {
      const { sink: whole, publish: publishAll } = open();
      for (const all of steps) await publishAll(all);
      const putsInAll = whole.puts.length;
      expect(putsInAll).toBeGreaterThan(steps.length);
      for (let put = 0; put < putsInAll; put++) {
        const { sink, publish } = open();
        sink.fault = { put, when };
        let failures = 0;
        let shown: Names | undefined;
        for (const all of steps) {
          const before = shown;
          sink.onStored = async () => {
            const now = (await readZone(sink, key))?.names;
            expect([before, all]).toContainEqual(now);
          };
          await publish(all).catch((error: unknown) => {
            expect(error).toBeInstanceOf(SinkError);
            failures++;
            return publish(all);
          });
          shown = (await readZone(sink, key))?.names;
          expect(shown).toEqual(all);
        }
        expect(failures).toBe(1);
        expect(sink.rewritten).toEqual([]);
      }
    },
  );

  it('in any way, with restarts in between, leaves a whole zone whose serial rises with every change', async () => {
    const step = fc.record({
      from: fc.nat(40),
      count: fc.nat(40),
      version: fc.nat(1),
      wait: fc.constantFrom(0, 1, 1000, 400_000),
      restart: fc.boolean(),
      fault: fc.option(
        fc.record({
          put: fc.nat(1),
          when: fc.constantFrom('before' as const, 'half' as const, 'after' as const),
        }),
        { nil: undefined },
      ),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (all) => {
        const { sink, clock } = open();
        let publisher: Publisher | undefined;
        let before: Awaited<ReturnType<typeof readZone>>;
        for (const { from, count, version, wait, restart, fault } of all) {
          if (restart) publisher = undefined;
          publisher ??= publisherOf(sink, { key, clock, onEvent: (event) => expect.unreachable(event.kind) });
          clock.ms += wait;
          const wanted = names(from, from + count, version);
          sink.fault = fault && ({ put: sink.puts.length + fault.put, when: fault.when } satisfies PutFault);
          const puts = sink.puts.length;
          const push = await publisher
            .publish(pushOf(contentOf(wanted), clock.ms), signal)
            .catch(() => undefined);
          sink.fault = undefined;
          const after = await readZone(sink, key);
          if (push) {
            expect(after?.names).toEqual(wanted);
            expect(after?.head.root.serial).toBe(push.serial);
            expect(push.writes).toBe(sink.puts.slice(puts).flat().length);
          } else expect([before?.names, wanted]).toContainEqual(after?.names);
          if (before && after) {
            const rose = compareSerial(after.head.root.serial, before.head.root.serial);
            const isSame =
              JSON.stringify(Object.entries(after.names).toSorted()) ===
              JSON.stringify(Object.entries(before.names).toSorted());
            if (isSame) expect(rose).toBeGreaterThanOrEqual(0);
            else expect(rose).toBe(1);
          }
          before = after;
        }
        expect(sink.rewritten).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it("stops with the signal's reason, writes nothing, and goes on the next time", async () => {
    const { sink, clock, publisher, publish } = open();
    const reason = new Error('enough');
    await expect(
      publisher.publish(pushOf(contentOf(names(0, 1)), clock.ms), AbortSignal.abort(reason)),
    ).rejects.toBe(reason);
    expect(await sink.list('', signal)).toEqual([]);
    await publish(names(0, 1));
    await expect(
      publisher.publish(pushOf(contentOf(names(0, 2)), clock.ms), AbortSignal.abort(reason)),
    ).rejects.toBe(reason);
    expect((await readZone(sink, key))?.names).toEqual(names(0, 1));
    expect((await publish(names(0, 2))).kind).toBe('changed');
  });
});

describe('what others did to the sink meanwhile', () => {
  const history = { keep: 3, everySeconds: 0, maxOctets: 1e9 };
  it('another process of this agent: shards stored ahead are not named over what it published', async () => {
    const { sink, clock } = open();
    const running = publisherOf(sink, { key, clock, spreadMs: 90_000 });
    const publish = (publisher: Publisher, all: Names): Promise<unknown> =>
      publisher.publish(pushOf(contentOf(all), clock.ms), signal);
    for (let to = 5; running.cutDueInMs() === undefined; to += 2) {
      clock.ms += 1000;
      await publish(running, names(0, to));
    }
    clock.ms += 30_000;
    const other = { ...names(0, 3), 'while.mesos.': ['10.9.9.9'] };
    await publish(publisherOf(sink, { key, clock, spreadMs: 90_000 }), other);
    clock.ms += 100_000;
    const before = (await readZone(sink, key))?.head.root.serial ?? 0;
    await publish(running, { ...other, 'more.mesos.': ['10.9.9.8'] });
    const after = await readZone(sink, key);
    expect(after?.names).toEqual({ ...other, 'more.mesos.': ['10.9.9.8'] });
    expect(after?.head.root.serial).toBeGreaterThan(before);
  });

  it('a head taken away while history is kept: gone on from that, under a higher epoch', async () => {
    const { sink, clock } = open();
    const first = publisherOf(sink, { key, clock, history });
    for (let to = 3; to < 6; to++) {
      clock.ms += 10_000;
      await first.publish(pushOf(contentOf(names(0, to)), clock.ms), signal);
    }
    const old = await readZone(sink, key);
    await sink.remove([HEAD], signal);
    clock.ms -= 86_400_000;
    const told: string[] = [];
    const again = publisherOf(sink, {
      key,
      clock,
      history,
      onEvent: (event) => void told.push(event.kind),
    });
    expect((await again.standing(signal))?.levels).toBeDefined();
    await again.publish(pushOf(contentOf(names(0, 4)), clock.ms), signal);
    const now = await readZone(sink, key);
    expect(now?.names).toEqual(names(0, 4));
    expect(now?.head.root.epoch).toBe((old?.head.root.epoch ?? 0) + 1);
    expect(told).toEqual(['unusable', 'republished']);
  });

  it('a block taken away: found by the sweep, and everything written anew', async () => {
    const { sink, clock, publisher, publish } = open();
    await publish(names(0, 5));
    const run = (await sink.list('z/', signal)).find((each) => each.includes('/r/')) ?? '';
    await sink.remove([run], signal);
    expect(await publisher.sweep(signal)).toBe(0);
    expect((await publish(names(0, 5))).kind).toBe('unchanged');
    clock.ms += 700_000;
    await publisher.sweep(signal);
    expect((await publish(names(0, 5))).kind).toBe('changed');
    expect((await readZone(sink, key))?.names).toEqual(names(0, 5));
  });
});
