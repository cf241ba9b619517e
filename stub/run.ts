import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import { inheritedFds, inheritedSockets } from './activation.ts';
import { createLog } from './log.ts';
import { createNotify } from './notify.ts';
import { startStub } from './server.ts';
import { HELP, parseSettings, UsageError } from './settings.ts';

export type Surroundings = {
  readonly env: NodeJS.ProcessEnv;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Is there a person at the other end of `stderr`? */
  readonly isTerminal: boolean;
  /** Aborts when the stub is to end. */
  readonly signal: AbortSignal;
};

/** Set by whoever bundles this file. */
declare const MESOS_DOH_VERSION: string | undefined;

/**
 * `mesos-doh stub` from its arguments to its end. Throws `UsageError` for wrong arguments, and another `Error`, which
 * says what to do, where it can't start.
 */
export async function run(argv: readonly string[], surroundings: Surroundings): Promise<void> {
  const { env, stdout, stderr, isTerminal, signal } = surroundings;
  const parsed = parseSettings(argv, env);
  if (parsed.kind === 'help') return stdout(HELP);
  if (parsed.kind === 'version') return stdout(`${version()}\n`);
  const { settings } = parsed;
  const token = settings.tokenFile === undefined ? settings.token : await tokenIn(settings.tokenFile);
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token))
    throw new UsageError('the token has characters that no token has: it should be one line of plain text');
  const ca = settings.caFile === undefined ? undefined : await authorityIn(settings.caFile);
  const log = createLog({ write: stderr, isPlain: isTerminal, now: Date.now });
  const notify = createNotify(env, (message) => log('warn', message));
  const inherited = await inheritedSockets(inheritedFds(env, process.pid));

  const stub = await startStub({ settings, token, ca, inherited, log });
  const zones = settings.zones.map(({ text }) => text).join(' ') || 'all';
  const at = stub.listeners
    .map(({ transport, address, port }) => `${transport} ${address} ${port}`)
    .join(', ');
  log('info', 'listening', { at, zones, server: settings.url.origin, metricsPort: stub.metricsPort });
  notify.ready(`answers ${zones} at ${at}`);
  if (!signal.aborted) await once(signal, 'abort');
  notify.stopping();
  await stub.close();
  notify.close();
  log('info', 'stopped');
}

async function tokenIn(file: string): Promise<string> {
  const token = (await contentOf(file, '--token-file')).trim();
  if (token === '') throw new UsageError(`--token-file ${file} is empty`);
  return token;
}

async function authorityIn(file: string): Promise<string> {
  const text = await contentOf(file, '--ca');
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  throw new UsageError(`--ca ${file} has no certificate in PEM in it`);
}

async function contentOf(file: string, flag: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason';
    throw new UsageError(`${flag} ${file} can not be read (${code})`, { cause });
  }
}

function version(): string {
  if (typeof MESOS_DOH_VERSION === 'string') return MESOS_DOH_VERSION;
  try {
    const json: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
    return typeof json === 'object' && json !== null && 'version' in json ? String(json.version) : 'unknown';
  } catch {
    return 'unknown';
  }
}
