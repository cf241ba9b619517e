import { describe, expect, it } from 'vitest';
import type { Finding } from '../../../sync-agent/doctor/finding.ts';
import { checkAgent, checkPeers, type RunningCheck } from '../../../sync-agent/doctor/running.ts';
import { deadPort, openHttp, startServer } from '../sources/state-server.ts';

const signal = new AbortController().signal;
const HEALTH = {
  role: 'writer',
  why: 'it is the only agent configured',
  writerId: 'aa',
  lastReadAgeSeconds: 1,
  lastPushAgeSeconds: 2,
  heldNames: 0,
};

function check(status: unknown, more: Partial<RunningCheck> = {}): Promise<Finding[]> {
  const options = {
    askAgent: () => (status instanceof Error ? Promise.reject(status) : Promise.resolve(status)),
    dataDir: '/var/lib/mesos-doh',
    monitor: undefined,
    http: openHttp(),
    timeoutMs: 2000,
    staleAfterSeconds: 900,
  };
  return checkAgent({ ...options, ...more }, signal);
}

async function monitor(body: unknown, status = 200): Promise<string> {
  const server = await startServer(
    (_, response) => void response.writeHead(status).end(JSON.stringify(body)),
  );
  return server.origin;
}

describe('the agent that runs', () => {
  it('is well', async () => {
    expect(await check(HEALTH)).toEqual([
      { about: 'agent', verdict: 'well', says: 'one runs, writer: it is the only agent configured' },
    ]);
  });

  it('stands by, whatever its ages', async () => {
    const standby = { ...HEALTH, role: 'standby', lastReadAgeSeconds: null, lastPushAgeSeconds: null };
    expect(await check(standby)).toMatchObject([{ verdict: 'well' }]);
  });

  it('is not there', async () => {
    expect(await check(undefined)).toMatchObject([
      { verdict: 'advice', mend: expect.stringContaining('sync') },
    ]);
  });

  it('belongs to somebody else, or is of another version', async () => {
    expect(await check(new Error('it belongs to another user'))).toMatchObject([
      { verdict: 'wrong', says: 'it belongs to another user', mend: expect.stringContaining("agent's user") },
    ]);
    expect(await check({ hello: 1 })).toMatchObject([{ verdict: 'wrong' }]);
  });

  it.each([
    [{ lastReadAgeSeconds: 901 }, 'last read the cluster 901 s ago'],
    [{ lastReadAgeSeconds: null }, 'never read the cluster yet'],
    [{ lastPushAgeSeconds: 901 }, 'last published 901 s ago'],
    [{ lastPushAgeSeconds: null }, 'never published yet'],
  ])('writes, and %j', async (ages, words) => {
    expect(await check({ ...HEALTH, ...ages })).toMatchObject([
      { verdict: 'wrong', says: expect.stringContaining(words) },
    ]);
  });

  it('holds names', async () => {
    expect((await check({ ...HEALTH, heldNames: 7 }))[1]).toMatchObject({
      verdict: 'advice',
      says: 'its guard holds 7 names back',
    });
  });

  it('answers where its configuration says', async () => {
    expect((await check(HEALTH, { monitor: await monitor(HEALTH) }))[1]).toMatchObject({ verdict: 'well' });
  });

  it('does not answer there', async () => {
    const nowhere = `http://127.0.0.1:${await deadPort()}`;
    expect((await check(HEALTH, { monitor: nowhere }))[1]).toMatchObject({
      verdict: 'wrong',
      mend: expect.stringContaining('metrics.port'),
    });
    expect((await check(undefined, { monitor: nowhere }))[1]).toMatchObject({ verdict: 'skipped' });
  });

  it.each([
    ['another agent', { ...HEALTH, writerId: 'bb' }],
    ['something else', { nginx: true }],
  ])('has %s at its port', async (_, body) => {
    expect((await check(HEALTH, { monitor: await monitor(body) }))[1]).toMatchObject({ verdict: 'wrong' });
  });

  it('is another one than that of this data directory', async () => {
    expect((await check(undefined, { monitor: await monitor(HEALTH) }))[1]).toMatchObject({
      verdict: 'wrong',
      mend: expect.stringContaining('/var/lib/mesos-doh'),
    });
  });
});

describe('the other agents', () => {
  const peers = (urls: string[]): Promise<Finding[]> =>
    checkPeers(urls, { http: openHttp(), timeoutMs: 2000 }, signal);

  it('answer', async () => {
    const standby = { ...HEALTH, role: 'standby', writerId: 'bb' };
    const found = await peers([await monitor(HEALTH), await monitor(standby)]);
    expect(found.map(({ verdict }) => verdict)).toEqual(['well', 'well']);
  });

  it('one is not there', async () => {
    const found = await peers([await monitor(HEALTH), `http://127.0.0.1:${await deadPort()}`]);
    expect(found.map(({ verdict }) => verdict)).toEqual(['well', 'advice']);
  });

  it('two write', async () => {
    const found = await peers([await monitor(HEALTH), await monitor({ ...HEALTH, writerId: 'bb' })]);
    expect(found.at(-1)).toMatchObject({ verdict: 'wrong', says: '2 agents say that they write' });
  });

  it('one with two addresses is one', async () => {
    const found = await peers([await monitor(HEALTH), await monitor(HEALTH)]);
    expect(found.every(({ verdict }) => verdict === 'well')).toBe(true);
  });
});
