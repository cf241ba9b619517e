import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Skipped } from '../../../sync-agent/cluster.ts';
import type { MasterFinder } from '../../../sync-agent/masters/finder.ts';
import { createListFinder } from '../../../sync-agent/masters/list-finder.ts';
import { createMesosStateSource } from '../../../sync-agent/sources/mesos-state.ts';
import { type Source, SourceError } from '../../../sync-agent/sources/source.ts';
import type { SimulatedMasters } from '../../../simulate/server.ts';
import { sourceContract, type SourceUnderTest } from '../../contracts/source.ts';
import {
  cluster,
  deadPort,
  failureOf,
  openHttp,
  redirect,
  sourceOf,
  startMasters,
  startServer,
  stateOf,
} from './state-server.ts';

type Fault = Parameters<SimulatedMasters['fault']>[0];

const signal = new AbortController().signal;
const ignore = (): void => undefined;

sourceContract('a master', async (): Promise<SourceUnderTest> => {
  let octets = Buffer.alloc(0);
  let given = Infinity;
  let stalled: (() => void) | undefined;
  const server = await startServer((_, response) => {
    if (stalled) response.write(octets.subarray(0, 10), stalled);
    else response.end(octets.subarray(0, given));
  });
  return {
    source: sourceOf([`http://user:hunter2@127.0.0.1:${server.port}`]),
    place: server.origin,
    secrets: ['hunter', 'user'],
    show: async (document) => {
      octets = Buffer.from(document);
      given = Infinity;
      stalled = undefined;
    },
    breakOff: async (length) => {
      given = length;
    },
    remove: server.close,
    stall: async () => ({
      begun: new Promise<void>((resolve) => {
        stalled = () => void sleep(20).then(resolve);
      }),
    }),
  };
});

describe('the leader', () => {
  it('is asked once, for all it has', async () => {
    const { masters, asked } = await startMasters(1);
    const state = await sourceOf(masters.urls).read(ignore, signal);
    const { agents, frameworks } = cluster.snapshot();
    expect(state.leader).toEqual({ host: '127.0.0.1', port: String(masters.ports[0]) });
    expect(state.agents.map(({ id }) => id)).toEqual(agents.map(({ id }) => id));
    expect(state.frameworks.map(({ name, tasks }) => [name, tasks.length])).toEqual(
      frameworks.map(({ framework, tasks }) => [framework.name, tasks.length]),
    );
    expect(asked).toEqual(['0 /master/state']);
  });

  it.each([[[0]], [[1]], [[0, 1]], [[0, 1, 2]]])(
    'is found from masters %j, which redirect to it without a scheme',
    async (known) => {
      const { masters, asked } = await startMasters(3);
      masters.lead(2);
      const state = await sourceOf(known.map((index) => masters.urls[index] ?? '')).read(ignore, signal);
      expect(state.leader?.port).toBe(String(masters.ports[2]));
      expect(asked).toEqual([`${known[0]} /master/state`, '2 /master/state']);
    },
  );

  it.each<[string, Fault]>([
    ['refuse', { kind: 'status', status: 500 }],
    ['give no JSON', { kind: 'status', status: 200, body: 'welcome' }],
    ['are no masters', { kind: 'status', status: 404 }],
  ])('is found where the two masters before it %s', async (_, fault) => {
    const { masters, asked } = await startMasters(3);
    masters.lead(2);
    masters.fault(fault, 0);
    masters.fault(fault, 1);
    const state = await sourceOf(masters.urls).read(ignore, signal);
    expect(state.leader?.port).toBe(String(masters.ports[2]));
    expect(asked.at(-1)).toBe('2 /master/state');
  });

  it('is asked first the next time, followed when another leads, and forgotten when it is down', async () => {
    const { masters, asked } = await startMasters(3);
    const source = sourceOf(masters.urls);
    const read = async (): Promise<string[]> => {
      asked.length = 0;
      await source.read(ignore, signal);
      return [...asked];
    };
    masters.lead(2);
    expect(await read()).toEqual(['0 /master/state', '2 /master/state']);
    expect(await read()).toEqual(['2 /master/state']);
    masters.lead(1);
    expect(await read()).toEqual(['2 /master/state', '1 /master/state']);
    expect(await read()).toEqual(['1 /master/state']);
    masters.lead(0);
    masters.fault({ kind: 'status', status: 500 }, 1);
    expect(await read()).toEqual(['1 /master/state', '0 /master/state']);
    expect(await read()).toEqual(['0 /master/state']);
    masters.fault(undefined);
    masters.lead(1);
    expect(await read()).toEqual(['0 /master/state', '1 /master/state']);
    masters.fault({ kind: 'status', status: 500 });
    await expect(read()).rejects.toThrow(SourceError);
    expect(asked).toEqual(['1 /master/state', '0 /master/state', '2 /master/state']);
    masters.fault(undefined);
    masters.lead(2);
    expect(await read()).toEqual(['0 /master/state', '2 /master/state']);
  });

  it('is whom ZooKeeper says, before any memory of another', async () => {
    const { masters, asked } = await startMasters(2);
    let order = masters.urls.map((url) => new URL(url));
    const finder: MasterFinder = {
      ...createListFinder([]),
      candidates: async () => order,
      state: () => ({ by: 'zookeeper', leader: undefined, problem: undefined }),
    };
    const source = createMesosStateSource({ finder, http: openHttp(), timeoutMs: 5000, maxOctets: 1e7 });
    await source.read(ignore, signal);
    order = order.toReversed();
    masters.lead(1);
    await source.read(ignore, signal);
    expect(asked).toEqual(['0 /master/state', '1 /master/state']);
  });

  it('is not asked for where nobody knows a master', async () => {
    const error = await failureOf(sourceOf([]));
    expect(error.message).toContain('no Mesos master is listed');
  });

  it('is asked once where it is listed twice', async () => {
    const { masters, asked } = await startMasters(1);
    masters.fault({ kind: 'status', status: 500 });
    const [url = ''] = masters.urls;
    await expect(sourceOf([url, `${url}/`, `${url}/state`]).read(ignore, signal)).rejects.toThrow(
      SourceError,
    );
    expect(asked).toHaveLength(1);
  });
});

describe('a body that names another leader', () => {
  it('is left for that one, with its reports', async () => {
    const leader = await startServer((_, response) => response.end(stateOf(leader.port, leader.port)));
    const other = await startServer((_, response) =>
      response.end(stateOf(other.port, leader.port, { tasks: [{ id: 7 }] })),
    );
    const skipped: Skipped[] = [];
    const source = sourceOf([other.origin]);
    const state = await source.read((element) => void skipped.push(element), signal);
    expect(state.frameworks[0]?.name).toBe(`said by ${leader.port}`);
    expect(skipped).toEqual([]);
    expect([other.requests, leader.requests]).toEqual([['GET /master/state'], ['GET /master/state']]);
    await source.read(ignore, signal);
    expect([other.requests.length, leader.requests.length]).toEqual([1, 2]);
  });

  it('is taken where it names itself, whatever address it was asked at', async () => {
    const server = await startServer((_, response) => response.end(stateOf(5050, 5050)));
    expect((await sourceOf([server.origin]).read(ignore, signal)).leader?.port).toBe('5050');
  });

  it.each([
    ['taken by the address it was asked at', true],
    ['followed by the address it was asked at', false],
  ])('without a pid of its own is %s', async (_, isItself) => {
    const leader = await startServer((__, response) => response.end(stateOf(leader.port, leader.port)));
    const asked = await startServer((__, response) =>
      response.end(stateOf(undefined, isItself ? asked.port : leader.port)),
    );
    const state = await sourceOf([asked.origin]).read(ignore, signal);
    expect(state.frameworks[0]?.name).toBe(isItself ? 'said by undefined' : `said by ${leader.port}`);
    expect(leader.requests).toHaveLength(isItself ? 0 : 1);
  });

  it('is followed once: the second is taken even if it names a third', async () => {
    const second = await startServer((_, response) => response.end(stateOf(second.port, 1)));
    const first = await startServer((_, response) => response.end(stateOf(first.port, second.port)));
    const state = await sourceOf([first.origin]).read(ignore, signal);
    expect(state.frameworks[0]?.name).toBe(`said by ${second.port}`);
  });

  it('is given up where that one knows no leader, for the next master', async () => {
    const lost = await startServer((_, response) => response.end(stateOf(lost.port, undefined)));
    const first = await startServer((_, response) => response.end(stateOf(first.port, lost.port)));
    await expect(sourceOf([first.origin]).read(ignore, signal)).rejects.toThrow(
      `${lost.origin} knows no leading master`,
    );
    const good = await startServer((_, response) => response.end(stateOf(good.port, good.port)));
    const state = await sourceOf([first.origin, good.origin]).read(ignore, signal);
    expect(state.frameworks[0]?.name).toBe(`said by ${good.port}`);
  });

  it('is given up where that one is dead or can not be asked, for the next master', async () => {
    const port = await deadPort();
    const first = await startServer((_, response) => response.end(stateOf(first.port, port)));
    const odd = await startServer((_, response) =>
      response.end(stateOf(odd.port, port).replaceAll(`127.0.0.1:${port}`, 'not a host:http')),
    );
    const error = await failureOf(sourceOf([first.origin, odd.origin]));
    expect(error.message).toContain(`GET http://127.0.0.1:${port}/master/state failed: connection refused`);
    expect(error.message).toContain(
      `${odd.origin} names a leading master that is no URL: "http://not a host:http/"`,
    );
    const good = await startServer((_, response) => response.end(stateOf(good.port, good.port)));
    expect((await sourceOf([first.origin, odd.origin, good.origin]).read(ignore, signal)).leader?.port).toBe(
      String(good.port),
    );
  });

  it('is read with its reports where it is the one used', async () => {
    const { skipped, read } = keeping();
    const good = await startServer((_, response) =>
      response.end(stateOf(good.port, good.port, { tasks: [{ id: 7 }] })),
    );
    const cut = await startServer((_, response) =>
      response.end(stateOf(cut.port, cut.port, { tasks: [{ id: 8 }, { id: 9 }] }).slice(0, -1)),
    );
    await read(sourceOf([cut.origin, good.origin]));
    expect(skipped.map(({ detail }) => detail)).toEqual(['task (no id): id: is number 7 instead of a text']);
  });
});

describe('redirects', () => {
  it.each([
    ['to itself', (origin: string) => origin],
    ['in a circle', (_: string, other: string) => other],
  ])('%s end, and say so', async (_, to) => {
    const one = await startServer((request, response) =>
      redirect(response, to(one.origin, two.origin) + request.url),
    );
    const two = await startServer((request, response) => redirect(response, one.origin + request.url));
    const error = await failureOf(sourceOf([one.origin]));
    expect(error.message).toBe(`no master gave a state: ${one.origin} redirects more than 3 times`);
    expect(one.requests.length + two.requests.length).toBe(4);
  });

  it('are followed three times, keeping the path they name', async () => {
    const server = await startServer((request, response) => {
      const hop = Number(/hop=(\d)/.exec(request.url ?? '')?.[1] ?? 0);
      if (hop < 3) redirect(response, `//127.0.0.1:${server.port}/elsewhere?hop=${hop + 1}`);
      else response.end(stateOf(server.port, server.port));
    });
    await sourceOf([server.origin]).read(ignore, signal);
    expect(server.requests.at(-1)).toBe('GET /elsewhere?hop=3');
  });

  it('to a dead host are told, and the next master is asked', async () => {
    const port = await deadPort();
    const lost = await startServer((request, response) =>
      redirect(response, `//127.0.0.1:${port}${request.url}`),
    );
    const error = await failureOf(sourceOf([lost.origin]));
    expect(error.message).toContain(`GET http://127.0.0.1:${port}/master/state failed: connection refused`);
    const good = await startServer((_, response) => response.end(stateOf(good.port, good.port)));
    expect((await sourceOf([lost.origin, good.origin]).read(ignore, signal)).leader?.port).toBe(
      String(good.port),
    );
  });

  it.each([
    [
      'no URL',
      'http://[nowhere',
      /http:\/\/127\.0\.0\.1:\d+ redirects to "http:\/\/\[nowhere", which is no URL/,
    ],
    [
      'another scheme',
      'ftp://127.0.0.1/state',
      /http:\/\/127\.0\.0\.1:\d+ redirects to ftp:, which is not HTTP/,
    ],
    ['nothing', undefined, /answered 307/],
  ])('to %s are told', async (_, location, message) => {
    const server = await startServer((__, response) => redirect(response, location));
    expect((await failureOf(sourceOf([server.origin]))).message).toMatch(message);
  });

  it('are told without credentials', async () => {
    const server = await startServer((_, response) =>
      redirect(response, 'http://me:hunter2@127.0.0.1:1/x?token=hunter3'),
    );
    expect((await failureOf(sourceOf([server.origin]))).message).not.toContain('hunter');
  });
});

it('asks for JSON, admits gzip, and sends no credentials to whom it is redirected', async () => {
  const leader = await startServer((_, response) => response.end(stateOf(leader.port, leader.port)));
  const first = await startServer((request, response) =>
    redirect(response, `//127.0.0.1:${leader.port}${request.url}`),
  );
  await sourceOf([`http://user:hunter2@127.0.0.1:${first.port}`]).read(ignore, signal);
  for (const [headers] of [first.headers, leader.headers]) {
    expect(headers).toMatchObject({ accept: 'application/json', 'accept-encoding': 'gzip' });
    expect(headers?.authorization).toBeUndefined();
  }
});

function keeping(): { skipped: Skipped[]; read: (source: Source<unknown>) => Promise<unknown> } {
  const skipped: Skipped[] = [];
  return { skipped, read: (source) => source.read((element) => void skipped.push(element), signal) };
}
