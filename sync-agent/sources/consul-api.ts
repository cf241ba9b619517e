import { type Http, HttpError } from '../http.ts';
import { SourceError } from './source.ts';

export type ConsulApiOptions = {
  /** Of an agent or a server: `https://consul.example:8501`. */
  readonly url: URL;
  readonly http: Http;
  /** The ACL token; asked for each request, since tokens are renewed. Sent to `url` and nowhere else. */
  readonly token: () => string | undefined;
  readonly consistency: 'default' | 'stale' | 'consistent';
  /** For an answer that is to come at once. */
  readonly timeoutMs: number;
  /** For a whole answer. */
  readonly maxOctets: number;
};

/** What Consul answers, and what its headers say of it. */
export type ConsulAnswer = {
  readonly body: unknown;
  /** `X-Consul-Index`; 0 where there is none that can be used. */
  readonly index: number;
  /** How old it may be: since a server that answered stale heard of its leader. */
  readonly ageMs: number;
  /** The token's rights left something out. */
  readonly isFiltered: boolean;
};

export type ConsulQuery = {
  readonly datacenter: string | undefined;
  /** Waits for something newer than this; undefined: answers at once. */
  readonly index?: number;
  /** For so long, at most. */
  readonly waitMs?: number;
};

/** One GET of Consul's HTTP API. Throws `SourceError`, or the signal's reason. */
export type ConsulApi = {
  /** For people, without secrets. */
  readonly name: string;
  readonly get: (path: string, query: ConsulQuery, signal: AbortSignal) => Promise<ConsulAnswer>;
};

/** A failure, and what is to be done about it by whom. */
export class ConsulError extends SourceError {
  /** What the server asked for (`Retry-After`). */
  readonly retryAfterMs: number;
  constructor(
    message: string,
    { retryAfterMs = 0, cause }: { readonly retryAfterMs?: number; readonly cause: unknown },
  ) {
    super(message, { cause });
    this.retryAfterMs = retryAfterMs;
  }
}

/** Consul adds up to a sixteenth of the wait, so that not all its clients come at once. */
const WAIT_SPREAD = 1 + 1 / 16;

export function createConsulApi(options: ConsulApiOptions): ConsulApi {
  const { url, http, token, consistency, timeoutMs, maxOctets } = options;
  return {
    name: `consul-catalog ${url.origin}`,
    get: async (path, { datacenter, index, waitMs = 0 }, signal) => {
      const asked = new URL(`${url.href.replace(/\/$/, '')}${path}`);
      const { searchParams } = asked;
      if (datacenter !== undefined) searchParams.set('dc', datacenter);
      if (consistency !== 'default') searchParams.set(consistency, '');
      if (index !== undefined && index > 0) {
        searchParams.set('index', String(index));
        searchParams.set('wait', `${Math.ceil(waitMs / 1000)}s`);
      }
      const secret = token();
      try {
        const response = await http.request({
          url: asked.href,
          headers: {
            accept: 'application/json',
            ...(secret !== undefined && { 'x-consul-token': secret }),
          },
          signal,
          timeoutMs: timeoutMs + waitMs * WAIT_SPREAD,
          maxOctets,
        });
        if (response.status !== 200) throw await response.refusal();
        const { headers } = response;
        return {
          body: await response.json(),
          index: indexOf(headers['x-consul-index']),
          ageMs:
            headers['x-consul-lastcontact'] === undefined ? 0 : numberOf(headers['x-consul-lastcontact']),
          isFiltered: headers['x-consul-results-filtered-by-acls'] === 'true',
        };
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof HttpError)) throw error;
        throw new ConsulError(`${error.message}${adviceOn(error.status, secret !== undefined)}`, {
          retryAfterMs: (error.retryAfterSeconds ?? 0) * 1000,
          cause: error,
        });
      }
    },
  };
}

/**
 * The index to wait at next (Consul docs, blocking queries): it has to rise. One that goes backwards, after a
 * snapshot was restored say, or that is none, begins anew: 0 asks without waiting.
 */
export function nextIndex(last: number, answered: number): number {
  return answered < last ? 0 : answered;
}

function adviceOn(status: number | undefined, hasToken: boolean): string {
  if (status === 401 || status === 403) {
    return hasToken
      ? ': its ACL token needs node:read and service:read (docs/consul.md)'
      : ': set CONSUL_HTTP_TOKEN or consul.tokenFile (docs/consul.md)';
  }
  if (status !== undefined && status >= 300 && status < 400)
    return ': redirects are not followed, consul.url should name where it leads';
  return '';
}

function indexOf(text: string | undefined): number {
  const index = numberOf(text);
  return Number.isSafeInteger(index) ? index : 0;
}

function numberOf(text = ''): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}
