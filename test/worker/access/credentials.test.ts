import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { UNAUTHORIZED } from '../../../worker/access/method.ts';
import { encodeQuestion } from '../../message.ts';
import { answersOf, getPath, postOf, readReply } from '../edge.ts';
import { createSigningKey, publishToKv, type TestKey } from '../publish-to-kv.ts';
import { createDoor, type Door, grant, tokenOf } from './door.ts';
import { createMemoryKv, type MemoryKv } from './memory-kv.ts';
import { GRANTS, publishWorld, START_MS, ZONES } from './world.ts';

const question = encodeQuestion({ name: 'web.marathon.mesos', type: 1 });
const ANSWER = ['A "10.1.0.2"'];
let key: TestKey;
let memory: MemoryKv;
let door: Door;
let logs: string[];

const open = (ACCESS: string): Door =>
  createDoor(memory, { ZONES, ACCESS, VERIFY_KEYS: key.publicKeyBase64 });

beforeAll(async () => {
  key = await createSigningKey();
});
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: START_MS });
  logs = [];
  for (const level of ['log', 'warn', 'error', 'info', 'debug'] as const)
    vi.spyOn(console, level).mockImplementation((...said: unknown[]) => void logs.push(said.join(' ')));
  memory = createMemoryKv();
  await publishWorld(memory, key);
  await grant(memory, GRANTS, key);
  door = open('tokens');
});
afterEach(() => {
  // Whatever was tried, no token is ever in the log.
  expect(logs.join('\n')).not.toMatch(/mdt_/i);
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const good = tokenOf('mesos');
const bearer = (token: string): RequestInit => ({ headers: { authorization: `Bearer ${token}` } });
const answered = async (path: string, init?: RequestInit): Promise<string[]> =>
  answersOf((await readReply(await door.fetch(path, init))).packet);

describe('a token', () => {
  it('is carried in the path or as bearer, by GET and POST', async () => {
    const post = postOf(question);
    for (let i = 0; i < 3; i++) {
      expect(await answered(`/t/${good}${getPath(question)}`)).toEqual(ANSWER);
      expect(await answered(`/t/${good}/dns-query`, post)).toEqual(ANSWER);
      expect(await answered(getPath(question), bearer(good))).toEqual(ANSWER);
      expect(await answered(getPath(question), { headers: { authorization: `BEARER   ${good}` } })).toEqual(
        ANSWER,
      );
      const headers = { ...post.headers, authorization: `Bearer ${good}` };
      expect(await answered('/dns-query', { ...post, headers })).toEqual(ANSWER);
    }
  });

  it('expires to the millisecond, though it asked just before', async () => {
    const until = { ...GRANTS.tokens, soon: { team: 'mesos', expiresAtMs: START_MS + 5_000 } };
    await grant(memory, { ...GRANTS, tokens: until }, key);
    const path = `/t/${tokenOf('soon')}${getPath(question)}`;
    expect(await answered(path)).toEqual(ANSWER);
    vi.setSystemTime(START_MS + 4_999);
    expect(await answered(path)).toEqual(ANSWER);
    vi.setSystemTime(START_MS + 5_000);
    expect((await door.fetch(path)).status).toBe(401);
  });

  it('that was revoked is good for 90 s at most, be it asked for all the time or not', async () => {
    const { mesos: _, ...left } = GRANTS.tokens;
    const path = `/t/${good}${getPath(question)}`;
    for (const asksAllTheTime of [true, false]) {
      vi.setSystemTime(START_MS);
      memory = createMemoryKv();
      await publishWorld(memory, key);
      await grant(memory, GRANTS, key);
      door = open('tokens');
      expect((await door.fetch(path)).status).toBe(200);
      vi.setSystemTime(START_MS + 10_000);
      await grant(memory, { ...GRANTS, serial: 2, tokens: left }, key);
      const statuses: number[] = [];
      for (let second = 10; second <= 105; second += 1) {
        vi.setSystemTime(START_MS + second * 1_000);
        if (asksAllTheTime || second >= 100) statuses.push((await door.fetch(path)).status);
      }
      expect(statuses.slice(-5)).toEqual([401, 401, 401, 401, 401]);
      if (!asksAllTheTime) expect(statuses[0]).toBe(401);
      expect((await door.fetch(`/t/${tokenOf('lab')}/health`)).status).toBe(200);
    }
  });

  it('is let in without being hashed anew, and not past a new document', async () => {
    const digest = vi.spyOn(crypto.subtle, 'digest');
    const path = `/t/${good}${getPath(question)}`;
    await door.fetch(path);
    const before = digest.mock.calls.length;
    for (let i = 0; i < 5; i++) expect((await door.fetch(path)).status).toBe(200);
    expect(digest.mock.calls.length).toBe(before);
    // The team has another view now.
    const views = { ...GRANTS.views, mesos: GRANTS.views['nothing'] ?? {} };
    await grant(memory, { ...GRANTS, serial: 2, views }, key);
    vi.setSystemTime(START_MS + 90_000);
    expect((await readReply(await door.fetch(path))).rcode).toBe('REFUSED');
  });
});

/** All that is refused, each with what it might have been taken for. */
const REFUSED: readonly [what: string, path: string, init?: RequestInit][] = [
  ['no credential', getPath(question)],
  ['a token nobody has', `/t/${tokenOf('stranger')}${getPath(question)}`],
  ['a token that has expired', `/t/${tokenOf('expired')}${getPath(question)}`],
  ['a token in capitals', `/t/${good.toUpperCase()}${getPath(question)}`],
  ['its letters in capitals', `/t/mdt_${good.slice(4).toUpperCase()}${getPath(question)}`],
  ['a token with a letter less', `/t/${good.slice(0, -1)}${getPath(question)}`],
  ['a token with a letter more', `/t/${good}2${getPath(question)}`],
  ['an empty token', `/t/${getPath(question)}`],
  ['a token without its prefix', `/t/${good.slice(4)}${getPath(question)}`],
  ['a token percent-encoded', `/t/%6d${good.slice(1)}${getPath(question)}`],
  ['a slash percent-encoded behind it', `/t/${good}%2F${getPath(question).slice(1)}`],
  ['a slash percent-encoded before it', `/t%2F${good}${getPath(question)}`],
  ['/T/', `/T/${good}${getPath(question)}`],
  ['a slash too many before /t/', `//t/${good}${getPath(question)}`],
  ['a slash too many before the token', `/t//${good}${getPath(question)}`],
  ['dots that lead out of it', `/t/${good}/..${getPath(question)}`],
  ['dots that lead out of all', `/t/${good}/../..${getPath(question)}`],
  ['dots percent-encoded', `/t/${good}/%2e%2e/%2e%2E${getPath(question)}`],
  ['a backslash', `/t/x\\${good}${getPath(question)}`],
  ['the token in the query', `${getPath(question)}&token=${good}`],
  ['the token as the path alone', `/${good}${getPath(question)}`],
  ['the token behind the route', `${getPath(question).replace('?', `/t/${good}?`)}`],
  ['a bearer nobody has', getPath(question), bearer(tokenOf('stranger'))],
  ['an empty bearer', getPath(question), bearer('')],
  ['a bearer with something behind it', getPath(question), bearer(`${good} x`)],
  ['two bearers', getPath(question), bearer(`${good}, Bearer ${good}`)],
  ['Basic', getPath(question), { headers: { authorization: `Basic ${btoa(`mesos:${good}`)}` } }],
  ['a token without a scheme', getPath(question), { headers: { authorization: good } }],
  ['a bearer of another team', `/t/${good}${getPath(question)}`, bearer(tokenOf('lab'))],
  ['a bearer of another view', `/t/${tokenOf('all')}${getPath(question)}`, bearer(tokenOf('override'))],
  ['a wrong bearer beside a good path', `/t/${good}${getPath(question)}`, bearer('x')],
  ['a wrong path beside a good bearer', `/t/x${getPath(question)}`, bearer(good)],
  ['the hash of a token', `/t/mdt_${'a'.repeat(64)}${getPath(question)}`],
  ['a very long token', `/t/mdt_${'a'.repeat(10_000)}${getPath(question)}`],
];

describe('a wrong credential', () => {
  it.each(REFUSED)('%s: 401, the same words for all', async (_, path, init) => {
    // One asks first who may, so that all is warm.
    await answered(`/t/${good}${getPath(question)}`);
    const response = await door.fetch(path, init);
    expect(response.status).toBe(401);
    expect(await response.text()).toBe(`${UNAUTHORIZED}\n`);
    expect(Object.fromEntries(response.headers)).toEqual({
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-store',
      'access-control-allow-origin': '*',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'www-authenticate': 'Bearer',
    });
  });

  it.each([
    '/',
    '/?name=web.marathon.mesos',
    '/resolve?name=mesos',
    '/v1/config',
    '/v1/axfr',
    '/zones',
    '/favicon.ico',
  ])('opens %s no more than DoH', async (path) => {
    for (const [way, init] of [
      [path, undefined],
      [`/t/${tokenOf('stranger')}${path}`, undefined],
      [path, bearer(tokenOf('stranger'))],
    ] as const) {
      const response = await door.fetch(way, init);
      expect([way, response.status, await response.text()]).toEqual([way, 401, `${UNAUTHORIZED}\n`]);
    }
  });

  it('reads nothing of any zone', async () => {
    for (const [, path, init] of REFUSED) await door.fetch(path, init);
    expect(memory.reads.filter((read) => read !== 'a/access')).toEqual([]);
  });
});

describe('a path behind a token', () => {
  it.each([
    '',
    '/dns-query/',
    '/DNS-QUERY',
    '//dns-query',
    `/t/${good}/dns-query`,
    '/%64ns-query',
    '/x',
    '/v2/hosts/x',
  ])('%s is not there, and is not said again', async (path) => {
    const response = await door.fetch(`/t/${good}${path}?dns=AAAA`);
    expect([response.status, await response.text()]).toEqual([404, 'There is nothing here.\n']);
  });

  it('is not said again where everybody may ask, when it holds a token', async () => {
    const response = await open('open').fetch(`/t/${good}${getPath(question)}`);
    expect([response.status, await response.text()]).toEqual([404, 'There is nothing here.\n']);
  });
});

describe('a preflight', () => {
  it.each([
    '/dns-query',
    '/resolve',
    `/t/${good}/dns-query`,
    `/t/${tokenOf('stranger')}/dns-query`,
    '/t/x/resolve',
  ])('of %s is answered alike for all, and reads nothing', async (path) => {
    const response = await door.fetch(path, {
      method: 'OPTIONS',
      headers: { origin: 'https://app.example' },
    });
    expect([response.status, Object.fromEntries(response.headers)]).toEqual([
      204,
      {
        'access-control-allow-origin': '*',
        'access-control-allow-methods': 'GET, POST',
        'access-control-allow-headers': 'accept, authorization, content-type',
        'access-control-max-age': '86400',
      },
    ]);
    expect(memory.reads).toEqual([]);
  });
});

describe('nobody may ask', () => {
  const statuses = async (): Promise<number[]> => [
    (await door.fetch(`/t/${good}${getPath(question)}`)).status,
    (await door.fetch(getPath(question), bearer(good))).status,
    (await door.fetch(getPath(question))).status,
  ];

  it('where no access document was published', async () => {
    memory.values.delete('a/access');
    expect(await statuses()).toEqual([401, 401, 401]);
    expect(logs).toEqual(['access document: is not there (a/access): nobody may ask']);
  });

  it('where it is signed by a stranger', async () => {
    await grant(memory, GRANTS, await createSigningKey());
    expect(await statuses()).toEqual([401, 401, 401]);
    expect(logs.join()).toMatch(/signed by a key that is not trusted/);
  });

  it('where the store can not be read', async () => {
    memory.before = () => Promise.reject(new Error('KV GET failed: 503'));
    expect(await statuses()).toEqual([401, 401, 401]);
  });

  it('an hour after it could be read for the last time', async () => {
    expect(await statuses()).toEqual([200, 200, 401]);
    memory.before = () => Promise.reject(new Error('KV GET failed: 503'));
    vi.setSystemTime(START_MS + 3_599_999);
    expect(await statuses()).toEqual([200, 200, 401]);
    vi.setSystemTime(START_MS + 3_600_000);
    expect(await statuses()).toEqual([401, 401, 401]);
  });

  it.each([
    'client-certificates',
    'tokens,',
    'tokens,open',
    'open,tokens',
    'Tokens',
    'tokens;client-certificates',
  ])('by a token where ACCESS is %s, unless tokens are all it names', async (access) => {
    door = open(access);
    const [status] = await statuses();
    expect(status).toBe({ 'client-certificates': 401, 'tokens,': 200 }[access] ?? 403);
  });
});

describe('several ways at once', () => {
  const certificate = (fingerprint: string): RequestInit =>
    ({
      cf: {
        tlsClientAuth: {
          certPresented: '1',
          certVerified: 'SUCCESS',
          certRevoked: '0',
          certFingerprintSHA256: fingerprint,
          certSubjectDNRFC2253: 'CN=somebody',
        },
      },
    }) as RequestInit;
  const print = 'ab'.repeat(32);

  beforeEach(async () => {
    const teams = { ...GRANTS.teams, lab: { view: 'lab', certificates: { fingerprintsSha256: [print] } } };
    await grant(memory, { ...GRANTS, serial: 2, teams }, key);
  });
  /** Which team was taken, by what it sees. */
  const taken = async (path: string, init: RequestInit): Promise<string> => {
    const both: string[] = [];
    // Twice: what is remembered of the first must not go before what comes first in the order.
    for (let i = 0; i < 2; i++) {
      const response = await door.fetch(path, init);
      both.push(response.status === 200 ? (await readReply(response)).rcode : String(response.status));
    }
    expect(both[0]).toBe(both[1]);
    return both[0] ?? '';
  };

  it('are tried in the order of the list, and the first that tells a team decides', async () => {
    const path = getPath(question);
    for (const [order, both] of [
      ['tokens,client-certificates', 'NOERROR'],
      ['client-certificates,tokens', 'REFUSED'],
    ] as const) {
      door = open(order);
      expect(await taken(`/t/${good}${path}`, {})).toBe('NOERROR');
      expect(await taken(path, certificate(print))).toBe('REFUSED');
      expect(await taken(`/t/${good}${path}`, certificate(print))).toBe(both);
      expect(await taken(path, { ...certificate(print), ...bearer(good) })).toBe(both);
    }
  });

  it('are not tried after one that is wrong', async () => {
    door = open('tokens,client-certificates');
    expect(await taken(`/t/${tokenOf('stranger')}${getPath(question)}`, certificate(print))).toBe('401');
    door = open('client-certificates,tokens');
    expect(await taken(`/t/${good}${getPath(question)}`, certificate('cd'.repeat(32)))).toBe('401');
  });
});

describe('what is told of the zones', () => {
  it('to strangers by /health: how all is, and not which zones there are', async () => {
    const response = await door.fetch('/health');
    expect([response.status, await response.json()]).toEqual([
      200,
      { status: 'ok', access: 'credentials', zones: [] },
    ]);
    expect((await door.fetch('/health', { method: 'POST' })).status).toBe(405);
    expect((await door.fetch('/health', bearer('x'))).status).toBe(401);
    expect((await door.fetch('/t/x/health')).status).toBe(401);
  });

  it('to a team: those of its view', async () => {
    const origins = async (token: string): Promise<string[]> => {
      const response = await door.fetch(`/t/${token}/health`);
      return ((await response.json()) as { zones: { origin: string }[] }).zones.map(({ origin }) => origin);
    };
    expect(await origins(tokenOf('all'))).toEqual(['lab.example', 'dc1.mesos', 'mesos']);
    expect(await origins(tokenOf('framework'))).toEqual(['mesos']);
    expect(await origins(tokenOf('lab'))).toEqual(['lab.example']);
    expect(await origins(tokenOf('nothing'))).toEqual([]);
    const health = await (await door.fetch(`/t/${tokenOf('lab')}/health`)).json();
    expect(health).toMatchObject({
      access: 'credentials',
      limits: { teams: false, refused: false, open: false },
    });
  });

  it('to a team that sees some names of a zone: not how many of its names are held', async () => {
    const held = { names: 120, sinceSeconds: START_MS / 1_000, memory: new Uint8Array() };
    const zone = { rrsets: [], key, held, createdAtMs: START_MS, serial: 2 };
    await publishToKv(memory.kv, zone);
    const told = async (token: string): Promise<string> => (await door.fetch(`/t/${token}/health`)).text();
    expect(await told(tokenOf('mesos'))).toContain('"held":120');
    expect(await told(tokenOf('framework'))).not.toContain('held');
  });

  it('by the page: the view’s zones, look-ups in it, and links that keep the token; nothing to Referer', async () => {
    const path = `/t/${tokenOf('lab')}/?name=leader.mesos&type=A`;
    const response = await door.fetch(path);
    const page = await response.text();
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
    expect(page).toMatch(/<h3>leader\.mesos .*<b class="warn">REFUSED<\/b>/s);
    expect(page).toContain('<h3>lab.example</h3>');
    expect(page).not.toContain('<h3>mesos</h3>');
    expect(page).toContain(`action="/t/${tokenOf('lab')}/#look-up"`);
    expect(page).toContain(`https://doh.example/t/${tokenOf('lab')}/dns-query`);
    const byHeader = await (await door.fetch('/', bearer(tokenOf('lab')))).text();
    expect(byHeader).not.toContain('mdt_');
    expect(byHeader).toContain('action="/#look-up"');
  });
});
