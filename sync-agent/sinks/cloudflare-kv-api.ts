import * as v from 'valibot';
import { type Http, HttpError, type HttpRequest, type HttpResponse } from '../http.ts';
import { type Backoff, retry, type RetryHint, type Sleep } from '../retry.ts';
import { SinkError } from './sink.ts';

/** A request to the API. `path` is what follows the namespace. */
export type Call = Omit<HttpRequest, 'url' | 'signal'> & { readonly path: string };
export type Send = (call: Call) => Promise<HttpResponse>;

export type KvApi = {
  /** Runs one or more calls, again where that helps; their failure comes as `SinkError`. */
  readonly ask: <T>(act: string, signal: AbortSignal, attempt: (send: Send) => Promise<T>) => Promise<T>;
  readonly clockOffsetMs: () => number | undefined;
};

export type KvApiOptions = {
  /** For people. */
  readonly name: string;
  /** The URL up to and with the namespace. */
  readonly base: string;
  readonly http: Http;
  readonly token?: string | undefined;
  readonly timeoutMs?: number;
  readonly backoff?: Partial<Backoff> | undefined;
  readonly sleep?: Sleep | undefined;
  readonly random?: (() => number) | undefined;
  /** Unix milliseconds. */
  readonly now?: () => number;
};

const CODE_KEY_NOT_FOUND = 10009;
/** A `Date` tells whole seconds, cut off: half a second more is right on average. */
const DATE_CUT_MS = 500;
/** Of a slower reply nobody knows when in between its `Date` was written. */
const EXACT_ROUND_TRIP_MS = 2000;
/** Codes of failures before anything was sent. */
const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Cloudflare's KV REST API, one namespace of it: authorization, retries, and what its replies tell on the side. */
export function createKvApi(options: KvApiOptions): KvApi {
  const { name, base, http, token, timeoutMs = 30_000, backoff, sleep, random, now = Date.now } = options;
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  let offsetMs: number | undefined;

  const noteDate = (date: string | undefined, sentAtMs: number): void => {
    const dateMs = Date.parse(date ?? '');
    const roundTripMs = now() - sentAtMs;
    // Negative where our own clock was set meanwhile.
    if (Number.isNaN(dateMs) || roundTripMs < 0) return;
    if (roundTripMs > EXACT_ROUND_TRIP_MS && offsetMs !== undefined) return;
    offsetMs = Math.round(dateMs + DATE_CUT_MS - (sentAtMs + roundTripMs / 2));
  };
  const sender =
    (signal: AbortSignal): Send =>
    async ({ path, headers, ...call }) => {
      const sentAtMs = now();
      const url = base + path;
      const request = { timeoutMs, ...call, url, headers: { ...headers, ...authorization }, signal };
      const response = await http.request(request);
      noteDate(response.headers['date'], sentAtMs);
      return response;
    };

  return {
    ask: async (act, signal, attempt) => {
      const send = sender(signal);
      // One attempt that may have been done is enough: it may even be done after a later one was refused.
      let outcome: SinkError['outcome'] = 'refused';
      const once = async (): ReturnType<typeof attempt> => {
        try {
          return await attempt(send);
        } catch (error) {
          if (!isRefusal(error)) outcome = 'unknown';
          throw error;
        }
      };
      try {
        return await retry(once, { signal, hint, backoff, sleep, random });
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof HttpError)) throw error;
        const message = `${name}: could not ${act}: ${error.message}${advice(error)}`;
        throw new SinkError(message, { outcome, cause: error });
      }
    },
    clockOffsetMs: () => offsetMs,
  };
}

/** Did nothing happen, surely? A 5xx or a success in nobody's words may come from a proxy in between. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof HttpError)) return false;
  if (error.status !== undefined) return error.status >= 400 && error.status < 500;
  const { cause } = error;
  return (
    cause instanceof Error && 'code' in cause && typeof cause.code === 'string' && NEVER_SENT.has(cause.code)
  );
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

export const BatchResult = v.object({ unsuccessful_keys: v.nullish(v.array(v.string())) });
const KeyList = v.array(v.object({ name: v.string(), metadata: v.optional(v.unknown()) }));
const ApiErrors = v.array(v.object({ code: v.number(), message: v.string() }));
const Refusal = v.object({ errors: ApiErrors });

type Answer<T> = { readonly result?: T | null | undefined; readonly cursor: string };

/** What the API gave; anything but success, a success in its own words included, is thrown. */
export async function readAnswer<T>(
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

export async function readPage(
  response: HttpResponse,
): Promise<{ keys: v.InferOutput<typeof KeyList>; cursor: string }> {
  const { result, cursor } = await readAnswer(response, KeyList);
  return { keys: result ?? [], cursor };
}

/** A missing key is told by its code: a missing namespace or a wrong URL is a 404 as well. */
export async function readValue(response: HttpResponse): Promise<Uint8Array | undefined> {
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
