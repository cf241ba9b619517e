import { describe, expect, it } from 'vitest';
import {
  cluster,
  answerAt,
  deadPort,
  failureOf,
  sourceOf,
  startMasters,
  startServer,
} from './state-server.ts';

const signal = new AbortController().signal;
const ignore = (): void => undefined;

describe('a master that gives no state', () => {
  it('while it recovers says so, and is asked again the next time', async () => {
    const { masters } = await startMasters(1);
    const source = sourceOf(masters.urls);
    masters.recover(true);
    expect((await failureOf(source)).message).toMatch(
      /^no master gave a state: GET http:\S+\/master\/state answered 503 .*Master has not finished recovery \(it may still be recovering, or know no leader\)$/,
    );
    masters.recover(false);
    expect((await source.read(ignore, signal)).agents.length).toBeGreaterThan(0);
    masters.lead(undefined);
    expect((await failureOf(source)).message).toMatch(
      /No leader elected \(it may still be recovering, or know no leader\)$/,
    );
  });

  it.each([
    [401, /answered 401 Unauthorized: the read-only realm \(\S+\) wants credentials: set MESOS_PRINCIPAL /],
    [
      403,
      /answered 403 Forbidden: the read-only realm \(\S+\): an anonymous caller may not do this; it needs /,
    ],
    [404, /GET \S+\/state\.json answered 404 Not Found: who are you$/],
    [500, /GET \S+\/master\/state answered 500 Internal Server Error: who are you$/],
    [204, /answered 204 No Content$/],
  ])('with %i says so', async (status, message) => {
    const { masters } = await startMasters(1);
    masters.fault({ kind: 'status', status, body: status === 204 ? '' : 'who are you' });
    expect((await failureOf(sourceOf(masters.urls))).message).toMatch(message);
  });

  it.each([
    ['not JSON', '<html>welcome</html>', /is not JSON .* at offset 0$/],
    ['a list', '[]', /state: is a list instead of an object$/],
    ['an empty text', '', /is cut off at offset 0$/],
    ['without a leader', '{"slaves":[],"frameworks":[]}', /knows no leading master$/],
    ['with a leader that is none', '{"leader":"10.0.0.1:5050"}', /knows no leading master$/],
  ])('but a body that is %s says so', async (_, body, message) => {
    const { masters } = await startMasters(1);
    masters.fault({ kind: 'body', body });
    const error = await failureOf(sourceOf(masters.urls));
    expect(error.message).toMatch(message);
    expect(error.message).toContain(masters.urls[0]);
  });

  it('in time says so, silent from the start or in the midst of its body', async () => {
    const { masters } = await startMasters(1);
    for (const fault of [{ kind: 'stall' }, { kind: 'stall', afterLength: 500 }] as const) {
      masters.fault(fault);
      expect((await failureOf(sourceOf(masters.urls, { timeoutMs: 80 }))).message).toMatch(
        /GET \S+\/master\/state timed out after 80 ms$/,
      );
    }
  });

  it('of the size allowed names the size', async () => {
    const { masters } = await startMasters(1);
    expect((await failureOf(sourceOf(masters.urls, { maxOctets: 2048 }))).message).toMatch(
      /GET \S+\/master\/state is larger than 2048 octets$/,
    );
  });

  it('at all is named with all others, in one error', async () => {
    const { masters } = await startMasters(3);
    const dead = `http://127.0.0.1:${await deadPort()}`;
    masters.fault({ kind: 'status', status: 500 }, 0);
    masters.fault({ kind: 'body', body: 'x' }, 1);
    masters.lead(1);
    const source = sourceOf([...masters.urls, dead]);
    const error = await failureOf(source);
    const parts = error.message.replace('no master gave a state: ', '').split('; ');
    expect(parts).toHaveLength(4);
    for (const [i, url] of [...masters.urls, dead].entries()) expect(parts[i]).toContain(url);
    expect(source.name).toBe(`mesos-state ${[...masters.urls, dead].join(', ')}`);
  });

  it('cut anywhere never gives half of one', async () => {
    const { masters } = await startMasters(1);
    const source = sourceOf(masters.urls);
    for (const afterLength of [1, 2, 100, 1_000, 5_000, 20_000, 50_000, 100_000]) {
      masters.fault({ kind: 'cut', afterLength });
      expect((await failureOf(source)).message).toMatch(/failed: |cut off/);
    }
    masters.fault(undefined);
    expect((await source.read(ignore, signal)).agents).toHaveLength(cluster.agents.length);
  });
});

describe('older names of the state', () => {
  it.each(['/master/state.json', '/state.json'])(
    '%s is found, and asked first the next time',
    async (only) => {
      const server = await startServer(answerAt(only));
      const source = sourceOf([server.origin]);
      await source.read(ignore, signal);
      expect(server.requests.at(-1)).toBe(`GET ${only}`);
      server.requests.length = 0;
      await source.read(ignore, signal);
      expect(server.requests).toEqual([`GET ${only}`]);
    },
  );

  it('are left again when the master is upgraded', async () => {
    let only = '/master/state.json';
    const server = await startServer((request, response) => answerAt(only)(request, response));
    const source = sourceOf([server.origin]);
    await source.read(ignore, signal);
    only = '/master/state';
    await source.read(ignore, signal);
    server.requests.length = 0;
    await source.read(ignore, signal);
    expect(server.requests).toEqual(['GET /master/state']);
  });

  it('are tried no further where the master refuses', async () => {
    const server = await startServer((_, response) => response.writeHead(403).end());
    await failureOf(sourceOf([server.origin]));
    expect(server.requests).toEqual(['GET /master/state']);
  });
});
