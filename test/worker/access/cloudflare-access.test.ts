import { Buffer } from 'node:buffer';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createCloudflareAccess, parseCloudflareAccess } from '../../../worker/access/cloudflare-access.ts';
import { UNAUTHORIZED } from '../../../worker/access/method.ts';
import type { AccessDocument } from '../../../zone/access-document.ts';
import {
  AUDIENCE,
  certs,
  createIssuerKey,
  documentOf,
  ISSUER,
  type IssuerKey,
  NOW_SECONDS,
  part,
  PERSON,
  SERVICE,
  sign,
} from './issuer.ts';

let key: IssuerKey;
let other: IssuerKey;

beforeAll(async () => {
  [key, other] = await Promise.all([createIssuerKey('key-1'), createIssuerKey('key-2')]);
});

afterEach(() => {
  vi.useRealTimers();
});

const application = { issuer: ISSUER, audiences: [AUDIENCE] };
const document = documentOf({
  payments: { access: { emails: ['Ada@example.com'], groups: ['finance', 'R&D "x"'] } },
  search: {
    access: { emails: ['ada@example.com', 'bob@example.com', 'kim@example.com'], groups: ['search'] },
  },
  robots: { access: { serviceTokens: ['e367826f93b8d71185e03fe518aff3b4.access'] } },
  nobody: { access: {} },
  elsewhere: {},
});

/** Access with a clock and a certificates URL of its own. */
type Door = {
  readonly ask: (headers: Readonly<Record<string, string>>, access?: AccessDocument) => Promise<unknown>;
  readonly with: (token: string) => Promise<unknown>;
  readonly asked: readonly string[];
  readonly problems: readonly string[];
  readonly wait: (seconds: number) => void;
  readonly serve: (next: () => Response | Promise<Response>) => void;
};

function createDoor(serve: () => Response | Promise<Response> = () => new Response(certs(key))): Door {
  const asked: string[] = [];
  const problems: string[] = [];
  let waitedMs = 0;
  let answer = serve;
  const method = createCloudflareAccess(application, {
    fetch: async (url, init) => {
      asked.push(`${String(url)} ${init?.redirect}`);
      if (!init?.signal) throw new Error('without a limit');
      return answer();
    },
    now: () => NOW_SECONDS * 1_000 + waitedMs,
    onProblem: (problem) => void problems.push(problem),
  });
  const ask: Door['ask'] = (headers, access = document) =>
    method(new Request('https://doh.example/dns-query', { headers }), access);
  return {
    ask,
    with: (token) => ask({ 'Cf-Access-Jwt-Assertion': token }),
    asked,
    problems,
    wait: (seconds) => void (waitedMs += seconds * 1_000),
    serve: (next) => void (answer = next),
  };
}

const refused = { name: 'Refused', status: 401, message: UNAUTHORIZED };

describe('whom Access says a request is from', () => {
  it.each<[string, object, string]>([
    ['an address, in any case', { ...PERSON, email: 'BOB@Example.com' }, 'search'],
    ['the first team that has the address', PERSON, 'payments'],
    ['a group', { ...PERSON, email: 'eve@example.com', groups: ['x', 'search'] }, 'search'],
    [
      'a group that is a custom claim',
      { ...PERSON, email: 'eve@example.com', custom: { groups: ['search'] } },
      'search',
    ],
    ['a group as a text', { ...PERSON, email: 'eve@example.com', custom: { groups: 'search' } }, 'search'],
    ['a group with quotes', { ...PERSON, email: 'eve@example.com', groups: ['R&D "x"'] }, 'payments'],
    [
      'the first team of several groups',
      { ...PERSON, email: 'e@x', groups: ['search', 'finance'] },
      'payments',
    ],
    ['a service token', SERVICE, 'robots'],
    ['one audience of several', { ...PERSON, aud: ['0'.repeat(64), AUDIENCE] }, 'payments'],
    ['an audience that is a text', { ...PERSON, aud: AUDIENCE }, 'payments'],
    ['expired within the skew of clocks', { ...PERSON, exp: NOW_SECONDS - 59 }, 'payments'],
    ['not yet good within the skew', { ...PERSON, nbf: NOW_SECONDS + 60, iat: NOW_SECONDS + 60 }, 'payments'],
  ])('%s', async (_, claims, team) => {
    expect(await createDoor().with(await sign(claims, key))).toEqual({ team });
  });

  it('nobody, where there is no such header: another method may know', async () => {
    const door = createDoor();
    const token = await sign(PERSON, key);
    expect(
      await door.ask({ authorization: `Bearer ${token}`, cookie: `CF_Authorization=${token}` }),
    ).toBeUndefined();
    expect(await door.ask({ 'cf-access-authenticated-user-email': 'ada@example.com' })).toBeUndefined();
    expect(door.asked).toEqual([]);
  });

  it('escaped texts and white space in the JSON are no duplicates', async () => {
    const text = JSON.stringify(
      { ...PERSON, a: [{ b: 1 }, { b: 2 }, '"c":'], d: {}, 'e"': [], f: ':' },
      undefined,
      2,
    );
    const payload = text.replace('"email": ', '"\\u0065mail"  : ').replace('@', '\\u0040');
    expect(await createDoor().with(await sign(payload, key))).toEqual({ team: 'payments' });
  });

  it('goes by the document of the moment', async () => {
    const door = createDoor();
    const headers = { 'Cf-Access-Jwt-Assertion': await sign(PERSON, key) };
    expect(await door.ask(headers)).toEqual({ team: 'payments' });
    expect(
      await door.ask(
        headers,
        documentOf({ new: { access: { groups: ['x'], emails: ['ada@example.com'] } } }),
      ),
    ).toEqual({ team: 'new' });
    await expect(door.ask(headers, documentOf({}))).rejects.toMatchObject(refused);
  });
});

describe('tokens that are refused, all with the same words', () => {
  const header = { alg: 'RS256', kid: 'key-1', typ: 'JWT' };
  const signedAs =
    (head: object | string, payload: object | string = PERSON) =>
    () =>
      sign(payload, key, head);
  const claiming = (claims: object | string) => () => sign(claims, key);
  const json = JSON.stringify(PERSON);

  it.each<[string, () => string | Promise<string>]>([
    ['nothing', () => ''],
    ['a text that is none', () => 'token'],
    ['two parts', () => `${part(header)}.${part(PERSON)}`],
    ['alg none without a signature', () => `${part({ alg: 'none', kid: 'key-1' })}.${part(PERSON)}.`],
    ['alg none, signed all the same', signedAs({ ...header, alg: 'none' })],
    ['alg None', signedAs({ ...header, alg: 'None' })],
    ['no alg', signedAs({ kid: 'key-1' })],
    ['a list of algs', signedAs({ ...header, alg: ['RS256'] })],
    ['alg in lower case', signedAs({ ...header, alg: 'rs256' })],
    ['alg RS512 over an RS256 signature', signedAs({ ...header, alg: 'RS512' })],
    ['HS256 with the public key as JWK', () => hmacSigned(certs(key))],
    [
      'HS256 with the public key as DER',
      async () =>
        hmacSigned(Buffer.from((await crypto.subtle.exportKey('spki', key.pair.publicKey)) as ArrayBuffer)),
    ],
    ['HS256 with the modulus', () => hmacSigned(Buffer.from(key.jwk.n ?? '', 'base64url'))],
    ['HS256 in a header that says RS256', () => hmacSigned(certs(key), { alg: 'RS256', kid: 'key-1' })],
    ['a kid that is not there', signedAs({ ...header, kid: 'key-3' })],
    ['no kid', signedAs({ alg: 'RS256' })],
    ['a kid that is no text', signedAs({ ...header, kid: ['key-1'] })],
    ['a kid of an object’s own', signedAs({ ...header, kid: '__proto__' })],
    ['another’s key under our kid', () => sign(PERSON, other, header)],
    [
      'another’s key in the header',
      () => sign(PERSON, other, { ...header, jwk: other.jwk, jku: 'https://evil.example/' }),
    ],
    ['extensions that must be understood', signedAs({ ...header, crit: ['exp'] })],
    ['an empty list of them', signedAs({ ...header, crit: [] })],
    ['alg twice', signedAs('{"alg":"none","alg":"RS256","kid":"key-1"}')],
    ['kid twice', signedAs('{"alg":"RS256","kid":"key-0","kid":"key-1"}')],
    ['alg twice, escaped', signedAs('{"\\u0061lg":"none","alg":"RS256","kid":"key-1"}')],
    ['a header that is a list', signedAs('[{"alg":"RS256","kid":"key-1"}]')],
    ['a header that is no JSON', signedAs('RS256')],
    ['an audience twice', claiming(json.replace('{', `{"aud":["x"],`))],
    ['an address twice', claiming(json.replace('{', `{"email" : "bob@example.com",`))],
    ['a member twice deep down', claiming(json.replace('{', `{"custom":{"groups":[{"a":1,"a":1}]},`))],
    ['a payload that is a list', claiming(`[${json}]`)],
    ['a payload that is null', claiming('null')],
    ['a payload that is no JSON', claiming(`${json}}`)],
    [
      'a payload that is not UTF-8',
      () => signedOctets(Buffer.from(json.replace('"US"', '"\xff"'), 'latin1')),
    ],
    ['a payload behind a byte order mark', claiming(`\u{feff}${json}`)],
    ['another audience', claiming({ ...PERSON, aud: ['1'.repeat(64)] })],
    ['a part of the audience', claiming({ ...PERSON, aud: AUDIENCE.slice(1) })],
    ['no audience', claiming({ ...PERSON, aud: undefined })],
    ['an empty list of audiences', claiming({ ...PERSON, aud: [] })],
    ['another issuer', claiming({ ...PERSON, iss: 'https://evil.cloudflareaccess.com' })],
    ['an issuer that begins as ours', claiming({ ...PERSON, iss: `${ISSUER}.evil.example` })],
    ['no issuer', claiming({ ...PERSON, iss: undefined })],
    ['the session at the team domain', claiming({ ...PERSON, type: 'org' })],
    ['expired', claiming({ ...PERSON, exp: NOW_SECONDS - 60 })],
    ['expired long ago', claiming({ ...PERSON, exp: 0 })],
    ['no expiry', claiming({ ...PERSON, exp: undefined })],
    ['an expiry that is a text', claiming({ ...PERSON, exp: String(NOW_SECONDS + 60) })],
    ['an expiry without end', claiming(json.replace(/"exp":\d+/, '"exp":1e999'))],
    ['not yet good', claiming({ ...PERSON, nbf: NOW_SECONDS + 61 })],
    ['a beginning that is a text', claiming({ ...PERSON, nbf: '0' })],
    ['issued in the future', claiming({ ...PERSON, iat: NOW_SECONDS + 61 })],
    ['somebody of no team', claiming({ ...PERSON, email: 'eve@example.com' })],
    ['an address with the Kelvin sign', claiming({ ...PERSON, email: '\u212aim@example.com' })],
    ['a group as an address', claiming({ ...PERSON, email: 'finance' })],
    ['an address as a group', claiming({ ...PERSON, email: 'eve@example.com', groups: ['ada@example.com'] })],
    ['a list of addresses', claiming({ ...PERSON, email: ['ada@example.com'] })],
    ['nobody', claiming({ ...PERSON, email: '' })],
    [
      'a person who is called as a service token',
      claiming({ ...PERSON, email: 'eve@example.com', common_name: SERVICE.common_name }),
    ],
    ['a certificate’s holder who is called so', claiming({ ...SERVICE, sub: '7335d417' })],
    ['another service token', claiming({ ...SERVICE, common_name: 'f'.repeat(32) })],
    ['a service token with a group', claiming({ ...SERVICE, common_name: 'x', groups: ['search'] })],
    [
      'a payload changed',
      async () =>
        (await sign(PERSON, key)).replace(part(PERSON), part({ ...PERSON, email: 'bob@example.com' })),
    ],
    ['a signature cut off', async () => (await sign(PERSON, key)).slice(0, -4)],
    ['padding', async () => `${await sign(PERSON, key)}==`],
    ['two tokens', async () => `${await sign(PERSON, key)}, ${await sign(PERSON, key)}`],
    ['a fourth part', async () => `${await sign(PERSON, key)}.x`],
    ['more than 8,192 characters', claiming({ ...PERSON, more: 'x'.repeat(6_000) })],
  ])('%s', async (_, token) => {
    await expect(createDoor().with(await token())).rejects.toMatchObject(refused);
  });

  it('a long token under the limit is taken, and one over it costs nothing', async () => {
    const door = createDoor();
    expect(await door.with(await sign({ ...PERSON, more: 'x'.repeat(5_000) }, key))).toEqual({
      team: 'payments',
    });
    expect(door.asked).toHaveLength(1);
    const cold = createDoor();
    await expect(cold.with(`${part(header)}.${'A'.repeat(100_000)}.AAAA`)).rejects.toMatchObject(refused);
    expect(cold.asked).toEqual([]);
  });

  async function hmacSigned(
    secret: string | Uint8Array,
    head: object = { alg: 'HS256', kid: 'key-1' },
  ): Promise<string> {
    const octets = Buffer.from(secret as string);
    const hmac = await crypto.subtle.importKey('raw', octets, { name: 'HMAC', hash: 'SHA-256' }, false, [
      'sign',
    ]);
    const signed = `${part(head)}.${part(PERSON)}`;
    const signature = await crypto.subtle.sign('HMAC', hmac, Buffer.from(signed));
    return `${signed}.${Buffer.from(signature).toString('base64url')}`;
  }

  async function signedOctets(payload: Buffer): Promise<string> {
    const signed = `${part(header)}.${payload.toString('base64url')}`;
    const signature = await crypto.subtle.sign('RSASSA-PKCS1-v1_5', key.pair.privateKey, Buffer.from(signed));
    return `${signed}.${Buffer.from(signature).toString('base64url')}`;
  }
});

describe('the keys of Access', () => {
  it('are read once, from the team’s domain, and no redirect is followed', async () => {
    const door = createDoor();
    const token = await sign(PERSON, key);
    await Promise.all([door.with(token), door.with(token), door.with(token)]);
    door.wait(3_000);
    await door.with(token);
    expect(door.asked).toEqual([`${ISSUER}/cdn-cgi/access/certs manual`]);
  });

  it('are read again for an unknown key, at most every 30 s', async () => {
    const door = createDoor();
    await door.with(await sign(PERSON, key));
    door.serve(() => new Response(certs(key, other)));
    const rotated = await sign(PERSON, other);
    await expect(door.with(rotated)).rejects.toMatchObject(refused);
    door.wait(29);
    await expect(door.with(rotated)).rejects.toMatchObject(refused);
    expect(door.asked).toHaveLength(1);
    door.wait(1);
    expect(await door.with(rotated)).toEqual({ team: 'payments' });
    expect(await door.with(await sign(PERSON, key))).toEqual({ team: 'payments' });
    for (const i of Array.from({ length: 50 }, (_, i) => i)) {
      const madeUp = await sign(PERSON, other, { alg: 'RS256', kid: `made-up-${i}` });
      await expect(door.with(madeUp)).rejects.toMatchObject(refused);
    }
    expect(door.asked).toHaveLength(2);
  });

  it('that were taken back are forgotten within the hour', async () => {
    const door = createDoor(() => new Response(certs(key, other)));
    const token = await sign(PERSON, other);
    await door.with(token);
    door.serve(() => new Response(certs(key)));
    door.wait(3_540);
    expect(await door.with(token)).toEqual({ team: 'payments' });
    door.wait(60);
    await expect(door.with(token)).rejects.toMatchObject(refused);
  });

  it.each<[string, () => Response | Promise<Response>, RegExp]>([
    ['an error', () => new Response('down', { status: 503 }), /HTTP 503/],
    [
      'a redirect',
      () => new Response(null, { status: 302, headers: { location: 'https://evil.example/' } }),
      /HTTP 302/,
    ],
    ['no JSON', () => new Response('<html>'), /JSON|token/i],
    ['no keys', () => new Response('{"keys":[]}'), /no RSA key/],
    ['no list of keys', () => new Response('{"keys":{"length":1}}'), /no RSA key/],
    ['no object', () => new Response('null'), /no RSA key/],
    ['too much', () => new Response(' '.repeat(65_536) + certs(key)), /65,535 octets/],
    ['a broken connection', () => Promise.reject(new TypeError('lost')), /lost/],
  ])('that can not be read (%s) are nobody’s fault who asks, until they were', async (_, serve, problem) => {
    const door = createDoor(serve);
    const token = await sign({ ...PERSON, exp: NOW_SECONDS + 1e6 }, key);
    await expect(door.with(token)).rejects.toThrow(/can not be read/);
    await expect(door.with(token)).rejects.not.toMatchObject({ name: 'Refused' });
    expect(door.asked).toHaveLength(1);
    expect(door.problems).toHaveLength(1);
    expect(door.problems[0]).toMatch(problem);
    door.wait(5);
    door.serve(() => new Response(certs(key)));
    expect(await door.with(token)).toEqual({ team: 'payments' });
    // Held ones go on for a day, and not longer.
    door.serve(serve);
    door.wait(86_390);
    expect(await door.with(token)).toEqual({ team: 'payments' });
    door.wait(10);
    await expect(door.with(token)).rejects.toThrow(/can not be read/);
  });

  it.each<[string, (jwk: object) => object]>([
    ['another use', (jwk) => ({ ...jwk, use: 'enc' })],
    ['another algorithm', (jwk) => ({ ...jwk, alg: 'RS512' })],
    ['another kind', (jwk) => ({ ...jwk, kty: 'oct', k: 'AAAA' })],
    ['no id', (jwk) => ({ ...jwk, kid: undefined })],
    ['a short modulus', (jwk) => ({ ...jwk, n: 'AQAB' })],
  ])('that have %s are passed over', async (_, change) => {
    const { keys } = JSON.parse(certs(key)) as { keys: object[] };
    const door = createDoor(
      () => new Response(JSON.stringify({ keys: [...keys.map(change), ...jwksOf(other)] })),
    );
    await expect(door.with(await sign(PERSON, key))).rejects.toMatchObject(refused);
    expect(await door.with(await sign(PERSON, other))).toEqual({ team: 'payments' });
  });

  it('of 1,024 bits are passed over', async () => {
    const short = await createIssuerKey('short', 1024);
    const door = createDoor(() => new Response(certs(short, key)));
    await expect(door.with(await sign(PERSON, short))).rejects.toMatchObject(refused);
  });

  it('wait for a request that hangs no longer than a second', async () => {
    let hang = true;
    const door = createDoor(() => (hang ? new Promise<Response>(() => undefined) : new Response(certs(key))));
    const token = await sign(PERSON, key);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    void door.with(token).catch(() => undefined);
    await Promise.resolve();
    hang = false;
    const second = door.with(token);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await second).toEqual({ team: 'payments' });
    expect(door.asked).toHaveLength(2);
  });

  function jwksOf(of: IssuerKey): object[] {
    return (JSON.parse(certs(of)) as { keys: object[] }).keys;
  }
});

describe('the variables', () => {
  const variables = { CF_ACCESS_TEAM_DOMAIN: 'example.cloudflareaccess.com', CF_ACCESS_AUD: AUDIENCE };

  it.each(['example.cloudflareaccess.com', ` ${ISSUER} `, `${ISSUER}/`])('take the domain %j', (domain) => {
    expect(parseCloudflareAccess({ ...variables, CF_ACCESS_TEAM_DOMAIN: domain })).toEqual(application);
  });

  it('take several applications', () => {
    const CF_ACCESS_AUD = `${AUDIENCE}, ${'0'.repeat(64)}`;
    expect(parseCloudflareAccess({ ...variables, CF_ACCESS_AUD }).audiences).toEqual([
      AUDIENCE,
      '0'.repeat(64),
    ]);
  });

  it.each([
    undefined,
    '',
    'example',
    'http://example.cloudflareaccess.com',
    'example.cloudflareaccess.com.evil.example',
    'evil.example/x.cloudflareaccess.com',
    'a@b.cloudflareaccess.com',
    '.cloudflareaccess.com',
    'example.cloudflareaccess.com/cdn-cgi',
  ])('refuse the domain %j', (domain) => {
    const { CF_ACCESS_AUD } = variables;
    const given = domain === undefined ? {} : { CF_ACCESS_TEAM_DOMAIN: domain };
    expect(() => parseCloudflareAccess({ CF_ACCESS_AUD, ...given })).toThrow(/^CF_ACCESS_TEAM_DOMAIN: /);
  });

  it.each([undefined, '', ',', AUDIENCE.slice(1), `${AUDIENCE}0`, `${AUDIENCE},`, 'x'.repeat(64)])(
    'refuse the audience %j',
    (aud) => {
      const { CF_ACCESS_TEAM_DOMAIN } = variables;
      const given = aud === undefined ? {} : { CF_ACCESS_AUD: aud };
      expect(() => parseCloudflareAccess({ CF_ACCESS_TEAM_DOMAIN, ...given })).toThrow(/^CF_ACCESS_AUD: /);
    },
  );
});
