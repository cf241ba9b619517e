import { Socket } from 'node:net';
import {
  ACL,
  type Client,
  createClient,
  CreateMode,
  Exception,
  Id,
  Permission,
  State,
} from 'node-zookeeper-client';
import type { ZooKeeperUrl } from './zookeeper-url.ts';

/**
 * One session, from its first connection to its end; it finds its way to another server by itself while it
 * lasts. Every call takes at most a third of the session's timeout and then throws `ZooKeeperError`; reads
 * are sent again after a lost connection until then, writes are not. Paths are absolute.
 */
export type ZooKeeper = {
  readonly name: string;
  /**
   * Aborts when the session is over: closed, expired, or not heard of for so long that the server may have
   * let it expire. What it held is gone then, and a new session is needed.
   */
  readonly over: AbortSignal;
  /** Milliseconds until `over` at the earliest, counted from the last request that was answered. */
  readonly leftMs: () => number;
  /** What the server gives a session, which may be less or more than was asked for. */
  readonly timeoutMs: () => number;
  /** Makes a path and all above it; those that exist are left as they are. */
  readonly makePath: (path: string, signal: AbortSignal) => Promise<void>;
  /** Makes a node that ends with the session. Gives its path: `path` and ten digits, rising. */
  readonly createEphemeralSequential: (
    path: string,
    data: Uint8Array,
    signal: AbortSignal,
  ) => Promise<string>;
  /**
   * The names of a node's children; none where there is no such node. `onChange` is called once, later; the
   * same function given again for the same path counts once.
   */
  readonly children: (path: string, signal: AbortSignal, onChange?: () => void) => Promise<string[]>;
  /** Undefined where there is no such node. `onChange` as above: when it changes, comes or goes. */
  readonly stat: (path: string, signal: AbortSignal, onChange?: () => void) => Promise<NodeStat | undefined>;
  /** Undefined where there is no such node. `onChange` as above, but for a node that is not there. */
  readonly read: (
    path: string,
    signal: AbortSignal,
    onChange?: () => void,
  ) => Promise<Uint8Array | undefined>;
  /** Removes a node without children; one that is not there is no error. */
  readonly remove: (path: string, signal: AbortSignal) => Promise<void>;
  /** Ends the session on the server, where that is in reach, and closes the connection. Never throws. */
  readonly close: () => Promise<void>;
};

export type NodeStat = {
  /** The transaction that made the node: rises through the life of an ensemble. */
  readonly czxid: bigint;
};

export type ZooKeeperOptions = {
  /** Asked for; the server may give more or less. */
  readonly sessionTimeoutMs: number;
  /** Milliseconds of a clock that only goes forward. */
  readonly monotonicMs: () => number;
};

/** A session or a call that failed. The message names the servers, what was asked, and what to do. */
export class ZooKeeperError extends Error {
  override readonly name = 'ZooKeeperError';
  /** The node's rights (ACL) are against it. */
  readonly isForbidden: boolean;

  constructor(message: string, { isForbidden = false, ...options }: ErrorOptions & Forbidden = {}) {
    super(message, options);
    this.isForbidden = isForbidden;
  }
}

type Forbidden = { readonly isForbidden?: boolean };

/** What the two clocks may differ over one session timeout, and what ending a term may take. */
const MARGIN = 0.1;
/** Of the session's timeout: how often it is made sure of, and how long one call may take. */
const HEARTBEAT = 1 / 6;
const CALL = 1 / 3;
const RECONNECT_SPIN_MS = 200;
const CLOSE_LIMIT_MS = 1_000;
/** As Mesos makes its nodes: with credentials all may read and their owner do everything. */
const OPEN_ACL = [new ACL(Permission.ALL, new Id('world', 'anyone'))];
const CREATOR_ACL = [
  new ACL(Permission.ALL, new Id('auth', '')),
  new ACL(Permission.READ, new Id('world', 'anyone')),
];

/** Opens a session. Throws `ZooKeeperError` when no server answers within the session timeout. */
export async function openZooKeeper(
  { servers, credentials, name }: ZooKeeperUrl,
  { sessionTimeoutMs, monotonicMs }: ZooKeeperOptions,
  signal: AbortSignal,
): Promise<ZooKeeper> {
  signal.throwIfAborted();
  const client = createClient(servers, {
    sessionTimeout: sessionTimeoutMs,
    spinDelay: RECONNECT_SPIN_MS,
    retries: 0,
  });
  const over = new AbortController();
  let connected = false;
  let timeoutMs = sessionTimeoutMs;
  let contactMs = monotonicMs();
  let endTimer: NodeJS.Timeout | undefined;
  let heartbeatTimer: NodeJS.Timeout | undefined;
  let closed: Promise<void> | undefined;
  /** Woken at each change of the connection, and at the end. */
  const changes = new EventTarget();

  const failed = (what: string, reason: string, options: ErrorOptions & Forbidden = {}): ZooKeeperError =>
    new ZooKeeperError(`${name}: ${what}: ${reason}`, options);
  const leftMs = (): number =>
    over.signal.aborted ? 0 : contactMs + timeoutMs * (1 - MARGIN) - monotonicMs();
  const end = (reason: string): void => {
    if (over.signal.aborted) return;
    clearTimeout(endTimer);
    clearTimeout(heartbeatTimer);
    over.abort(failed('session', reason));
    changes.dispatchEvent(new Event('change'));
    // A client left alone would go on with the session, and so hold what nobody uses.
    closed ??= shut(client);
  };
  const heardAt = (sentMs: number): void => {
    contactMs = Math.max(contactMs, sentMs);
    clearTimeout(endTimer);
    if (!over.signal.aborted)
      endTimer = setTimeout(() => end('no server was heard of for its whole timeout'), Math.max(0, leftMs()));
  };

  client.on('connected', () => {
    timeoutMs = client.getSessionTimeout();
    connected = true;
    changes.dispatchEvent(new Event('change'));
  });
  client.on('disconnected', () => {
    connected = false;
    changes.dispatchEvent(new Event('change'));
  });
  client.on('expired', () => end('has expired'));
  client.on('authenticationFailed', () => end('the credentials were refused'));

  /**
   * One request. Sent only while connected: the client would queue it silently, ahead of its credentials; and
   * after EXPIRED it calls nobody back. A request without an answer drops the connection, which else might
   * hang for ever.
   */
  const call = async <T>(
    what: string,
    start: (done: (error: Error | Exception | null, value: T) => void) => void,
    { signal: stop, again, limitMs }: { signal: AbortSignal; again: boolean; limitMs?: number },
  ): Promise<Reply<T>> => {
    const deadline = monotonicMs() + (limitMs ?? timeoutMs * CALL);
    for (;;) {
      await until(() => connected || over.signal.aborted, {
        changes,
        signal: stop,
        ms: deadline - monotonicMs(),
      });
      if (over.signal.aborted) throw over.signal.reason;
      if (!connected) throw failed(what, 'no server can be reached');
      const sentMs = monotonicMs();
      const reply = await answered<T>(start, { signal: stop, over: over.signal, ms: deadline - sentMs });
      if (over.signal.aborted) throw over.signal.reason;
      if (reply === undefined) {
        socketOf(client)?.destroy();
        throw failed(what, 'no answer in time');
      }
      if (reply.code !== Exception.CONNECTION_LOSS) {
        heardAt(sentMs);
        if (reply.code === Exception.NO_AUTH)
          throw failed(
            what,
            credentials === undefined
              ? 'not allowed without credentials'
              : 'not allowed with these credentials',
            { isForbidden: true },
          );
        return reply;
      }
      if (!again || monotonicMs() >= deadline) throw failed(what, 'the connection was lost');
    }
  };
  const value = <T>(what: string, reply: Reply<T>): T => {
    if (reply.code === Exception.OK) return reply.value;
    throw failed(what, `the server answered ${reply.error}`, { cause: reply.error });
  };
  const acl = credentials === undefined ? OPEN_ACL : CREATOR_ACL;
  const stat: ZooKeeper['stat'] = async (path, stop, onChange) => {
    const reply = await call<{ czxid: Buffer } | null>(
      `stat ${path}`,
      (done) => (onChange ? client.exists(path, onChange, done) : client.exists(path, done)),
      { signal: stop, again: true },
    );
    const found = reply.code === Exception.NO_NODE ? undefined : value(`stat ${path}`, reply);
    return found ? { czxid: found.czxid.readBigUInt64BE() } : undefined;
  };
  const heartbeat = (): void => {
    heartbeatTimer = setTimeout(() => {
      // What fails here is known by `over`, once nothing was heard for long enough.
      void stat('/', over.signal)
        .catch(() => undefined)
        .finally(() => {
          if (!over.signal.aborted) heartbeat();
        });
    }, timeoutMs * HEARTBEAT);
  };

  if (credentials !== undefined) client.addAuthInfo('digest', Buffer.from(credentials));
  client.connect();
  try {
    await call('connect', (done) => client.exists('/', done), {
      signal,
      again: true,
      limitMs: sessionTimeoutMs,
    });
  } catch (error) {
    end('could not be opened');
    await closed;
    throw error;
  }
  heartbeat();

  return {
    name,
    over: over.signal,
    leftMs,
    timeoutMs: () => timeoutMs,
    stat,
    makePath: async (path, stop) => {
      const steps = path.split('/').filter((step) => step !== '');
      for (let depth = 1; depth <= steps.length; depth++) {
        const step = `/${steps.slice(0, depth).join('/')}`;
        if (await stat(step, stop)) continue;
        const reply = await call<string>(`make ${step}`, (done) => client.create(step, acl, done), {
          signal: stop,
          again: true,
        });
        if (reply.code !== Exception.NODE_EXISTS) value(`make ${step}`, reply);
      }
    },
    createEphemeralSequential: async (path, data, stop) =>
      value(
        `create ${path}`,
        await call<string>(
          `create ${path}`,
          (done) => client.create(path, Buffer.from(data), acl, CreateMode.EPHEMERAL_SEQUENTIAL, done),
          { signal: stop, again: false },
        ),
      ),
    children: async (path, stop, onChange) => {
      const reply = await call<string[]>(
        `list ${path}`,
        (done) => (onChange ? client.getChildren(path, onChange, done) : client.getChildren(path, done)),
        { signal: stop, again: true },
      );
      return reply.code === Exception.NO_NODE ? [] : value(`list ${path}`, reply);
    },
    read: async (path, stop, onChange) => {
      const reply = await call<Buffer | undefined>(
        `read ${path}`,
        (done) => (onChange ? client.getData(path, onChange, done) : client.getData(path, done)),
        { signal: stop, again: true },
      );
      if (reply.code === Exception.NO_NODE) return undefined;
      return new Uint8Array(value(`read ${path}`, reply) ?? []);
    },
    remove: async (path, stop) => {
      const reply = await call<void>(
        `remove ${path}`,
        (done) => client.remove(path, (error) => done(error)),
        {
          signal: stop,
          again: true,
        },
      );
      if (reply.code !== Exception.NO_NODE) value(`remove ${path}`, reply);
    },
    close: async () => {
      end('was closed');
      await closed;
    },
  };
}

/** What a server said: `code` is one of `Exception`'s, `value` only there with `OK`. */
type Reply<T> = { readonly code: number; readonly error: unknown; readonly value: T };

/** Undefined when nothing came back in time, or the session ended. Throws the signal's reason. */
async function answered<T>(
  start: (done: (error: Error | Exception | null, value: T) => void) => void,
  { signal, over, ms }: { signal: AbortSignal; over: AbortSignal; ms: number },
): Promise<Reply<T> | undefined> {
  signal.throwIfAborted();
  let cleanUp = (): void => undefined;
  try {
    return await new Promise<Reply<T> | undefined>((resolve, reject) => {
      const stop = (): void => reject(signal.reason);
      const giveUp = (): void => resolve(undefined);
      const timer = setTimeout(giveUp, Math.max(0, ms));
      signal.addEventListener('abort', stop);
      over.addEventListener('abort', giveUp);
      cleanUp = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', stop);
        over.removeEventListener('abort', giveUp);
      };
      start((error, value) => {
        const code = error instanceof Exception ? error.getCode() : Exception.SYSTEM_ERROR;
        resolve({ code: error ? code : Exception.OK, error: error ?? undefined, value });
      });
    });
  } finally {
    cleanUp();
  }
}

/** Resolves when `holds`, or when the time is up; throws the signal's reason. */
async function until(
  holds: () => boolean,
  { changes, signal, ms }: { changes: EventTarget; signal: AbortSignal; ms: number },
): Promise<void> {
  signal.throwIfAborted();
  if (holds()) return;
  let cleanUp = (): void => undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const stop = (): void => reject(signal.reason);
      const look = (): void => {
        if (holds()) resolve();
      };
      const timer = setTimeout(resolve, Math.max(0, ms));
      signal.addEventListener('abort', stop);
      changes.addEventListener('change', look);
      cleanUp = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', stop);
        changes.removeEventListener('change', look);
      };
    });
  } finally {
    cleanUp();
  }
}

/** Ends a client for good: politely, so that the server frees what it held at once, then by force. */
async function shut(client: Client): Promise<void> {
  // Before its first socket is there, `close` throws.
  await new Promise((resolve) => setImmediate(resolve));
  const socket = socketOf(client);
  const hasSession = client.getState() === State.SYNC_CONNECTED;
  const ended = new Promise<void>((resolve) => {
    if (!socket || socket.destroyed) resolve();
    else socket.once('close', () => resolve());
  });
  try {
    client.close();
  } catch {
    // Not connected yet: there is nothing to tell the server.
  }
  // An error too, without which the client goes on waiting for a connection and holds the process.
  const drop = (): void => void socketOf(client)?.destroy(new Error('closed'));
  if (!hasSession) drop();
  const timer = setTimeout(drop, CLOSE_LIMIT_MS);
  await ended;
  clearTimeout(timer);
  drop();
  // One it was about to open in its place.
  setTimeout(drop, CLOSE_LIMIT_MS).unref();
}

/** The client has no call to drop a connection that hangs; its socket is found where it keeps it. */
function socketOf(client: Client): Socket | undefined {
  const manager: unknown = Reflect.get(client, 'connectionManager');
  const socket: unknown =
    typeof manager === 'object' && manager !== null ? Reflect.get(manager, 'socket') : undefined;
  return socket instanceof Socket ? socket : undefined;
}
