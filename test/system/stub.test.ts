import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Running, startCli } from './run-cli.ts';
import { installed, PAGE_NAME, run, type ServedPage, startServedPage } from './served-page.ts';

/** Real DNS clients over UDP and TCP, the stub, HTTP/2 over TLS, the Worker in workerd: the whole way. */
let page: ServedPage;
let stub: Running;
let port: string;
beforeAll(async () => {
  page = await startServedPage();
  const url = `${page.https}/dns-query`;
  stub = startCli(['stub', '--ca', page.caFile, '--listen', '127.0.0.1:0', '--zone', 'mesos'], {
    env: { MESOS_DOH_URL: url },
  });
  const deadline = Date.now() + 10_000;
  while (!stub.stderr().includes('connected to the DoH server') && Date.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 20));
  port = /"at":"udp 127\.0\.0\.1 (\d+)/.exec(stub.stderr())?.[1] ?? expect.fail(stub.stderr());
}, 60_000);
afterAll(async () => {
  const ended = await stub?.interrupt();
  await page?.close();
  expect(ended?.code).toBe(0);
});

describe.concurrent('through the stub', () => {
  it.for(['+notcp', '+tcp'])(
    'dig %s gets addresses, services and what is not there',
    async (how, context) => {
      const dig = await installed(context, ['dig'], ['-v']);
      const ask = async (...args: string[]): Promise<string> =>
        (await run(dig, ['@127.0.0.1', '-p', port, how, ...args])).stdout.toString();
      expect(await ask(PAGE_NAME)).toMatch(
        /status: NOERROR[^]*page\.marathon\.mesos\.\s+\d+\s+IN\s+A\s+127\.0\.0\.1/,
      );
      expect(await ask(PAGE_NAME.toUpperCase())).toMatch(/PAGE\.MARATHON\.MESOS\.\s+\d+\s+IN\s+A/);
      expect(await ask('+short', '_page._tcp.marathon.mesos', 'SRV')).toMatch(
        new RegExp(`^0 \\d+ ${page.port} page-`),
      );
      expect(await ask('nothing.marathon.mesos')).toMatch(/status: NXDOMAIN[^]*SOA/);
      expect(await ask('www.example')).toMatch(/status: REFUSED/);
    },
  );

  it.for(['+notcp', '+tcp'])('kdig %s too', async (how, context) => {
    const kdig = await installed(context, ['kdig'], ['-V']);
    const { stdout } = await run(kdig, ['@127.0.0.1', '-p', port, how, '+edns', PAGE_NAME]);
    expect(stdout.toString()).toMatch(
      /status: NOERROR[^]*page\.marathon\.mesos\.\s+\d+\s+IN\s+A\s+127\.0\.0\.1/,
    );
  });

  it.for(['udp', 'tcp'])('dnsperf asks a small load over %s and loses nothing', async (mode, context) => {
    const dnsperf = await installed(context, ['dnsperf'], ['-h']);
    const file = join(page.directory, `stub-queries-${mode}`);
    await writeFile(file, `${PAGE_NAME} A\n_page._tcp.marathon.mesos SRV\nleader.mesos A\n`);
    const args = ['-m', mode, '-s', '127.0.0.1', '-p', port, '-d', file, '-n', '300', '-q', '20'];
    const { stdout } = await run(dnsperf, args);
    expect(stdout.toString()).toMatch(/Queries completed:\s+900 \(100\.00%\)/);
    expect(stdout.toString()).toMatch(/Response codes:\s+NOERROR 900 \(100\.00%\)/);
  });
});
