import { readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:http2';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { decode, type Packet } from 'dns-packet';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { encodeQuestion } from '../message.ts';
import { runCli, startCli } from './run-cli.ts';
import { installed, PAGE_NAME, PAGE_TEXT, run, type ServedPage, startServedPage } from './served-page.ts';

/**
 * `mesos-doh up --https-port`, asked by clients that people have, each with the CA and nothing switched off. One
 * that is not installed is skipped and says so; CI installs them. Browsers: `test/slow/browsers.test.ts`.
 */
const SRV_NAME = '_page._tcp.marathon.mesos';
const DNS_MESSAGE = 'application/dns-message';

let page: ServedPage;
let doh: string;
let port: string;
beforeAll(async () => {
  page = await startServedPage();
  doh = `${page.https}/dns-query`;
  ({ port } = new URL(doh));
});
afterAll(() => page.close());

describe.concurrent('curl', () => {
  const curl = (context: TestContext): Promise<string> => installed(context, ['curl'], ['--version']);

  it('loads the page by its name with --doh-url', async (context) => {
    const args = ['-sS', '--doh-url', doh, '--cacert', page.caFile, page.url];
    const { stdout, stderr } = await run(await curl(context), args);
    expect([stdout.toString(), stderr]).toEqual([expect.stringContaining(PAGE_TEXT), '']);
    expect(page.hosts).toContain(`${PAGE_NAME}:${page.port}`);
  });

  it.for([
    ['--http1.1', '1.1'],
    ['--http2', '2'],
  ] as const)('asks by GET and by POST with %s', async ([flag, version], context) => {
    const command = await curl(context);
    const facts = '%{stderr}%{http_version} %{http_code} %{content_type}';
    const asked = [flag, '-sS', '--cacert', page.caFile, '-w', facts];
    const query = encodeQuestion({ name: PAGE_NAME, type: 1 });
    const file = join(page.directory, 'query');
    await writeFile(file, query);
    const body = ['-H', `content-type: ${DNS_MESSAGE}`, '--data-binary', `@${file}`, doh];
    for (const args of [[`${doh}?dns=${Buffer.from(query).toString('base64url')}`], body]) {
      const { stdout, stderr } = await run(command, [...asked, ...args]);
      expect(stderr).toBe(`${version} 200 ${DNS_MESSAGE}`);
      expect(addressesIn(stdout)).toEqual(['127.0.0.1']);
    }
  });

  it('trusts nobody without the CA', async (context) => {
    const { code, stderr } = await run(await curl(context), ['-sS', `${page.https}/health`]);
    expect([code, stderr]).toEqual([60, expect.stringMatching(/certificate/)]);
  });
});

describe.concurrent('kdig', () => {
  const kdig = (context: TestContext): Promise<string> => installed(context, ['kdig'], ['-V']);
  const server = (): string[] => ['@127.0.0.1', '-p', port, `+tls-ca=${page.caFile}`];

  it('asks with the line that up prints, name changed', async (context) => {
    await kdig(context);
    const line = /^ {2}kdig\s+(.*)$/m.exec(page.up.stdout())?.[1] ?? '';
    const { stdout } = await run('sh', ['-c', line.replace(/\S+$/, PAGE_NAME)]);
    expect(stdout.toString()).toMatch(/HTTP\/2-POST.*status: 200/);
    expect(stdout.toString()).toMatch(/status: NOERROR/);
    expect(stdout.toString()).toMatch(/page\.marathon\.mesos\.\s+\d+\s+IN\s+A\s+127\.0\.0\.1/);
  });

  it.for(['+https-get', '+nohttps-get'])('gets an SRV answer with %s', async (method, context) => {
    const how = ['+https', method, '+tls-hostname=localhost', '+short', SRV_NAME, 'SRV'];
    const { stdout } = await run(await kdig(context), [...server(), ...how]);
    expect(stdout.toString()).toMatch(new RegExp(`^0 \\d+ ${page.port} page-\\S+\\.mesos\\.\\n$`));
  });

  it('refuses a certificate that is for another name', async (context) => {
    const how = ['+https', '+tls-hostname=other.example', '+retry=0', PAGE_NAME];
    const { stdout, stderr } = await run(await kdig(context), [...server(), ...how]);
    expect(stdout.toString() + stderr).toMatch(/not trusted|does not match|failed/i);
    expect(stdout.toString()).not.toMatch(/NOERROR/);
  });
});

describe.concurrent('dig', () => {
  const dig = (context: TestContext): Promise<string> => installed(context, ['dig'], ['+https', '-v']);

  it.for(['+https', '+https-get'])('asks with %s', async (method, context) => {
    const tls = [`+tls-ca=${page.caFile}`, '+tls-hostname=localhost'];
    const args = ['@127.0.0.1', '-p', port, method, ...tls, PAGE_NAME];
    const { stdout } = await run(await dig(context), args);
    expect(stdout.toString()).toMatch(/status: NOERROR/);
    expect(stdout.toString()).toMatch(/page\.marathon\.mesos\.\s+\d+\s+IN\s+A\s+127\.0\.0\.1/);
  });
});

describe.concurrent('dnsperf', () => {
  it.for(['GET', 'POST'])('asks a small load by %s, every answer NOERROR', async (method, context) => {
    const command = await installed(context, ['dnsperf'], ['-h']);
    const file = join(page.directory, 'queries');
    await writeFile(file, `${PAGE_NAME} A\n${SRV_NAME} SRV\nleader.mesos A\n`);
    const server = ['-m', 'doh', '-s', '127.0.0.1', '-p', port];
    const how = ['-O', 'doh-uri=https://localhost/dns-query', '-O', `doh-method=${method}`];
    // dnsperf 2.10 aborts on interleaved streams: one query at a time.
    const load = ['-d', file, '-n', '20', '-c', '1', '-q', '1'];
    const { stdout } = await run(command, [...server, ...how, ...load]);
    expect(stdout.toString()).toMatch(/Queries completed:\s+60 \(100\.00%\)/);
    expect(stdout.toString()).toMatch(/Response codes:\s+NOERROR 60 \(100\.00%\)/);
  });
});

describe.concurrent('dnspython', () => {
  it('asks by POST and by GET', async (context) => {
    const imports = 'import sys, dns.message, dns.query, httpx, h2';
    const python = await installed(context, ['python3', '/usr/bin/python3'], ['-c', imports], {
      what: 'dnspython with httpx and h2',
    });
    const script = `${imports}
for post in (True, False):
    query = dns.message.make_query(sys.argv[1], 'A')
    print(dns.query.https(query, sys.argv[2], post=post, verify=sys.argv[3], timeout=10).answer[0][0])
`;
    const { stdout, stderr } = await run(python, ['-c', script, PAGE_NAME, doh, page.caFile]);
    expect([stdout.toString(), stderr]).toEqual(['127.0.0.1\n127.0.0.1\n', '']);
  });
});

describe.concurrent('openssl', () => {
  it('finds nothing to say about the certificates, and HTTP/2 offered', async (context) => {
    const openssl = await installed(context, ['openssl'], ['version']);
    const strictly = ['-x509_strict', '-verify_return_error', '-verify_ip', '127.0.0.1', '-alpn', 'h2'];
    const args = ['s_client', '-connect', `127.0.0.1:${port}`, '-CAfile', page.caFile, ...strictly];
    const { stdout } = await run(openssl, args, { input: '' });
    expect(stdout.toString()).toMatch(/Verification: OK/);
    expect(stdout.toString()).toMatch(/ALPN protocol: h2/);
  });
});

describe.concurrent('Node', () => {
  it('fetches with NODE_EXTRA_CA_CERTS', async () => {
    const dns = Buffer.from(encodeQuestion({ name: PAGE_NAME, type: 1 })).toString('base64url');
    const script = `
      const reply = await fetch(process.argv[1]);
      process.stdout.write(Buffer.from(await reply.arrayBuffer()));`;
    const args = ['--input-type=module', '-e', script, `${doh}?dns=${dns}`];
    const { stdout, stderr } = await run(process.execPath, args, {
      env: { NODE_EXTRA_CA_CERTS: page.caFile },
    });
    expect([addressesIn(stdout), stderr]).toEqual([['127.0.0.1'], '']);
  });

  it('looks at the page for people, which shows the URL it came by', async () => {
    const { stdout } = await run(
      process.execPath,
      ['-e', 'fetch(process.argv[1]).then(async (r) => console.log(await r.text()))', `${page.https}/`],
      { env: { NODE_EXTRA_CA_CERTS: page.caFile } },
    );
    expect(stdout.toString()).toContain(doh);
  });
});

describe('mesos-doh up --https-port', () => {
  const flags = (dataDir: string): string[] => [
    ...['up', '--no-upstream', '--data-dir', dataDir, '--agents', '1', '--tasks', '1', '--port', '0'],
  ];

  it('keeps the CA over restarts, ends with clients connected, and says what is wrong with a CA', async () => {
    const dataDir = join(page.directory, 'second');
    const start = async (): Promise<{ up: ReturnType<typeof startCli>; url: string }> => {
      const up = startCli([...flags(dataDir), '--https-port', '0']);
      await up.says('ready\n');
      return { up, url: /(https:\S+)\/dns-query/.exec(up.stdout())?.[1] ?? '' };
    };
    const first = await start();
    const caFile = join(dataDir, 'ca.pem');
    expect(first.up.stderr()).toMatch(`made a certificate authority: ${caFile}`);
    const ca = await readFile(caFile, 'utf8');
    const client = connect(first.url, { ca });
    client.on('error', () => undefined);
    await new Promise((resolve) => client.once('remoteSettings', resolve));
    const ended = await first.up.interrupt();
    client.destroy();
    expect(ended.code).toBe(0);
    expect(ended.elapsedMs).toBeLessThan(2_000);

    const second = await start();
    expect(second.up.stderr()).not.toMatch('certificate authority');
    expect(await readFile(caFile, 'utf8')).toBe(ca);
    await second.up.interrupt();

    await rm(join(dataDir, 'ca.key'));
    const broken = await runCli([...flags(dataDir), '--https-port', '0']);
    expect(broken.stderr).toBe(
      `mesos-doh: certificate authority: ${join(dataDir, 'ca.key')} is missing; remove ${caFile} for a new one,` +
        ' which clients then have to be given\n',
    );
    expect([broken.code, broken.stdout]).toEqual([2, '']);
  });

  it('says that its port is taken and what to do', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const taken = typeof address === 'object' && address !== null ? String(address.port) : '';
    const ended = await runCli([...flags(join(page.directory, 'third')), '--https-port', taken]);
    server.close();
    expect(ended.stderr).toMatch(
      new RegExp(`^mesos-doh: port ${taken} is taken: .* choose another with --https-port$`, 'm'),
    );
    expect([ended.code, ended.stdout]).toEqual([1, '']);
  });
});

function addressesIn(octets: Buffer): string[] {
  const { answers = [] }: Packet = decode(octets);
  return answers.map((answer) => ('data' in answer ? String(answer.data) : ''));
}
