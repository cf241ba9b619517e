import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type MasterAccess, masterHttpFrom } from '../../../sync-agent/auth/from-config.ts';
import type { MasterHttp } from '../../../sync-agent/auth/master-http.ts';
import { ConfigError } from '../../../sync-agent/config.ts';
import { CA, CLIENT_CERT, CLIENT_KEY, SERVER_CERT, SERVER_KEY } from './certificates.ts';
import { createNet } from './recording-server.ts';

const signal = new AbortController().signal;
const TLS = { cert: SERVER_CERT, key: SERVER_KEY };

function file(name: string, content: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'mesos-doh-access-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

function open(mesos: MasterAccess, env: Record<string, string> = {}): MasterHttp {
  const http = masterHttpFrom(mesos, { env, now: Date.now });
  onTestFinished(() => http.close());
  return http;
}

/** The `authorization` a master gets by these settings. */
async function sentBy(
  mesos: Omit<MasterAccess, 'masters'>,
  env: Record<string, string> = {},
): Promise<unknown> {
  const net = createNet();
  const master = await net.serve((_, response) => response.end());
  await (
    await open({ ...mesos, masters: [master.origin] }, env).request({ url: master.origin, signal })
  ).discard();
  return net.requests[0]?.authorization;
}

const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`;

describe('credentials by configuration', () => {
  it('come from the environment, or a file, or are none', async () => {
    const env = { MESOS_PRINCIPAL: 'doh', MESOS_SECRET: 'hunter2' };
    expect(await sentBy({})).toBeUndefined();
    expect(await sentBy({ authentication: 'none', credentialsFile: '/nowhere' }, env)).toBeUndefined();
    expect(await sentBy({}, { MESOS_PRINCIPAL: '', MESOS_SECRET: '' })).toBeUndefined();
    expect(await sentBy({}, env)).toBe(basic('doh:hunter2'));
    expect(await sentBy({ authentication: 'basic' }, env)).toBe(basic('doh:hunter2'));
    const named = { authentication: 'basic', credentials: { principal: 'doh2' } } as const;
    expect(await sentBy(named, { MESOS_SECRET: 'hunter2' })).toBe(basic('doh2:hunter2'));
    expect(await sentBy(named, env)).toBe(basic('doh:hunter2'));
    expect(await sentBy({ credentialsFile: file('c', 'doh hunter3\n') })).toBe(basic('doh:hunter3'));
  });

  it.each<[string, Omit<MasterAccess, 'masters'>, Record<string, string>]>([
    ['MESOS_SECRET is set, and MESOS_PRINCIPAL is not', {}, { MESOS_SECRET: 'hunter2' }],
    ['its secret is missing: set MESOS_SECRET', {}, { MESOS_PRINCIPAL: 'doh' }],
    ['its secret is missing: set MESOS_SECRET', { authentication: 'basic' }, {}],
    ['there is no mesos.dcosServiceAccountFile', { authentication: 'iam' }, {}],
    [
      'two credentials for the masters, mesos.credentialsFile and MESOS_SECRET: give one',
      { credentialsFile: '/c' },
      { MESOS_PRINCIPAL: 'doh', MESOS_SECRET: 'hunter2' },
    ],
    [
      'mesos.credentialsFile and mesos.dcosServiceAccountFile: give one',
      { credentialsFile: '/c', dcosServiceAccountFile: '/d' },
      {},
    ],
    ['credentials file /nowhere/c can not be read', { credentialsFile: '/nowhere/c' }, {}],
    ['service account file /nowhere/d can not be read', { dcosServiceAccountFile: '/nowhere/d' }, {}],
    ['/nowhere/ca can not be read', { caCertFile: '/nowhere/ca' }, {}],
    ['line break or control character', {}, { MESOS_PRINCIPAL: 'doh', MESOS_SECRET: 'hunter2\n' }],
  ])('refuse: %s', (words, mesos, env) => {
    let caught: unknown;
    try {
      masterHttpFrom({ masters: [], ...mesos }, { env, now: Date.now });
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(ConfigError);
    expect(String(caught)).toContain(words);
    expect(String(caught)).not.toContain('hunter2');
  });

  it('of a file that was changed are taken after a refusal, without a restart', async () => {
    const net = createNet();
    let known = basic('doh:old');
    const master = await net.serve((request, response) =>
      response.writeHead(request.headers.authorization === known ? 200 : 401).end(),
    );
    const path = file('c', '{"principal":"doh","secret":"old"}');
    const http = open({ masters: [master.origin], credentialsFile: path });
    const ask = async (): Promise<number> => {
      const response = await http.request({ url: master.origin, signal });
      await response.discard();
      return response.status;
    };
    expect(await ask()).toBe(200);
    known = basic('doh:new');
    expect(await ask()).toBe(401);
    writeFileSync(path, '{"principal":"doh","secret":"new"}');
    expect(await ask()).toBe(200);
    expect(await ask()).toBe(200);
    expect(net.requests).toHaveLength(5);
  });
});

describe('TLS by configuration', () => {
  it('checks the CA and the server name, and shows the client certificate', async () => {
    const net = createNet();
    const mutual = { ...TLS, ca: CA, requestCert: true, rejectUnauthorized: true };
    const master = await net.serve((_, response) => response.end('sealed'), mutual);
    const url = `https://localhost:${master.port}`;
    const files = {
      caCertFile: file('ca.pem', CA),
      certFile: file('cert.pem', CLIENT_CERT),
      keyFile: file('key.pem', CLIENT_KEY),
    };
    const get = async (access: Omit<MasterAccess, 'masters'>): Promise<string> =>
      open({ masters: [url], ...access })
        .request({ url, signal })
        .then(
          (response) => response.text(),
          (error: unknown) => String(error),
        );
    expect(await get({ ...files, serverName: 'kv.test' })).toBe('sealed');
    expect(await get(files)).toContain('certificate is for another host name');
    expect(await get({ ...files, caCertFile: undefined, serverName: 'kv.test' })).toContain(
      'unknown authority',
    );
    expect(await get({ caCertFile: files.caCertFile, serverName: 'kv.test' })).toContain('failed: ');
    expect(() => open({ masters: [], ...files, keyFile: file('other.pem', SERVER_KEY) })).toThrow(
      /^mesos\.caCertFile, certFile, keyFile: /,
    );
  });

  it('is the CA alone for a DC/OS login, which gets no client certificate and its own name', async () => {
    const net = createNet();
    const shown: unknown[] = [];
    const iam = await net.serve(
      (request, response) => {
        if (request.socket instanceof TLSSocket) shown.push(Object.keys(request.socket.getPeerCertificate()));
        response.end('{"token":"abc"}');
      },
      { ...TLS, ca: CA, requestCert: true, rejectUnauthorized: false },
    );
    const master = await net.serve((_, response) => response.end('state'), TLS);
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const account = {
      uid: 'doh',
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      login_endpoint: `${iam.origin}/acs/api/v1/auth/login`,
    };
    const http = open({
      masters: [master.origin],
      dcosServiceAccountFile: file('sa.json', JSON.stringify(account)),
      caCertFile: file('ca.pem', CA),
      certFile: file('cert.pem', CLIENT_CERT),
      keyFile: file('key.pem', CLIENT_KEY),
      serverName: 'kv.test',
    });
    const response = await http.request({ url: `${master.origin}/master/state`, signal });
    expect(await response.text()).toBe('state');
    expect(net.requests.map(({ line, authorization }) => [line, authorization])).toEqual([
      ['POST /acs/api/v1/auth/login', undefined],
      ['GET /master/state', 'token=abc'],
    ]);
    expect(shown).toEqual([[]]);
  });
});
