import type { Outcome } from './answer.ts';
import type { UpstreamErrorKind } from './upstream-error.ts';

export type Transport = 'udp' | 'tcp';

/** What became of a packet: an answer's outcome, or none. */
export type PacketOutcome = Outcome | 'malformed' | 'ignored';

/** What is counted as it happens, from the process's start. */
export type Counts = {
  readonly query: (transport: Transport, outcome: PacketOutcome, elapsedMs: number) => void;
  readonly upstreamError: (kind: UpstreamErrorKind) => void;
  /** Replies over UDP that were cut to TC. */
  readonly truncated: () => void;
  /** What peers got no answer to, or no connection, because there were too many. */
  readonly shed: (what: 'udp-reply' | 'tcp-connection') => void;
  readonly text: (now: Gauges) => string;
};

/** How things are at the moment of asking. */
export type Gauges = {
  readonly isUp: boolean;
  readonly isDown: boolean;
  readonly connections: number;
  readonly questionsUnderWay: number;
  readonly cacheEntries: number;
  readonly cacheOctets: number;
  readonly tcpConnections: number;
};

/** Seconds. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] as const;
const PREFIX = 'mesos_doh_stub_';

export function createCounts(): Counts {
  const queries = new Map<string, number>();
  const errors = new Map<string, number>();
  const shed = new Map<string, number>();
  const buckets = BUCKETS.map(() => 0);
  let truncated = 0;
  let answered = 0;
  let seconds = 0;
  const add = (counts: Map<string, number>, labels: string): void =>
    void counts.set(labels, (counts.get(labels) ?? 0) + 1);
  return {
    query: (transport, outcome, elapsedMs) => {
      add(queries, `transport="${transport}",outcome="${outcome}"`);
      if (outcome === 'ignored') return;
      answered++;
      seconds += elapsedMs / 1000;
      const bucket = BUCKETS.findIndex((limit) => elapsedMs / 1000 <= limit);
      if (bucket >= 0) buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    },
    upstreamError: (kind) => add(errors, `kind="${kind}"`),
    truncated: () => void truncated++,
    shed: (what) => add(shed, `what="${what}"`),
    text: (now) => {
      let below = 0;
      const histogram = BUCKETS.map((limit, i) => [`le="${limit}"`, (below += buckets[i] ?? 0)] as const);
      return [
        ...metric('queries_total', 'counter', 'Packets, by transport and what became of them.', queries),
        ...metric('upstream_errors_total', 'counter', 'Questions the DoH server gave no answer to.', errors),
        ...metric('truncated_total', 'counter', 'Replies over UDP that were too long and had TC.', truncated),
        ...metric('shed_total', 'counter', 'Dropped because there were too many.', shed),
        ...metric('connected', 'gauge', 'Whether there is a connection to the DoH server.', +now.isUp),
        ...metric('down', 'gauge', 'Whether the DoH server is known not to answer.', +now.isDown),
        ...metric('connections_total', 'counter', 'Connections made to the DoH server.', now.connections),
        ...metric('under_way', 'gauge', 'Questions that wait for their answer.', now.questionsUnderWay),
        ...metric('cache_entries', 'gauge', 'Replies in memory.', now.cacheEntries),
        ...metric('cache_bytes', 'gauge', 'About what they take.', now.cacheOctets),
        ...metric('tcp_connections', 'gauge', 'Connections of those who ask over TCP.', now.tcpConnections),
        `# HELP ${PREFIX}latency_seconds From a packet to its reply.`,
        `# TYPE ${PREFIX}latency_seconds histogram`,
        ...histogram.map(([label, count]) => `${PREFIX}latency_seconds_bucket{${label}} ${count}`),
        `${PREFIX}latency_seconds_bucket{le="+Inf"} ${answered}`,
        `${PREFIX}latency_seconds_sum ${seconds}`,
        `${PREFIX}latency_seconds_count ${answered}`,
        '',
      ].join('\n');
    },
  };
}

function metric(
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  value: number | ReadonlyMap<string, number>,
): string[] {
  const samples =
    typeof value === 'number'
      ? [`${PREFIX}${name} ${value}`]
      : Array.from(value, ([labels, count]) => `${PREFIX}${name}{${labels}} ${count}`);
  return [`# HELP ${PREFIX}${name} ${help}`, `# TYPE ${PREFIX}${name} ${type}`, ...samples];
}
