import { type Http, HttpError, type HttpResponse } from '../http.ts';
import { createEventStreamReader, type ServerSentEvent } from './event-stream.ts';
import { SourceError } from './source.ts';

export type MarathonEventsOptions = {
  /** Base URLs of Marathon, in the order they are tried. */
  readonly urls: readonly URL[];
  readonly http: Http;
  /**
   * The `authorization` header, where Marathon wants one. Sent to `urls` and to where they redirect, never from
   * https to http. Asked again with `renew` after a 401.
   */
  readonly header?: ((signal: AbortSignal, options: { renew: boolean }) => Promise<string>) | undefined;
  /** Milliseconds of a clock that only goes forward. */
  readonly monotonicMs: () => number;
  /** Waits, or throws the signal's reason as soon as it aborts. */
  readonly sleep: (delayMs: number, signal: AbortSignal) => Promise<void>;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** Told when the connection comes, goes, or is refused for another reason than before. */
  readonly onStatus?: (status: MarathonStatus) => void;
};

/** For logs, metrics and people. */
export type MarathonStatus = {
  readonly isConnected: boolean;
  /** The origin that serves or served the stream; undefined before the first one. */
  readonly from: string | undefined;
  /** Why there is a connection or none, with what to do about it; without secrets. */
  readonly why: string;
  /** Since the stream began; undefined while there is none. */
  readonly streamAgeSeconds: number | undefined;
  /** Since the last event that may mean a change; undefined before the first. */
  readonly lastEventAgeSeconds: number | undefined;
  /** Streams that were had, and events on them that may mean a change. */
  readonly connections: number;
  readonly events: number;
};

export type MarathonEvents = {
  readonly name: string;
  /**
   * Runs until the signal aborts, and never throws. Calls `onChange` whenever the cluster may have changed: on
   * each event, on each new stream, since something may have happened in between, and when a stream has had no
   * event for five minutes. It comes as often as events do: whoever gives it waits before reading again.
   */
  readonly follow: (onChange: () => void, signal: AbortSignal) => Promise<void>;
  readonly status: () => MarathonStatus;
};

/** As marathon-lb does it: a stream silent for so long is dead, and one without events is not believed. */
const SILENCE_MS = 300_000;
const HEADERS_LIMIT_MS = 30_000;
type Pause = { readonly least: number; readonly most: number };
/** dcos-net's: many agents do not come back in the same second. */
const RECONNECT_MS: Pause = { least: 2_000, most: 30_000 };
/** Rights and addresses are changed by people. */
const REFUSED_MS: Pause = { least: 120_000, most: 300_000 };
const MAX_REDIRECTS = 3;
/** Tasks come, go and change health by these. Marathon before 1.3.7 knows no filter and sends all it has. */
const EVENT_TYPES = [
  'status_update_event',
  'instance_changed_event',
  'instance_health_changed_event',
  'health_status_changed_event',
  'unknown_instance_terminated_event',
  'app_terminated_event',
  'api_post_event',
];
/** What tells of listeners, ourselves among them, and not of the cluster. */
const ABOUT_LISTENERS = new Set([
  'event_stream_attached',
  'event_stream_detached',
  'subscribe_event',
  'unsubscribe_event',
]);

/**
 * Marathon's event bus, `/v2/events`, as a wake-up: its events come in no certain order and may be lost
 * (Marathon docs, event-bus), so what they say is not looked at. Each means only: read the cluster again.
 */
export function createMarathonEvents(options: MarathonEventsOptions): MarathonEvents {
  const { urls, monotonicMs, random } = options;
  const name = `marathon-events ${urls.map((url) => url.origin).join(', ')}`;
  let from: string | undefined;
  let why = 'not asked yet';
  let connectedMs: number | undefined;
  let lastEventMs: number | undefined;
  let connections = 0;
  let events = 0;

  const since = (ms: number | undefined): number | undefined =>
    ms === undefined ? undefined : (monotonicMs() - ms) / 1000;
  const status = (): MarathonStatus => ({
    isConnected: connectedMs !== undefined,
    from,
    why,
    streamAgeSeconds: since(connectedMs),
    lastEventAgeSeconds: since(lastEventMs),
    connections,
    events,
  });
  const tell = (reason: string): void => {
    if (reason === why) return;
    why = reason;
    options.onStatus?.(status());
  };

  /** One stream, to its end, which is an error like all others. */
  const listen = async (url: URL, onChange: () => void, signal: AbortSignal): Promise<never> => {
    const answer = await open(url, options, signal);
    from = answer.url.origin;
    connectedMs = monotonicMs();
    connections++;
    tell(`${from} sends its events`);
    let heardMs = connectedMs;
    const changed = (): void => {
      heardMs = monotonicMs();
      onChange();
    };
    const onEvent = (event: ServerSentEvent): void => {
      if (ABOUT_LISTENERS.has(event.type)) return;
      events++;
      lastEventMs = monotonicMs();
      changed();
    };
    changed();
    const reader = createEventStreamReader({ onEvent });
    for await (const chunk of answer.response.chunks()) {
      reader.write(chunk);
      // Comments keep a connection open whose events are lost (marathon-lb#238).
      if (monotonicMs() - heardMs >= SILENCE_MS) changed();
    }
    throw new SourceError(`${from} ended its event stream`);
  };

  /** Tries each Marathon until one has had a stream. Gives how long to wait after its end, or after all failed. */
  const round = async (onChange: () => void, signal: AbortSignal): Promise<Pause> => {
    const failures: string[] = [];
    let pause: Pause = REFUSED_MS;
    for (const url of urls) {
      try {
        await listen(url, onChange, signal);
      } catch (error) {
        const hadStream = connectedMs !== undefined;
        connectedMs = undefined;
        if (signal.aborted) return RECONNECT_MS;
        const refused = advice(error);
        if (refused === undefined) pause = RECONNECT_MS;
        failures.push(`${messageOf(error)}${refused ?? ''}`);
        if (hadStream) break;
      }
    }
    tell(failures.join('; ') || 'no Marathon is named');
    return pause;
  };

  return {
    name,
    status,
    follow: async (onChange, signal) => {
      while (!signal.aborted) {
        const { least, most } = await round(onChange, signal);
        await options.sleep(least + random() * (most - least), signal).catch(() => undefined);
      }
    },
  };
}

/** The answer with the stream, wherever redirects lead. A Marathon that does not lead sends on to the one that does. */
async function open(
  start: URL,
  options: MarathonEventsOptions,
  signal: AbortSignal,
): Promise<{ readonly url: URL; readonly response: HttpResponse }> {
  let url = eventsUrl(start);
  for (let hop = 0; ; hop++) {
    const response = await ask(url, { start, options }, signal);
    const location = response.headers['location'];
    if (response.status >= 300 && response.status <= 399 && location !== undefined) {
      await response.discard();
      if (hop === MAX_REDIRECTS)
        throw new SourceError(`${start.origin} redirects more than ${MAX_REDIRECTS} times`);
      url = redirected(url, location);
      continue;
    }
    if (response.status !== 200) throw await response.refusal();
    const type = response.headers['content-type'] ?? '';
    if (/^text\/event-stream\b/i.test(type)) return { url, response };
    await response.discard();
    throw new SourceError(
      `${url.origin}${url.pathname} is ${type || 'of no type'}, no event stream: no Marathon?`,
    );
  }
}

/** One request; one more with a new credential after a 401. */
async function ask(
  url: URL,
  { start, options }: { readonly start: URL; readonly options: MarathonEventsOptions },
  signal: AbortSignal,
): Promise<HttpResponse> {
  const { http, header, sleep } = options;
  const isSafe = url.protocol === 'https:' || start.protocol === 'http:';
  for (const renew of [false, true]) {
    const credential = header && isSafe ? await header(signal, { renew }) : undefined;
    const headers = { accept: 'text/event-stream', ...(credential && { authorization: credential }) };
    const limit = new AbortController();
    const done = new AbortController();
    // Only up to the headers: the stream itself is watched for silence.
    sleep(HEADERS_LIMIT_MS, AbortSignal.any([signal, done.signal])).then(
      () => limit.abort(new SourceError(`${url.origin}${url.pathname} did not answer in time`)),
      () => undefined,
    );
    try {
      const response = await http.request({
        url: url.href,
        headers,
        signal: AbortSignal.any([signal, limit.signal]),
        timeoutMs: Number.POSITIVE_INFINITY,
        idleTimeoutMs: SILENCE_MS,
        maxOctets: Number.POSITIVE_INFINITY,
      });
      if (response.status !== 401 || renew || credential === undefined) return response;
      await response.discard();
    } finally {
      done.abort();
    }
  }
  throw new SourceError(`${url.origin} was not asked`);
}

function eventsUrl(base: URL): URL {
  const url = new URL(`${base.pathname.replace(/\/+$/, '')}/v2/events`, base.origin);
  url.searchParams.set('plan-format', 'light');
  for (const type of EVENT_TYPES) url.searchParams.append('event_type', type);
  return url;
}

/** Where a redirect leads. Marathon's may lack the query, without which it would send all it has. */
function redirected(url: URL, location: string): URL {
  if (!URL.canParse(location, url.href))
    throw new SourceError(`${url.origin} redirects to ${JSON.stringify(location)}, which is no URL`);
  const target = new URL(location, url);
  if (target.protocol !== 'http:' && target.protocol !== 'https:')
    throw new SourceError(`${url.origin} redirects to ${target.protocol}, which is not HTTP`);
  if (target.search === '') target.search = url.search;
  return target;
}

/** What a person has to do before it can work; undefined where trying again may help by itself. */
function advice(error: unknown): string | undefined {
  if (!(error instanceof HttpError)) return undefined;
  switch (error.status) {
    case 401:
      return '; Marathon wants a user and password, or other ones';
    case 403:
      return '; this user may not see the events of Marathon';
    case 404:
    case 405:
    case 406:
      return '; no Marathon with an event stream is there (0.9 and later have it): check the URL and its path';
    default:
      return undefined;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
