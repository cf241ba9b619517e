import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** A machine with systemd and systemd-resolved, in namespaces of its own; nothing outside them changes. */
export type Machine = {
  /** Runs a command line in it, as root. */
  readonly run: (command: string, env?: Readonly<Record<string, string>>) => Promise<Ran>;
  /** The DoH URL that is ours, with a token, and the authority that signed its certificate. */
  readonly url: string;
  readonly caFile: string;
  /** Names asked so far: of ours, and of the ordinary network's resolver. */
  readonly asked: (of: 'edge' | 'ordinary') => readonly string[];
  readonly stop: () => Promise<void>;
};

export type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string };

const PACKAGES = ['systemd', 'systemd-resolved', 'libnss-resolve', 'libsystemd-shared'];
const TOKEN = `mdt_${'a'.repeat(32)}`;
const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const BOOT = fileURLToPath(new URL('resolved-boot.sh', import.meta.url));
const START_MS = 20_000;
const COMMAND_MS = 60_000;
const DOWNLOAD_MS = 120_000;
/** Kept between runs: `MESOS_DOH_TEST_CACHE`, or where caches are. */
const CACHE = join(
  process.env['MESOS_DOH_TEST_CACHE'] ?? join(homedir(), '.cache', 'mesos-doh-test'),
  'resolved',
);
const runFile = promisify(execFile);

/** Why there can be no such machine here; undefined: there can. Fetches the packages if they are not in the cache. */
export async function whyNoMachine(): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'it takes root on Linux';
  if (cgroup2() === undefined) return 'it takes cgroups, version 2';
  for (const command of ['unshare', 'nsenter', 'ip', 'dbus-daemon', 'dpkg-deb', 'apt-get'])
    if (!(process.env['PATH'] ?? '').split(':').some((directory) => existsSync(join(directory, command))))
      return `there is no ${command}`;
  const probe =
    'mount --make-rprivate / && mount -t overlay x -o lowerdir=/etc:/usr /mnt && ip link add a0 type veth peer name a1';
  const isPossible = await runFile('unshare', ['-n', '-m', '-p', '-C', '--fork', 'sh', '-c', probe]).then(
    () => true,
    () => false,
  );
  if (!isPossible) return 'it takes namespaces, overlay and veth, and one of them is not allowed here';
  return unpack().then(
    () => undefined,
    (error: unknown) => `the packages could not be fetched: ${String(error).slice(0, 300)}`,
  );
}

/** The packages' files as they would stand in /usr, from Debian's archive as apt is set up here. Never installed. */
async function unpack(): Promise<string> {
  const usr = join(CACHE, 'usr');
  if (existsSync(usr)) return usr;
  await mkdir(CACHE, { recursive: true });
  const making = await mkdtemp(join(CACHE, 'making-'));
  try {
    const options = ['-o', 'APT::Sandbox::User=root', 'download', ...PACKAGES];
    await runFile('apt-get', options, { cwd: making, timeout: DOWNLOAD_MS });
    for (const name of await readdir(making))
      await runFile('dpkg-deb', ['-x', join(making, name), join(making, 'root')]);
    const root = join(making, 'root');
    // Where /bin, /lib and /sbin are links into /usr, packages may still have them apart.
    for (const part of ['bin', 'lib', 'sbin'])
      if (existsSync(join(root, part)))
        await cp(join(root, part), join(root, 'usr', part), { recursive: true });
    await rename(join(root, 'usr'), usr);
  } finally {
    await rm(making, { recursive: true, force: true });
  }
  return usr;
}

/** Boots one. Throws with what systemd said if it does not come up. */
export async function startMachine(): Promise<Machine> {
  const directory = await mkdtemp(join(tmpdir(), 'mesos-doh-resolved-'));
  for (const part of ['etc', 'units', 'local', 'world']) await mkdir(join(directory, part));
  await cp(await unpack(), join(directory, 'usr'), { recursive: true, verbatimSymlinks: true });
  const cgroup = join(cgroup2() ?? '', `mesos-doh-test-${process.pid}`);
  await mkdir(cgroup);
  const boot = ['bash', BOOT, directory, PROJECT, process.execPath].map((word) => `'${word}'`).join(' ');
  const unshare = `exec unshare -n -m -p -C -i -u --fork --kill-child --mount-proc ${boot}`;
  const outer = spawn('sh', ['-c', `echo $$ > ${cgroup}/cgroup.procs && ${unshare}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  outer.stdout.on('data', (chunk) => (said = (said + String(chunk)).slice(-10_000)));
  outer.stderr.on('data', (chunk) => (said = (said + String(chunk)).slice(-10_000)));
  const ended = new Promise<void>((resolve) => outer.on('close', () => resolve()));
  const inner = (): string => {
    const [pid] = readFileSync(`/proc/${outer.pid}/task/${outer.pid}/children`, 'utf8').split(' ');
    return pid ?? '';
  };
  const inside = (): string[] => ['-t', inner(), '-m', '-n', '-p', '-C', '-i', '-u', '--'];
  const run: Machine['run'] = (command, env = {}) =>
    new Promise((resolve) => {
      const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin';
      const options = { timeout: COMMAND_MS, env: { PATH, LC_ALL: 'C', SYSTEMD_PAGER: '', ...env } };
      execFile(
        '/usr/bin/nsenter',
        [...inside(), '/bin/sh', '-c', command],
        options,
        (error, stdout, stderr) => {
          const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
          resolve({ code, stdout, stderr });
        },
      );
    });
  const stop = async (): Promise<void> => {
    outer.kill('SIGKILL');
    await ended;
    await removeCgroup(cgroup);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await until(async () => (await run('systemctl is-active systemd-resolved')).code === 0, START_MS);
    const world = spawn(
      'nsenter',
      [
        ...inside(),
        '/opt/node',
        '/opt/mesos-doh/test/slow/resolved-world.ts',
        join(directory, 'world'),
        TOKEN,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const { lines, place } = await listen(world);
    await run('resolvectl dns eth0 10.99.0.2');
    return {
      run,
      ...place,
      asked: (of) =>
        lines()
          .filter((line) => line.startsWith(`${of} `))
          .map((line) => line.slice(of.length + 1)),
      stop,
    };
  } catch (error) {
    await stop();
    throw new Error(`no machine came up: ${String(error)}; it said: ${said}`, { cause: error });
  }
}

async function listen(
  world: ChildProcess,
): Promise<{ lines: () => string[]; place: { url: string; caFile: string } }> {
  let text = '';
  world.stdout?.on('data', (chunk) => (text += String(chunk)));
  const lines = (): string[] => text.split('\n').slice(0, -1);
  await until(() => Promise.resolve(lines().length > 0), START_MS);
  const { url, caFile } = JSON.parse(lines()[0] ?? '');
  return { lines, place: { url, caFile } };
}

/** Looks until it is so; throws after a while. */
export async function until(isSo: () => Promise<boolean>, forMs: number): Promise<void> {
  const deadline = performance.now() + forMs;
  while (!(await isSo().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`not so within ${forMs} ms`);
    await delay(100);
  }
}

function cgroup2(): string | undefined {
  const line = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .find((mount) => mount.split(' ')[2] === 'cgroup2');
  return line?.split(' ')[1];
}

/** Innermost first; those of processes that are just ending take a moment. */
async function removeCgroup(path: string): Promise<void> {
  const inner = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const { name } of inner) await removeCgroup(join(path, name));
  for (let tries = 0; tries < 20; tries++) {
    if (
      await rmdir(path).then(
        () => true,
        () => false,
      )
    )
      return;
    await delay(50);
  }
}
