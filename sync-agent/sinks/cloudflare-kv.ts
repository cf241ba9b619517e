import { randomUUID } from 'node:crypto';
import * as v from 'valibot';
import { type Http, HttpError, type HttpRequest, type HttpResponse } from '../http.ts';
import { type Backoff, retry, type RetryHint, type Sleep } from '../retry.ts';
import { type Metadata, type Pair, type Sink, SinkError } from './sink.ts';

export type CloudflareKvOptions = {
  /**
   * The API up to and with the account: `https://api.cloudflare.com/client/v4/accounts/ACCOUNT`, or locally
   * `http://127.0.0.1:8787/cdn-cgi/local/explorer/api`.
   */
  readonly url: string;
  readonly namespace: string;
  /** Needs the scope Workers KV Storage Write. The local API asks for none. */
  readonly token?: string | undefined;
  readonly http: Http;
  /** For each request but bulk writes. */
  readonly timeoutMs?: number;
  /** For a bulk write: 50 MB at 4 Mbit/s. */
  readonly bulkTimeoutMs?: number;
  readonly limits?: Partial<KvLimits>;
  readonly backoff?: Partial<Backoff>;
  readonly sleep?: Sleep | undefined;
  readonly random?: () => number;
};

/** How much goes into one request. */
type KvLimits = {
  /** Of JSON. The API's limit is 100 MB. */
  readonly bulkOctets: number;
  /** The API's limit, for writes and for deletes. */
  readonly bulkPairs: number;
};

const DEFAULT_LIMITS: KvLimits = { bulkOctets: 50_000_000, bulkPairs: 10_000 };
const MAX_KEY_OCTETS = 512;
const MAX_VALUE_OCTETS = 25 * 1024 * 1024;
/** Keys a page of a listing; the API allows 10 to 1,000. */
const PAGE_KEYS = 1000;
const CODE_KEY_NOT_FOUND = 10009;

/**
 * Workers KV through Cloudflare's REST API. One pair goes by a multipart PUT, several by bulk PUT, in as many
 * requests as their size asks for. 429, 5xx and broken connections are tried again: the same PUT twice is the
 * same as once. After a refusal the message tells the API's code and words.
 *
 * Metadata costs `get` a second request, to the metadata route: it is billed as a read like the value's, of
 * which the free plan has 100,000 a day, where a listing, which tells metadata too, is one of 1,000.
 */
export function createCloudflareKvSink(options: CloudflareKvOptions): Sink {
  const { bulkTimeoutMs = 120_000 } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const { name, base } = locate(options);
  const ask = createAsk(options, { name, base });
  const checkKeys = (keys: readonly string[]): void => {
    const refused = keys.find((key) => !isKey(key));
    if (refused !== undefined) throw new SinkError(`${name}: KV takes no key ${JSON.stringify(refused)}`);
  };
  const getMetadata = (key: string, signal: AbortSignal): Promise<unknown> =>
    ask(`read the metadata of ${key}`, signal, async (send) => {
      const response = await send({ path: `/metadata/${encodeURIComponent(key)}` });
      if (response.status !== 404) return (await readAnswer(response, v.unknown())).result;
      // The local API lacks that route, but lists for nothing; a key is first of those it is a prefix of.
      await response.discard();
      const page = await readPage(await send({ path: pagePath(key, { limit: '10' }) }));
      return page.keys.find((listed) => listed.name === key)?.metadata;
    });
  /** Sends a batch, then what the API left undone of it, until nothing is. */
  const askForAll = <T>(
    batch: readonly T[],
    signal: AbortSignal,
    { act, keyOf, call }: BatchCall<T>,
  ): Promise<void> => {
    let left = batch;
    return ask(`${act} ${batch.length} keys`, signal, async (send) => {
      const response = await send(call(left));
      const { result } = await readAnswer(response, BatchResult);
      const undone = new Set(result?.unsuccessful_keys);
      if (undone.size === 0) return;
      const again = left.filter((part) => undone.has(keyOf(part)));
      if (again.length > 0) left = again;
      throw response.error(`${undone.size} of its keys not done`, { transient: true });
    });
  };

  return {
    name,
    get: async (key, signal) => {
      checkKeys([key]);
      const value = await ask(`read ${key}`, signal, async (send) =>
        readValue(await send({ path: valuePath(key), maxOctets: MAX_VALUE_OCTETS })),
      );
      return value && { value, metadata: parseMetadata(await getMetadata(key, signal)) };
    },
    put: async (pairs, signal) => {
      checkKeys(pairs.map(({ key }) => key));
      const [first] = pairs;
      if (first && pairs.length === 1) {
        await ask(`write ${first.key}`, signal, async (send) =>
          readAnswer(await send(putOne(first)), v.unknown()),
        );
        return;
      }
      const call = (left: readonly Pair[]): Call => ({ ...putBulk(left), timeoutMs: bulkTimeoutMs });
      for (const batch of batchesOf(pairs, limits)) {
        await askForAll(batch, signal, { act: 'write', keyOf: ({ key }) => key, call });
      }
    },
    list: async (prefix, signal) => {
      const names: string[] = [];
      let cursor = '';
      do {
        const path = pagePath(prefix, { limit: String(PAGE_KEYS), ...(cursor && { cursor }) });
        const page = await ask(`list ${prefix}`, signal, async (send) => readPage(await send({ path })));
        for (const key of page.keys) names.push(key.name);
        cursor = page.cursor;
      } while (cursor !== '');
      return names;
    },
    remove: async (keys, signal) => {
      checkKeys(keys);
      for (let start = 0; start < keys.length; start += limits.bulkPairs) {
        const batch = keys.slice(start, start + limits.bulkPairs);
        await askForAll(batch, signal, { act: 'remove', keyOf: (key) => key, call: deleteBulk });
      }
    },
  };
}

type Call = Omit<HttpRequest, 'url' | 'signal'> & { readonly path: string };
type Send = (call: Call) => Promise<HttpResponse>;
/** Runs one or more calls, again where that helps; their failure comes as `SinkError`. */
type Ask = <T>(act: string, signal: AbortSignal, attempt: (send: Send) => Promise<T>) => Promise<T>;
type BatchCall<T> = {
  readonly act: string;
  readonly keyOf: (part: T) => string;
  readonly call: (left: readonly T[]) => Call;
};

function createAsk(options: CloudflareKvOptions, { name, base }: { name: string; base: string }): Ask {
  const { http, token, timeoutMs = 30_000, backoff, sleep, random } = options;
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return async (act, signal, attempt) => {
    const send: Send = ({ path, headers, ...call }) =>
      http.request({
        timeoutMs,
        ...call,
        url: base + path,
        headers: { ...headers, ...authorization },
        signal,
      });
    try {
      return await retry(() => attempt(send), { signal, hint, backoff, sleep, random });
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof HttpError)) throw error;
      throw new SinkError(`${name}: could not ${act}: ${error.message}${advice(error)}`, { cause: error });
    }
  };
}

function hint(error: unknown): RetryHint | undefined {
  return error instanceof HttpError && error.transient
    ? { afterSeconds: error.retryAfterSeconds }
    : undefined;
}

/** What a person can do about it. A token of the wrong form gets 400 with one of two codes. */
function advice({ status, message }: HttpError): string {
  if (status === 401 || status === 403 || /: (6003|6111) /.test(message)) {
    return '; check CLOUDFLARE_API_TOKEN, and that it has the scope "Workers KV Storage Write"';
  }
  return status === 404 ? '; check the namespace and the account in the URL' : '';
}

function locate({ url, namespace }: CloudflareKvOptions): { name: string; base: string } {
  // Not quoted: a URL that can't be parsed may be a secret in the wrong place.
  if (!URL.canParse(url)) throw new SinkError('Cloudflare KV: the API URL cannot be parsed');
  const { origin, host, pathname } = new URL(url);
  return {
    name: `Cloudflare KV namespace ${namespace} at ${host}`,
    base: `${origin}${pathname.replace(/\/+$/, '')}/storage/kv/namespaces/${encodeURIComponent(namespace)}`,
  };
}

/** `.` and `..` would be taken for steps in the path, which percent-encoding does not prevent (WHATWG URL). */
function isKey(key: string): boolean {
  const octets = Buffer.byteLength(key);
  return key !== '.' && key !== '..' && octets > 0 && octets <= MAX_KEY_OCTETS && key.isWellFormed();
}

function valuePath(key: string): string {
  return `/values/${encodeURIComponent(key)}`;
}

function pagePath(prefix: string, page: Readonly<Record<string, string>>): string {
  return `/keys?${new URLSearchParams({ prefix, ...page })}`;
}

/** The file name makes the value a file to every multipart parser: octets, not text. */
function putOne({ key, value, metadata }: Pair): Call {
  const boundary = `mesos-doh-${randomUUID()}`;
  const part = (disposition: string): string =>
    `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n`;
  const body = Buffer.concat([
    Buffer.from(`${part('name="value"; filename="value"')}Content-Type: application/octet-stream\r\n\r\n`),
    value,
    Buffer.from(metadata ? `\r\n${part('name="metadata"')}\r\n${JSON.stringify(metadata)}` : ''),
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
  const headers = { 'content-type': `multipart/form-data; boundary=${boundary}` };
  return { method: 'PUT', path: valuePath(key), headers, body };
}

function putBulk(pairs: readonly Pair[]): Call {
  const body = JSON.stringify(pairs.map((pair) => ({ ...facts(pair), value: toBase64(pair.value) })));
  return { method: 'PUT', path: '/bulk', headers: JSON_HEADERS, body };
}

function deleteBulk(keys: readonly string[]): Call {
  return { method: 'POST', path: '/bulk/delete', headers: JSON_HEADERS, body: JSON.stringify(keys) };
}

const JSON_HEADERS = { 'content-type': 'application/json' };

function facts({ key, metadata }: Pair): { key: string; value: string; base64: true; metadata?: Metadata } {
  return { key, value: '', base64: true, ...(metadata && { metadata }) };
}

function toBase64(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('base64');
}

/** Cut by the size of their JSON, without making it: a batch is encoded when its turn comes. */
function* batchesOf(pairs: readonly Pair[], limits: KvLimits): Generator<readonly Pair[]> {
  let batch: Pair[] = [];
  let octets = 2;
  for (const pair of pairs) {
    const added = Buffer.byteLength(JSON.stringify(facts(pair))) + Math.ceil(pair.value.length / 3) * 4 + 1;
    if (batch.length > 0 && (octets + added > limits.bulkOctets || batch.length === limits.bulkPairs)) {
      yield batch;
      batch = [];
      octets = 2;
    }
    batch.push(pair);
    octets += added;
  }
  if (batch.length > 0) yield batch;
}

const BatchResult = v.object({ unsuccessful_keys: v.nullish(v.array(v.string())) });
const KeyList = v.array(v.object({ name: v.string(), metadata: v.optional(v.unknown()) }));
const ApiErrors = v.array(v.object({ code: v.number(), message: v.string() }));
const Refusal = v.object({ errors: ApiErrors });

type Answer<T> = { readonly result?: T | null | undefined; readonly cursor: string };

/** What the API gave; anything but success, a success in its own words included, is thrown. */
async function readAnswer<T>(
  response: HttpResponse,
  result: v.GenericSchema<unknown, T>,
): Promise<Answer<T>> {
  const body = await response.text();
  const answer = v.safeParse(
    v.pipe(
      v.string(),
      v.parseJson(),
      v.object({
        success: v.literal(true),
        result: v.nullish(result),
        result_info: v.nullish(v.object({ cursor: v.nullish(v.string()) })),
      }),
    ),
    body,
  );
  if (response.status !== 200 || !answer.success) throw refusal(response, body);
  return { result: answer.output.result, cursor: answer.output.result_info?.cursor ?? '' };
}

async function readPage(
  response: HttpResponse,
): Promise<{ keys: v.InferOutput<typeof KeyList>; cursor: string }> {
  const { result, cursor } = await readAnswer(response, KeyList);
  return { keys: result ?? [], cursor };
}

/** A missing key is told by its code: a missing namespace or a wrong URL is a 404 as well. */
async function readValue(response: HttpResponse): Promise<Uint8Array | undefined> {
  if (response.status === 200) return response.bytes();
  const body = await response.text();
  if (response.status === 404 && errorsIn(body).some(({ code }) => code === CODE_KEY_NOT_FOUND))
    return undefined;
  throw refusal(response, body);
}

function refusal(response: HttpResponse, body: string): HttpError {
  const told = errorsIn(body).map(({ code, message }) => `${code} ${message}`);
  return response.error(told.join('; ') || body);
}

function errorsIn(body: string): v.InferOutput<typeof ApiErrors> {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), Refusal), body);
  return parsed.success ? parsed.output.errors : [];
}

/** Metadata only saves reading the value, so what someone else put there counts as none. */
function parseMetadata(metadata: unknown): Metadata | undefined {
  const parsed = v.safeParse(v.record(v.string(), v.string()), metadata);
  return parsed.success ? parsed.output : undefined;
}
