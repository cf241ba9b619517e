import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TYPE } from '../../zone/record.ts';
import { type ForeignReply, NO_RECORDS, readReply } from '../../zone/reply.ts';
import { failure, staleAnswer, writeAnswer } from '../../stub/answer.ts';
import { createReplyCache, type KeptReply } from '../../stub/cache.ts';
import { createFrameReader, frame } from '../../stub/frame.ts';
import { type HttpReply, messageIn } from '../../stub/http-reply.ts';
import { createCounts } from '../../stub/metrics.ts';
import { plainQuery, questionKey, readPacket, udpLimit } from '../../stub/question.ts';
import { rotatableOctets, rotated } from '../../stub/rotation.ts';
import { UpstreamError } from '../../stub/upstream-error.ts';
import { inodesIn, inheritedFds } from '../../stub/activation.ts';
import { createLog } from '../../stub/log.ts';
import { answerTo } from '../fakes/doh-server.ts';
import { ask } from '../zone/ask.ts';
import { question, read } from './stub-stage.ts';

const octets = (most: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength: most });

describe('frames', () => {
  it('come out whole and in order, wherever the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(octets(700), { maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1 }),
        (messages, cuts) => {
          const stream = Buffer.concat(messages.map((message) => frame(message)));
          const frames = createFrameReader();
          const got: Uint8Array[] = [];
          for (let at = 0, i = 0; at < stream.length; i++) {
            const end = at + (cuts[i % cuts.length] ?? 1);
            got.push(...frames.push(stream.subarray(at, end)));
            at = end;
          }
          expect(got.map((each) => [...each])).toEqual(messages.map((each) => [...each]));
          expect(frames.isWithin()).toBe(false);
        },
      ),
    );
  });

  it('of the greatest length come octet by octet', () => {
    const message = new Uint8Array(65_535).fill(7);
    const frames = createFrameReader();
    const got = [...frame(message)].flatMap((octet) => frames.push(Uint8Array.of(octet)));
    expect(got).toHaveLength(1);
    expect(Buffer.compare(got[0] ?? new Uint8Array(), message)).toBe(0);
  });
});

describe('packets', () => {
  it('of any octets are read without throwing, and answered at most with their own id', () => {
    const mutated = fc
      .tuple(fc.constant(question('a.b.mesos', { edns: 1400 })), fc.nat(60), fc.nat(255), fc.nat(60))
      .map(([query, at, octet, cut]) => {
        const copy = Buffer.from(query);
        copy[at % copy.length] = octet;
        return new Uint8Array(copy.subarray(0, copy.length - (cut > 40 ? cut - 40 : 0)));
      });
    fc.assert(
      fc.property(fc.oneof(octets(80), mutated), (message) => {
        const packet = readPacket(message);
        if (message.length < 12 || (message[2] ?? 0) >= 0x80) {
          expect(packet.kind).toBe('ignored');
          return;
        }
        expect(packet.kind).not.toBe('ignored');
        const reply =
          packet.kind === 'malformed'
            ? packet.reply
            : 'query' in packet
              ? writeAnswer(packet.query, failure({ code: 23, text: 'x' }), udpLimit(packet.query))
              : expect.fail();
        expect([...reply.subarray(0, 2)]).toEqual([...message.subarray(0, 2)]);
        expect((reply[2] ?? 0) & 0xf8).toBe(0x80 | ((message[2] ?? 0) & 0x78));
        if ('query' in packet) expect(reply.length).toBeLessThanOrEqual(udpLimit(packet.query));
      }),
      { numRuns: 2_000 },
    );
  });

  it.for([
    [undefined, 512],
    [1, 512],
    [512, 512],
    [1000, 1000],
    [1232, 1232],
    [65_535, 1232],
  ] as const)('with an EDNS size of %s may be answered in %i octets', ([edns, limit]) => {
    const packet = readPacket(question('a.mesos', edns === undefined ? {} : { edns }));
    expect(packet.kind === 'ask' && udpLimit(packet.query)).toBe(limit);
  });

  it('of a later EDNS version, zone transfers and other opcodes are answered at once', () => {
    const later = question('a.mesos', { edns: 1232 });
    later[later.length - 5] = 1;
    const [badvers, axfr] = [readPacket(later), readPacket(ask({ name: 'mesos', type: 252 }).octets)];
    if (badvers.kind !== 'answered' || axfr.kind !== 'answered') expect.fail();
    expect(badvers.answer.reply.rcode).toBe(16);
    expect(axfr.answer.reply.rcode).toBe(5);
    expect(readPacket(ask({ name: 'mesos', type: 1, flags: 0x2800 }).octets).kind).toBe('malformed');
  });

  it('ask the same where case, id and EDNS size alone differ, and not where a flag does', () => {
    const key = (options: Parameters<typeof ask>[0]): string => questionKey(ask(options));
    const plain = key({ name: 'a.mesos', type: 1, id: 1 });
    expect(key({ name: 'A.mesos', type: 1, id: 2, edns: {} })).toBe(plain);
    for (const other of [
      { name: 'b.mesos', type: 1 },
      { name: 'a.mesos', type: 28 },
      { name: 'a.mesos', type: 1, class: 3 },
      { name: 'a.mesos', type: 1, flags: 0x10 },
      { name: 'a.mesos', type: 1, edns: { dnssecOk: true } },
    ])
      expect(key(other)).not.toBe(plain);
  });

  it('go to a plain server under its own id, lower case, without padding', () => {
    const query = ask({ name: 'A.Mesos', type: 1, id: 9, flags: 0x100, edns: { padded: true } });
    const sent = plainQuery(query, 0xbeef);
    const packet = readPacket(sent);
    if (packet.kind !== 'ask') expect.fail();
    expect([packet.query.id, packet.query.edns?.padded]).toEqual([0xbeef, false]);
    expect(Buffer.from(sent).includes('mesos')).toBe(true);
    expect(Buffer.from(sent).includes('Mesos')).toBe(false);
    expect(sent).toHaveLength(query.questionEnd + 11);
  });
});

describe('answers', () => {
  it('carry the id and spelling of who asks, and fit or are truncated', () => {
    const counts = fc.integer({ min: 0, max: 80 });
    fc.assert(
      fc.property(
        fc.nat(0xffff),
        fc.boolean(),
        counts,
        fc.integer({ min: 512, max: 1232 }),
        (id, upper, n, edns) => {
          const asked = question(upper ? 'Search.MESOS' : 'search.mesos', { id, edns });
          const packet = readPacket(asked);
          if (packet.kind !== 'ask') return expect.fail();
          const answers = Array.from({ length: n }, (_, i) => ({
            type: 'A' as const,
            name: 'search.mesos',
            ttl: 60,
            data: `10.0.0.${i}`,
          }));
          const reply = readReply(answerTo(question('search.mesos'), { answers }), packet.query);
          if (!reply) return expect.fail();
          const got = read(Buffer.from(writeAnswer(packet.query, { outcome: 'fresh', reply }, edns)));
          expect([got.id, got.name]).toEqual([id, upper ? 'Search.MESOS' : 'search.mesos']);
          expect(got.octets.length).toBeLessThanOrEqual(edns);
          expect(got.addresses).toHaveLength(got.isTruncated ? 0 : n);
          expect(got.isTruncated).toBe(reply.records.length + packet.query.questionEnd + 11 > edns);
        },
      ),
    );
  });

  it('that are stale say so to those who know EDNS', () => {
    const query = ask({ name: 'a.mesos', type: 1, edns: {} });
    const nx = writeAnswer(query, staleAnswer({ ...NO_RECORDS, rcode: 3 }, 'why'), 1232);
    expect(read(Buffer.from(nx))).toMatchObject({ rcode: 'NXDOMAIN', ede: [19], edeText: 'why' });
  });
});

describe('addresses', () => {
  const replyWith = (type: 'A' | 'AAAA', data: readonly string[]): ForeignReply => {
    const query = ask({ name: 'a.mesos', type: type === 'A' ? TYPE.A : TYPE.AAAA });
    const answers = data.map((each) => ({ type, name: 'a.mesos', ttl: 60, data: each }));
    return readReply(answerTo(question('a.mesos', { type }), { answers }), query) ?? expect.fail();
  };
  const shown = (type: 'A' | 'AAAA', reply: ForeignReply): readonly string[] => {
    const query = ask({ name: 'a.mesos', type: type === 'A' ? TYPE.A : TYPE.AAAA });
    return read(Buffer.from(writeAnswer(query, { outcome: 'cached', reply }, 65_535))).addresses;
  };

  it.for([
    ['A', ['10.0.0.1', '10.0.0.2', '10.0.0.3']],
    ['AAAA', ['fd00::1', 'fd00::2', 'fd00::3']],
  ] as const)('of type %s stand first in turn', ([type, data]) => {
    const reply = replyWith(type, data);
    const size = rotatableOctets(reply);
    const firsts = [0, 1, 2, 3].map((turn) => shown(type, rotated(reply, size, turn)));
    expect(firsts.map(([first]) => first)).toEqual([data[0], data[1], data[2], data[0]]);
    for (const each of firsts) expect(each.toSorted()).toEqual([...data]);
  });

  it('stay where they are when there is one, or anything else beside them', () => {
    expect(rotatableOctets(replyWith('A', ['10.0.0.1']))).toBe(0);
    expect(rotatableOctets(NO_RECORDS)).toBe(0);
    const query = ask({ name: 'a.mesos', type: TYPE.A });
    const answers = [
      { type: 'CNAME' as const, name: 'a.mesos', ttl: 60, data: 'b.mesos' },
      { type: 'A' as const, name: 'b.mesos', ttl: 60, data: '10.0.0.1' },
    ];
    const reply = readReply(answerTo(question('a.mesos'), { answers }), query) ?? expect.fail();
    expect(rotatableOctets(reply)).toBe(0);
  });
});

describe('the cache', () => {
  const kept = (octets = 0, until = 1_000): KeptReply => ({
    reply: { ...NO_RECORDS, records: new Uint8Array(octets) },
    rotatable: 0,
    givenAt: 0,
    freshUntil: until,
    staleUntil: until,
    hits: 0,
    retryAt: 0,
  });

  it('stays within entries and octets whatever comes, the longest unused going first', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(20), fc.nat(3_000), fc.boolean())), (steps) => {
        const cache = createReplyCache({ entries: 5, octets: 6_000 }, () => 0);
        for (const [key, size, reads] of steps) {
          if (reads) cache.get(String(key));
          else cache.set(String(key), kept(size));
          expect(cache.entries()).toBeLessThanOrEqual(5);
          expect(cache.octets()).toBeLessThanOrEqual(6_000);
          if (cache.entries() === 0) expect(cache.octets()).toBe(0);
        }
      }),
    );
    const cache = createReplyCache({ entries: 2, octets: 6_000 }, () => 0);
    for (const key of ['a', 'b']) cache.set(key, kept());
    cache.get('a');
    cache.set('c', kept());
    expect(['a', 'b', 'c'].map((key) => cache.get(key) !== undefined)).toEqual([true, false, true]);
  });

  it('forgets what is too old, what a clock set back would keep, and all where it is off', () => {
    let now = 0;
    const cache = createReplyCache({ entries: 5, octets: 6_000 }, () => now);
    cache.set('a', kept());
    now = 1_000;
    expect(cache.get('a')).toBeUndefined();
    cache.set('b', kept(0, 9_000));
    now = -5_000;
    expect(cache.get('b')).toBeUndefined();
    expect(cache.octets()).toBe(0);
    const none = createReplyCache({ entries: 0, octets: 6_000 }, () => 0);
    none.set('a', kept());
    expect(none.get('a')).toBeUndefined();
  });
});

describe('HTTP replies', () => {
  const reply = (given: Partial<HttpReply>): HttpReply => ({
    status: 200,
    contentType: 'application/dns-message',
    retryAfter: undefined,
    age: undefined,
    body: Uint8Array.of(1),
    ...given,
  });

  it.for(['application/dns-message', 'Application/DNS-Message; charset=x'])(
    'of type %s are taken',
    (contentType) => {
      expect(messageIn(reply({ contentType }), 0)).toEqual(Uint8Array.of(1));
    },
  );

  it.for([
    [{ status: 429, retryAfter: '7' }, 'limited', 7_000],
    [{ status: 429, retryAfter: 'Thu, 01 Jan 1970 00:00:03 GMT' }, 'limited', 3_000],
    [{ status: 429, retryAfter: 'soon' }, 'limited', 1_000],
    [{ status: 429, retryAfter: '999999' }, 'limited', 60_000],
    [{ status: 401 }, 'denied', 5_000],
    [{ status: 503, retryAfter: '2' }, 'status', 2_000],
    [{ status: 500 }, 'status', 0],
    [{ contentType: undefined }, 'body', 0],
  ] as const)('like %j are %s, and pause for %i ms', ([given, kind, pauseMs]) => {
    const error: unknown = (() => {
      try {
        return messageIn(reply(given), 0);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(UpstreamError);
    expect(error).toMatchObject({ kind, pauseMs });
  });
});

describe('what is told', () => {
  it('is a line of JSON, or one for a person that steers no terminal', () => {
    const lines: string[] = [];
    const write = (line: string): void => void lines.push(line);
    createLog({ write, isPlain: false, now: () => 0 })('warn', 'gone', { server: 'x', port: undefined });
    createLog({ write, isPlain: true, now: () => 0 })('info', 'back\u001b[2J', { server: 'x' });
    expect(lines).toEqual([
      '{"level":40,"time":"1970-01-01T00:00:00.000Z","server":"x","msg":"gone"}\n',
      'back\uFFFD[2J (server x)\n',
    ]);
  });

  it('is Prometheus text with cumulative buckets', () => {
    const counts = createCounts();
    counts.query('udp', 'fresh', 3);
    counts.query('udp', 'cached', 0.1);
    counts.query('tcp', 'ignored', 9_999);
    counts.query('tcp', 'failed', 9_999);
    counts.upstreamError('timeout');
    const text = counts.text({
      isUp: true,
      isDown: false,
      connections: 1,
      questionsUnderWay: 2,
      cacheEntries: 3,
      cacheOctets: 4,
      tcpConnections: 5,
    });
    expect(text).toMatch(/^mesos_doh_stub_queries_total\{transport="udp",outcome="fresh"} 1$/m);
    expect(text).toMatch(/^mesos_doh_stub_upstream_errors_total\{kind="timeout"} 1$/m);
    const bucket = (le: string): string | undefined =>
      new RegExp(`_bucket\\{le="${le}"} (\\d+)`).exec(text)?.[1];
    expect(['0.0005', '0.0025', '0.005', '5', '\\+Inf'].map(bucket)).toEqual(['1', '1', '2', '2', '3']);
    for (const line of text.trim().split('\n')) expect(line).toMatch(/^(# (HELP|TYPE) )?mesos_doh_stub_\w+/);
  });
});

describe('sockets from systemd', () => {
  it.for([
    [{ LISTEN_FDS: '2', LISTEN_PID: '7' }, [3, 4]],
    [{ LISTEN_FDS: '2', LISTEN_PID: '8' }, []],
    [{ LISTEN_FDS: '-1', LISTEN_PID: '7' }, []],
    [{ LISTEN_FDS: 'x', LISTEN_PID: '7' }, []],
    [{}, []],
  ] as const)('with %j are %j', ([env, fds]) => {
    expect(inheritedFds(env, 7)).toEqual(fds);
  });

  it('are known by their inodes in the kernel’s tables', () => {
    const table = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  431: 0100007F:14EA 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 12345 2 0000000000000000 0
`;
    expect([...inodesIn(table)]).toEqual(['12345']);
  });
});
