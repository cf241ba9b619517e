import { Buffer } from 'node:buffer';
import { type Answer, decode, encode, RECURSION_AVAILABLE, RECURSION_DESIRED } from 'dns-packet';

/** What a resolver does with a query: it answers, or fails in its own way. `signal` is the asker's patience. */
export type Play = (query: Uint8Array, signal: AbortSignal) => Response | Promise<Response>;

export type Asked = {
  readonly url: string;
  readonly method: string | undefined;
  readonly redirect: string | undefined;
  readonly headers: Headers;
  readonly body: Uint8Array;
};

/** DoH resolvers by URL, as the one `fetch` that reaches them. */
export type FakeUpstreams = { readonly fetch: typeof globalThis.fetch; readonly asked: readonly Asked[] };

export function createFakeUpstreams(plays: Readonly<Record<string, Play>>): FakeUpstreams {
  const asked: Asked[] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const url = String(input);
    const body = new Uint8Array(await new Response(init?.body ?? null).arrayBuffer());
    asked.push({
      url,
      method: init?.method,
      redirect: init?.redirect,
      headers: new Headers(init?.headers),
      body,
    });
    const play = plays[url];
    if (!play) throw new TypeError(`nothing is at ${url}`);
    return play(body, init?.signal ?? new AbortController().signal);
  };
  return { fetch, asked };
}

/** Octets as a resolver sends them. */
export function message(octets: Uint8Array, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(Buffer.from(octets), {
    headers: { 'content-type': 'application/dns-message', ...headers },
  });
}

export type AnsweringOptions = {
  readonly rcode?: number;
  /** Besides RD and RA. */
  readonly flags?: number;
  readonly authorities?: Answer[];
  readonly additionals?: Answer[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly spoil?: (octets: Buffer) => Buffer;
};

/** Answers the question asked, its flags and sections as given. */
export function answering(answers: Answer[], options: AnsweringOptions = {}): Play {
  const { rcode = 0, spoil = (octets: Buffer): Buffer => octets } = options;
  const { authorities = [], additionals = [] } = options;
  return (query) => {
    const { id, questions } = decode(Buffer.from(query));
    const flags = RECURSION_DESIRED | RECURSION_AVAILABLE | rcode | (options.flags ?? 0);
    const sections = { questions, answers, authorities, additionals };
    const reply = encode({ type: 'response', id: id ?? 0, flags, ...sections });
    return message(spoil(reply), options.headers);
  };
}

/** An OPT record with extended errors (RFC 8914). */
export function optWith(...errors: readonly { readonly code: number; readonly text: string }[]): Answer {
  const options = errors.map(({ code, text }) => ({
    code: 15,
    data: Buffer.concat([Buffer.of(code >> 8, code & 0xff), Buffer.from(text)]),
  }));
  // The types want options of known codes.
  return { type: 'OPT', name: '.', udpPayloadSize: 512, options } as unknown as Answer;
}

/** Plays after so many milliseconds, if the asker waits so long. */
export function after(ms: number, play: Play): Play {
  return (query, signal) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => resolve(play(query, signal)), ms);
      signal.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(signal.reason);
      });
    });
}

/** Plays one after the other; the last for ever. */
export function inTurn(...plays: readonly Play[]): Play {
  let turn = 0;
  return (query, signal) => {
    const play = plays[Math.min(turn++, plays.length - 1)];
    if (!play) throw new TypeError('nothing to play');
    return play(query, signal);
  };
}

/** Does not even answer. */
export const hanging: Play = (_, signal) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });

/** More than anybody should take in, and less than hurts. */
const MOST_SENT_OCTETS = 4 * 1024 * 1024;

/** Answers with a body that goes on until the asker has had enough (or 4 MiB); `sent` counts its octets. */
export function endless({ chunkOctets, everyMs }: { chunkOctets: number; everyMs: number }): {
  play: Play;
  sent: () => number;
} {
  let sent = 0;
  const play: Play = (_, signal) => {
    let stopped = false;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        signal.addEventListener('abort', () => {
          if (!stopped) controller.error(signal.reason);
          stopped = true;
        });
      },
      pull: async (controller) => {
        if (everyMs > 0) await new Promise((resolve) => setTimeout(resolve, everyMs));
        if (stopped) return;
        sent += chunkOctets;
        controller.enqueue(new Uint8Array(chunkOctets));
        if (sent >= MOST_SENT_OCTETS) controller.close();
      },
      cancel: () => {
        stopped = true;
      },
    });
    return new Response(body, { headers: { 'content-type': 'application/dns-message' } });
  };
  return { play, sent: () => sent };
}
