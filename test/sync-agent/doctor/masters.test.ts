import type { RequestListener } from 'node:http';
import { describe, expect, it } from 'vitest';
import { createMasterHttp } from '../../../sync-agent/auth/master-http.ts';
import type { Finding } from '../../../sync-agent/doctor/finding.ts';
import { checkMasters, hasStream, isSince, type Leading } from '../../../sync-agent/doctor/masters.ts';
import { checkState, checkStream } from '../../../sync-agent/doctor/rights.ts';
import { checkElectionPath, checkMasterList } from '../../../sync-agent/doctor/zookeeper.ts';
import type { ClusterState } from '../../../sync-agent/cluster.ts';
import type { Source } from '../../../sync-agent/sources/source.ts';
import { deadPort, openHttp, startServer } from '../sources/state-server.ts';

const signal = new AbortController().signal;
const JSON_TYPE = { 'content-type': 'application/json' };

/** A master that says `version`, and that `leader` leads: where to, or a status that is no redirect. */
function master(version: string, leader: () => string | number): RequestListener {
  return (request, response) => {
    if (request.url === '/version')
      return void response.writeHead(200, JSON_TYPE).end(JSON.stringify({ version }));
    const where = leader();
    if (typeof where === 'number') return void response.writeHead(where).end();
    return void response.writeHead(307, { location: where }).end();
  };
}

async function check(...origins: string[]): Promise<Leading & { readonly wrong: string[] }> {
  const urls = origins.map((origin) => new URL(origin));
  const told = await checkMasters(urls, { http: openHttp(), timeoutMs: 2000 }, signal);
  return { ...told, wrong: lines(told.findings.filter(({ verdict }) => verdict === 'wrong')) };
}

function lines(findings: readonly Finding[]): string[] {
  return findings.map(
    ({ about, says, mend }) => `${about}: ${says}${mend === undefined ? '' : ` / ${mend}`}`,
  );
}

describe('the masters', () => {
  it('answer, and one of them leads', async () => {
    const first = await startServer(master('1.9.0', () => `//127.0.0.1:${first.port}/`));
    const second = await startServer(master('1.9.0', () => `//127.0.0.1:${first.port}`));
    const told = await check(first.origin, second.origin);
    expect(told.wrong).toEqual([]);
    expect(told.leader?.origin).toBe(first.origin);
    expect(told.version).toBe('1.9.0');
    expect(lines(told.findings)).toEqual([
      `masters: ${first.origin} answers: Mesos 1.9.0`,
      `masters: ${second.origin} answers: Mesos 1.9.0`,
      `leader: ${first.origin} leads`,
    ]);
    expect(second.requests.toSorted()).toEqual(['GET /master/redirect', 'GET /version']);
  });

  it('one can not be reached: the others are asked on', async () => {
    const server = await startServer(master('1.9.0', () => '/'));
    const told = await check(`http://127.0.0.1:${await deadPort()}`, server.origin);
    expect(told.wrong).toEqual([
      expect.stringMatching(/connection refused.*the agent goes on with the others$/),
    ]);
    expect(told.leader?.origin).toBe(server.origin);
  });

  it('none can be reached', async () => {
    const told = await check(`http://127.0.0.1:${await deadPort()}`);
    expect(told.wrong).toEqual([expect.stringMatching(/^masters: .*connection refused/)]);
    expect(told.leader).toBeUndefined();
  });

  it.each([
    [404, '', 'Is that the URL of a Mesos master'],
    [200, '<html>', 'Is that the URL of a Mesos master'],
    [200, '{"x":1}', 'no version of Mesos'],
  ])('are something else: %d %s', async (status, body, words) => {
    const server = await startServer((_, response) => void response.writeHead(status).end(body));
    expect((await check(server.origin)).wrong).toEqual([expect.stringContaining(words)]);
  });

  it.each([503, 200])('know no leader: %d', async (status) => {
    const server = await startServer(master('1.9.0', () => status));
    expect((await check(server.origin)).wrong).toEqual([
      expect.stringMatching(
        new RegExp(`^leader: no master knows who leads \\(.* answered ${status}\\).*--quorum`),
      ),
    ]);
  });

  it('do not agree', async () => {
    const first = await startServer(master('1.9.0', () => '/'));
    const second = await startServer(master('1.9.0', () => '/'));
    const told = await check(first.origin, second.origin);
    expect(told.wrong).toEqual([expect.stringContaining('leader: the masters do not agree')]);
    expect(told.leader).toBeUndefined();
  });

  it('announce a leader that is not configured: reached or not', async () => {
    const leader = await startServer(master('1.9.0', () => '/'));
    const port = await deadPort();
    let to = `//127.0.0.1:${leader.port}`;
    const server = await startServer(master('1.9.0', () => to));
    expect(lines((await check(server.origin)).findings).at(-1)).toContain('not among the configured masters');
    to = `//127.0.0.1:${port}`;
    const told = await check(server.origin);
    expect(told.wrong).toEqual([
      expect.stringMatching(/leads, but: .*refused.*--hostname and --advertise_ip/),
    ]);
    expect(told.leader).toBeUndefined();
  });

  it.each([
    ['1.4.3', false, ['has no stream with heartbeats']],
    ['1.5.0', true, ['may lose health changes']],
    ['1.7.0', true, []],
    ['1.10.0', true, []],
    ['0.28.2', false, ['has no stream with heartbeats']],
  ])('run Mesos %s', async (version, streams, words) => {
    const server = await startServer(master(version, () => '/'));
    const advice = (await check(server.origin)).findings.filter(({ verdict }) => verdict === 'advice');
    expect(lines(advice)).toEqual(words.map((word) => expect.stringContaining(word)));
    expect(hasStream(version)).toBe(streams);
  });

  it('compares versions by number', () => {
    expect(isSince('1.10.0', [1, 9])).toBe(true);
    expect(isSince('2.0.0', [1, 9])).toBe(true);
    expect(isSince('1.9.0-rc1', [1, 9])).toBe(true);
  });
});

describe('ZooKeeper', () => {
  const finder = (by: 'zookeeper' | 'list', masters: string[] | Error, problem?: string) => ({
    name: 'zk://10.0.0.1:2181/mesos',
    candidates: () =>
      masters instanceof Error
        ? Promise.reject(masters)
        : Promise.resolve(masters.map((url) => new URL(url))),
    state: () => ({ by, leader: undefined, problem }),
  });

  it('lists masters', async () => {
    const { findings, masters } = await checkMasterList(
      finder('zookeeper', ['http://a:5050', 'http://b:5050']),
      signal,
    );
    expect(lines(findings)).toEqual([
      'ZooKeeper: zk://10.0.0.1:2181/mesos lists http://a:5050, http://b:5050; the first one leads',
    ]);
    expect(masters).toHaveLength(2);
  });

  it('can not be asked, or not now', async () => {
    const down = await checkMasterList(finder('zookeeper', new Error('no Mesos master is known: x')), signal);
    expect(down.findings).toMatchObject([{ verdict: 'wrong', says: 'no Mesos master is known: x' }]);
    const stale = await checkMasterList(finder('zookeeper', ['http://a:5050'], 'not answering'), signal);
    expect(stale.findings).toMatchObject([{ verdict: 'wrong', says: 'not answering' }]);
    expect(stale.masters).toHaveLength(1);
  });

  it('is not needed with a list, which may be empty', async () => {
    expect((await checkMasterList(finder('list', ['http://a:5050']), signal)).findings).toEqual([]);
    const none = await checkMasterList(finder('list', new Error('no Mesos master is listed')), signal);
    expect(none.findings).toMatchObject([{ about: 'masters', verdict: 'wrong' }]);
  });

  it('holds elections', async () => {
    const asked = (nodes: string[] | Error) => ({
      name: 'zk://a/x',
      ask: () => (nodes instanceof Error ? Promise.reject(nodes) : Promise.resolve(nodes)),
    });
    expect((await checkElectionPath(asked(['a', 'b']), signal)).says).toBe(
      'zk://a/x: 2 agents stand for election',
    );
    expect(await checkElectionPath(asked(new Error('no server')), signal)).toMatchObject({
      verdict: 'wrong',
      says: 'no server',
      mend: expect.stringContaining('election.zk'),
    });
  });
});

describe('the state', () => {
  const task = {
    id: 't',
    name: 't',
    agentId: 'a',
    state: 'TASK_RUNNING',
    ports: [],
    running: [],
    discovery: undefined,
  };
  const framework = { id: 'f', name: 'f', endpoint: undefined, tasks: [task] };
  const state: ClusterState = {
    leader: undefined,
    agents: [{ id: 'a', endpoint: undefined }],
    frameworks: [framework],
    ended: { tasks: [], frameworks: [] },
    recoveringAgents: 0,
  };
  const read = (given: Partial<ClusterState> | Error, allowEmpty = false): Promise<Finding[]> => {
    const source: Source<ClusterState> = {
      name: 'test',
      read: (report) => {
        report({ reason: 'agent-pid', detail: 'agent x has no pid' });
        return given instanceof Error ? Promise.reject(given) : Promise.resolve({ ...state, ...given });
      },
    };
    return checkState(source, { allowEmpty }, signal);
  };

  it('has something to publish', async () => {
    expect(await read({})).toMatchObject([
      { verdict: 'well', says: '1 agent, 1 framework, 1 task' },
      { verdict: 'advice', says: '1 element left out, the first: agent x has no pid' },
    ]);
  });

  it('shows no framework, or no task: rights are missing', async () => {
    expect((await read({ frameworks: [] }))[0]).toMatchObject({
      verdict: 'wrong',
      mend: expect.stringContaining('view_frameworks'),
    });
    expect((await read({ frameworks: [] }, true))[0]).toMatchObject({ verdict: 'advice' });
    expect((await read({ frameworks: [{ ...framework, tasks: [] }] }))[0]).toMatchObject({
      verdict: 'advice',
      mend: expect.stringContaining('view_tasks'),
    });
  });

  it('comes from a leader that recovers', async () => {
    expect((await read({ recoveringAgents: 3 }))[1]).toMatchObject({
      verdict: 'advice',
      says: '3 agents of the last leader did not come back to this one yet',
    });
  });

  it('does not come', async () => {
    expect(await read(new Error('no master gave a state'))).toEqual([
      { about: 'state', verdict: 'wrong', says: 'no master gave a state' },
    ]);
  });
});

describe("the stream's rights", () => {
  const ask = async (answer: RequestListener, more: { allowEmpty?: boolean; isWanted?: boolean } = {}) => {
    const server = await startServer(answer);
    const http = createMasterHttp({
      http: openHttp(),
      credentials: undefined,
      configured: [new URL(server.origin)],
    });
    const options = { http, timeoutMs: 2000, allowEmpty: false, isWanted: false, ...more };
    return { found: await checkStream(new URL(server.origin), options, signal), requests: server.requests };
  };
  const frameworks =
    (list: unknown[]): RequestListener =>
    (_, response) => {
      const body = { type: 'GET_FRAMEWORKS', get_frameworks: { frameworks: list } };
      response.writeHead(200, JSON_TYPE).end(JSON.stringify(body));
    };

  it('are there, without a subscription', async () => {
    let asked = '';
    const { found, requests } = await ask((request, response) => {
      request.on('data', (chunk: Buffer) => (asked += chunk.toString()));
      request.on('end', () => frameworks([{}, {}])(request, response));
    });
    expect(JSON.parse(asked)).toEqual({ type: 'GET_FRAMEWORKS' });
    expect(found).toMatchObject({ verdict: 'well', says: expect.stringContaining('2 frameworks') });
    expect(requests).toEqual(['POST /api/v1']);
  });

  it('show nothing', async () => {
    expect((await ask(frameworks([]))).found).toMatchObject({
      verdict: 'wrong',
      mend: expect.stringContaining('view_frameworks'),
    });
    expect((await ask(frameworks([]), { allowEmpty: true })).found.verdict).toBe('advice');
  });

  it.each([
    [401, 'the read-write realm (--authenticate_http_readwrite) wants credentials'],
    [403, 'needs the right to view frameworks'],
    [404, 'offers no operator API'],
    [500, '/api/v1 has to answer'],
  ])('are refused with %d: the agent polls, unless the stream is wanted', async (status, words) => {
    const refuse: RequestListener = (_, response) => void response.writeHead(status).end();
    const { found } = await ask(refuse);
    expect(found.verdict).toBe('advice');
    expect(`${found.says}. ${found.mend}`).toContain(words);
    expect(found.mend).toContain('polls /state instead');
    const wanted = await ask(refuse, { isWanted: true });
    expect(wanted.found.verdict).toBe('wrong');
    expect(`${wanted.found.says}. ${wanted.found.mend}`).toContain(words);
    expect(wanted.found.mend ?? '').not.toContain('polls');
  });
});
