import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Kit } from '../../connect/kit.ts';
import { CLI } from '../system/run-cli.ts';
import { type Ran, run } from '../system/served-page.ts';

/** A task's address in the cluster: private, as clusters' are. */
export const TASK_ADDRESS = '10.99.0.1';
const PUBLIC_ADDRESS = '203.0.113.7';
/** What the system's resolver knows, and nobody else. */
export const SYSTEM_NAME = 'intranet.example';
export const STAGE_PAGE_TEXT = 'served by its name';
const READY_TIMEOUT_MS = 30_000;

/** An authority and a certificate for a host in a directory: `sh -c … sh DIRECTORY HOST`. */
const MAKE_CERTIFICATES = `
set -e
cd "$1"
curve='ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
openssl req -x509 -newkey $curve -keyout ca.key -out ca.pem -days 2 -subj /CN=stage -addext basicConstraints=critical,CA:TRUE
openssl req -newkey $curve -keyout key.pem -out request.pem -subj "/CN=$2"
printf 'subjectAltName=DNS:%s\nextendedKeyUsage=serverAuth\n' "$2" > extensions
openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out cert.pem
`;

/** An edge of `mesos-doh up` inside the stage. */
export type StageEdge = {
  readonly dohUrl: string;
  readonly port: string;
  readonly caFile: string;
  readonly caPem: string;
};

/**
 * A machine of its own for clients, in namespaces: its network reaches nothing, its /etc is a copy that a kit is written
 * into. In it are a page at a task's address, an edge that knows the task, and the system's resolver, which does not.
 */
export type BrowserStage = {
  readonly pagePort: string;
  readonly edge: (upstream: 'forwards' | 'refuses') => StageEdge;
  /** The same edge under a name that no resolver knows, with a certificate of its own; made by openssl. */
  readonly nameEdge: (edge: StageEdge, host: string) => Promise<StageEdge>;
  readonly directory: string;
  /** Writes a kit's files as they are, below the stage's own /etc. */
  readonly install: (kit: Kit) => Promise<void>;
  /** /etc as it was. */
  readonly reset: () => Promise<void>;
  readonly run: (command: string, args: readonly string[], timeoutMs?: number) => Promise<Ran>;
  readonly start: (command: string, args: readonly string[]) => ChildProcess;
  /** `page HOST`, `system NAME`, `upstream NAME`, as they came since the last look. */
  readonly heard: () => readonly string[];
  readonly close: () => Promise<void>;
};

/** Undefined where this machine gives no namespaces. */
export async function openBrowserStage(): Promise<BrowserStage | undefined> {
  const root = process.getuid?.() === 0 ? [] : ['-r'];
  const spaces = ['-n', '-m', '--propagation', 'private'];
  if ((await run('unshare', [...root, ...spaces, 'ip', 'link', 'set', 'lo', 'up'])).code !== 0)
    return undefined;
  const directory = await mkdtemp(join(tmpdir(), 'mesos-doh-browsers-'));
  const etc = join(directory, 'etc');
  const children: ChildProcess[] = [];
  const close = async (): Promise<void> => {
    for (const child of children.toReversed()) await end(child);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const reset = async (): Promise<void> => {
      for (const part of ['chromium', 'firefox', 'opt', 'dnsdist']) {
        await rm(join(etc, part), { recursive: true, force: true });
        await cp(join('/etc', part), join(etc, part), { recursive: true }).catch(() => undefined);
      }
    };
    await mkdir(etc);
    await cp('/etc', etc, { recursive: true, verbatimSymlinks: true, filter: (path) => isReadable(path) });
    await writeFile(join(etc, 'resolv.conf'), 'nameserver 127.0.0.1\n');
    await writeFile(join(etc, 'nsswitch.conf'), 'passwd: files\ngroup: files\nhosts: files dns\n');
    const script = [
      'set -e',
      'ip link set lo up',
      `ip addr add ${TASK_ADDRESS}/32 dev lo`,
      `ip addr add ${PUBLIC_ADDRESS}/32 dev lo`,
      `mount --bind '${etc}' /etc`,
      'echo in place',
      'exec sleep infinity',
    ];
    const holder = spawn('unshare', [...root, ...spaces, 'sh', '-c', script.join('\n')]);
    children.push(holder);
    await listen(holder).says(/in place/);
    const user = root.length > 0 ? ['-U', '--preserve-credentials'] : [];
    const inside = ['-t', String(holder.pid), ...user, '-n', '-m'];
    const env = { ...process.env, HOME: join(directory, 'home') };
    await mkdir(env.HOME);
    const start = (command: string, args: readonly string[]): ChildProcess => {
      const child = spawn('nsenter', [...inside, command, ...args], { env });
      children.push(child);
      return child;
    };
    const program = fileURLToPath(new URL('stage-servers.ts', import.meta.url));
    const servers = listen(start(process.execPath, [program, STAGE_PAGE_TEXT, PUBLIC_ADDRESS, SYSTEM_NAME]));
    const [, pagePort = ''] = await servers.says(/^pagePort (\d+)$/m);
    const [, upstreamPort = ''] = await servers.says(/^upstreamPort (\d+)$/m);
    await servers.says(/^systemPort/m);
    const stateFile = join(directory, 'state.json');
    await writeFile(stateFile, JSON.stringify(stateWithPage(pagePort)));
    const openEdge = async (name: string, upstream: readonly string[]): Promise<StageEdge> => {
      const data = join(directory, name);
      const up = start(process.execPath, [
        ...[CLI, 'up', '--port', '0', '--https-port', '0', ...upstream],
        ...['--data-dir', data, '--state', stateFile],
      ]);
      const [, dohUrl = ''] = await listen(up).says(/(https:\S+\/dns-query)[^]*ready\n/);
      const caFile = join(data, 'ca.pem');
      return { dohUrl, port: new URL(dohUrl).port, caFile, caPem: await readFile(caFile, 'utf8') };
    };
    const edges = {
      forwards: await openEdge('forwards', ['--upstream', `http://127.0.0.1:${upstreamPort}/dns-query`]),
      refuses: await openEdge('refuses', ['--no-upstream']),
    };
    const nameEdge = async ({ port }: StageEdge, host: string): Promise<StageEdge> => {
      const at = join(directory, host);
      await mkdir(at);
      const { code, stderr } = await run('sh', ['-c', MAKE_CERTIFICATES, 'sh', at, host]);
      if (code !== 0) throw new Error(stderr);
      const program = fileURLToPath(new URL('stage-front.ts', import.meta.url));
      const front = start(process.execPath, [program, port, join(at, 'key.pem'), join(at, 'cert.pem')]);
      const [, frontPort = ''] = await listen(front).says(/^frontPort (\d+)$/m);
      const caFile = join(at, 'ca.pem');
      const caPem = await readFile(caFile, 'utf8');
      return { dohUrl: `https://${host}:${frontPort}/dns-query`, port: frontPort, caFile, caPem };
    };
    let seen = servers.said().length;
    return {
      pagePort,
      edge: (upstream) => edges[upstream],
      nameEdge,
      directory,
      install: async (kit) => {
        for (const { path, text, mode } of kit.files) {
          const at = join(directory, path);
          await mkdir(dirname(at), { recursive: true });
          await writeFile(at, text, { mode });
        }
      },
      reset,
      run: (command, args, timeoutMs = 60_000) =>
        run('nsenter', [...inside, command, ...args], { env, timeoutMs }),
      start,
      heard: () => {
        const fresh = servers.said().slice(seen);
        seen += fresh.length;
        return fresh.split('\n').filter(Boolean);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What only root may read is left out: no client of the stage needs it. */
function isReadable(path: string): boolean {
  return !/\/(?:g?shadow-?|ssl\/private|sudoers.*)$/.test(path);
}

/** A child and all it has said. */
type Talker = {
  readonly child: ChildProcess;
  readonly said: () => string;
  /** Waits until that is said; gives the match. */
  readonly says: (text: RegExp) => Promise<RegExpExecArray>;
};

function listen(child: ChildProcess): Talker {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => (stdout += String(chunk)));
  child.stderr?.on('data', (chunk) => (stderr += String(chunk)));
  const says = async (text: RegExp): Promise<RegExpExecArray> => {
    const deadline = Date.now() + READY_TIMEOUT_MS;
    for (;;) {
      const match = text.exec(stdout);
      if (match) return match;
      if (child.exitCode !== null || Date.now() > deadline)
        throw new Error(`never said ${text.source}, but: ${stdout}${stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  return { child, said: () => stdout, says };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGINT');
  const hard = setTimeout(() => child.kill('SIGKILL'), 3000);
  await ended;
  clearTimeout(hard);
}

/** One task of one framework, its page at a private address. */
function stateWithPage(port: string): unknown {
  const network = { ip_addresses: [{ ip_address: TASK_ADDRESS }] };
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
    leader: `master@${TASK_ADDRESS}:5050`,
    slaves: [{ id: 's1', pid: `slave(1)@${TASK_ADDRESS}:5051`, hostname: TASK_ADDRESS }],
    frameworks: [
      {
        id: 'f1',
        name: 'marathon',
        pid: `scheduler@${TASK_ADDRESS}:1`,
        hostname: TASK_ADDRESS,
        tasks: [task],
      },
    ],
  };
}
