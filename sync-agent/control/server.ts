import { mkdir, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import * as v from 'valibot';
import { ConfigError } from '../config.ts';
import { controlSocketPath } from './socket-path.ts';

/** What people may order of a running agent. Results go to them as JSON; an error's message does, too. */
export type Controls = {
  readonly status: () => Promise<unknown>;
  /** The names the guard holds back, and why. */
  readonly held: () => Promise<unknown>;
  /** Reads and publishes now. */
  readonly sync: () => Promise<unknown>;
  /** Lets go what the guard holds. */
  readonly release: () => Promise<unknown>;
  /** The next push publishes what is read, guard aside. */
  readonly force: () => Promise<unknown>;
  /** Ends a rollback. */
  readonly unpin: () => Promise<unknown>;
  readonly rollback: (serial: number) => Promise<unknown>;
};

export type ControlServer = {
  readonly path: string;
  /** Ends what is under way and removes the socket. */
  readonly close: () => Promise<void>;
};

const MAX_BODY_OCTETS = 4096;
const MAX_CONNECTIONS = 16;
const PROBE_LIMIT_MS = 2_000;
const OWNER_ONLY_MASK = 0o177;

const rollbackSchema = v.strictObject({
  serial: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffffffff)),
});

/**
 * Listens on `agent.sock` in the data directory, for its owner alone (mode 0600), and so takes the directory for
 * this process. Throws `ConfigError` where another agent has it, or it can't be used. A socket nobody listens on
 * is one that an agent left which was killed: it is replaced.
 */
export async function openControlServer(dataDir: string, controls: Controls): Promise<ControlServer> {
  const path = controlSocketPath(dataDir);
  const server = createServer((request, response) => void answer(controls, request, response));
  server.maxConnections = MAX_CONNECTIONS;
  try {
    await mkdir(dataDir, { recursive: true });
    if (await isListenedOn(path))
      throw new ConfigError(
        `another agent runs with this data directory (${dataDir}): dataDir names another`,
      );
    await rm(path, { force: true });
    await listen(server, path);
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason';
    throw new ConfigError(`the control socket ${path} can not be opened (${code})`, { cause });
  }
  return {
    path,
    // Node removes the socket of a server that closes.
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function listen(server: Server, path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // The socket is made within this call: no moment in which others might connect.
    const mask = process.umask(OWNER_ONLY_MASK);
    try {
      server.listen(path, resolve);
    } finally {
      process.umask(mask);
    }
  });
  server.removeAllListeners('error');
}

/** Does a process answer there? One that hangs counts; a socket without a process refuses. */
async function isListenedOn(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const end = (listened: boolean): void => {
      socket.destroy();
      resolve(listened);
    };
    socket.setTimeout(PROBE_LIMIT_MS, () => end(true));
    socket.once('connect', () => end(true));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') end(false);
      else reject(error);
    });
  });
}

/** A refusal with its HTTP status. */
type Refusal = { readonly status: number; readonly error: string };

async function answer(controls: Controls, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const send = (status: number, body: unknown): void => {
    response
      .writeHead(status, { 'content-type': 'application/json' })
      .end(`${JSON.stringify(body ?? null)}\n`);
  };
  try {
    const handler = handlerFor(controls, `${request.method} ${request.url}`, await bodyOf(request));
    if (typeof handler === 'function') send(200, await handler());
    else send(handler.status, { error: handler.error });
  } catch (error) {
    // This is where errors of orders end: the one who gave the order is told.
    send(500, { error: error instanceof Error ? error.message : String(error) });
  }
}

function handlerFor(controls: Controls, order: string, body: unknown): (() => Promise<unknown>) | Refusal {
  switch (order) {
    case 'GET /status':
      return controls.status;
    case 'GET /held':
      return controls.held;
    case 'POST /sync':
      return controls.sync;
    case 'POST /release':
      return controls.release;
    case 'POST /force':
      return controls.force;
    case 'POST /unpin':
      return controls.unpin;
    case 'POST /rollback': {
      const parsed = v.safeParse(rollbackSchema, body);
      if (parsed.success) return () => controls.rollback(parsed.output.serial);
      return { status: 400, error: 'rollback wants {"serial": N}, N a serial from history' };
    }
    default:
      return { status: 404, error: `no such order: ${order}` };
  }
}

/** The request's JSON; undefined where there is none, or it is no JSON or too long. */
async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let octets = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue;
    octets += chunk.length;
    if (octets > MAX_BODY_OCTETS) return undefined;
    chunks.push(chunk);
  }
  try {
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString());
    return body;
  } catch {
    return undefined;
  }
}
