import type { MasterHttp } from '../../../sync-agent/auth/master-http.ts';
import type { ClusterState } from '../../../sync-agent/cluster.ts';
import { HttpError, type HttpRequest, type HttpResponse } from '../../../sync-agent/http.ts';
import type { FinderState, MasterFinder } from '../../../sync-agent/masters/finder.ts';
import type { Source } from '../../../sync-agent/sources/source.ts';

/** A stream that a fake master gives: what it says and how it ends is the test's. */
export type FakeStream = {
  readonly origin: string;
  readonly say: (...events: unknown[]) => void;
  readonly sayOctets: (octets: Uint8Array | string) => void;
  readonly end: () => void;
  readonly fail: () => void;
  readonly isOpen: () => boolean;
};

export type FakeMasters = {
  readonly http: MasterHttp;
  /** `SUBSCRIBE http://m1:5050`, in order. */
  readonly asked: string[];
  readonly requests: HttpRequest[];
  readonly trusted: string[];
  readonly streams: FakeStream[];
  readonly last: () => FakeStream;
  /** The most streams that were open at once. */
  readonly mostOpen: () => number;
  /** How a call is answered instead; undefined answers it as usual. */
  answer: (call: string, origin: string) => Answer | undefined;
};

export type Answer = {
  readonly status?: number;
  readonly body?: unknown;
  readonly location?: string;
  readonly fails?: boolean;
  readonly waits?: Promise<unknown>;
};

export const HEARTBEAT = { type: 'HEARTBEAT' };
const MOST_REQUESTS = 5_000;

/** Masters without sockets; every one says that it leads unless the test says otherwise. */
export function createFakeMasters(state: () => unknown = () => getState()): FakeMasters {
  const asked: string[] = [];
  const requests: HttpRequest[] = [];
  const trusted: string[] = [];
  const streams: FakeStream[] = [];
  let mostOpen = 0;

  const usual = (call: string, origin: string): Answer => {
    switch (call) {
      case 'GET_VERSION':
        return { body: { type: call, get_version: { version_info: { version: '1.9.0' } } } };
      case 'GET_MASTER':
        return {
          body: { type: call, get_master: { master_info: { pid: `master@${new URL(origin).host}` } } },
        };
      case 'GET_STATE':
        return { body: { type: call, get_state: state() } };
      case 'GET_AGENTS':
        return { body: { type: call, get_agents: (state() as { get_agents: unknown }).get_agents } };
      case '/master/state-summary':
        return { body: { frameworks: [{ id: 'f1', name: 'marathon', pid: 'scheduler@10.0.0.9:9090' }] } };
      default:
        return { status: 404, body: 'not here' };
    }
  };
  const masters: FakeMasters = {
    asked,
    requests,
    trusted,
    streams,
    last: () => streams.at(-1) ?? raise('no stream was asked for'),
    mostOpen: () => mostOpen,
    answer: () => undefined,
    http: {
      trust: (url) => void trusted.push(url.origin),
      close: async () => undefined,
      request: async (request) => {
        if (requests.push(request) > MOST_REQUESTS) raise('too many requests');
        request.signal.throwIfAborted();
        const { origin, pathname } = new URL(request.url);
        const call = pathname === '/api/v1' ? typeOf(request.body) : pathname;
        asked.push(`${call} ${origin}`);
        const special = masters.answer(call, origin);
        if (special?.waits) await orAborted(special.waits, request.signal);
        if (special?.fails)
          throw new HttpError(`POST ${request.url} failed: connection refused`, { transient: true });
        if (call === 'SUBSCRIBE' && special === undefined) {
          const { stream, response } = openStream(request, origin);
          streams.push(stream);
          mostOpen = Math.max(mostOpen, streams.filter((each) => each.isOpen()).length);
          return response;
        }
        return respond(request, { ...usual(call, origin), ...special });
      },
    },
  };
  return masters;
}

function openStream(request: HttpRequest, origin: string): { stream: FakeStream; response: HttpResponse } {
  const pieces: (Uint8Array | 'end' | 'fail')[] = [];
  let wake = Promise.withResolvers<void>();
  let isOpen = true;
  const put = (piece: Uint8Array | 'end' | 'fail'): void => {
    pieces.push(piece);
    wake.resolve();
    wake = Promise.withResolvers();
  };
  const close = (): void => {
    isOpen = false;
  };
  request.signal.addEventListener('abort', close, { once: true });
  const stream: FakeStream = {
    origin,
    say: (...events) => put(record(...events)),
    sayOctets: (octets) => put(typeof octets === 'string' ? new TextEncoder().encode(octets) : octets),
    end: () => put('end'),
    fail: () => put('fail'),
    isOpen: () => isOpen,
  };
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        request.signal.throwIfAborted();
        const piece = pieces.shift();
        if (piece === 'end') return;
        if (piece === 'fail')
          throw new HttpError(`POST ${request.url} failed: connection reset`, { transient: true });
        if (piece) yield piece;
        else await orAborted(wake.promise, request.signal);
      }
    } finally {
      close();
    }
  };
  return { stream, response: { ...respond(request, {}), chunks } };
}

function respond(request: HttpRequest, { status = 200, body = '', location }: Answer): HttpResponse {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const error = (words: string): HttpError =>
    new HttpError(`${request.method ?? 'GET'} ${request.url} answered ${status}: ${words}`, { status });
  return {
    status,
    headers: location === undefined ? {} : { location },
    chunks: async function* () {
      yield new TextEncoder().encode(text);
    },
    bytes: async () => new TextEncoder().encode(text),
    text: async () => text,
    json: async () => JSON.parse(text) as unknown,
    discard: async () => undefined,
    refusal: async () => error(text),
    error,
  };
}

/** Events as RecordIO has them. */
export function record(...events: unknown[]): Uint8Array {
  const texts = events.map((event) => {
    const json = JSON.stringify(event);
    return `${Buffer.byteLength(json)}\n${json}`;
  });
  return new TextEncoder().encode(texts.join(''));
}

export type StateParts = {
  readonly tasks?: readonly string[];
  readonly agents?: readonly string[];
  readonly recovered?: readonly string[];
  readonly frameworks?: readonly string[];
  readonly draining?: readonly string[];
};

/** A v1 state: tasks by name, all of framework f1 on agent a1. */
export function getState(parts: StateParts = {}): Record<string, unknown> {
  const { tasks = ['web'], agents = ['a1'], recovered = [], frameworks = ['f1'], draining = [] } = parts;
  return {
    get_tasks: { tasks: tasks.map((name) => task(name)) },
    get_executors: {},
    get_frameworks: { frameworks: frameworks.map((id) => framework(id)) },
    get_agents: {
      agents: agents.map((id) => agent(id, draining.includes(id))),
      recovered_agents: recovered.map((id) => ({ id: { value: id }, hostname: id })),
    },
  };
}

export function task(name: string, state = 'TASK_RUNNING'): Record<string, unknown> {
  return {
    name,
    task_id: { value: `${name}.1` },
    framework_id: { value: 'f1' },
    agent_id: { value: 'a1' },
    state,
    statuses: [{ task_id: { value: `${name}.1` }, state, timestamp: 1 }],
  };
}

export function framework(id: string): Record<string, unknown> {
  return {
    framework_info: { id: { value: id }, name: id === 'f1' ? 'marathon' : id, hostname: 'h' },
    active: true,
    connected: true,
  };
}

export function agent(id: string, isDraining = false): Record<string, unknown> {
  const info = { id: { value: id }, hostname: id, port: 5051 };
  return {
    agent_info: info,
    pid: `slave(1)@10.0.1.${id.slice(1)}:5051`,
    active: true,
    ...(isDraining && { deactivated: true, drain_info: { state: 'DRAINING', config: {} } }),
  };
}

export function subscribed(state: unknown = getState(), heartbeatSeconds?: number): unknown {
  return {
    type: 'SUBSCRIBED',
    subscribed: {
      get_state: state,
      ...(heartbeatSeconds !== undefined && { heartbeat_interval_seconds: heartbeatSeconds }),
    },
  };
}

export function taskAdded(name: string): unknown {
  return { type: 'TASK_ADDED', task_added: { task: task(name) } };
}

export type FakeFinder = MasterFinder & {
  /** Another master leads; tells who listens. */
  readonly lead: (origin: string | undefined) => void;
  readonly listeners: () => number;
};

export function createFakeFinder(
  origins: readonly string[],
  by: FinderState['by'] = 'zookeeper',
): FakeFinder {
  let candidates = [...origins];
  const listeners = new Set<() => void>();
  return {
    name: 'zk://z/mesos',
    candidates: async () => {
      if (candidates.length === 0) throw new Error('zk://z/mesos: there is no leading master');
      return candidates.map((origin) => new URL(origin));
    },
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    state: () => ({ by, leader: by === 'list' ? undefined : candidates[0], problem: undefined }),
    close: async () => undefined,
    lead: (origin) => {
      candidates = origin === undefined ? [] : [origin, ...origins.filter((other) => other !== origin)];
      for (const listener of listeners) listener();
    },
    listeners: () => listeners.size,
  };
}

/** A poll that gives one framework named `polled`, and counts. */
export function createFakePoll(): Source<ClusterState> & { readonly reads: () => number } {
  let reads = 0;
  return {
    name: 'poll',
    read: async (_, signal) => {
      signal.throwIfAborted();
      reads++;
      return {
        leader: { host: 'polled', port: '5050' },
        agents: [],
        frameworks: [{ id: 'p', name: 'polled', endpoint: undefined, tasks: [] }],
        ended: { tasks: [], frameworks: [] },
        recoveringAgents: 0,
      };
    },
    reads: () => reads,
  };
}

export function taskNames(state: ClusterState): string[] {
  return state.frameworks.flatMap(({ tasks }) => tasks.map(({ name }) => name)).toSorted();
}

export function ignore(): void {}

async function orAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    if (signal.aborted) abort();
    await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function typeOf(body: HttpRequest['body']): string {
  const { type } = JSON.parse(String(body)) as { type: string };
  return type;
}

function raise(message: string): never {
  throw new Error(message);
}
