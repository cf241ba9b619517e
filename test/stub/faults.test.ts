import { createSocket } from 'node:dgram';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  after,
  answering,
  answerTo,
  type DohServer,
  failing,
  firstly,
  hanging,
  makeTls,
  resetting,
  resettingStream,
  send,
  startDohServer,
  type Tls,
} from '../fakes/doh-server.ts';
import {
  askTcp,
  askUdp,
  closeStubsAfterAll,
  question,
  read,
  type Read,
  sendUdp,
  stageStub,
} from './stub-stage.ts';

/** A stub and a real DoH server over TLS, which fails in every way a server and a network can. */
let tls: Tls;
const servers: DohServer[] = [];
beforeAll(async () => {
  tls = await makeTls();
});
closeStubsAfterAll();
afterAll(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function serve(options: Omit<Parameters<typeof startDohServer>[0], 'tls'> = {}): Promise<DohServer> {
  const server = await startDohServer({ tls, ...options });
  servers.push(server);
  return server;
}

async function timed(reply: Promise<Read>): Promise<Read & { readonly ms: number }> {
  const startedAt = performance.now();
  return { ...(await reply), ms: performance.now() - startedAt };
}

const EDNS = { edns: 1232 };

describe('a DoH server that is well', () => {
  it.for(['h2', 'https', 'http'] as const)('is asked by %s', async (protocol) => {
    const server = await serve({ protocol });
    const { port, lines } = await stageStub(server.url, { ca: tls.ca, token: 'tok' });
    const reply = await askUdp(port, 'Search.Mesos', { id: 77 });
    expect([reply.id, reply.rcode, reply.name, reply.addresses]).toEqual([
      77,
      'NOERROR',
      'Search.Mesos',
      ['10.1.2.3'],
    ]);
    const [seen] = server.seen;
    expect(seen?.query.readUInt16BE(0)).toBe(0);
    expect(seen).toMatchObject({
      path: '/t/mdt_secret/dns-query',
      authorization: 'Bearer tok',
      contentType: 'application/dns-message',
    });
    expect(lines.map(({ message }) => message)).toEqual(['connected to the DoH server']);
    expect(JSON.stringify(lines)).not.toMatch(/secret|tok"/);
  });

  it('is asked many things at once over one connection, within its streams', async () => {
    const server = await serve({ streams: 10, behaviour: after(5, answering()) });
    const { port } = await stageStub(server.url, { ca: tls.ca });
    const messages = Array.from({ length: 300 }, (_, id) => question(`n${id}.mesos`, { id }));
    const replies = await askTcp(port, messages, { chunkOctets: 999 });
    expect(new Set(replies.map(({ id, name }) => `${id} ${name}`)).size).toBe(300);
    for (const { id, name, rcode } of replies) expect([name, rcode]).toEqual([`n${id}.mesos`, 'NOERROR']);
    expect(server.connections()).toBe(1);
  });

  it('is asked one question once by all who ask it at once', async () => {
    const server = await serve({ behaviour: after(100, answering()) });
    const { port } = await stageStub(server.url, { ca: tls.ca });
    const replies = await Promise.all(
      Array.from({ length: 50 }, (_, id) => askUdp(port, id % 2 ? 'A.mesos' : 'a.mesos', { id })),
    );
    expect(replies.map(({ id }) => id).toSorted((a, b) => a - b)).toEqual(replies.map((_, id) => id));
    for (const { id, name } of replies) expect(name).toBe(id % 2 ? 'A.mesos' : 'a.mesos');
    expect(server.seen).toHaveLength(1);
  });

  it('answers over TCP out of order, and in chunks cut anywhere', async () => {
    const slow: (query: Buffer) => boolean = (query) => query.includes('slow');
    const server = await serve({
      behaviour: (query, response) => (slow(query) ? after(200, answering()) : answering())(query, response),
    });
    const { port } = await stageStub(server.url, { ca: tls.ca });
    const messages = ['slow.mesos', 'fast.mesos'].map((name, id) => question(name, { id }));
    const replies = await askTcp(port, messages, { chunkOctets: 1 });
    expect(replies.map(({ name }) => name)).toEqual(['fast.mesos', 'slow.mesos']);
  });

  it('gives long answers: truncated over UDP as far as EDNS says, whole over TCP', async () => {
    const answers = Array.from({ length: 60 }, (_, i) => ({
      type: 'A' as const,
      name: 'many.mesos',
      ttl: 60,
      data: `10.0.0.${i}`,
    }));
    const server = await serve({ behaviour: answering({ answers }) });
    const { port } = await stageStub(server.url, { ca: tls.ca });
    const [plain, small, large] = [
      await askUdp(port, 'many.mesos'),
      await askUdp(port, 'many.mesos', { edns: 900 }),
      await askUdp(port, 'many.mesos', { edns: 4096 }),
    ];
    expect(plain).toMatchObject({ isTruncated: true, addresses: [], name: 'many.mesos' });
    expect(small).toMatchObject({ isTruncated: true, addresses: [] });
    expect(small?.octets.length).toBeGreaterThan(plain?.octets.length ?? 0);
    expect(large).toMatchObject({ isTruncated: false });
    expect(large?.addresses).toHaveLength(60);
    const [whole] = await askTcp(port, [question('many.mesos')]);
    expect(whole?.isTruncated).toBe(false);
    expect(whole?.addresses).toHaveLength(60);
    expect(server.seen).toHaveLength(1);
  });
});

describe.concurrent('a DoH server that is ill', () => {
  it('was never there: SERVFAIL at once when that is known, and why', async ({ expect }) => {
    const server = await serve();
    await server.close();
    const { port, lines } = await stageStub(server.url, { ca: tls.ca });
    const first = await timed(askUdp(port, 'a.mesos', EDNS));
    expect(first).toMatchObject({ rcode: 'SERVFAIL', ede: [23] });
    expect(first.edeText).toMatch(/can not be reached \(ECONNREFUSED\)/);
    expect(first.ms).toBeLessThan(4_500);
    const second = await timed(askUdp(port, 'b.mesos', EDNS));
    expect(second).toMatchObject({ rcode: 'SERVFAIL', ede: [23] });
    expect(second.ms).toBeLessThan(1_000);
    expect(lines.map(({ level }) => level)).toEqual(['warn']);
  });

  it('restarts: who asks meanwhile waits for it', async ({ expect }) => {
    const server = await serve();
    const { port, lines } = await stageStub(server.url, { ca: tls.ca });
    await askUdp(port, 'a.mesos');
    await server.close();
    const reply = timed(askUdp(port, 'b.mesos'));
    await new Promise((resolve) => setTimeout(resolve, 300));
    await serve({ port: server.port });
    expect(await reply).toMatchObject({ rcode: 'NOERROR' });
    expect((await reply).ms).toBeGreaterThan(250);
    expect(lines.map(({ level }) => level)).toEqual(['info', 'warn', 'info']);
  });

  it('goes away after what it knew: that is told at once, marked stale, and fresh when it is back', async ({
    expect,
  }) => {
    const server = await serve({
      behaviour: (query, response) =>
        send(
          response,
          answerTo(query, { answers: [{ type: 'A', name: 'a.mesos', ttl: 1, data: '10.1.2.3' }] }),
        ),
    });
    const { port } = await stageStub(server.url, { ca: tls.ca });
    await askUdp(port, 'a.mesos');
    await server.close();
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    const first = await timed(askUdp(port, 'a.mesos', EDNS));
    expect(first).toMatchObject({ rcode: 'NOERROR', addresses: ['10.1.2.3'], ttl: 30, ede: [3] });
    expect(first.ms).toBeLessThan(2_300);
    const again = await timed(askUdp(port, 'a.mesos'));
    expect(again).toMatchObject({ rcode: 'NOERROR', ttl: 30, ede: [] });
    expect(again.ms).toBeLessThan(2_300);
  });

  it('hangs: SERVFAIL before stub resolvers give up', async ({ expect }) => {
    const server = await serve({ behaviour: hanging });
    const { port } = await stageStub(server.url, { ca: tls.ca });
    const reply = await timed(askUdp(port, 'a.mesos', EDNS));
    expect(reply).toMatchObject({ rcode: 'SERVFAIL', ede: [23] });
    expect(reply.ms).toBeLessThan(4_500);
  });

  it('has a connection that hangs: a new one is tried beside it', async ({ expect }) => {
    const server = await serve({ behaviour: firstly(hanging, answering()) });
    const { port } = await stageStub(server.url, { ca: tls.ca });
    const reply = await timed(askUdp(port, 'a.mesos'));
    expect(reply.rcode).toBe('NOERROR');
    expect(reply.ms).toBeLessThan(3_000);
    expect(server.connections()).toBe(2);
  });

  it('is slow: its answer is waited for', async ({ expect }) => {
    const server = await serve({ behaviour: after(2_000, answering()) });
    const { port } = await stageStub(server.url, { ca: tls.ca });
    const reply = await timed(askUdp(port, 'a.mesos'));
    expect(reply).toMatchObject({ rcode: 'NOERROR' });
    expect(reply.ms).toBeLessThan(2_900);
    expect([server.connections(), server.goAwaysTooSoon()]).toEqual([2, 0]);
    await vi.waitFor(() => expect(server.sessions()).toBe(1));
  });

  it('says 429 with Retry-After: it is left alone for so long', async ({ expect }) => {
    const server = await serve({ behaviour: failing(429, { 'retry-after': '1' }) });
    const { port } = await stageStub(server.url, { ca: tls.ca });
    expect(await askUdp(port, 'a.mesos', EDNS)).toMatchObject({ rcode: 'SERVFAIL', ede: [23] });
    server.behave(answering());
    for (let i = 0; i < 20; i++) expect((await askUdp(port, `n${i}.mesos`)).rcode).toBe('SERVFAIL');
    expect(server.seen).toHaveLength(1);
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect((await askUdp(port, 'b.mesos')).rcode).toBe('NOERROR');
  });

  it.for([401, 403])('says %i: the token is wrong, told once and never shown', async (status, { expect }) => {
    const server = await serve({ behaviour: failing(status) });
    const { port, lines } = await stageStub(server.url, { ca: tls.ca, token: 'hush' });
    for (const name of ['a.mesos', 'b.mesos'])
      expect(await askUdp(port, name, EDNS)).toMatchObject({ rcode: 'SERVFAIL', ede: [18] });
    expect(server.seen).toHaveLength(1);
    expect(lines.filter(({ level }) => level === 'error')).toHaveLength(1);
    expect(JSON.stringify(lines)).not.toMatch(/hush|mdt_/);
  });

  it('refuses the token again after it was good: that is told again', async ({ expect }) => {
    const refusing = failing(401, { 'retry-after': '0' });
    const server = await serve({ behaviour: refusing });
    const { port, lines } = await stageStub(server.url, { ca: tls.ca });
    const errors = (): number => lines.filter(({ level }) => level === 'error').length;
    for (const name of ['a.mesos', 'b.mesos']) await askUdp(port, name);
    expect(errors()).toBe(1);
    server.behave(answering());
    expect((await askUdp(port, 'c.mesos')).rcode).toBe('NOERROR');
    server.behave(refusing);
    for (const name of ['d.mesos', 'e.mesos']) await askUdp(port, name);
    expect(errors()).toBe(2);
  });

  it.for([
    [500, 1],
    [502, 3],
    [302, 1],
  ] as const)('says %i, and is asked %i times', async ([status, times], { expect }) => {
    const server = await serve({ behaviour: failing(status) });
    const { port } = await stageStub(server.url, { ca: tls.ca });
    expect(await askUdp(port, 'a.mesos', EDNS)).toMatchObject({ rcode: 'SERVFAIL', ede: [23] });
    expect(server.seen).toHaveLength(times);
  });

  it.for([
    ['HTML', (_, response) => send(response, '<p>', { headers: { 'content-type': 'text/html' } }), [24]],
    ['octets that are no message', (_, response) => send(response, 'garbage'), [24]],
    ['nothing', (_, response) => send(response, ''), [24]],
    ['too much', (_, response) => send(response, Buffer.alloc(70_000)), [23, 24]],
    ["another question's answer", (_, response) => send(response, answerTo(question('evil.mesos'))), [24]],
    [
      "another type's answer",
      (_, response) => send(response, answerTo(question('a.mesos', { type: 'AAAA' }))),
      [24],
    ],
    ['the query', (query, response) => send(response, query), [24]],
    ['an answer cut short', (query, response) => send(response, answerTo(query).subarray(0, -3)), [24]],
  ] as const satisfies readonly (readonly [string, Parameters<DohServer['behave']>[0], readonly number[]])[])(
    'answers %s: SERVFAIL, and the next question is well',
    async ([, behaviour, codes], { expect }) => {
      const server = await serve({ behaviour });
      const { port } = await stageStub(server.url, { ca: tls.ca });
      const reply = await askUdp(port, 'a.mesos', EDNS);
      expect(reply).toMatchObject({ rcode: 'SERVFAIL', addresses: [] });
      expect(codes).toContain(reply.ede[0]);
      server.behave(answering());
      expect((await askUdp(port, 'b.mesos')).rcode).toBe('NOERROR');
    },
  );

  it.for([
    ['the connection', resetting],
    ['the stream', resettingStream],
  ] as const)('ends %s in the middle of an answer: it is asked again', async ([, behaviour], { expect }) => {
    const server = await serve({ behaviour: firstly(behaviour, answering()) });
    const { port } = await stageStub(server.url, { ca: tls.ca });
    const reply = await timed(askUdp(port, 'a.mesos'));
    expect(reply).toMatchObject({ rcode: 'NOERROR', addresses: ['10.1.2.3'] });
    expect(reply.ms).toBeLessThan(3_000);
  });

  it('always ends its connections: SERVFAIL after three tries', async ({ expect }) => {
    const server = await serve({ behaviour: resetting });
    const { port } = await stageStub(server.url, { ca: tls.ca });
    expect((await askUdp(port, 'a.mesos')).rcode).toBe('SERVFAIL');
    expect(server.seen).toHaveLength(3);
  });

  it('says GOAWAY under load: no question is lost', async ({ expect }) => {
    const server = await serve({ behaviour: after(20, answering()) });
    const { port } = await stageStub(server.url, { ca: tls.ca });
    const messages = Array.from({ length: 200 }, (_, id) => question(`n${id}.mesos`, { id }));
    const replies = askTcp(port, messages, { chunkOctets: 99 });
    for (let i = 0; i < 5; i++) {
      await new Promise((resolve) => setTimeout(resolve, 40));
      server.goAway();
    }
    expect((await replies).filter(({ rcode }) => rcode === 'NOERROR')).toHaveLength(200);
  });

  it('has all its connections cut under load: no question is lost', async ({ expect }) => {
    const server = await serve({ behaviour: after(30, answering()) });
    const { port } = await stageStub(server.url, { ca: tls.ca });
    const messages = Array.from({ length: 100 }, (_, id) => question(`n${id}.mesos`, { id }));
    const replies = askTcp(port, messages);
    await new Promise((resolve) => setTimeout(resolve, 60));
    server.cut();
    expect((await replies).filter(({ rcode }) => rcode === 'NOERROR')).toHaveLength(100);
  });

  it('has a certificate of an authority nobody knows', async ({ expect }) => {
    const server = await serve();
    const { port, lines } = await stageStub(server.url, {});
    const reply = await timed(askUdp(port, 'a.mesos', EDNS));
    expect(reply).toMatchObject({ rcode: 'SERVFAIL', ede: [23] });
    expect(lines[0]?.message).toMatch(/unknown authority \(--ca FILE\)/);
    expect(server.seen).toHaveLength(0);
  });

  it('has a certificate for another name', async ({ expect }) => {
    const server = await serve();
    const args = ['--bootstrap', '127.0.0.1'];
    const { port, lines } = await stageStub(`https://doh.test:${server.port}/dns-query`, {
      ca: tls.ca,
      args,
    });
    expect((await askUdp(port, 'a.mesos', EDNS)).rcode).toBe('SERVFAIL');
    expect(lines[0]?.message).toMatch(/its certificate is for another name/);
    expect(server.seen).toHaveLength(0);
  });

  it('is found by --bootstrap alone, under its own name', async ({ expect }) => {
    const server = await serve();
    // Nobody listens at the first of them.
    const args = ['--bootstrap', '127.0.0.9', '--bootstrap', '127.0.0.1'];
    const { port } = await stageStub(`https://localhost:${server.port}/dns-query`, { ca: tls.ca, args });
    expect((await askUdp(port, 'a.mesos')).rcode).toBe('NOERROR');
  });
});

describe('packets from anybody', () => {
  it('are answered where they are questions, and dropped where they are not', async () => {
    const server = await serve();
    const { port } = await stageStub(server.url, { ca: tls.ca });
    const reply = question('a.mesos');
    reply.writeUInt16BE(0x8180, 2);
    for (const octets of [Buffer.alloc(0), Buffer.alloc(11), reply])
      expect(await sendUdp(port, octets, { waitMs: 60 })).toBeUndefined();
    const [two, cut, status] = [
      question('a.mesos', { id: 5 }),
      question('a.mesos', { id: 6 }).subarray(0, -2),
      question('a.mesos'),
    ];
    two.writeUInt16BE(2, 4);
    status.writeUInt16BE(0x1000, 2);
    for (const [octets, rcode, id] of [
      [two, 1, 5],
      [cut, 1, 6],
      [status, 4, 0x1234],
    ] as const) {
      const answered = await sendUdp(port, octets);
      expect([answered?.readUInt16BE(0), (answered?.readUInt16BE(2) ?? 0) & 0xf]).toEqual([id, rcode]);
    }
    expect(server.seen).toHaveLength(0);
  });

  it('come as a flood: what is known is still answered, and memory stays', async () => {
    const server = await serve({ behaviour: firstly(answering(), hanging) });
    const { port, stub } = await stageStub(server.url, {
      ca: tls.ca,
      args: ['--max-questions', '50', '--metrics', '0'],
    });
    await askUdp(port, 'known.mesos');
    const socket = createSocket('udp4');
    socket.connect(port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    let replies = 0;
    socket.on('message', () => replies++);
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 20_000; i++) {
      socket.send(question(`f${i}.mesos`, { id: i & 0xffff }));
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    // Whoever asks in a flood may have to ask again: the kernel drops what there is no room for.
    const answers: unknown[] = [];
    for (let i = 0; i < 10 && answers.length === 0; i++) {
      const reply = await sendUdp(port, question('known.mesos'), { waitMs: 400 });
      if (reply) answers.push(read(reply).addresses);
    }
    expect(answers).toEqual([['10.1.2.3']]);
    expect(replies).toBeGreaterThan(100);
    socket.close();
    expect(process.memoryUsage().rss - before).toBeLessThan(100 << 20);
    const metrics = await (await fetch(`http://127.0.0.1:${stub.metricsPort}/metrics`)).text();
    expect(metrics).toMatch(/outcome="overload"} \d{3,}/);
    expect(Number(/^mesos_doh_stub_under_way (\d+)$/m.exec(metrics)?.[1])).toBeLessThanOrEqual(50);
    expect(server.seen.length).toBeLessThanOrEqual(200);
  });
});
