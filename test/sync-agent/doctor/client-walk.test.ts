import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { createServer as createTcp, type AddressInfo } from 'node:net';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Device } from '../../../sync-agent/client/device.ts';
import { readDohUrl } from '../../../sync-agent/client/doh-url.ts';
import { thisDevice } from '../../../sync-agent/client/this-device.ts';
import type { ClientFinding } from '../../../sync-agent/doctor/client-finding.ts';
import { checkClient } from '../../../sync-agent/doctor/client.ts';
import { createHttp } from '../../../sync-agent/http.ts';
import {
  authorityCertificate,
  type Issuer,
  serverCertificate,
} from '../../../sync-agent/local/certificate.ts';
import { parseName } from '../../../zone/name.ts';
import { type DohReply, type FakeDoh, startFakeDoh } from '../../fakes/table-doh.ts';
import { deadPort } from '../sources/state-server.ts';

const TOKEN = `mdt_${'ab2c'.repeat(8)}`;
const DAY_MS = 86_400_000;
const LOOPBACK = Uint8Array.of(127, 0, 0, 1);

let issuer: Issuer;
let ca: string;
beforeAll(() => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  issuer = { name: 'authority of a test', privateKey, publicKey: createPublicKey(privateKey) };
  const names = { hosts: ['localhost', 'doh.test'], addresses: [Uint8Array.of(...LOOPBACK, 255, 0, 0, 0)] };
  ca = authorityCertificate(issuer, { fromMs: Date.now() - DAY_MS, untilMs: Date.now() + DAY_MS }, names);
});

type Life = { readonly host?: string; readonly fromMs?: number; readonly untilMs?: number };

/** A server's key and certificate, valid now for loopback, or as said. */
function certified({ host = 'localhost', fromMs = -DAY_MS, untilMs = 30 * DAY_MS }: Life = {}): {
  readonly key: string;
  readonly cert: string;
} {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const validity = { fromMs: Date.now() + fromMs, untilMs: Date.now() + untilMs };
  const names = { hosts: [host], addresses: host === 'localhost' ? [LOOPBACK] : [] };
  return {
    key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
    cert: serverCertificate(issuer, { publicKey: createPublicKey(privateKey), validity, names }),
  };
}

async function serve(tls?: ReturnType<typeof certified>): Promise<FakeDoh> {
  const server = await startFakeDoh(tls);
  onTestFinished(() => server.close());
  return server;
}

type Options = {
  readonly ca?: string;
  readonly name?: string;
  readonly address?: string;
  readonly token?: string;
  readonly device?: Partial<Device>;
};

/** Walks with this machine's sockets, and nothing else of it. */
async function walk(
  url: string,
  { device, name, address, token, ...trust }: Options = {},
): Promise<ClientFinding[]> {
  const findings: ClientFinding[] = [];
  const parsed = readDohUrl(url, token);
  const tls = {
    ...(trust.ca !== undefined && { ca: trust.ca }),
    ...(address !== undefined && { servername: parsed.host }),
  };
  const http = createHttp(Object.keys(tls).length > 0 ? { tls } : {});
  onTestFinished(() => http.close());
  const nothing: Partial<Device> = {
    lookUp: async () => ({ kind: 'failed', code: 'ENOTFOUND' }),
    run: async () => undefined,
    read: async () => undefined,
    list: async () => [],
    home: '/home/u',
  };
  await checkClient(
    {
      url: parsed,
      zone: parseName('mesos'),
      name: name === undefined ? undefined : parseName(name),
      address,
      caFile: trust.ca === undefined ? undefined : 'ca.pem',
      stub: { address: '127.0.0.1', port: await deadPort() },
      device: { ...thisDevice({ ca: trust.ca, timeoutMs: 2_000 }), ...nothing, ...device },
      http,
      timeoutMs: 2_000,
      now: Date.now,
      randomId: () => 4711,
      onFinding: (finding) => void findings.push(finding),
    },
    new AbortController().signal,
  );
  return findings;
}

const of = (findings: readonly ClientFinding[], about: string): string[] =>
  findings
    .filter((one) => one.about === about)
    .map(({ verdict, says, mend }) => `${verdict}: ${says}. ${mend ?? ''}`);
const wrong = (findings: readonly ClientFinding[]): string[] =>
  findings.filter(({ verdict }) => verdict === 'wrong').map(({ about }) => about);

describe('a way that is whole', () => {
  it('is walked to a task, over TLS with an authority of its own', async () => {
    const task = createTcp((socket) => socket.end());
    await new Promise<void>((resolve) => task.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void task.close());
    const { port } = task.address() as AddressInfo;
    const server = await serve(certified());
    const data = { priority: 0, weight: 1, port, target: 'search-1.marathon.slave.mesos' };
    server.table['search.marathon.mesos A'] = [
      { type: 'A', name: 'search.marathon.mesos', ttl: 30, data: '127.0.0.1' },
    ];
    server.table['_search._tcp.marathon.mesos SRV'] = [
      { type: 'SRV', name: '_search._tcp.marathon.mesos', ttl: 30, data },
    ];
    server.table[`${data.target} A`] = [{ type: 'A', name: data.target, ttl: 30, data: '127.0.0.1' }];
    const findings = await walk(server.url, { ca, name: 'search.marathon.mesos' });
    expect(wrong(findings)).toEqual([]);
    expect(of(findings, 'TLS')[0]).toMatch(
      /TLSv1\.3, certificate for 127\.0\.0\.1 by authority of a test until/,
    );
    expect(of(findings, 'DoH')).toEqual(['well: answers by GET and by POST. ']);
    expect(of(findings, 'snapshot')).toEqual(['well: serial 7, vouched for 5 s ago. ']);
    expect(of(findings, 'forwarding')[0]).toMatch(/refused/);
    expect(of(findings, 'route')).toEqual([`well: search.marathon.mesos: 127.0.0.1 port ${port} answers. `]);
    expect(of(findings, 'this machine')[0]).toMatch(/nothing here asks the resolver yet/);
    expect(server.seen.map(({ method }) => method)).toContain('GET');
  });

  it('finds the leader, and a service where names may be listed', async () => {
    const server = await serve();
    const port = await deadPort();
    const data = { priority: 0, weight: 1, port, target: 'a-1.marathon.slave.mesos' };
    server.table['leader.mesos A'] = [{ type: 'A', name: 'leader.mesos', ttl: 30, data: '127.0.0.1' }];
    server.table['_a._tcp.marathon.mesos SRV'] = [
      { type: 'SRV', name: '_a._tcp.marathon.mesos', ttl: 30, data },
    ];
    server.table[`${data.target} A`] = [{ type: 'A', name: data.target, ttl: 30, data: '127.0.0.1' }];
    const list =
      '{"frameworks":[\n{"tasks":[{"name":"a","id":"","records":[{"name":"_a._tcp.marathon.mesos.","host":"x:1","rtype":"SRV"}';
    server.meddle = ({ path }) =>
      path === '/v1/enumerate'
        ? { status: 200, headers: { 'content-type': 'application/json' }, body: list }
        : undefined;
    const findings = await walk(server.url);
    expect(wrong(findings)).toEqual([]);
    expect(of(findings, 'name')).toHaveLength(2);
    expect(of(findings, 'route')[1]).toMatch(`port ${port} refuses connections: the host is there`);
  });

  it('follows a name with IPv6 alone, and one too long to have a service beside it', async () => {
    const server = await serve();
    const long = `${'a'.repeat(63)}.mesos`;
    server.table['six.mesos A'] = [];
    server.table['six.mesos AAAA'] = [{ type: 'AAAA', name: 'six.mesos', ttl: 30, data: '::1' }];
    server.table[`${long} A`] = [{ type: 'A', name: long, ttl: 30, data: '127.0.0.1' }];
    expect(of(await walk(server.url, { name: 'six.mesos' }), 'name')).toEqual([
      'well: six.mesos AAAA is ::1. ',
    ]);
    const findings = await walk(server.url, { name: long });
    expect(of(findings, 'route')).toEqual([expect.stringContaining('its ports are not known')]);
    expect(of(findings, 'system')).toEqual([expect.stringContaining(`programs do not find ${long}`)]);
  });

  it('goes by --address, with the certificate of the host', async () => {
    const server = await serve(certified({ host: 'doh.test' }));
    const url = `https://doh.test:${server.port}/dns-query`;
    const findings = await walk(url, { ca, address: '127.0.0.1' });
    expect(of(findings, 'DNS')[0]).toMatch(/^advice: doh\.test is not found\. 127\.0\.0\.1 is asked instead/);
    expect(of(findings, 'zone')).toEqual(['well: mesos, serial 7. ']);
    expect(server.seen[0]?.headers.host).toBe(`doh.test:${server.port}`);
  });

  it('sends the token as clients do, in the path, and says it to nobody', async () => {
    const server = await serve();
    server.meddle = ({ path }, reply) => (path.startsWith(`/t/${TOKEN}/`) ? reply : UNAUTHORIZED);
    const findings = await walk(server.url, { token: TOKEN });
    expect(of(findings, 'token')).toEqual(['well: it is taken. ']);
    expect(JSON.stringify(findings)).not.toContain('ab2c');
  });
});

const UNAUTHORIZED: DohReply = { status: 401, headers: { 'content-type': 'text/plain' }, body: 'no' };
const PORTAL: DohReply = {
  status: 200,
  headers: { 'content-type': 'text/html' },
  body: '<html>Welcome</html>',
};

describe('where the way breaks off', () => {
  it.each([
    [
      'an authority nobody knows',
      {},
      false,
      /by authority of a test, which Node does not know\. Give its certificate: --ca/,
    ],
    [
      'an expired certificate',
      { untilMs: -DAY_MS / 2 },
      true,
      /ended on 20\d\d-\d\d-\d\d\. It has to be renewed/,
    ],
    ['a certificate of tomorrow', { fromMs: DAY_MS }, true, /This machine's clock says/],
    ['a certificate for another host', { host: 'doh.test' }, true, /is for doh\.test, not 127\.0\.0\.1/],
  ] as const)('TLS with %s', async (_, life, isTrusted, words) => {
    const server = await serve(certified(life));
    const findings = await walk(server.url, isTrusted ? { ca } : {});
    expect(of(findings, 'TLS')).toEqual([expect.stringMatching(words)]);
    expect(wrong(findings)).toEqual(['TLS']);
    expect(of(findings, 'DoH')).toEqual(['skipped: not asked: the lines above come first. ']);
    // Nothing is said to a server that is not trusted.
    expect(server.seen).toEqual([]);
  });

  it('a port without TLS, and one where nobody listens', async () => {
    const plain = await serve();
    const noTls = await walk(plain.url.replace('http:', 'https:'));
    expect(of(noTls, 'TLS')[0]).toMatch(/^wrong: that port does not speak TLS/);
    const nobody = await walk(`https://127.0.0.1:${await deadPort()}/dns-query`);
    expect(of(nobody, 'connection')[0]).toMatch(/connection refused\. The host is there/);
  });

  it.each([
    ['a sign-in page', PORTAL, 'DoH', /a web page came instead/],
    [
      'a redirect',
      { ...PORTAL, status: 302, headers: { location: 'http://portal.hotel/' } },
      'DoH',
      /to portal\.hotel/,
    ],
    ['no token', UNAUTHORIZED, 'token', /wants a token, and none was given/],
    ['a firewall', { ...PORTAL, status: 403 }, 'DoH', /403: turned away/],
    ['a limit', { ...UNAUTHORIZED, status: 429, headers: { 'retry-after': '9' } }, 'DoH', /Try again in 9 s/],
    [
      'no answer',
      { status: 200, headers: { 'content-type': 'application/dns-message' }, body: 'abc' },
      'DoH',
      /can not be read/,
    ],
  ] as const)('%s', async (_, reply, about, words) => {
    const server = await serve();
    server.meddle = () => reply;
    const findings = await walk(server.url);
    expect(of(findings, about)).toEqual([expect.stringMatching(words)]);
    expect(wrong(findings)).toEqual([about]);
  });

  it('one of the two methods', async () => {
    const server = await serve();
    server.meddle = ({ method }) => (method === 'GET' ? PORTAL : undefined);
    const findings = await walk(server.url);
    expect(of(findings, 'DoH')[0]).toMatch(/^wrong: .*by GET alone, which Chrome/);
    expect(of(findings, 'zone')).toHaveLength(1);
  });

  it('a stale snapshot', async () => {
    const server = await serve();
    server.extendedError = { code: 3, text: 'the snapshot is 4000 s old' };
    expect(of(await walk(server.url), 'snapshot')).toEqual([expect.stringMatching(/^wrong: .*stale/)]);
  });

  it('a zone that is not served, and a name that is not there', async () => {
    const server = await serve();
    const none = await walk(server.url, { name: 'nothing.mesos' });
    expect(of(none, 'name')).toEqual([
      expect.stringMatching(/^wrong: nothing\.mesos A does not exist \(NXDOMAIN\)\. Check/),
    ]);
    server.table = {};
    const unserved = await walk(server.url);
    expect(of(unserved, 'zone')).toEqual([expect.stringMatching(/^wrong: mesos is NXDOMAIN: not one of/)]);
    expect(of(unserved, 'name')).toEqual([]);
  });

  it('a route that is not there', async () => {
    const server = await serve();
    server.table['a.mesos A'] = [{ type: 'A', name: 'a.mesos', ttl: 30, data: '10.1.2.3' }];
    const { connect } = thisDevice({ timeoutMs: 2_000 });
    const device: Partial<Device> = {
      connect: async (to, signal) =>
        to.address === '10.1.2.3' ? { kind: 'failed', code: 'ENETUNREACH' } : connect(to, signal),
    };
    const [route] = of(await walk(server.url, { name: 'a.mesos', device }), 'route');
    expect(route).toMatch(
      /^wrong: a\.mesos: 10\.1\.2\.3 port 80: no route\. .*join its VPN.*docs\/variants\.md/,
    );
  });

  it('a token of no known form, which the server repeats', async () => {
    const server = await serve();
    server.meddle = ({ path }) => ({ status: 404, headers: {}, body: `there is no ${path}` });
    const findings = await walk(server.url.replace('/dns-query', '/t/oldsecret/dns-query'));
    expect(wrong(findings)).toEqual(['URL', 'DoH']);
    expect(of(findings, 'DoH')[0]).toContain('there is no /t/***/dns-query');
    expect(JSON.stringify(findings)).not.toContain('oldsecret');
  });

  it('plain HTTP to elsewhere: nothing is sent', async () => {
    const asked: string[] = [];
    const lookUp: Device['lookUp'] = async (host) => {
      asked.push(host);
      return { kind: 'found', addresses: ['127.0.0.1'] };
    };
    const findings = await walk('http://doh.test/dns-query', { device: { lookUp } });
    expect(wrong(findings)).toEqual(['URL']);
    expect(asked).toEqual([]);
  });

  it('stops with its signal', async () => {
    const controller = new AbortController();
    const { handshake, connect, lookUp } = thisDevice({ timeoutMs: 2_000 });
    controller.abort(new Error('enough'));
    const to = { address: '127.0.0.1', port: 1, host: 'localhost' };
    expect(() => connect(to, controller.signal)).toThrow('enough');
    expect(() => handshake(to, controller.signal)).toThrow('enough');
    expect(() => lookUp('localhost', controller.signal)).toThrow('enough');
  });
});
