import { describe, expect, it, onTestFinished } from 'vitest';
import { createBasicCredentials } from '../../../sync-agent/auth/basic.ts';
import type { Credentials } from '../../../sync-agent/auth/credentials.ts';
import { createMasterHttp, type MasterHttp } from '../../../sync-agent/auth/master-http.ts';
import { createHttp, type HttpOptions } from '../../../sync-agent/http.ts';
import { createListFinder } from '../../../sync-agent/masters/list-finder.ts';
import { createMesosStateSource } from '../../../sync-agent/sources/mesos-state.ts';
import { CA, SERVER_CERT, SERVER_KEY } from './certificates.ts';
import { createNet } from './recording-server.ts';

const signal = new AbortController().signal;
const SECRET = 'open-sesame-7';
const HEADER = `Basic ${Buffer.from(`doh:${SECRET}`).toString('base64')}`;
const TLS = { cert: SERVER_CERT, key: SERVER_KEY };

function open(
  configured: readonly URL[],
  credentials: Credentials | undefined = createBasicCredentials(() => ({ principal: 'doh', secret: SECRET })),
  options: HttpOptions = {},
): MasterHttp {
  const http = createMasterHttp({ http: createHttp(options), credentials, configured });
  onTestFinished(() => http.close());
  return http;
}

/** Credentials that become others with each renewal that `renewals` has left. */
function renewable(renewals: number): Credentials & { readonly asked: boolean[] } {
  let count = 0;
  const asked: boolean[] = [];
  return {
    kind: 'iam',
    name: 'service account "doh"',
    asked,
    header: async (_, { renew }) => {
      asked.push(renew);
      if (renew && count < renewals) count++;
      return `token=t${count}`;
    },
  };
}

const get = async (http: MasterHttp, url: string): Promise<string> =>
  (await http.request({ url, signal })).text();

describe('credentials go', () => {
  it('to configured masters and nobody else, on loopback too', async () => {
    const net = createNet();
    const master = await net.serve((_, response) => response.end());
    const other = await net.serve((_, response) => response.end());
    const http = open([master.url]);
    await get(http, `${master.origin}/master/state`);
    await get(http, `${other.origin}/master/state`);
    await get(http, `http://localhost:${master.port}/master/state`);
    expect(net.requests.map(({ authorization }) => authorization)).toEqual([HEADER, undefined, undefined]);
  });

  it('to a master that a trusted one announced, or ZooKeeper', async () => {
    const net = createNet();
    const [master, leader, third] = await Promise.all([1, 2, 3].map(() => net.serve((_, r) => r.end())));
    const http = open(master ? [master.url] : []);
    http.trust(new URL('/elsewhere', leader?.url), master?.url);
    http.trust(new URL(third?.url ?? ''));
    for (const server of [leader, third]) await get(http, `${server?.origin}/api/v1`);
    expect(net.requests.map(({ authorization }) => authorization)).toEqual([HEADER, HEADER]);
  });

  it('not to one that a stranger announced, and not from HTTPS down to HTTP', async () => {
    const net = createNet();
    const target = await net.serve((_, response) => response.end());
    const http = open([new URL('https://10.0.0.1:5050')]);
    http.trust(target.url, new URL('http://10.0.0.9:5050'));
    await get(http, target.origin);
    http.trust(target.url, new URL('https://10.0.0.1:5050'));
    await get(http, target.origin);
    http.trust(new URL(`ftp://127.0.0.1:${target.port}`));
    await get(http, target.origin);
    expect(net.requests.map(({ authorization }) => authorization)).toEqual([undefined, undefined, undefined]);
  });

  it('to the newest sixteen announced, and to the configured for good', async () => {
    const net = createNet();
    const [configured, old] = await Promise.all([1, 2].map(() => net.serve((_, r) => r.end())));
    const http = open(configured ? [configured.url] : []);
    http.trust(new URL(old?.url ?? ''));
    for (let i = 1; i <= 15; i++) http.trust(new URL(`http://10.0.0.${i}:5050`));
    await get(http, `${old?.origin}/kept`);
    http.trust(new URL('http://10.0.0.16:5050'));
    await get(http, `${old?.origin}/forgotten`);
    await get(http, `${configured?.origin}/configured`);
    expect(net.requests.map(({ line, authorization }) => [line, authorization])).toEqual([
      ['GET /kept', HEADER],
      ['GET /forgotten', undefined],
      ['GET /configured', HEADER],
    ]);
  });

  it("instead of a caller's own, with body and other headers as they were", async () => {
    const net = createNet();
    const master = await net.serve((request, response) => response.end(String(request.headers['x-ask'])));
    const http = open([master.url]);
    const headers = { Authorization: 'mine', 'x-ask': 'yes' };
    const answer = await http.request({
      method: 'POST',
      url: `${master.origin}/api/v1`,
      headers,
      body: '{}',
      signal,
    });
    expect(await answer.text()).toBe('yes');
    expect(net.requests).toMatchObject([{ line: 'POST /api/v1', authorization: HEADER, body: '{}' }]);
  });
});

describe('a 401', () => {
  it('is tried once more with newer credentials, body and all', async () => {
    const net = createNet();
    const credentials = renewable(1);
    const master = await net.serve((request, response) =>
      response.writeHead(request.headers.authorization === 'token=t1' ? 200 : 401).end(),
    );
    const http = open([master.url], credentials);
    const ask = { method: 'POST', url: `${master.origin}/api/v1`, body: '{"type":"SUBSCRIBE"}', signal };
    expect((await http.request(ask)).status).toBe(200);
    expect(net.requests.map(({ authorization, body }) => [authorization, body])).toEqual([
      ['token=t0', ask.body],
      ['token=t1', ask.body],
    ]);
    await (await http.request(ask)).discard();
    expect(net.requests).toHaveLength(3);
    expect(credentials.asked.filter((renew) => renew)).toHaveLength(1);
  });

  it('is final where there is nothing newer, or that is refused too', async () => {
    const net = createNet();
    const master = await net.serve((_, response) => response.writeHead(401).end());
    for (const [credentials, requests] of [
      [renewable(0), 1],
      [renewable(9), 2],
    ] as const) {
      net.requests.length = 0;
      expect((await open([master.url], credentials).request({ url: master.origin, signal })).status).toBe(
        401,
      );
      expect(net.requests).toHaveLength(requests);
    }
  });

  it('to several requests at once is renewed once', async () => {
    const net = createNet();
    const credentials = renewable(9);
    const master = await net.serve((request, response) => {
      const late = request.url === '/late' && request.headers.authorization === 'token=t0' ? 60 : 0;
      setTimeout(
        () => response.writeHead(request.headers.authorization === 'token=t1' ? 200 : 401).end(),
        late,
      );
    });
    const http = open([master.url], credentials);
    const [first, late] = await Promise.all(
      ['/now', '/late'].map((path) => http.request({ url: master.origin + path, signal })),
    );
    expect([first?.status, late?.status]).toEqual([200, 200]);
    expect(credentials.asked.filter((renew) => renew)).toHaveLength(1);
  });

  it('is not renewed for an address that gets no credentials', async () => {
    const net = createNet();
    const stranger = await net.serve((_, response) => response.writeHead(401).end());
    const credentials = renewable(9);
    expect((await open([], credentials).request({ url: stranger.origin, signal })).status).toBe(401);
    expect(credentials.asked).toEqual([]);
    expect(net.requests).toHaveLength(1);
  });
});

describe('a refusal says which realm and what to do', () => {
  const basic = createBasicCredentials(() => ({ principal: 'doh', secret: SECRET }));
  const dcos: Credentials = { ...basic, kind: 'iam', name: 'service account "doh"' };
  it.each([
    [
      401,
      '/master/state',
      undefined,
      undefined,
      'the read-only realm (--authenticate_http_readonly) wants credentials: set MESOS_PRINCIPAL and MESOS_SECRET, or give mesos.credentialsFile',
    ],
    [
      401,
      '/api/v1',
      undefined,
      undefined,
      'the read-write realm (--authenticate_http_readwrite) wants credentials: set MESOS_PRINCIPAL and MESOS_SECRET, or give mesos.credentialsFile',
    ],
    [
      401,
      '/state.json',
      basic,
      undefined,
      `the read-only realm (--authenticate_http_readonly) does not know principal "doh" with that secret: compare with the master's --credentials`,
    ],
    [
      401,
      '/api/v1',
      dcos,
      undefined,
      `the read-write realm (--authenticate_http_readwrite) refuses the token of service account "doh": check that it still exists in this DC/OS`,
    ],
    [
      401,
      '/odd',
      basic,
      'Basic realm="mesos-master-readwrite"',
      `the read-write realm (--authenticate_http_readwrite) does not know principal "doh" with that secret: compare with the master's --credentials`,
    ],
    [
      401,
      '/api/v1',
      undefined,
      'Basic realm="mesos-master-readonly"',
      'the read-only realm (--authenticate_http_readonly) wants credentials: set MESOS_PRINCIPAL and MESOS_SECRET, or give mesos.credentialsFile',
    ],
    [
      401,
      '/mesos/master/state',
      undefined,
      'acsjwt',
      'the read-only realm (--authenticate_http_readonly) wants a DC/OS token: give mesos.dcosServiceAccountFile',
    ],
    [
      401,
      '/master/state',
      basic,
      'acsjwt',
      'the read-only realm (--authenticate_http_readonly) wants a DC/OS token, not principal "doh": give mesos.dcosServiceAccountFile',
    ],
    [
      403,
      '/master/state',
      basic,
      undefined,
      'the read-only realm (--authenticate_http_readonly): principal "doh" may not do this; it needs the right to view frameworks, tasks, executors and roles',
    ],
    [
      403,
      '/api/v1',
      undefined,
      undefined,
      'the read-write realm (--authenticate_http_readwrite): an anonymous caller may not do this; it needs the right to view frameworks, tasks, executors and roles',
    ],
  ] as const)('%i at %s as %o, challenged by %s', async (status, path, credentials, challenge, words) => {
    const net = createNet();
    const headers = challenge === undefined ? {} : { 'www-authenticate': challenge };
    const master = await net.serve((request, response) =>
      response.writeHead(status, headers).end(`no, ${request.headers.authorization} ${SECRET}`),
    );
    const http = createMasterHttp({ http: createHttp(), credentials, configured: [master.url] });
    onTestFinished(() => http.close());
    const response = await http.request({ url: master.origin + path, signal });
    const reason = status === 401 ? 'Unauthorized' : 'Forbidden';
    const error = await response.refusal();
    expect(error.message).toBe(`GET ${master.origin}${path} answered ${status} ${reason}: ${words}`);
    expect([error.status, error.transient]).toEqual([status, false]);
    expect(response.error('').message).toBe(error.message);
    expect(response.error('my words').message).toContain(': my words: the read-');
  });

  it('or that no credentials were sent, and why', async () => {
    const net = createNet();
    const stranger = await net.serve((_, response) => response.writeHead(401).end());
    const error = await (await open([]).request({ url: `${stranger.origin}/api/v1`, signal })).refusal();
    expect(error.message).toMatch(
      /the read-write realm \(\S+\) got no credentials: this address is neither configured nor announced by a trusted master; if it is yours, add it to mesos\.masters$/,
    );
  });

  it('and leaves other statuses as they are', async () => {
    const net = createNet();
    const master = await net.serve((_, response) => response.writeHead(404).end('nothing here'));
    const error = await (await open([master.url]).request({ url: master.origin, signal })).refusal();
    expect(error.message).toBe(`GET ${master.origin}/ answered 404 Not Found: nothing here`);
  });
});

describe('a state read with credentials', () => {
  const stateOf = (leader: number, own = leader): string =>
    JSON.stringify({
      pid: `master@127.0.0.1:${own}`,
      leader: `master@127.0.0.1:${leader}`,
      frameworks: [{ id: 'f', name: 'marathon' }],
    });

  it('never shows them to an origin outside the cluster, whatever answers come', async () => {
    const net = createNet();
    const guarded =
      (answer: Parameters<typeof net.serve>[0]): Parameters<typeof net.serve>[0] =>
      (request, response, body) => {
        if (request.headers.authorization === HEADER) answer(request, response, body);
        else response.writeHead(401, { 'www-authenticate': 'Basic realm="mesos-master-readonly"' }).end();
      };
    const leader = await net.serve(guarded((_, response) => response.end(stateOf(leader.port))));
    const byBody = await net.serve(guarded((_, response) => response.end(stateOf(leader.port, byBody.port))));
    const byRedirect = await net.serve(
      guarded((request, response) =>
        response.writeHead(307, { location: `//127.0.0.1:${leader.port}${request.url}` }).end(),
      ),
    );
    const stranger = await net.serve((request, response) => response.writeHead(401).end(request.url));
    const plain = await net.serve((_, response) => response.end(stateOf(plain.port)));
    // A master over TLS that sends its clients down to plain HTTP.
    const sealed = await net.serve(
      (request, response) => response.writeHead(307, { location: plain.origin + request.url }).end(),
      TLS,
    );

    const read = async (masters: readonly URL[]): Promise<string> => {
      const http = open(masters, undefined, { tls: { ca: CA } });
      await http.request({ url: `${stranger.origin}/x`, signal }).then((response) => response.discard());
      const finder = createListFinder(masters);
      const source = createMesosStateSource({ finder, http, timeoutMs: 5000, maxOctets: 1e6 });
      return source
        .read(() => undefined, signal)
        .then(
          (state) => `leader ${state.leader?.port}`,
          (error: unknown) => String(error),
        );
    };
    expect(await read([byBody.url])).toBe(`leader ${leader.port}`);
    expect(await read([byRedirect.url])).toBe(`leader ${leader.port}`);
    const refused = await read([sealed.url]);
    expect(refused).toContain(
      `${sealed.origin} redirects from HTTPS to ${plain.origin}, which is not followed`,
    );

    const trusted = new Set([leader.origin, byBody.origin, byRedirect.origin, sealed.origin]);
    const toStrangers = net.requests.filter(({ origin }) => !trusted.has(origin));
    expect(toStrangers.map(({ origin, line }) => `${origin} ${line}`)).toEqual(
      [1, 2, 3].map(() => `${stranger.origin} GET /x`),
    );
    expect(JSON.stringify(toStrangers)).not.toMatch(new RegExp(`${SECRET}|Basic`));
    expect(net.requests.filter(({ authorization }) => authorization === HEADER).length).toBeGreaterThan(4);
    expect(refused).not.toContain(SECRET);
  });

  it('shows them to the masters its finder gives, which ZooKeeper may have named', async () => {
    const net = createNet();
    const master = await net.serve((_, response) => response.end(stateOf(master.port)));
    const http = open([]);
    const finder = createListFinder([master.url]);
    const source = createMesosStateSource({ finder, http, timeoutMs: 5000, maxOctets: 1e6 });
    await source.read(() => undefined, signal);
    expect(net.requests.map(({ authorization }) => authorization)).toEqual([HEADER]);
  });

  it('gets none to a leader that a stranger names', async () => {
    const net = createNet();
    const target = await net.serve((_, response) => response.end(stateOf(target.port)));
    const stranger = await net.serve((request, response) =>
      response.writeHead(307, { location: `//127.0.0.1:${target.port}${request.url}` }).end(),
    );
    const http = open([new URL('http://10.0.0.1:5050')]);
    http.trust(target.url, stranger.url);
    await get(http, target.origin);
    expect(net.requests.map(({ authorization }) => authorization)).toEqual([undefined]);
  });
});
