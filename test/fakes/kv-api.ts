import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import * as v from 'valibot';

/** Cloudflare's KV REST API on loopback, as far as a sink uses it, for one account, token and namespace. */
export type KvApi = {
  /** Up to and with the account, as the real one's. */
  readonly url: string;
  readonly namespace: string;
  readonly token: string;
  /** May read, not write. */
  readonly readOnlyToken: string;
  readonly stored: Map<string, Stored>;
  /** Every request so far, refused ones included. */
  readonly requests: Recorded[];
  /** Each is met by one request, in this order; those without a fault left are served. */
  readonly faults: Fault[];
  /** The `Date` of replies is so far from this machine's clock; undefined for replies without. */
  clockOffsetMs: number | undefined;
  readonly close: () => Promise<void>;
};

type Stored = { readonly value: Uint8Array; readonly metadata: unknown };

/** `path` is what follows the namespace, query included. */
type Recorded = { readonly method: string; readonly path: string; readonly octets: number };

export type Fault =
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: string; readonly body?: string }
  /** The connection breaks, before or after the request took effect. */
  | { readonly kind: 'reset'; readonly applied: boolean }
  /** The request takes effect when this settles, whether its client still waits or not. */
  | { readonly kind: 'late'; readonly until: Promise<void> }
  /** A bulk request leaves these keys undone, and says so in its 200. */
  | { readonly kind: 'partial'; readonly keys: readonly string[] }
  | { readonly kind: 'slow'; readonly delayMs: number };

export type KvApiOptions = {
  /** Refuses a second write to one key within a second, seen on this clock; undefined for no such limit. */
  readonly now?: () => number;
  /** As Miniflare's local explorer: no authentication, no metadata route, any namespace. */
  readonly local?: boolean;
};

type Reply = { readonly status: number; readonly body: unknown; readonly headers?: Record<string, string> };

const TAIL = /^\/client\/v4\/accounts\/account\/storage\/kv\/namespaces\/([^/]+)(\/.*)$/;
const MAX_BULK_PAIRS = 10_000;
const MAX_BULK_OCTETS = 100_000_000;
const MAX_VALUE_OCTETS = 25 * 1024 * 1024;

const Bulk = v.pipe(
  v.string(),
  v.parseJson(),
  v.array(
    v.object({
      key: v.string(),
      value: v.string(),
      base64: v.optional(v.boolean(), false),
      metadata: v.optional(v.unknown()),
    }),
  ),
);
const Keys = v.pipe(v.string(), v.parseJson(), v.array(v.string()));

/** Starts one on a free port. */
export async function startKvApi({ now, local = false }: KvApiOptions = {}): Promise<KvApi> {
  const stored = new Map<string, Stored>();
  const requests: Recorded[] = [];
  const faults: Fault[] = [];
  const token = 'kv-token-for-tests';
  const readOnlyToken = 'kv-token-that-only-reads';
  const namespace = '0f2ac74b498b48028cb68387c421e279';
  const writtenAtMs = new Map<string, number>();

  const tooSoon = (key: string): boolean => {
    if (!now) return false;
    const elapsedMs = now() - (writtenAtMs.get(key) ?? Number.NEGATIVE_INFINITY);
    if (elapsedMs >= 1000) writtenAtMs.set(key, now());
    return elapsedMs < 1000;
  };
  const answer = async (
    method: string,
    path: string,
    request: { body: Buffer; type: string; undone: Set<string> },
  ): Promise<Reply> => {
    const [route = '', query = ''] = path.split('?', 2);
    const key = decodeURIComponent(route.replace(/^\/(values|metadata)\//, ''));
    const json = request.body.toString();
    if (Buffer.byteLength(key) > 512) return refuse(414, 10000, 'key too long');
    if (route.startsWith('/values/') && method === 'GET') {
      const found = stored.get(key);
      return found ? { status: 200, body: found.value } : refuse(404, 10009, "get: 'key not found'");
    }
    if (route.startsWith('/values/') && method === 'PUT') {
      const form = await new Response(new Uint8Array(request.body), {
        headers: { 'content-type': request.type },
      }).formData();
      const file = form.get('value');
      const metadata = form.get('metadata');
      if (!(file instanceof File)) return refuse(400, 10000, 'no value');
      if (file.size > MAX_VALUE_OCTETS) return refuse(413, 10000, 'value too large');
      if (tooSoon(key)) return refuse(429, 10048, 'too many writes to one key');
      const value = new Uint8Array(await file.arrayBuffer());
      stored.set(key, { value, metadata: typeof metadata === 'string' ? JSON.parse(metadata) : undefined });
      return succeed({});
    }
    if (route.startsWith('/metadata/') && method === 'GET' && !local) {
      const found = stored.get(key);
      return found ? succeed(found.metadata ?? null) : refuse(404, 10009, "get: 'key not found'");
    }
    if (route === '/bulk' && method === 'PUT') {
      const pairs = v.parse(Bulk, json);
      if (pairs.length > MAX_BULK_PAIRS || json.length > MAX_BULK_OCTETS)
        return refuse(413, 10000, 'too much');
      const done = pairs.filter((pair) => !request.undone.has(pair.key) && !tooSoon(pair.key));
      for (const pair of done) {
        const value = new Uint8Array(Buffer.from(pair.value, pair.base64 ? 'base64' : 'utf8'));
        stored.set(pair.key, { value, metadata: pair.metadata });
      }
      return bulkResult(
        pairs.map((pair) => pair.key),
        done.map((pair) => pair.key),
      );
    }
    if (route === '/bulk/delete' && method === 'POST') {
      const keys = v.parse(Keys, json);
      if (keys.length > MAX_BULK_PAIRS) return refuse(413, 10000, 'too much');
      const done = keys.filter((name) => !request.undone.has(name));
      for (const name of done) stored.delete(name);
      return bulkResult(keys, done);
    }
    if (route === '/keys' && method === 'GET') return list(stored, new URLSearchParams(query));
    return { status: 404, body: '404 Not Found' };
  };
  const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await buffer(incoming);
    const { method = '', url = '', headers } = incoming;
    const [, asked, path = url] = TAIL.exec(url) ?? [];
    requests.push({ method, path, octets: body.length });
    const fault = faults.shift();
    if (fault?.kind === 'slow') await delay(fault.delayMs, undefined, { ref: false });
    if (fault?.kind === 'late') await fault.until;
    if (fault?.kind === 'reset' && !fault.applied) return void incoming.socket.destroy();
    if (fault?.kind === 'status') {
      const retryAfter = fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter };
      return reply(response, { status: fault.status, body: fault.body ?? '', headers: retryAfter });
    }
    const bearer = headers.authorization;
    if (!local && bearer !== `Bearer ${token}` && bearer !== `Bearer ${readOnlyToken}`)
      return reply(response, refuse(401, 10000, 'Authentication error'));
    if (!local && bearer !== `Bearer ${token}` && method !== 'GET')
      return reply(response, refuse(403, 10000, 'Authentication error'));
    if (!local && asked !== namespace) return reply(response, refuse(404, 10013, 'namespace not found'));
    const undone = new Set(fault?.kind === 'partial' ? fault.keys : []);
    const answered = await answer(method, path, { body, type: headers['content-type'] ?? '', undone });
    if (fault?.kind === 'reset') return void incoming.socket.destroy();
    reply(response, answered);
  };

  const server = createServer((incoming, response) => {
    response.sendDate = false;
    if (api.clockOffsetMs !== undefined)
      response.setHeader('date', new Date(Date.now() + api.clockOffsetMs).toUTCString());
    serve(incoming, response).catch((error: unknown) => reply(response, refuse(500, 10001, String(error))));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const api: KvApi = {
    url: `http://127.0.0.1:${port}/client/v4/accounts/account`,
    namespace,
    token,
    readOnlyToken,
    stored,
    requests,
    faults,
    clockOffsetMs: 0,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return api;
}

/** A page in the order of the names' octets, from behind the one the cursor stands for. */
function list(stored: ReadonlyMap<string, Stored>, query: URLSearchParams): Reply {
  const limit = Number(query.get('limit') ?? 1000);
  if (!(limit >= 10 && limit <= 1000)) return refuse(400, 10029, 'limit out of range');
  const after = Buffer.from(query.get('cursor') ?? '', 'base64url');
  const names = [...stored.keys()]
    .filter((name) => name.startsWith(query.get('prefix') ?? ''))
    .toSorted((a, b) => Buffer.from(a).compare(Buffer.from(b)))
    .filter((name) => Buffer.from(name).compare(after) > 0);
  const page = names.slice(0, limit);
  const cursor = names.length > limit ? Buffer.from(page.at(-1) ?? '').toString('base64url') : '';
  const result = page.map((name) => ({ name, metadata: stored.get(name)?.metadata }));
  return { status: 200, body: { ...envelope(result), result_info: { count: page.length, cursor } } };
}

function bulkResult(asked: readonly string[], done: readonly string[]): Reply {
  const doneKeys = new Set(done);
  const unsuccessful = asked.filter((key) => !doneKeys.has(key));
  return succeed({ successful_key_count: done.length, unsuccessful_keys: unsuccessful });
}

function succeed(result: unknown): Reply {
  return { status: 200, body: envelope(result) };
}

function envelope(result: unknown): object {
  return { success: true, errors: [], messages: [], result };
}

function refuse(status: number, code: number, message: string): Reply {
  return { status, body: { success: false, errors: [{ code, message }], messages: [], result: null } };
}

/** Octets and text go out as they are, anything else as JSON. */
function reply(response: ServerResponse, { status, body, headers = {} }: Reply): void {
  const raw = body instanceof Uint8Array || typeof body === 'string';
  const type = raw ? 'application/octet-stream' : 'application/json';
  response.writeHead(status, { 'content-type': type, ...headers }).end(raw ? body : JSON.stringify(body));
}
