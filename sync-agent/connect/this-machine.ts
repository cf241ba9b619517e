import { execFile } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ConfigError } from '../config.ts';
import type { RunCommand } from './undo.ts';

/** systemd gives a unit 90 s to start. */
const COMMAND_TIMEOUT_MS = 120_000;
const MAX_OUTPUT_OCTETS = 256 * 1024;
/** Where packages put the program, and where systemd looks for what a script's first line names. */
const PROGRAM_DIRECTORIES = ['/usr/bin', '/usr/local/bin'];
/** Units with ProtectHome=yes don't see these. */
const HOMES = /^(?:\/home|\/root|\/run\/user)\//;
const ANCHOR_DIRECTORIES = ['/etc', '/run', '/usr/local/lib', '/usr/lib'];

/** Runs a line on this machine by sh; its output goes nowhere, but for what a failing one says. */
export function createRun(signal: AbortSignal = new AbortController().signal): RunCommand {
  return async (command) => {
    await output(command, signal);
  };
}

/** What a command line prints. Throws with the end of what it said on stderr. */
export async function output(command: string, signal: AbortSignal): Promise<string> {
  try {
    const env = { ...process.env, LC_ALL: 'C', PAGER: '', SYSTEMD_PAGER: '' };
    const limits = { env, signal, timeout: COMMAND_TIMEOUT_MS, maxBuffer: MAX_OUTPUT_OCTETS };
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', command], limits);
    return stdout;
  } catch (cause) {
    signal.throwIfAborted();
    const stderr = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : '';
    throw new Error(`${command}: ${stderr.split('\n').slice(-3).join(' ') || 'failed'}`, { cause });
  }
}

/** The number in `systemctl --version`. Throws `ConfigError` where there is no systemd. */
export async function systemdVersion(signal: AbortSignal): Promise<number> {
  const said = await output('systemctl --version', signal).catch(() => '');
  const [, version] = /^systemd (\d+)/.exec(said) ?? [];
  if (version !== undefined) return Number(version);
  throw new ConfigError(
    'there is no systemd here (systemctl --version): for another machine, give --systemd-version N',
  );
}

/** Throws `ConfigError` that says what to do where systemd-resolved does not run. */
export async function needResolved(signal: AbortSignal): Promise<void> {
  const advice = await output('resolvectl --version', signal).then(
    () => 'is there and does not run: say systemctl enable --now systemd-resolved',
    () =>
      'is not installed. On Debian and Ubuntu: apt install systemd-resolved libnss-resolve (docs/connect/systemd.md)',
  );
  const isActive = await output('systemctl is-active systemd-resolved.service', signal).catch(
    () => undefined,
  );
  if (isActive === undefined) throw new ConfigError(`systemd-resolved ${advice}`);
}

/**
 * How a unit starts the program that runs now: a package's command, or else this Node and this script. Throws
 * `ConfigError` for one that a unit can't see.
 */
export function stubCommand(): string {
  const script = resolve(process.argv[1] ?? '');
  const isNodeFound = PROGRAM_DIRECTORIES.includes(dirname(process.execPath));
  for (const directory of PROGRAM_DIRECTORIES) {
    const program = `${directory}/mesos-doh`;
    if (
      isNodeFound &&
      existsSync(program) &&
      existsSync(script) &&
      realpathSync(program) === realpathSync(script)
    )
      return program;
  }
  for (const path of [process.execPath, script])
    if (HOMES.test(path))
      throw new ConfigError(
        `${path} is in somebody's home, where a unit should not look for programs: install mesos-doh and Node for all, ` +
          'or give --stub-command /usr/bin/mesos-doh',
      );
  return `${unitWord(process.execPath)} ${unitWord(script)}`;
}

/** Quoted as systemd.service(5) says, if it has to be. */
function unitWord(text: string): string {
  const plain = text.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /[\s"'\\;]/.test(plain) ? `"${plain.replaceAll(/["\\]/g, String.raw`\$&`)}"` : plain;
}

/** Are there negative trust anchors that we did not write? */
export async function hasNegativeAnchors(root: string): Promise<boolean> {
  for (const directory of ANCHOR_DIRECTORIES) {
    const names = await readdir(`${root}${directory}/dnssec-trust-anchors.d`).catch((): string[] => []);
    if (names.some((name) => name.endsWith('.negative') && name !== 'mesos.negative')) return true;
  }
  return false;
}

/** What to do so that programs ask resolved at all; undefined: they do. */
export async function nsswitchAdvice(root: string): Promise<string | undefined> {
  const read = (path: string): Promise<string> => readFile(`${root}${path}`, 'utf8').catch(() => '');
  const hosts = /^hosts:(.*)$/m.exec(await read('/etc/nsswitch.conf'))?.[1]?.trim();
  if (hosts === undefined || /\bresolve\b/.test(hosts)) return undefined;
  if (/^nameserver\s+127\.0\.0\.53\b/m.test(await read('/etc/resolv.conf'))) return undefined;
  return (
    `programs do not ask systemd-resolved here: /etc/nsswitch.conf says "hosts: ${hosts}". Install libnss-resolve and ` +
    'make it "hosts: files resolve [!UNAVAIL=return] dns"'
  );
}
