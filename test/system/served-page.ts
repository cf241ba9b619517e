import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { type Running, startCli } from './run-cli.ts';

/** A page on loopback that is known by a cluster's name alone, and `mesos-doh up` that knows the name. */
export type ServedPage = {
  /** By the name: what only a client that asked us can load. */
  readonly url: string;
  readonly port: number;
  /** `Host` headers of the requests it had. */
  readonly hosts: readonly string[];
  /** Base URL of the TLS front. */
  readonly https: string;
  readonly caFile: string;
  /** For what clients keep. */
  readonly directory: string;
  readonly up: Running;
  readonly close: () => Promise<void>;
};

export const PAGE_NAME = 'page.marathon.mesos';
export const PAGE_TEXT = 'served by its name';

export async function startServedPage(): Promise<ServedPage> {
  const directory = await mkdtemp(join(tmpdir(), 'mesos-doh-clients-'));
  const hosts: string[] = [];
  const server = createServer((request, response) => {
    hosts.push(request.headers.host ?? '');
    response.setHeader('content-type', 'text/html');
    response.end(`<!doctype html><title>page</title><p>${PAGE_TEXT}</p>`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const stateFile = join(directory, 'state.json');
  await writeFile(stateFile, JSON.stringify(stateWithPage(port)));
  const up = startCli([
    ...['up', '--port', '0', '--https-port', '0', '--no-upstream'],
    ...['--data-dir', join(directory, 'data'), '--state', stateFile],
  ]);
  const close = async (): Promise<void> => {
    if (up.child.exitCode === null) await up.interrupt();
    server.close();
    server.closeAllConnections();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await up.says('ready\n');
  } catch (error) {
    await close();
    throw error;
  }
  return {
    url: `http://${PAGE_NAME}:${port}/`,
    port,
    hosts,
    https: /(https:\S+)\/dns-query/.exec(up.stdout())?.[1] ?? '',
    caFile: /^CA file\s+(.*)$/m.exec(up.stdout())?.[1] ?? '',
    directory,
    up,
    close,
  };
}

/** One task of one framework on one agent, all at 127.0.0.1. */
function stateWithPage(port: number): unknown {
  const network = { ip_addresses: [{ ip_address: '127.0.0.1' }] };
  const task = {
    id: 'page.1',
    name: 'page',
    framework_id: 'f1',
    slave_id: 's1',
    state: 'TASK_RUNNING',
    statuses: [{ state: 'TASK_RUNNING', timestamp: 1, container_status: { network_infos: [network] } }],
    resources: { ports: `[${port}-${port}]` },
  };
  return {
    leader: 'master@127.0.0.1:5050',
    slaves: [{ id: 's1', pid: 'slave(1)@127.0.0.1:5051', hostname: '127.0.0.1' }],
    frameworks: [
      { id: 'f1', name: 'marathon', pid: 'scheduler@127.0.0.1:1', hostname: '127.0.0.1', tasks: [task] },
    ],
  };
}

export type Ran = { readonly code: number; readonly stdout: Buffer; readonly stderr: string };

/** Runs a program to its end, or for `timeoutMs`. What would be a shell's exit code is a value here. */
export function run(
  command: string,
  args: readonly string[],
  {
    env,
    input,
    timeoutMs = 15_000,
  }: { readonly env?: NodeJS.ProcessEnv; readonly input?: string; readonly timeoutMs?: number } = {},
): Promise<Ran> {
  return new Promise((resolve) => {
    const options = { timeout: timeoutMs, env: { ...process.env, ...env }, maxBuffer: 1 << 24 };
    const child = execFile(command, args, { ...options, encoding: 'buffer' }, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === 'number' ? error.code : -1) : 0;
      resolve({ code, stdout, stderr: stderr.toString() });
    });
    if (input !== undefined) child.stdin?.end(input);
  });
}

/** The first of these commands that runs with these arguments; where none does, skips the test and says why. */
export async function installed(
  context: TestContext,
  commands: readonly string[],
  args: readonly string[],
  { what = commands.join(' or ') }: { readonly what?: string } = {},
): Promise<string> {
  for (const command of commands) if ((await run(command, args)).code === 0) return command;
  return context.skip(`${what} is not installed`);
}
