import { createSocket } from 'node:dgram';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode, encode } from 'dns-packet';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { openCertificateAuthority } from '../../sync-agent/local/certificate-authority.ts';
import { type FakeDoh, startFakeDoh } from '../fakes/table-doh.ts';
import { type Finished, runCli } from './run-cli.ts';

const TOKEN = `mdt_${'ab2c'.repeat(8)}`;
const LIMIT_MS = 60_000;

let directory: string;
let caFile: string;
let server: FakeDoh;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mesos-doh-client-'));
  const { certificateFile, issue } = await openCertificateAuthority(directory, Date.now);
  caFile = certificateFile;
  server = await startFakeDoh(issue());
  server.table['a.mesos A'] = [{ type: 'A', name: 'a.mesos', ttl: 30, data: '127.0.0.1' }];
  server.table['a.mesos AAAA'] = [];
  server.meddle = ({ path }, reply) => {
    if (path.startsWith('/portal'))
      return { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' };
    const isKnown =
      path.startsWith(`/t/${TOKEN}/`) || server.seen.at(-1)?.headers.authorization === `Bearer ${TOKEN}`;
    return isKnown ? reply : { status: 401, headers: {}, body: 'A valid credential is needed here.' };
  };
  return async () => {
    await server.close();
    await rm(directory, { recursive: true, force: true });
  };
});

/** With nothing of this machine's environment. */
async function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Finished> {
  const clean = {
    MESOS_DOH_TOKEN: undefined,
    MESOS_DOH_URL: undefined,
    NODE_EXTRA_CA_CERTS: undefined,
    HOME: directory,
  };
  const ended = await runCli(args, { env: { ...clean, ...env } });
  expect(ended.stdout + ended.stderr).not.toContain('ab2c');
  return ended;
}

describe('lookup', () => {
  it('asks with a token, for several types, by an authority of its own', { timeout: LIMIT_MS }, async () => {
    const tokenFile = join(directory, 'token');
    await writeFile(tokenFile, `${TOKEN}\n`);
    const flags = ['--url', server.url, '--ca', caFile];
    const inPath = server.url.replace('/dns-query', `/t/${TOKEN}/dns-query{?dns}`);
    const [both, short, json] = await Promise.all([
      run(['lookup', 'a.mesos', 'A', 'AAAA', ...flags], { MESOS_DOH_TOKEN: TOKEN }),
      run(['lookup', 'a.mesos', '--short', ...flags, '--token-file', tokenFile]),
      run(['lookup', 'a.mesos', 'A', 'AAAA', '--json', '--ca', caFile], { MESOS_DOH_URL: inPath }),
    ]);
    expect(both).toMatchObject({ code: 0, stderr: '' });
    expect(both.stdout).toMatch(
      /^;; a\.mesos A: NOERROR; flags: aa\n\n;; ANSWER\na\.mesos\.\t30\tIN\tA\t127\.0\.0\.1\n/,
    );
    expect(both.stdout).toContain('\n\n;; a.mesos AAAA: NOERROR');
    expect(both.stdout).toMatch(
      /;; from https:\/\/127\.0\.0\.1:\d+\/dns-query in \d+ ms, snapshot 7, age=5 s\n/,
    );
    expect(short).toEqual({ code: 0, stdout: '127.0.0.1\n', stderr: '' });
    expect(JSON.parse(json.stdout)).toHaveLength(2);
  });

  it('says in words why there is no answer, and what helps', { timeout: LIMIT_MS }, async () => {
    const ca = ['--ca', caFile];
    const portal = server.url.replace('/dns-query', '/portal');
    const [noToken, wrongToken, noCa, page, noFile] = await Promise.all([
      run(['lookup', 'a.mesos', '--url', server.url, ...ca]),
      run(['lookup', 'a.mesos', '--url', server.url, ...ca], { MESOS_DOH_TOKEN: `mdt_${'c'.repeat(32)}` }),
      run(['lookup', 'a.mesos', '--url', server.url], { MESOS_DOH_TOKEN: TOKEN }),
      run(['lookup', 'a.mesos', '--url', portal, ...ca]),
      run(['lookup', 'a.mesos', '--url', server.url, '--ca', '/nowhere/ca.pem']),
    ]);
    expect(noToken).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/401: .*none was given\. Set MESOS_DOH_TOKEN/),
    });
    expect(wrongToken).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('401: the token is not taken'),
    });
    expect(noCa).toMatchObject({ code: 1, stderr: expect.stringMatching(/unknown authority\. .*--ca FILE/) });
    expect(page).toMatchObject({ code: 1, stderr: expect.stringContaining('a web page came instead') });
    expect(noFile).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--ca: /nowhere/ca.pem can not be read'),
    });
  });

  it('sends no credential where it can be read', { timeout: LIMIT_MS }, async () => {
    const plain = 'http://doh.example.com/dns-query';
    const [token, userinfo] = await Promise.all([
      run(['lookup', 'a.mesos', '--url', plain], { MESOS_DOH_TOKEN: TOKEN }),
      run(['lookup', 'a.mesos', '--url', 'https://x:ab2c@doh.example.com/dns-query']),
    ]);
    expect(token).toMatchObject({ code: 2, stderr: expect.stringContaining('plain HTTP') });
    expect(userinfo).toMatchObject({ code: 2, stderr: expect.stringContaining('never sent') });
  });

  it('asks a stub by UDP, and by TCP what is too long for it', { timeout: LIMIT_MS }, async () => {
    const port = await startStub();
    const ended = await run(['lookup', 'a.mesos', '--stub', `127.0.0.1:${port}`]);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toMatch(/\tA\t192\.0\.2\.1\n\n;; from 127\.0\.0\.1:\d+ over TCP in/);
  });
});

describe('doctor --client', () => {
  it('ends with what it found', { timeout: LIMIT_MS }, async () => {
    const flags = ['doctor', '--client', '--url', server.url, '--stub', '127.0.0.1:1', '--name', 'a.mesos'];
    const [well, untrusted, noUrl, two, alone] = await Promise.all([
      run([...flags, '--ca', caFile], { MESOS_DOH_TOKEN: TOKEN }),
      run([...flags, '--json'], { MESOS_DOH_TOKEN: TOKEN }),
      run(['doctor', '--client']),
      run(['doctor', '--client', '--edge', 'https://doh.example.com']),
      run(['doctor', '--name', 'a.mesos']),
    ]);
    expect(well.stdout).toMatch(/^well {5}URL {13}https:\/\/127\.0\.0\.1:\d+\/dns-query, with a token\n/);
    expect(well.stdout).toContain('\n0 wrong, ');
    expect(well.code).toBe(0);
    const told: { isWell: boolean; findings: { about: string; verdict: string }[] } = JSON.parse(
      untrusted.stdout,
    );
    expect(untrusted.code).toBe(1);
    expect(told.isWell).toBe(false);
    expect(told.findings.filter(({ verdict }) => verdict === 'wrong').map(({ about }) => about)).toEqual([
      'TLS',
    ]);
    expect(noUrl).toMatchObject({ code: 2, stderr: expect.stringContaining('MESOS_DOH_URL') });
    expect(two).toMatchObject({ code: 2, stderr: expect.stringContaining('one of --edge and --client') });
    expect(alone).toMatchObject({ code: 2, stderr: expect.stringContaining('for --client') });
  });
});

/** A DNS server whose UDP answers are all cut off. */
async function startStub(): Promise<number> {
  const tcp = createServer((socket) => {
    socket
      .on('error', () => {})
      .once('data', (data) => {
        const reply = answer(data.subarray(2));
        socket.end(Buffer.concat([Uint8Array.of(reply.length >> 8, reply.length), reply]));
      });
  });
  await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
  const { port } = tcp.address() as AddressInfo;
  const udp = createSocket('udp4');
  udp.on('message', (query, from) => {
    const reply = answer(query, 0x0200);
    udp.send(reply, from.port, from.address);
  });
  await new Promise<void>((resolve) => udp.bind(port, '127.0.0.1', resolve));
  onTestFinished(() => {
    udp.close();
    tcp.close();
  });
  return port;
}

function answer(query: Buffer, flags = 0): Buffer {
  const { id = 0, questions = [] } = decode(query);
  const data = '192.0.2.1';
  return encode({
    type: 'response',
    id,
    flags,
    questions,
    answers: flags === 0 ? [{ type: 'A', name: 'a.mesos', ttl: 5, data }] : [],
  });
}
