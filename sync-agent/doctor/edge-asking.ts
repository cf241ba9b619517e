import { hideTokens } from '../hide-tokens.ts';
import type { Http } from '../http.ts';
import { parseRetryAfter, type Sleep } from '../retry.ts';

/** A request to try; `path` is from the Worker's root on, query included. */
export type Attempt = {
  /** For people, without a secret: `GET /v1/axfr`. */
  readonly what: string;
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** May be answered, if nothing is told by it. */
  readonly mayAnswer?: boolean;
};

/** What came of it. `failed`: no HTTP reply, and why; no secret is in it. */
export type Tried = { readonly attempt: Attempt } & (
  { readonly kind: 'reply'; readonly reply: EdgeReply } | { readonly kind: 'failed'; readonly reason: string }
);

export type EdgeReply = {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly octets: Uint8Array;
  /** The same as text, whatever it is. */
  readonly text: string;
};

export type Ask = (attempt: Attempt) => Promise<Tried>;

export type AskOptions = {
  /** Without a path. */
  readonly origin: string;
  readonly http: Pick<Http, 'request'>;
  readonly timeoutMs: number;
  readonly sleep: Sleep;
  readonly now: () => number;
};

const MAX_OCTETS = 256 * 1024;
/** A Worker that limits strangers says 429 to so many attempts: for so long in all they are made again. */
const MOST_WAIT_SECONDS = 120;
const UNSAID_WAIT_SECONDS = 30;

/** Asks one after the other; 429 is waited out as its Retry-After says, up to a limit for all attempts together. */
export function createAsk({ origin, http, timeoutMs, sleep, now }: AskOptions, signal: AbortSignal): Ask {
  let waitedSeconds = 0;
  const once = async ({ path, method, headers, body }: Attempt): Promise<EdgeReply> => {
    const response = await http.request({
      url: `${origin}${path}`,
      ...(method !== undefined && { method }),
      ...(headers && { headers }),
      ...(body && { body }),
      signal,
      timeoutMs,
      maxOctets: MAX_OCTETS,
    });
    const octets = await response.bytes();
    return {
      status: response.status,
      headers: response.headers,
      octets,
      text: new TextDecoder().decode(octets),
    };
  };
  return async (attempt) => {
    try {
      for (;;) {
        const reply = await once(attempt);
        if (reply.status !== 429) return { attempt, kind: 'reply', reply };
        const asked = parseRetryAfter(reply.headers['retry-after'], now()) ?? UNSAID_WAIT_SECONDS;
        waitedSeconds += Math.max(1, asked);
        if (waitedSeconds > MOST_WAIT_SECONDS) return { attempt, kind: 'reply', reply };
        await sleep(Math.max(1, asked) * 1000, signal);
      }
    } catch (error) {
      signal.throwIfAborted();
      return {
        attempt,
        kind: 'failed',
        reason: hideTokens(error instanceof Error ? error.message : String(error)),
      };
    }
  };
}

/** One after the other: an edge that limits strangers is not provoked. */
export async function askAll(ask: Ask, attempts: readonly Attempt[]): Promise<Tried[]> {
  const tried: Tried[] = [];
  for (const attempt of attempts) tried.push(await ask(attempt));
  return tried;
}
