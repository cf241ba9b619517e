import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { FormatError } from '../../zone/format-error.ts';
import type { Sleep } from '../retry.ts';
import { type AuroraTask, readWebhook } from './aurora-tasks.ts';

/** Where Aurora's scheduler posts each change of a task's state (its `-webhook_config`). */
export type AuroraWebhook = {
  /** Listens until the signal aborts. Never throws: an address that can't be had is tried again, and told of. */
  readonly run: (signal: AbortSignal) => Promise<void>;
  /** Calls `onNotice` for each; without a task where it can't be read. Gives what ends that. */
  readonly listen: (onNotice: (task: AuroraTask | undefined) => void) => () => void;
  readonly counts: () => { readonly taken: number; readonly refused: number };
  /** `http://host:port/path` with the port it has got; undefined while it does not listen. */
  readonly url: () => string | undefined;
};

export type WebhookOptions = {
  /** An address. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly path: string;
  /** The header that has to hold the secret, in lower case. */
  readonly header: string;
  readonly secret: string;
  readonly sleep: Sleep;
  /** 5 seconds where it is left out. */
  readonly requestLimitMs?: number;
  /** Told when the address can't be listened on, and when it can. */
  readonly onProblem?: (problem: string | undefined) => void;
};

/** Executor configurations are in it. */
const MAX_OCTETS = 4 * 1024 * 1024;
const MAX_CONNECTIONS = 64;
/** From its first octet to its last: what is slower keeps others from connecting. */
const REQUEST_LIMIT_MS = 5_000;
const KEEP_ALIVE_MS = 10_000;
const LISTEN_AGAIN_MS = 10_000;

/** A server for the notices of whoever knows the secret. It answers before it looks at what they say. */
export function createAuroraWebhook(options: WebhookOptions): AuroraWebhook {
  const { host, port, path, sleep, requestLimitMs = REQUEST_LIMIT_MS } = options;
  const listeners = new Set<(task: AuroraTask | undefined) => void>();
  let taken = 0;
  let refused = 0;
  let url: string | undefined;

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const status = statusFor(request, options);
    const body = status === 204 ? await readBody(request) : undefined;
    const isTaken = status === 204 && body !== undefined;
    if (!isTaken) refused++;
    response.writeHead(isTaken ? 204 : status === 204 ? 413 : status, {
      connection: isTaken ? 'keep-alive' : 'close',
    });
    response.end();
    if (!isTaken) return;
    taken++;
    const task = readNotice(body);
    for (const listener of listeners) listener(task);
  };

  return {
    counts: () => ({ taken, refused }),
    url: () => url,
    listen: (onNotice) => {
      const own = (task: AuroraTask | undefined): void => onNotice(task);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    run: async (signal) => {
      let isTold = false;
      while (!signal.aborted) {
        const server = createServer(
          {
            headersTimeout: requestLimitMs,
            requestTimeout: requestLimitMs,
            // Node looks every 30 s by itself, whatever the limits are.
            connectionsCheckingInterval: requestLimitMs / 5,
            keepAliveTimeout: KEEP_ALIVE_MS,
          },
          (request, response) => void answer(request, response).catch(() => response.destroy()),
        );
        server.maxConnections = MAX_CONNECTIONS;
        const ended = new Promise<Error | undefined>((resolve) => {
          server.once('error', resolve).once('close', () => resolve(undefined));
        });
        const stop = (): void => {
          server.close();
          server.closeAllConnections();
        };
        signal.addEventListener('abort', stop, { once: true });
        server.listen({ host, port }, () => {
          if (signal.aborted) return stop();
          const address = server.address();
          const actual = typeof address === 'object' && address ? address.port : port;
          url = `http://${host.includes(':') ? `[${host}]` : host}:${actual}${path}`;
          if (isTold) options.onProblem?.(undefined);
          isTold = false;
        });
        const error = await ended;
        url = undefined;
        signal.removeEventListener('abort', stop);
        stop();
        if (signal.aborted) return;
        if (error) isTold = true;
        if (error) options.onProblem?.(`the webhook can not listen on ${host}:${port}: ${error.message}`);
        await sleep(LISTEN_AGAIN_MS, signal).catch(() => undefined);
      }
    },
  };
}

/** 204 where the request is as it should be, before its body. */
function statusFor(
  { method, url = '', headers }: IncomingMessage,
  { path, header, secret }: WebhookOptions,
): number {
  if (url.split('?', 1)[0] !== path) return 404;
  const given = headers[header];
  if (typeof given !== 'string' || !sameText(given, secret)) return 403;
  return method === 'POST' ? 204 : 405;
}

/** In a time that tells nothing of where they differ. */
function sameText(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/** Undefined where it is too long. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let octets = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    octets += chunk.length;
    if (octets > MAX_OCTETS) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function readNotice(body: string): AuroraTask | undefined {
  try {
    return readWebhook(JSON.parse(body));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof FormatError) return undefined;
    throw error;
  }
}
