import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { decode } from 'dns-packet';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { NO_RECORDS } from '../../zone/reply.ts';
import { createAddresses } from '../../stub/addresses.ts';
import { createAsker } from '../../stub/asker.ts';
import type { Channel } from '../../stub/channel.ts';
import { type ConnectionChange, createConnection } from '../../stub/connection.ts';
import { createFrameReader, frame } from '../../stub/frame.ts';
import { createCounts } from '../../stub/metrics.ts';
import { listenTcp } from '../../stub/tcp.ts';
import { UpstreamError } from '../../stub/upstream-error.ts';
import { answering, answerTo, type DohServer, makeTls, startDohServer } from '../fakes/doh-server.ts';
import { askTcp, askUdp, closeStubsAfterAll, question, read, sendUdp, stageStub } from './stub-stage.ts';

let server: DohServer;
let ca: string;
beforeAll(async () => {
  const tls = await makeTls();
  server = await startDohServer({ tls });
  ({ ca } = tls);
});
afterAll(() => server.close());
beforeEach(() => server.behave(answering()));
closeStubsAfterAll();

/** The server has questions, and answers them when it is told to. */
function hold(): { readonly questions: () => number; readonly release: () => void } {
  const waiting: (() => void)[] = [];
  server.behave((query, response) => void waiting.push(() => answering()(query, response)));
  return {
    questions: () => waiting.length,
    release: () => {
      for (const answer of waiting) answer();
    },
  };
}

describe('a stub', () => {
  it('that is stopped answers what is under way and takes no more', async () => {
    const held = hold();
    const { port, stub } = await stageStub(server.url, { ca });
    const replies = askTcp(port, [question('a.mesos'), question('b.mesos')]);
    const udp = askUdp(port, 'c.mesos');
    await vi.waitFor(() => expect(held.questions()).toBe(3), { timeout: 5_000 });
    const startedAt = performance.now();
    const closing = stub.close();
    expect(await sendUdp(port, question('late.mesos'), { waitMs: 50 })).toBeUndefined();
    held.release();
    await closing;
    expect(performance.now() - startedAt).toBeLessThan(1_500);
    expect(server.seen.some(({ query }) => query.includes('late'))).toBe(false);
    expect((await udp).rcode).toBe('NOERROR');
    expect((await replies).map(({ rcode }) => rcode)).toEqual(['NOERROR', 'NOERROR']);
    await expect(askTcp(port, [question('a.mesos')])).rejects.toThrow(/ECONNREFUSED/);
  });

  it('that is stopped waits no longer than a second', async () => {
    const held = hold();
    const { port, stub } = await stageStub(server.url, { ca });
    const socket = createSocket('udp4');
    socket.send(question('a.mesos'), port, '127.0.0.1');
    await vi.waitFor(() => expect(held.questions()).toBe(1), { timeout: 5_000 });
    const startedAt = performance.now();
    await stub.close();
    socket.close();
    expect(performance.now() - startedAt).toBeLessThan(1_500);
  });

  it('says that its port is taken, and keeps nothing open', async () => {
    const { port } = await stageStub(server.url, { ca });
    const args = ['--listen', '127.0.0.1:0', '--listen', `127.0.0.1:${port}`];
    await expect(stageStub(server.url, { ca, args })).rejects.toThrow(
      `127.0.0.1 port ${port} is taken by another program: choose another with --listen`,
    );
  });

  it('listens at IPv6 too', async ({ skip }) => {
    const staged = await stageStub(server.url, { ca, args: ['--listen', '[::1]:0'] }).catch((error) => {
      if (/EADDRNOTAVAIL|EAFNOSUPPORT/.test(String(error))) skip('there is no IPv6 here');
      throw error;
    });
    const six = staged.stub.listeners.find(({ address }) => address === '::1');
    const socket = createSocket('udp6');
    socket.send(question('a.mesos', { id: 3 }), six?.port ?? 0, '::1');
    const [reply] = await once(socket, 'message');
    socket.close();
    expect(read(reply)).toMatchObject({ id: 3, rcode: 'NOERROR' });
  });

  it('warns where other machines reach it', async () => {
    const { lines } = await stageStub(server.url, { ca, args: ['--allow-remote', '--listen', '0.0.0.0:0'] });
    expect(lines[0]).toMatchObject({
      level: 'warn',
      message: expect.stringMatching(/reached from other machines/),
    });
  });

  it('tells how it is at /metrics and /healthz', async () => {
    const { port, stub } = await stageStub(server.url, { ca, args: ['--metrics', '0'] });
    await askUdp(port, 'a.mesos');
    await askUdp(port, 'a.mesos');
    const at = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${stub.metricsPort}${path}`);
    const text = await (await at('/metrics')).text();
    expect(text).toMatch(/queries_total\{transport="udp",outcome="cached"} 1\n/);
    expect(text).toMatch(/^mesos_doh_stub_connected 1$/m);
    expect(text).not.toMatch(/a\.mesos|mdt_/);
    expect((await at('/healthz')).status).toBe(200);
    expect((await at('/')).status).toBe(404);
  });

  it.for([
    ['localhost', 200],
    ['LOCALHOST:9153', 200],
    ['127.0.0.1', 200],
    ['[::1]:9153', 200],
    ['evil.example', 403],
    ['evil.example:9153', 403],
    ['localhost.evil.example', 403],
    ['127.0.0.1.evil.example', 403],
  ] as const)('tells who asks for %s: %i', async ([host, status]) => {
    const { stub } = await stageStub(server.url, { ca, args: ['--metrics', '0'] });
    for (const path of ['/metrics', '/healthz']) {
      const asked = get({ port: stub.metricsPort, host: '127.0.0.1', path, headers: { host } });
      const [response] = await once(asked, 'response');
      response.resume();
      expect(response.statusCode).toBe(status);
    }
  });

  it('asks another server for other names: its own id, the case, TC, and nobody’s false replies', async () => {
    const plain = await startPlainServer();
    const args = ['--zone', 'mesos', '--other', `127.0.0.1:${plain.port}`];
    const { port } = await stageStub(server.url, { ca, args });
    expect(await askUdp(port, 'Www.Example', { id: 5 })).toMatchObject({
      id: 5,
      name: 'Www.Example',
      addresses: ['10.9.9.9'],
    });
    expect(await askUdp(port, 'long.example')).toMatchObject({ addresses: ['10.8.8.8'], isTruncated: false });
    expect(await askUdp(port, 'a.mesos')).toMatchObject({ addresses: ['10.1.2.3'] });
    expect(plain.ids.size).toBeGreaterThan(1);
    plain.close();
  });
});

/** Sends a false reply first, and says TC for names that begin with `long`. */
async function startPlainServer(): Promise<{ port: number; ids: Set<number>; close: () => void }> {
  const ids = new Set<number>();
  const answer = (query: Buffer, data: string): Buffer => {
    const name = decode(query).questions?.[0]?.name ?? '';
    const reply = answerTo(query, { answers: [{ type: 'A', name, ttl: 60, data }] });
    reply.writeUInt16BE(query.readUInt16BE(0), 0);
    return reply;
  };
  const udp = createSocket('udp4');
  udp.on('message', (query, { port, address }) => {
    ids.add(query.readUInt16BE(0));
    const wrong = answer(query, '6.6.6.6');
    wrong.writeUInt16BE(query.readUInt16BE(0) ^ 1, 0);
    const other = answerTo(question('evil.example'));
    other.writeUInt16BE(query.readUInt16BE(0), 0);
    const right = answer(query, '10.9.9.9');
    if (query.includes('long')) right.writeUInt16BE(0x8380, 2);
    for (const reply of [wrong, other, right]) udp.send(reply, port, address);
  });
  udp.bind(0, '127.0.0.1');
  await once(udp, 'listening');
  const tcp: Server = createServer({ allowHalfOpen: true }, (socket) => {
    const frames = createFrameReader();
    socket.on('data', (chunk) => {
      for (const query of frames.push(chunk)) socket.end(frame(answer(Buffer.from(query), '10.8.8.8')));
    });
  });
  tcp.listen(udp.address().port, '127.0.0.1');
  await once(tcp, 'listening');
  return {
    port: udp.address().port,
    ids,
    close: () => {
      udp.close();
      tcp.close();
    },
  };
}

describe('its TCP side', () => {
  const start = async (
    limits: NonNullable<Parameters<typeof listenTcp>[1]['limits']>,
    answer: 'now' | 'never' | 'at length' = 'now',
  ): Promise<{ port: number; connections: () => number; taken: () => number; text: () => string }> => {
    const counts = createCounts();
    let taken = 0;
    const asker = createAsker({
      resolver: () => {
        taken++;
        if (answer === 'never') return new Promise(() => undefined);
        const records = new Uint8Array(answer === 'now' ? 0 : 60_000);
        return { outcome: 'cached', reply: { ...NO_RECORDS, records } };
      },
      counts,
      onAnswered: undefined,
    });
    const listener = await listenTcp({ address: '127.0.0.1', port: 0 }, { asker, counts, limits });
    listeners.push(listener);
    const gauges = {
      isUp: true,
      isDown: false,
      connections: 0,
      questionsUnderWay: 0,
      cacheEntries: 0,
      cacheOctets: 0,
      tcpConnections: 0,
    };
    return {
      port: listener.port,
      connections: listener.connections,
      taken: () => taken,
      text: () => counts.text(gauges),
    };
  };
  const listeners: { close: () => void }[] = [];
  afterEach(() => {
    for (const listener of listeners.splice(0)) listener.close();
  });

  it('closes connections that are idle, also within a message', async () => {
    const { port, connections } = await start({ idleMs: 60 });
    const socket = connect(port, '127.0.0.1');
    socket.write(Uint8Array.of(0));
    await once(socket, 'close');
    await vi.waitFor(() => expect(connections()).toBe(0));
  });

  it('has so many connections, the longest idle one going first', async () => {
    const { port, text, connections } = await start({ connections: 2 });
    const first = connect(port, '127.0.0.1');
    first.on('error', () => undefined);
    await once(first, 'connect');
    const second = connect(port, '127.0.0.1');
    await once(second, 'connect');
    await vi.waitFor(() => expect(connections()).toBe(2));
    expect(await askTcp(port, [question('a.mesos')])).toHaveLength(1);
    if (!first.destroyed) await once(first, 'close');
    expect(second.destroyed).toBe(false);
    second.destroy();
    expect(text()).toMatch(/shed_total\{what="tcp-connection"} 1/);
  });

  it('has so many questions of a connection under way, and reads no more', async () => {
    const { port, taken } = await start({ questions: 5 }, 'never');
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    for (let i = 0; i < 50; i++) socket.write(frame(question(`n${i}.mesos`)));
    await vi.waitFor(() => expect(taken()).toBe(5));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(taken()).toBe(5);
    socket.destroy();
  });

  it('ends with a peer that takes no replies', async () => {
    const { port, connections } = await start({ unsentOctets: 10_000 }, 'at length');
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.pause();
    await once(socket, 'connect');
    // Each is answered with 60,000 octets; the kernel takes some megabytes of them.
    for (let i = 0; i < 1_000 && (i < 10 || connections() > 0); i++) {
      socket.write(frame(question('a.mesos')));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await vi.waitFor(() => expect(connections()).toBe(0));
    socket.destroy();
  });

  it('answers thousands of questions in one chunk, and what is no question not at all', async () => {
    const { port } = await start({});
    const notQuestion = question('a.mesos');
    notQuestion.writeUInt16BE(0x8180, 2);
    const socket = connect(port, '127.0.0.1');
    const frames = createFrameReader();
    let replies = 0;
    socket.on('data', (chunk) => {
      replies += frames.push(chunk).length;
    });
    const messages = Array.from({ length: 3_000 }, (_, i) =>
      frame(i % 2 ? question('a.mesos') : notQuestion),
    );
    socket.end(Buffer.concat(messages));
    await once(socket, 'close');
    expect(replies).toBe(1_500);
  });
});

describe('the kept connection', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  type Played = Channel & { end: () => void; retired: boolean };
  const channel = (): Played => {
    let isOpen = true;
    const own: Played = {
      protocol: 'h2',
      post: () => Promise.reject(new Error('not played')),
      isOpen: () => isOpen,
      heardAt: () => 0,
      suspect: () => undefined,
      retire: () => {
        own.retired = true;
      },
      destroy: () => undefined,
      retired: false,
      end: () => {
        isOpen = false;
      },
    };
    return own;
  };

  it('is made once, and again when it has ended; the ends that servers choose are no news', async () => {
    const made: Played[] = [];
    const changes: ConnectionChange[] = [];
    const connection = createConnection({
      dial: () => Promise.resolve(made[made.push(channel()) - 1] ?? channel()),
      onChange: (change) => changes.push(change),
      random: () => 1,
    });
    const [a, b] = await Promise.all([connection.channel(), connection.channel()]);
    expect(a).toBe(b);
    made[0]?.end();
    expect(connection.isUp()).toBe(false);
    await vi.advanceTimersByTimeAsync(300);
    expect(await connection.channel()).toBe(made[1]);
    await vi.advanceTimersByTimeAsync(300);
    expect(await connection.channel(made[1])).toBe(made[2]);
    expect(made[1]?.retired).toBe(true);
    expect(changes.map(({ kind }) => kind)).toEqual(['up']);
  });

  it('waits longer and longer for a server that is down, says so once, and stops when nobody asks', async () => {
    let dials = 0;
    let isThere = false;
    const changes: string[] = [];
    const connection = createConnection({
      dial: () => {
        dials++;
        return isThere ? Promise.resolve(channel()) : Promise.reject(new UpstreamError('connect', 'gone'));
      },
      onChange: ({ kind }) => changes.push(kind),
      random: () => 1,
    });
    const first = expect(connection.channel()).rejects.toThrow('gone');
    await vi.advanceTimersByTimeAsync(0);
    await first;
    expect(connection.downBecause()).toBeUndefined();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(connection.downBecause()?.message).toBe('gone');
    await expect(connection.channel()).rejects.toThrow('gone');
    // At 0, 200, 600, 1,400 and 3,000 ms.
    expect(dials).toBe(5);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(dials).toBeGreaterThan(12);
    expect(dials).toBeLessThan(20);
    await vi.advanceTimersByTimeAsync(600_000);
    const before = dials;
    await vi.advanceTimersByTimeAsync(600_000);
    expect(dials).toBe(before);
    isThere = true;
    await expect(connection.channel()).rejects.toThrow('gone');
    await vi.advanceTimersByTimeAsync(10);
    expect(connection.isUp()).toBe(true);
    expect(changes).toEqual(['down', 'up']);
  });
});

describe('the DoH host’s addresses', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mesos-doh-stub-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));
  const base = { hostname: 'doh.example', pinned: [], stateDir: undefined, warn: () => undefined };
  const never = (): Promise<readonly string[]> => new Promise(() => undefined);

  it('are those that were pinned, or the one in the URL, and never looked up', async () => {
    const lookup = (): never => expect.fail('looked up');
    const now = (): number => 0;
    const pinned = await createAddresses({ ...base, pinned: ['10.0.0.1'], lookup, now });
    const literal = await createAddresses({ ...base, hostname: '::1', lookup, now });
    expect([await pinned.get(), await literal.get()]).toEqual([['10.0.0.1'], ['::1']]);
  });

  it('are kept for ever, and looked up again behind the back of who asks', async () => {
    let now = 0;
    const found = [['10.0.0.1'], ['10.0.0.2', 'nonsense']];
    let lookups = 0;
    const addresses = await createAddresses({
      ...base,
      lookup: () => Promise.resolve(found[lookups++] ?? []),
      now: () => now,
    });
    expect(await addresses.get()).toEqual(['10.0.0.1']);
    now = 400_000;
    expect(await addresses.get()).toEqual(['10.0.0.1']);
    await vi.waitFor(async () => expect(await addresses.get()).toEqual(['10.0.0.2']));
    now = 900_000;
    addresses.doubt();
    addresses.doubt();
    await vi.waitFor(() => expect(lookups).toBe(3));
    expect(await addresses.get()).toEqual(['10.0.0.2']);
  });

  it('are remembered over restarts, for when the system asks us', async () => {
    const options = { ...base, stateDir: join(directory, 'state'), now: () => 0 };
    const first = await createAddresses({
      ...options,
      lookup: () => Promise.resolve(['10.0.0.1', 'fd00::1']),
    });
    await first.get();
    const file = join(directory, 'state', 'addresses.json');
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({
      hostname: 'doh.example',
      addresses: ['10.0.0.1', 'fd00::1'],
    });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const second = await createAddresses({ ...options, lookup: never });
    expect(await second.get()).toEqual(['10.0.0.1', 'fd00::1']);
    const other = await createAddresses({
      ...options,
      hostname: 'other.example',
      lookup: () => Promise.reject(new Error('ENOTFOUND')),
    });
    await expect(other.get()).rejects.toThrow(/can not be looked up \(ENOTFOUND\)/);
  });

  it('are found anew where the file is damaged, and a directory that can not be written is said', async () => {
    await writeFile(join(directory, 'addresses.json'), '{"hostname":"doh.example","addr');
    const warnings: string[] = [];
    const lookup = (): Promise<readonly string[]> => Promise.resolve(['10.0.0.1']);
    const options = { ...base, lookup, now: () => 0, warn: (message: string) => void warnings.push(message) };
    expect(await (await createAddresses({ ...options, stateDir: directory })).get()).toEqual(['10.0.0.1']);
    expect(warnings).toEqual([]);
    const file = join(directory, 'file');
    await writeFile(file, '');
    expect(await (await createAddresses({ ...options, stateDir: file })).get()).toEqual(['10.0.0.1']);
    await vi.waitFor(() => expect(warnings[0]).toMatch(/can not be kept in .*addresses\.json/));
  });

  const file = (): string => join(directory, 'addresses.json');
  const found = ['10.0.0.1'];
  const started = (
    more: Partial<Parameters<typeof createAddresses>[0]> = {},
  ): ReturnType<typeof createAddresses> =>
    createAddresses({
      ...base,
      stateDir: directory,
      lookup: () => Promise.resolve(found),
      now: () => 0,
      ...more,
    });

  it('are written through no link, and leave nothing beside', async () => {
    const precious = join(directory, 'precious');
    await writeFile(precious, 'precious');
    for (const name of ['addresses.json', 'addresses.json.new'])
      await symlink(precious, join(directory, name));
    await (await started()).get();
    expect(await readFile(precious, 'utf8')).toBe('precious');
    expect(JSON.parse(await readFile(file(), 'utf8'))).toMatchObject({ addresses: found });
    expect((await lstat(file())).isFile()).toBe(true);
    expect((await readdir(directory)).toSorted()).toEqual([
      'addresses.json',
      'addresses.json.new',
      'precious',
    ]);
  });

  it('leave nothing beside a name that can not be replaced', async () => {
    await mkdir(join(file(), 'in-the-way'), { recursive: true });
    const warnings: string[] = [];
    await (await started({ warn: (message) => void warnings.push(message) })).get();
    await vi.waitFor(() => expect(warnings).toHaveLength(1));
    expect(await readdir(directory)).toEqual(['addresses.json']);
  });

  it('are read from a plain file alone, and of it no more than there should be', async () => {
    const text = (addresses: readonly unknown[], more = ''): string =>
      `${JSON.stringify({ hostname: 'doh.example', addresses })}${more}`;
    const kept = Array.from({ length: 20 }, (_, i) => `10.1.0.${i}`);
    const cases: readonly [string, () => Promise<unknown>, readonly string[]][] = [
      ['many', () => writeFile(file(), text(kept)), kept.slice(0, 16)],
      ['wrong', () => writeFile(file(), text([['10.1.0.1'], 7, 'x', '10.1.0.2'])), ['10.1.0.2']],
      ['long', () => writeFile(file(), text(kept, ' '.repeat(5_000))), found],
      [
        'a link',
        async () => {
          await writeFile(join(directory, 'elsewhere'), text(kept));
          await symlink(join(directory, 'elsewhere'), file());
        },
        found,
      ],
      ['a FIFO', () => promisify(execFile)('mkfifo', [file()]), found],
    ];
    for (const [what, make, expected] of cases) {
      await rm(file(), { force: true });
      await make();
      const addresses = await started(expected === found ? {} : { lookup: never });
      expect([what, await addresses.get()]).toEqual([what, expected]);
    }
  });

  it('that take too long to find are not waited for', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const addresses = await createAddresses({ ...base, lookup: never, now: () => 0 });
      const got = expect(addresses.get()).rejects.toThrow(/that took too long/);
      await vi.advanceTimersByTimeAsync(3_000);
      await got;
    } finally {
      vi.useRealTimers();
    }
  });
});
