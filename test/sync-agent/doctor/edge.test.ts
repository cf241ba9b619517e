import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError } from '../../../sync-agent/config.ts';
import type { EdgeFinding } from '../../../sync-agent/doctor/edge-finding.ts';
import { checkEdge, type EdgeOptions } from '../../../sync-agent/doctor/edge.ts';
import { createHttp, type Http } from '../../../sync-agent/http.ts';
import { type Asked, dnsReply, type FakeEdge, type FakeReply, startFakeEdge } from '../../fakes/edge.ts';

const TOKEN = `mdt_${'ab2c'.repeat(8)}`;

let edge: FakeEdge;
let http: Http;
let waitedMs: number[] = [];
beforeAll(async () => {
  edge = await startFakeEdge(TOKEN);
  http = createHttp();
});
afterEach(() => {
  edge.meddle = () => undefined;
  edge.view = { forwarding: false, enumeration: false, ageSeconds: 20 };
  edge.seen.length = 0;
  waitedMs = [];
});
afterAll(async () => {
  await Promise.all([edge.close(), http.close()]);
});

function check(options: Partial<EdgeOptions> = {}): Promise<readonly EdgeFinding[]> {
  const sleep = async (ms: number): Promise<void> => void waitedMs.push(ms);
  const fixed = { zone: 'mesos', http, sleep, now: () => 1_795_211_959_000 };
  const randomOctets = (length: number): Uint8Array => new Uint8Array(length).fill(7);
  return checkEdge({ url: edge.url, ...fixed, randomOctets, ...options }, AbortSignal.timeout(15_000));
}

function wrong(findings: readonly EdgeFinding[]): string[] {
  return findings.filter(({ verdict }) => verdict === 'wrong').map(({ about, says }) => `${about}: ${says}`);
}

describe('a Worker that does all as it should', () => {
  it('is well from outside, and every door was tried', async () => {
    const findings = await check();
    expect(findings.filter(({ verdict }) => verdict !== 'well')).toEqual([
      expect.objectContaining({ about: 'token', verdict: 'skipped' }),
    ]);
    const tried = edge.seen.map(({ method, url }) => `${method} ${url.replace(/\?dns=.*/, '')}`);
    for (const route of [
      'GET /',
      'POST /dns-query',
      'GET /health',
      'GET /v1/axfr',
      'GET /v1/enumerate',
      'GET /v1/config',
    ])
      expect(tried).toContain(route);
    expect(tried).toContain('GET /resolve?name=leader.mesos');
    expect(edge.seen.some(({ headers }) => headers['cf-access-jwt-assertion']?.includes('.'))).toBe(true);
    expect(tried.length).toBeLessThan(100);
  });

  it('is well with a token, and says how the view is', async () => {
    const findings = await check({ token: TOKEN });
    expect(findings.filter(({ verdict }) => verdict !== 'well')).toEqual([]);
    expect(findings.map(({ says }) => says)).toEqual(
      expect.arrayContaining([
        'the token is taken, and mesos answers',
        'serial 1795211959, vouched for 20 s ago',
        'public names are refused',
        'names can not be listed, only asked',
      ]),
    );
  });

  it('takes a token out of the URL', async () => {
    const url = edge.url.replace('/dns-query', `/t/${TOKEN}/dns-query`);
    expect((await check({ url })).map(({ says }) => says)).toContain('the token is taken, and mesos answers');
  });

  it('is compared with what the view says', async () => {
    edge.view = { forwarding: true, enumeration: true, ageSeconds: 20 };
    const same = await check({ token: TOKEN, expected: { forwarding: true, enumeration: true } });
    expect(wrong(same)).toEqual([]);
    const other = await check({ token: TOKEN, expected: { forwarding: false, enumeration: false } });
    expect(wrong(other)).toEqual([
      'view: public names are forwarded',
      'view: every name of the view can be listed',
    ]);
  });

  it('is told finding by finding', async () => {
    const told: EdgeFinding[] = [];
    const findings = await check({ onFinding: (finding) => void told.push(finding) });
    expect(told).toEqual(findings);
  });
});

type Meddle = (asked: Asked, reply: FakeReply) => FakeReply | undefined;

const text = (status: number, body: string, headers: Record<string, string> = {}): FakeReply => ({
  status,
  headers: { 'content-type': 'text/plain', 'cache-control': 'no-store', ...headers },
  body,
});
const refusedWith =
  (body: string, headers: Record<string, string> = {}): Meddle =>
  ({ isKnown }, reply) =>
    isKnown || reply.status !== 401
      ? undefined
      : { ...reply, body, headers: { ...reply.headers, ...headers } };
const message = (rcode: number): FakeReply => ({
  status: 200,
  headers: { 'content-type': 'application/dns-message', 'cache-control': 'private, max-age=30' },
  body: dnsReply(rcode),
});

function claimedAlgorithm(assertion: unknown): string | undefined {
  const [head = ''] = String(assertion).split('.');
  return /"alg":"([^"]*)"/.exec(Buffer.from(head, 'base64url').toString())?.[1];
}

/** What may be wrong with a Worker, and what is said of it. */
const PLANTED: readonly (readonly [what: string, meddle: Meddle, says: RegExp])[] = [
  [
    'anybody may ask',
    ({ name }) => (name === 'leader.mesos' ? message(0) : undefined),
    /^strangers: anybody may ask/,
  ],
  [
    'anybody may ask by POST',
    ({ method }) => (method === 'POST' ? message(0) : undefined),
    /POST \/dns-query is 200/,
  ],
  [
    'a route is open',
    ({ path }) => (path === '/v1/enumerate' ? text(200, '{}') : undefined),
    /GET \/v1\/enumerate is 200/,
  ],
  [
    'it forwards for anybody',
    ({ name }) => (name === 'example.com' ? message(0) : undefined),
    /^forwarding: an open forwarder/,
  ],
  [
    'it forwards for anybody, by JSON',
    ({ url }) => (url === '/resolve?name=example.com' ? text(200, '{"Status": 0}') : undefined),
    /^forwarding: an open forwarder/,
  ],
  ['refusals name names', refusedWith('search.marathon.mesos is not for you'), /tells names of mesos/],
  ['refusals name addresses', refusedWith('10.1.2.3 is hidden'), /tells private addresses/],
  [
    'refusals name addresses in a header',
    refusedWith('no', { 'x-served-by': 'node 10.1.2.3' }),
    /tells private addresses/,
  ],
  ['refusals tell the serial', refusedWith('no', { snapshot: '1;age=2' }), /tells the serial/],
  [
    'refusals show where they were made',
    refusedWith('Error\n    at ask (worker.js:10:3)'),
    /shows a stack trace/,
  ],
  ['refusals name settings', refusedWith('VERIFY_KEYS is not set'), /names settings/],
  [
    'refusals repeat the path',
    ({ isKnown, url }) => (isKnown || !url.startsWith('/t/') ? undefined : text(401, `nothing at ${url}`)),
    /wrong credentials: .*echoes the credential/,
  ],
  [
    'names can be found by trying',
    ({ isKnown, name }) => (!isKnown && name?.startsWith('no-such') ? text(403, 'no') : undefined),
    /^strangers: a name that exists is refused in other words/,
  ],
  [
    'names can be found by headers',
    ({ isKnown, url }, reply) =>
      !isKnown && url.startsWith('/v1/hosts/leader')
        ? { ...reply, headers: { ...reply.headers, 'x-found': '1' } }
        : undefined,
    /^strangers: a name that exists is refused in other words/,
  ],
  [
    'health tells the zones',
    ({ path }) => (path === '/health' ? text(200, '{"zones":[{"origin":"x"}]}') : undefined),
    /tells how the zones are/,
  ],
  [
    'an empty token is one',
    ({ url }) => (url.startsWith('/t//') ? message(0) : undefined),
    /an empty token in the path is 200/,
  ],
  [
    '__proto__ is a token',
    ({ url }) => (url.startsWith('/t/__proto__/') ? text(500, 'oops') : undefined),
    /__proto__ as a token is 500/,
  ],
  [
    'an empty bearer is one',
    ({ headers }) => (headers.authorization === 'Bearer' ? message(0) : undefined),
    /Bearer with nothing is 200/,
  ],
  [
    'Basic breaks it',
    ({ headers }) => (headers.authorization?.startsWith('Basic') ? text(500, '') : undefined),
    /Basic is 500/,
  ],
  [
    'an assertion that nobody signed is taken',
    ({ headers }) =>
      claimedAlgorithm(headers['cf-access-jwt-assertion']) === 'none' ? message(0) : undefined,
    /^Access: .*alg none is 200/,
  ],
  [
    'a cookie of Access is taken',
    ({ headers }) => (headers.cookie === undefined ? undefined : message(0)),
    /cookie of Access with alg none is 200/,
  ],
  [
    'PUT is taken',
    ({ method }) => (method === 'PUT' ? text(200, '') : undefined),
    /^methods: .*PUT \/dns-query is 200/,
  ],
  [
    'HEAD tells',
    ({ method, isKnown }) => (method === 'HEAD' && !isKnown ? text(200, '') : undefined),
    /HEAD \/dns-query is 200/,
  ],
  [
    'it believes proxies',
    ({ headers }) => (headers['x-forwarded-for'] === undefined ? undefined : message(0)),
    /^proxies: .*x-forwarded-for is 200/,
  ],
];

describe('what is planted is found', () => {
  it.each(PLANTED)('%s', async (_, meddle, says) => {
    edge.meddle = meddle;
    const found = wrong(await check());
    expect(found).toEqual(expect.arrayContaining([expect.stringMatching(says)]));
  });
});

const isOdd = ({ url }: Asked, odd: RegExp): boolean => odd.test(url);
const knownOnly =
  (change: (asked: Asked, reply: FakeReply) => FakeReply | undefined): Meddle =>
  (asked, reply) =>
    asked.isKnown ? change(asked, reply) : undefined;

/** What may be wrong that only a team's token shows. */
const PLANTED_FOR_TEAMS: readonly (readonly [what: string, meddle: Meddle, says: RegExp])[] = [
  [
    'capitals are as good',
    (asked) => (isOdd(asked, /MDT_/) ? message(0) : undefined),
    /the token in capitals is 200/,
  ],
  ['/T/ is as good', (asked) => (isOdd(asked, /^\/T\//) ? message(0) : undefined), /\/T\/ for \/t\/ is 200/],
  [
    'an encoded slash is one',
    (asked) => (isOdd(asked, /%2Fdns/) ? message(0) : undefined),
    /an encoded slash before the route is 200/,
  ],
  [
    'two tokens are one',
    (asked) => (isOdd(asked, /\/t\/.*\/t\//) ? message(0) : undefined),
    /the token twice is 200/,
  ],
  [
    'a beginning is enough',
    (asked) => (isOdd(asked, new RegExp(`/t/${TOKEN.slice(0, -1)}/`)) ? message(0) : undefined),
    /the token without its end is 200/,
  ],
  [
    'a parameter is as good',
    (asked) => (isOdd(asked, /[?&]token=/) ? message(0) : undefined),
    /a token as a parameter is 200/,
  ],
  [
    'one of two tokens is enough',
    ({ url, headers }) =>
      url.includes(TOKEN) && headers.authorization !== undefined ? message(0) : undefined,
    /^token: a right token beside a wrong one is taken/,
  ],
  [
    'shared caches may keep answers',
    knownOnly((_, reply) => ({ ...reply, headers: { ...reply.headers, 'cache-control': 'max-age=30' } })),
    /^caches: .*shared caches/,
  ],
  [
    'answers to a bearer do not vary',
    knownOnly((_, reply) => ({ ...reply, headers: { ...reply.headers, vary: 'accept' } })),
    /^caches: .*vary by authorization/,
  ],
  [
    'a cache stands before it',
    knownOnly((_, reply) => ({ ...reply, headers: { ...reply.headers, 'cf-cache-status': 'HIT' } })),
    /^caches: .*came out of Cloudflare's cache/,
  ],
  [
    'the page tells its address',
    knownOnly(({ path }, { headers, ...reply }) =>
      path === '/' ? { ...reply, headers: { ...headers, 'referrer-policy': 'origin' } } : undefined,
    ),
    /^pages: .*referrer-policy/,
  ],
  [
    'the page loads from elsewhere',
    knownOnly(({ path }, reply) =>
      path === '/' ? { ...reply, body: '<script src="https://cdn.example/x.js">' } : undefined,
    ),
    /^pages: .*loads from other sites/,
  ],
  [
    'the page runs what it likes',
    knownOnly(({ path }, reply) =>
      path === '/' ? { ...reply, headers: { 'cache-control': 'no-store' } } : undefined,
    ),
    /^pages: .*content-security-policy/,
  ],
  [
    'the token is not taken',
    ({ isKnown }) => (isKnown ? text(401, 'no') : undefined),
    /^token: the token is not taken: 401/,
  ],
  [
    'there is no snapshot',
    knownOnly(({ name }) => (name === 'mesos' ? message(2) : undefined)),
    /^token: .*mesos is SERVFAIL/,
  ],
  [
    'upstreams are dead',
    knownOnly(({ name }) => (name === 'example.com' ? message(2) : undefined)),
    /^view: public names are SERVFAIL/,
  ],
];

describe('what is planted for teams is found', () => {
  it.each(PLANTED_FOR_TEAMS)('%s', async (_, meddle, says) => {
    edge.meddle = meddle;
    const findings = await check({ token: TOKEN });
    expect(wrong(findings)).toEqual(expect.arrayContaining([expect.stringMatching(says)]));
    expect(JSON.stringify(findings).toLowerCase()).not.toContain(TOKEN.slice(4, 12));
  });

  it('a cache that gives strangers what a team asked', async () => {
    const kept = new Set<string>();
    edge.meddle = ({ isKnown, url, name }) => {
      if (name !== 'mesos') return undefined;
      const query = url.slice(url.indexOf('?'));
      if (isKnown) kept.add(query);
      return !isKnown && kept.has(query) ? message(0) : undefined;
    };
    expect(wrong(await check({ token: TOKEN }))).toContainEqual(
      expect.stringMatching(/^caches: .*the same question without one is 200/),
    );
  });

  it('an old snapshot', async () => {
    edge.view.ageSeconds = 901;
    expect(wrong(await check({ token: TOKEN }))).toEqual([
      'snapshot: serial 1795211959, vouched for 901 s ago',
    ]);
    expect(wrong(await check({ token: TOKEN, staleAfterSeconds: 2700 }))).toEqual([]);
    edge.meddle = knownOnly((_, { headers, ...reply }) =>
      headers['snapshot'] === undefined
        ? undefined
        : { ...reply, headers: { ...headers, snapshot: `${headers['snapshot']};zone=mesos` } },
    );
    expect(wrong(await check({ token: TOKEN }))).toEqual([
      'snapshot: serial 1795211959, vouched for 901 s ago',
    ]);
  });
});

describe('what can not be told', () => {
  it('429 is waited out, and not for ever', async () => {
    let limited = 3;
    edge.meddle = () => (limited-- > 0 ? text(429, '', { 'retry-after': '10' }) : undefined);
    const findings = await check();
    expect(waitedMs).toEqual([10_000, 10_000, 10_000]);
    expect(wrong(findings)).toEqual([]);

    waitedMs = [];
    edge.meddle = ({ url }) => (url.startsWith('/v1') ? text(429, '', { 'retry-after': '10' }) : undefined);
    const held = await check();
    expect(waitedMs.length).toBeLessThanOrEqual(12);
    expect(held).toContainEqual(
      expect.objectContaining({
        about: 'strangers',
        verdict: 'skipped',
        says: expect.stringMatching(/limited now/),
      }),
    );
  });

  it('nobody there is one finding', async () => {
    const findings = await check({ url: 'http://127.0.0.1:1/dns-query', token: TOKEN });
    expect(findings).toEqual([
      expect.objectContaining({ about: 'edge', verdict: 'wrong', says: expect.stringMatching(/refused/) }),
    ]);
    edge.meddle = () => text(404, 'error code: 1042');
    expect(await check()).toHaveLength(1);
  });

  it('a sign-in page of Access before it', async () => {
    edge.meddle = () => text(302, '', { location: 'https://team.cloudflareaccess.com/cdn-cgi/access/login' });
    const findings = await check();
    expect(findings[0]).toMatchObject({ about: 'edge', verdict: 'advice' });
    expect(wrong(findings)).toEqual([]);
  });

  it('the local KV API: advice on this machine', async () => {
    edge.meddle = ({ url }) => (url.startsWith('/cdn-cgi/') ? text(200, '{"success":true}') : undefined);
    expect(await check()).toContainEqual(expect.objectContaining({ about: 'edge', verdict: 'advice' }));
  });

  it.each([
    ['ftp://x/', undefined, /--edge: should be a URL/],
    ['no url', undefined, /--edge: should be a URL/],
    ['https://x/dns-query', 'secret-word', /--token: should be mdt_/],
    [`https://x/t/${TOKEN}/dns-query`, `${TOKEN.slice(0, -1)}7`, /not the same/],
  ])('%s', async (url, token, says) => {
    const given = check({ url, ...(token !== undefined && { token }) });
    await expect(given).rejects.toThrow(ConfigError);
    await expect(given).rejects.toThrow(says);
    await expect(given).rejects.not.toThrow(/secret-word|mdt_ab/);
  });
});
