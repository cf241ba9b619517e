import { randomUUID } from 'node:crypto';
import * as v from 'valibot';
import type { Http } from '../http.ts';
import type { Backoff, Sleep } from '../retry.ts';
import { BatchResult, type Call, createKvApi, readAnswer, readPage, readValue } from './cloudflare-kv-api.ts';
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
  /** Unix milliseconds. */
  readonly now?: () => number;
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
  const { ask, clockOffsetMs } = createKvApi({ ...options, name, base });
  const checkKeys = (keys: readonly string[]): void => {
    const refused = keys.find((key) => !isKey(key));
    if (refused === undefined) return;
    throw new SinkError(`${name}: KV takes no key ${JSON.stringify(refused)}`, { outcome: 'refused' });
  };
  const getMetadata = (key: string, signal: AbortSignal): Promise<unknown> =>
    ask(`read the metadata of ${key}`, signal, async (send) => {
      const response = await send({ path: `/metadata/${encodeURIComponent(key)}` });
      if (response.status !== 404) return (await readAnswer(response, v.unknown())).result;
      // The local API lacks that route, but lists for nothing; a key is first of those it is a prefix of.
      await response.discard();
      const page = await readPage(await send(listPage(key, { limit: '10' })));
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

  /** All batches, one after the other: one that is refused behind one that was not leaves the whole in part. */
  const askForBatches = async <T>(
    batches: Iterable<readonly T[]>,
    signal: AbortSignal,
    how: BatchCall<T>,
  ): Promise<void> => {
    let isFirst = true;
    for (const batch of batches) {
      try {
        await askForAll(batch, signal, how);
      } catch (error) {
        if (isFirst || !(error instanceof SinkError)) throw error;
        throw new SinkError(error.message, { outcome: 'unknown', cause: error.cause });
      }
      isFirst = false;
    }
  };

  return {
    name,
    clockOffsetMs,
    get: async (key, signal) => {
      checkKeys([key]);
      const value = await ask(`read ${key}`, signal, async (send) => readValue(await send(getOne(key))));
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
      await askForBatches(batchesOf(pairs, limits), signal, { act: 'write', keyOf: ({ key }) => key, call });
    },
    list: async (prefix, signal) => {
      const names: string[] = [];
      let cursor = '';
      do {
        const call = listPage(prefix, { limit: String(PAGE_KEYS), ...(cursor && { cursor }) });
        const page = await ask(`list ${prefix}`, signal, async (send) => readPage(await send(call)));
        for (const key of page.keys) names.push(key.name);
        cursor = page.cursor;
      } while (cursor !== '');
      return names;
    },
    remove: async (keys, signal) => {
      checkKeys(keys);
      const batches = Array.from({ length: Math.ceil(keys.length / limits.bulkPairs) }, (_, i) =>
        keys.slice(i * limits.bulkPairs, (i + 1) * limits.bulkPairs),
      );
      await askForBatches(batches, signal, { act: 'remove', keyOf: (key) => key, call: deleteBulk });
    },
  };
}

type BatchCall<T> = {
  readonly act: string;
  readonly keyOf: (part: T) => string;
  readonly call: (left: readonly T[]) => Call;
};

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

function getOne(key: string): Call {
  return { path: valuePath(key), maxOctets: MAX_VALUE_OCTETS };
}

function listPage(prefix: string, page: Readonly<Record<string, string>>): Call {
  return { path: `/keys?${new URLSearchParams({ prefix, ...page })}` };
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
  return {
    method: 'POST',
    path: '/bulk/delete',
    headers: JSON_HEADERS,
    body: JSON.stringify(keys),
  };
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

/** Metadata only saves reading the value, so what someone else put there counts as none. */
function parseMetadata(metadata: unknown): Metadata | undefined {
  const parsed = v.safeParse(v.record(v.string(), v.string()), metadata);
  return parsed.success ? parsed.output : undefined;
}
