import { once } from 'node:events';
import { connect } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Channel } from '../../stub/channel.ts';
import { openH2Channel } from '../../stub/h2-channel.ts';
import {
  answering,
  type Behaviour,
  type DohServer,
  hanging,
  makeTls,
  type Response,
  send,
  startDohServer,
  type Tls,
} from '../fakes/doh-server.ts';
import { question } from './stub-stage.ts';

let tls: Tls;
const servers: DohServer[] = [];
beforeAll(async () => {
  tls = await makeTls();
});
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function serve(options: Omit<Parameters<typeof startDohServer>[0], 'tls'>): Promise<DohServer> {
  const server = await startDohServer({ tls, ...options });
  servers.push(server);
  return server;
}

async function openTo({ port }: DohServer): Promise<Channel> {
  const socket = connect({ host: '127.0.0.1', port, ca: tls.ca, ALPNProtocols: ['h2'] });
  await once(socket, 'secureConnect');
  const request = { authority: `127.0.0.1:${port}`, path: '/dns-query', authorization: undefined };
  return openH2Channel(socket, request);
}

/** Answers nothing until it is told to. */
function held(): {
  readonly behaviour: Behaviour;
  readonly release: () => void;
  readonly count: () => number;
} {
  const waiting: [Buffer, Response][] = [];
  return {
    behaviour: (query, response) => void waiting.push([query, response]),
    release: () => {
      for (const [query, response] of waiting.splice(0, 1)) answering()(query, response);
    },
    count: () => waiting.length,
  };
}

describe('a channel that is retired', () => {
  it('says GOAWAY when the last stream has ended, and not before', async () => {
    const { behaviour, release, count } = held();
    const server = await serve({ behaviour });
    const channel = await openTo(server);
    const replies = [question('a.mesos'), question('b.mesos')].map((query) => channel.post(query, 3_000));
    await vi.waitFor(() => expect(count()).toBe(2));
    channel.retire();
    expect(channel.isOpen()).toBe(false);
    release();
    await Promise.race(replies);
    expect(server.sessions()).toBe(1);
    release();
    expect((await Promise.all(replies)).map(({ status }) => status)).toEqual([200, 200]);
    await vi.waitFor(() => expect(server.sessions()).toBe(0));
    expect(server.goAwaysTooSoon()).toBe(0);
  });

  it('is closed at once when nothing is under way', async () => {
    const server = await serve({});
    const channel = await openTo(server);
    channel.retire();
    await vi.waitFor(() => expect(server.sessions()).toBe(0));
  });

  it('ends after its limit with a server that allows no streams', async () => {
    const server = await serve({ streams: 0 });
    const channel = await openTo(server);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const reply = expect(channel.post(question('a.mesos'), 3_500)).rejects.toThrow(/in time/);
    channel.retire();
    await vi.advanceTimersByTimeAsync(3_500);
    await reply;
    expect(server.sessions()).toBe(1);
    await vi.advanceTimersByTimeAsync(1_500);
    vi.useRealTimers();
    await vi.waitFor(() => expect(server.sessions()).toBe(0));
  });
});

describe('a server that does not answer a PING', () => {
  it('may still answer what it has, and gets nothing new', async () => {
    const { behaviour, release, count } = held();
    const server = await serve({ behaviour });
    const channel = await openTo(server);
    const reply = channel.post(question('a.mesos'), 3_000);
    await vi.waitFor(() => expect(count()).toBe(1));
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    channel.suspect();
    // Before the PING has left: as a server that is busy has it.
    vi.advanceTimersByTime(1_000);
    vi.useRealTimers();
    expect(channel.isOpen()).toBe(false);
    release();
    expect(await reply).toMatchObject({ status: 200 });
  });

  it('is left at once when nothing is under way', async () => {
    const server = await serve({ behaviour: hanging });
    const channel = await openTo(server);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    channel.suspect();
    vi.advanceTimersByTime(1_000);
    vi.useRealTimers();
    expect(channel.isOpen()).toBe(false);
    await vi.waitFor(() => expect(server.sessions()).toBe(0));
  });
});

describe('a body', () => {
  it.for([65_535, 65_536])('of %i octets in many pieces is whole, or too long', async (octets) => {
    const server = await serve({
      behaviour: (_, response) => {
        if ('stream' in response) response.stream.respond({ ':status': 200 });
        else return send(response, '');
        for (let at = 0; at < octets - 1; at += 257) response.stream.write(Buffer.alloc(257, at / 257));
        response.stream.end(Buffer.alloc(octets % 257 === 0 ? 0 : octets % 257, 7));
      },
    });
    const channel = await openTo(server);
    const reply = channel.post(question('a.mesos'), 3_000);
    if (octets > 65_535) return expect(reply).rejects.toThrow(/more than a DNS message/);
    const { body } = await reply;
    expect(body).toHaveLength(octets);
    expect(Array.from({ length: 255 }, (_, i) => body[i * 257 + 256])).toEqual(
      Array.from({ length: 255 }, (_, i) => i),
    );
    channel.destroy();
  });
});
