import { generateKeyPairSync, verify } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Credentials } from '../../../sync-agent/auth/credentials.ts';
import { createDcosCredentials, type ServiceAccount } from '../../../sync-agent/auth/dcos-iam.ts';
import { ConfigError } from '../../../sync-agent/config.ts';
import { createHttp, HttpError } from '../../../sync-agent/http.ts';
import { type Answer, createNet, type Net } from './recording-server.ts';

const signal = new AbortController().signal;
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const PEM = String(privateKey.export({ type: 'pkcs8', format: 'pem' }));
/** 2026-11-20 12:00 UTC. */
const START_MS = Date.UTC(2026, 10, 20, 12);
const DAY_MS = 86_400_000;

const partOf = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const tokenOf = (name: string, expMs: number | undefined): string =>
  `${partOf({ alg: 'RS256' })}.${partOf({ uid: name, exp: expMs && Math.floor(expMs / 1000) })}.c2ln`;

/** An IAM that gives tokens of five days, `n` in each telling which it is. */
async function startIam(answer?: Answer): Promise<{
  net: Net;
  clock: { nowMs: number };
  credentials: Credentials;
  account: { current: ServiceAccount };
  send: (renew?: boolean) => Promise<string>;
  setAnswer: (answer: Answer | undefined) => void;
  tokens: string[];
}> {
  const net = createNet();
  const clock = { nowMs: START_MS };
  const tokens: string[] = [];
  let current = answer;
  const iam = await net.serve((request, response, body) => {
    if (current) return void current(request, response, body);
    const token = tokenOf(`doh${tokens.length}`, clock.nowMs + 5 * DAY_MS);
    tokens.push(token);
    response.end(JSON.stringify({ token }));
  });
  const http = createHttp();
  onTestFinished(() => http.close());
  const loginEndpoint = new URL('/acs/api/v1/auth/login', iam.url);
  const account = { current: { uid: 'doh', privateKey: PEM, loginEndpoint } };
  const credentials = createDcosCredentials({
    read: () => account.current,
    http,
    now: () => clock.nowMs,
  });
  return {
    net,
    clock,
    credentials,
    account,
    tokens,
    send: (renew = false) => credentials.header(signal, { renew }),
    setAnswer: (next) => {
      current = next;
    },
  };
}

async function failure(run: Promise<unknown>): Promise<Error> {
  const error: unknown = await run.catch((caught: unknown) => caught);
  if (error instanceof Error) return error;
  throw new Error('nothing was thrown');
}

describe('a DC/OS login', () => {
  it('shows a JWT signed with the key, for five minutes, and gives the token as DC/OS wants it', async () => {
    const { net, tokens, send, credentials } = await startIam();
    expect(await send()).toBe(`token=${tokens[0]}`);
    expect(credentials.name).toBe('service account "doh"');
    const [login] = net.requests;
    expect([login?.line, login?.authorization]).toEqual(['POST /acs/api/v1/auth/login', undefined]);
    const body = JSON.parse(login?.body ?? '');
    expect(Object.keys(body)).toEqual(['uid', 'token']);
    const [header = '', payload = '', signature = ''] = String(body.token).split('.');
    const read = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString());
    expect(read(header)).toEqual({ alg: 'RS256', typ: 'JWT' });
    expect(read(payload)).toEqual({ uid: 'doh', exp: START_MS / 1000 + 300 });
    const signed = Buffer.from(`${header}.${payload}`);
    expect(verify('sha256', signed, publicKey, Buffer.from(signature, 'base64url'))).toBe(true);
  });

  it('happens once for many who ask at once, and serves until nine tenths of its life', async () => {
    const { tokens, clock, send } = await startIam();
    const all = await Promise.all(Array.from({ length: 20 }, () => send()));
    expect(new Set(all).size).toBe(1);
    clock.nowMs += 4.5 * DAY_MS - 2_000;
    await send();
    expect(tokens).toHaveLength(1);
    clock.nowMs += 4_000;
    expect(await send()).toBe(`token=${tokens[1]}`);
    expect(tokens).toHaveLength(2);
  });

  it('is repeated for a refused token, but not for one just fetched', async () => {
    const { tokens, clock, send } = await startIam();
    const first = await send();
    clock.nowMs += 29_000;
    expect(await send(true)).toBe(first);
    clock.nowMs += 2_000;
    expect(await send(true)).toBe(`token=${tokens[1]}`);
    expect(tokens).toHaveLength(2);
  });

  it('that fails leaves the old token in use until it ends by itself', async () => {
    const { net, clock, send, setAnswer } = await startIam();
    const first = await send();
    setAnswer((_, response) => void response.writeHead(503).end());
    clock.nowMs += 4.6 * DAY_MS;
    expect(await send()).toBe(first);
    expect(await send()).toBe(first);
    expect(net.requests).toHaveLength(2);
    clock.nowMs += 6_000;
    expect(await send()).toBe(first);
    expect(net.requests).toHaveLength(3);
    clock.nowMs += 0.4 * DAY_MS;
    expect((await failure(send())).message).toContain('answered 503');
    setAnswer(undefined);
    expect((await failure(send())).message).toContain('answered 503');
    clock.nowMs += 6_000;
    expect(await send()).toMatch(/^token=/);
  });

  it('gives a token without an end too, for as long as it is taken', async () => {
    const { clock, send, net } = await startIam((_, response) => void response.end('{"token":"opaque"}'));
    expect(await send()).toBe('token=opaque');
    clock.nowMs += 400 * DAY_MS;
    expect(await send()).toBe('token=opaque');
    expect(net.requests).toHaveLength(1);
  });

  it('takes a changed account file at the next login', async () => {
    const { clock, send, account, net } = await startIam();
    await send();
    account.current = { ...account.current, uid: 'doh2' };
    clock.nowMs += 60_000;
    await send(true);
    expect(JSON.parse(net.requests[1]?.body ?? '').uid).toBe('doh2');
  });

  it('is left by who aborts, and goes on for others', async () => {
    let release = (): void => undefined;
    const { net, send, credentials } = await startIam((_, response) => {
      release = () => void response.end('{"token":"t"}');
    });
    const leaving = new AbortController();
    const left = credentials.header(leaving.signal, { renew: false });
    const stayed = send();
    const reason = new Error('enough');
    leaving.abort(reason);
    await expect(left).rejects.toBe(reason);
    await expect.poll(() => net.requests.length).toBe(1);
    release();
    expect(await stayed).toBe('token=t');
    await expect(credentials.header(leaving.signal, { renew: false })).rejects.toBe(reason);
  });
});

describe('a DC/OS login that is refused', () => {
  /** Answers with everything it was sent. */
  const echo =
    (status: number, headers: Record<string, string> = {}): Answer =>
    (_, response, body) =>
      void response.writeHead(status, { date: new Date(START_MS).toUTCString(), ...headers }).end(body);

  it.each([
    [401, {}, 'the login of service account "doh" was refused: check that it has this key\'s public half'],
    [
      401,
      { date: new Date(START_MS + 600_000).toUTCString() },
      "was refused: check that it has this key's public half; this machine's clock is 600 s behind",
    ],
    [403, { date: new Date(START_MS - 90_000).toUTCString() }, "this machine's clock is 90 s ahead"],
    [302, { location: 'https://evil.test/' }, 'was refused by a redirect, which is not followed'],
    [500, {}, 'answered 500 Internal Server Error: the login of service account "doh" was refused'],
    [200, {}, 'no token in the answer (is login_endpoint that of DC/OS, …/acs/api/v1/auth/login?)'],
  ] as const)('with %i %o says so, and nothing that was sent', async (status, headers, words) => {
    // With 200 the answer is what was sent, cut so that it is no JSON: a token may be in there.
    const answer: Answer =
      status === 200 ? (_, response, body) => void response.end(body.slice(1)) : echo(status, headers);
    const { net, send } = await startIam(answer);
    const error = await failure(send());
    expect(error).toBeInstanceOf(HttpError);
    expect(error.message).toContain(words);
    expect(net.requests).toHaveLength(1);
    const sent: string = JSON.parse(net.requests[0]?.body ?? '').token;
    for (const secret of [sent, sent.split('.')[2] ?? '', 'PRIVATE KEY']) {
      expect(`${error.message} ${error.stack} ${String(error.cause)}`).not.toContain(secret);
    }
  });

  it.each(['{"token":"a\\nb"}', '{"token":7}', '{"token":""}', '[]', 'null', '{"toke'])(
    'as %s is no token',
    async (body) => {
      const { send } = await startIam((_, response) => void response.end(body));
      expect((await failure(send())).message).toContain('no token in the answer');
    },
  );

  it.each([
    ['no key', 'hunter2'],
    ['a broken key', PEM.slice(0, 200)],
    ['a public key', String(publicKey.export({ type: 'spki', format: 'pem' }))],
    [
      'another kind of key',
      String(generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })),
    ],
  ])('is refused at once with %s', (_, text) => {
    const account = { uid: 'doh', privateKey: text, loginEndpoint: new URL('https://iam.test/') };
    let caught: unknown;
    try {
      createDcosCredentials({ read: () => account, http: createHttp(), now: Date.now });
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(ConfigError);
    expect(String(caught)).toMatch(/private_key is no RSA private key in PEM$/);
    expect(caught).not.toHaveProperty('cause');
  });
});
