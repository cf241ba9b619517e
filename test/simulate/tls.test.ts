import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createCluster } from '../../simulate/cluster.ts';
import { startSimulatedMasters } from '../../simulate/server.ts';
import { call, subscribe } from './operator-stream.ts';

const directory = mkdtempSync(join(tmpdir(), 'mesos-doh-simulate-tls-'));
afterAll(() => rmSync(directory, { recursive: true }));

type Pair = { readonly cert: string; readonly key: string };

function selfSigned(name: string): Pair {
  const file = (ending: string) => join(directory, `${name}.${ending}`);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', file('key')];
  const names = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', ['req', '-x509', ...key, ...names, '-days', '1', '-out', file('pem')], {
    stdio: 'ignore',
  });
  return { cert: readFileSync(file('pem'), 'utf8'), key: readFileSync(file('key'), 'utf8') };
}

let server: Pair;
let client: Pair;
beforeAll(() => {
  server = selfSigned('server');
  client = selfSigned('client');
});

async function start(clientCa?: string) {
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  return startSimulatedMasters({
    cluster: createCluster({ seed: 1 }),
    port: 0,
    masters: 2,
    now: Date.now,
    tls: { ...server, ...(clientCa === undefined ? {} : { clientCa }) },
    signal: stop.signal,
  });
}

const HEALTH = '{"type":"GET_HEALTH"}';

describe('masters with TLS', () => {
  it('speak HTTPS and nothing else, the stream too', async () => {
    const { urls, ports } = await start();
    const [url = ''] = urls;
    expect(url).toBe(`https://127.0.0.1:${ports[0]}`);
    const tls = { ca: server.cert };
    expect((await call(url, HEALTH, { tls, headers: { 'content-type': 'application/json' } })).status).toBe(
      200,
    );
    const stream = await subscribe(url, { tls });
    await stream.upTo(2);
    expect((await call(urls[1] ?? '', HEALTH, { tls })).headers.location).toBe(
      `//127.0.0.1:${ports[0]}/api/v1`,
    );
    await expect(call(url, HEALTH)).rejects.toThrow(/self-signed/);
    await expect(fetch(url.replace('https', 'http'))).rejects.toThrow();
  });

  it('ask clients for a certificate if told so', async () => {
    const { urls } = await start(client.cert);
    const [url = ''] = urls;
    expect((await call(url, HEALTH, { tls: { ca: server.cert, ...client } })).status).toBe(200);
    await expect(call(url, HEALTH, { tls: { ca: server.cert } })).rejects.toThrow();
    await expect(call(url, HEALTH, { tls: { ca: server.cert, ...server } })).rejects.toThrow();
  });
});
