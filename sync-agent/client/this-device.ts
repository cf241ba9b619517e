import { execFile } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { constants, open, readdir } from 'node:fs/promises';
import { connect, isIP, type Socket } from 'node:net';
import { homedir, platform } from 'node:os';
import { buffer } from 'node:stream/consumers';
import { connect as connectTls, type PeerCertificate, type TLSSocket } from 'node:tls';
import type { Certificate, Connected, Device, Handshake, LookedUp, Ran } from './device.ts';
import { codeOf } from './doh.ts';
import { askPlain } from './plain-dns.ts';

const MAX_FILE_OCTETS = 4 * 1024 * 1024;
// Without waiting for whoever writes into a FIFO; a terminal does not become ours.
const READING = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
const MAX_LISTED = 100;
const MAX_OUTPUT_OCTETS = 256 * 1024;

/** The machine this process runs on. `ca`: the authorities to trust, in PEM; else those that Node brings. */
export function thisDevice({
  ca,
  timeoutMs,
}: {
  readonly ca?: string | undefined;
  readonly timeoutMs: number;
}): Device {
  return {
    lookUp: (host, signal) => lookUp(host, { timeoutMs, signal }),
    connect: ({ address, port }, signal) =>
      dial(() => connect({ host: address, port }), 'connect', {
        timeoutMs,
        signal,
        reached: (_, elapsedMs): Connected => ({ kind: 'connected', elapsedMs }),
      }),
    handshake: ({ address, port, host }, signal) =>
      dial(() => startTls({ address, port, host, ca }), 'secureConnect', {
        timeoutMs,
        signal,
        reached: shaken,
      }),
    askPlain: (server, query, { over, signal }) => askPlain(server, query, { over, timeoutMs, signal }),
    run: (command, args, signal) => run(command, args, { timeoutMs, signal }),
    read,
    list: async (path) => (await readdir(path).catch((): string[] => [])).toSorted().slice(0, MAX_LISTED),
    home: homedir(),
    platform: platform(),
  };
}

type Limits = { readonly timeoutMs: number; readonly signal: AbortSignal };

/** The system's look-up can't be stopped, only be waited for no longer. */
function lookUp(host: string, { timeoutMs, signal }: Limits): Promise<LookedUp> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const finish = (found: LookedUp): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      resolve(found);
    };
    const timer = setTimeout(() => finish({ kind: 'failed', code: 'ETIMEDOUT' }), timeoutMs);
    signal.addEventListener('abort', abort, { once: true });
    lookup(host, { all: true }).then(
      (found) => finish({ kind: 'found', addresses: found.map(({ address }) => address) }),
      (error: unknown) => finish({ kind: 'failed', code: codeOf(error) }),
    );
  });
}

type Failed = { readonly kind: 'failed'; readonly code: string };

/** Opens a connection, looks at it, and closes it. */
function dial<S extends Socket, R>(
  start: () => S,
  event: 'connect' | 'secureConnect',
  { timeoutMs, signal, reached }: Limits & { readonly reached: (socket: S, elapsedMs: number) => R },
): Promise<R | Failed> {
  signal.throwIfAborted();
  const started = performance.now();
  const socket = start();
  return new Promise((resolve, reject) => {
    const finish = (result: R | Failed): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      socket.destroy();
      resolve(result);
    };
    const abort = (): void => {
      reject(signal.reason);
      finish({ kind: 'failed', code: 'ABORT_ERR' });
    };
    const timer = setTimeout(() => finish({ kind: 'failed', code: 'ETIMEDOUT' }), timeoutMs);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    socket.on('error', (error) => finish({ kind: 'failed', code: codeOf(error) }));
    socket.on('close', () => finish({ kind: 'failed', code: 'ECONNRESET' }));
    socket.on(event, () => finish(reached(socket, Math.round(performance.now() - started))));
  });
}

function startTls({
  address,
  port,
  host,
  ca,
}: {
  readonly address: string;
  readonly port: number;
  readonly host: string;
  readonly ca: string | undefined;
}): TLSSocket {
  return connectTls({
    host: address,
    port,
    ...(isIP(host) === 0 && { servername: host }),
    ...(ca !== undefined && { ca }),
    ALPNProtocols: ['h2', 'http/1.1'],
    // What is wrong with it is told; nothing is sent over this connection.
    rejectUnauthorized: false,
  });
}

function shaken(socket: TLSSocket): Handshake {
  // Published as an `Error`, and set to its code by Node.
  const problem: unknown = socket.authorizationError;
  return {
    kind: 'shaken',
    version: socket.getProtocol() ?? 'TLS',
    alpn: typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : undefined,
    problem: socket.authorized ? undefined : problem instanceof Error ? codeOf(problem) : String(problem),
    certificate: facts(socket.getPeerCertificate()),
  };
}

function facts({ subjectaltname, subject, issuer, valid_from, valid_to }: PeerCertificate): Certificate {
  const names = (subjectaltname ?? '').split(', ').map((name) => name.replace(/^(?:DNS|IP Address):/, ''));
  return {
    names: names.some((name) => name !== '') ? names : [one(subject?.CN)],
    issuer: one(issuer?.CN) || one(issuer?.O),
    fromMs: Date.parse(valid_from),
    untilMs: Date.parse(valid_to),
  };
}

function one(value: string | string[] | undefined): string {
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

function run(
  command: string,
  args: readonly string[],
  { timeoutMs, signal }: Limits,
): Promise<Ran | undefined> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, LC_ALL: 'C' };
    const limits = { env, timeout: timeoutMs, maxBuffer: MAX_OUTPUT_OCTETS, signal };
    execFile(command, [...args], limits, (error, stdout, stderr) => {
      if (signal.aborted) return reject(signal.reason);
      if (codeOf(error) === 'ENOENT') return resolve(undefined);
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1, stdout, stderr });
    });
  });
}

/** Plain files alone: a FIFO or a device has no end. */
async function read(path: string): Promise<string | undefined> {
  try {
    await using file = await open(path, READING);
    const about = await file.stat();
    if (!about.isFile() || about.size > MAX_FILE_OCTETS) return undefined;
    // What the kernel makes up has the size 0, and a log grows: one octet more than may be tells it.
    const octets = await buffer(file.createReadStream({ end: MAX_FILE_OCTETS, autoClose: false }));
    return octets.length > MAX_FILE_OCTETS ? undefined : octets.toString('utf8');
  } catch {
    return undefined;
  }
}
