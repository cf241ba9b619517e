import type { AgentFacts } from './agent-state.ts';
import { CONSUL_METRICS } from './metrics-consul.ts';

type Labels = Readonly<Record<string, string>>;
/** Undefined values are left out: what is not known yet is not 0. */
type Sample = readonly [value: number | undefined, labels?: Labels];
type Metric = {
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  readonly samples: (facts: AgentFacts) => readonly Sample[];
};

const MODES = ['stream', 'poll', 'none'] as const;

/** What `/metrics` tells; each with its line in `docs/operate.md`. Counters count from the process's start. */
const METRICS: readonly Metric[] = [
  gauge('writer', 'Whether this agent may write (1) or waits (0).', ({ role }) =>
    role === 'writer' ? 1 : 0,
  ),
  gauge('epoch', 'Epoch of the head as last published from here, or of the term.', ({ epoch }) => epoch),
  gauge('serial', 'Serial of the zone as last published from here.', ({ serial }) => serial),
  gauge('pinned', 'Whether a rollback stands: the cluster is read and not published.', (facts) =>
    facts.pinnedSerial === undefined ? 0 : 1,
  ),
  gauge('last_read_age_seconds', 'Since the cluster was last read.', (facts) => facts.lastReadAgeSeconds),
  gauge(
    'last_push_age_seconds',
    'Since what is published was last made sure of, changed or not.',
    (facts) => facts.lastPushAgeSeconds,
  ),
  gauge('last_write_age_seconds', 'Since the head was last written.', (facts) => facts.lastWriteAgeSeconds),
  gauge('agents', 'Mesos agents in the last read.', ({ agents }) => agents),
  gauge('frameworks', 'Frameworks in the last read.', ({ frameworks }) => frameworks),
  gauge('tasks', 'Tasks in the last read.', ({ tasks }) => tasks),
  {
    name: 'names',
    type: 'gauge',
    help: 'Names with records of a type in the last read.',
    samples: ({ names }) =>
      Object.entries(names).map(([type, count]) => [count, { type: type === 'MORE' ? 'other' : type }]),
  },
  {
    name: 'hidden_tasks',
    type: 'gauge',
    help: 'Running tasks that a rule keeps out of the records (docs/record-names.md).',
    samples: ({ hidden }) => Object.entries(hidden).map(([why, count]) => [count, { why }]),
  },
  {
    name: 'spared_tasks',
    type: 'gauge',
    help: 'Running tasks shown although a rule speaks against them: nothing of their name would be left.',
    samples: ({ spared }) => Object.entries(spared).map(([why, count]) => [count, { why }]),
  },
  {
    name: 'source_mode',
    type: 'gauge',
    help: 'How the cluster is followed: 1 for the mode that runs.',
    samples: ({ live }) => (live ? MODES.map((mode) => [mode === live.mode ? 1 : 0, { mode }] as const) : []),
  },
  gauge(
    'stream_age_seconds',
    'Since the operator stream that is up told its whole state.',
    ({ live }) => live?.streamAgeSeconds,
  ),
  gauge(
    'stream_silence_seconds',
    'Since the last record of the operator stream, heartbeats included.',
    ({ live }) => live?.lastEventAgeSeconds,
  ),
  gauge(
    'source_good_age_seconds',
    'Since what is read of the cluster was last known to be up to date.',
    ({ live }) => live?.lastGoodAgeSeconds,
  ),
  {
    name: 'stream_drift',
    type: 'gauge',
    help: 'Elements that the last comparison with the master found different.',
    samples: ({ live }) =>
      live ? Object.entries(live.drift).map(([element, count]) => [count, { element }] as const) : [],
  },
  gauge(
    'leader_lookup_fails',
    "Whether ZooKeeper can't tell who leads (1): the last leader is asked.",
    (facts) => (facts.live ? (facts.leaderProblem === undefined ? 0 : 1) : undefined),
  ),
  gauge(
    'marathon_connected',
    "Whether Marathon's event stream is up.",
    ({ marathon }) => marathon && (marathon.isConnected ? 1 : 0),
  ),
  gauge(
    'server_sets_stale',
    "Whether Aurora's ServerSets can't be read as they are now (1): the last ones are used.",
    ({ serverSets }) => serverSets && (serverSets.problem === undefined ? 0 : 1),
  ),
  gauge(
    'server_sets_good_age_seconds',
    "Since Aurora's ServerSets were last known to be up to date.",
    ({ serverSets }) => serverSets?.lastGoodAgeSeconds,
  ),
  gauge('server_sets', "Aurora's jobs that announce themselves.", ({ serverSets }) => serverSets?.sets),
  gauge('server_set_members', 'Instances that they announce.', ({ serverSets }) => serverSets?.members),
  ...CONSUL_METRICS,
  gauge(
    'held_names',
    'Names the guard keeps although the cluster has them no more.',
    (facts) => facts.heldNames,
  ),
  gauge(
    'clock_offset_seconds',
    "How far the store's clock is ahead of this machine's.",
    (facts) => facts.clockOffsetSeconds,
  ),
  gauge('writes_today', 'Keys written in this UTC day.', ({ writesToday }) => writesToday),
  gauge(
    'writes_per_day',
    "The plan's writes a day, where it has a limit.",
    ({ writesPerDay }) => writesPerDay,
  ),
  gauge(
    'writes_left_today',
    'Keys that may still be written in this UTC day.',
    ({ writesPerDay, writesToday }) =>
      writesPerDay === undefined ? undefined : Math.max(0, writesPerDay - writesToday),
  ),
  {
    name: 'skipped_elements',
    type: 'gauge',
    help: 'Elements left out of the last read.',
    samples: ({ skipped }) => Array.from(skipped, ([reason, count]) => [count, { reason }] as const),
  },
  counter('stream_events', 'Records of operator streams, heartbeats included.', ({ live }) => [
    [live?.events],
  ]),
  counter('stream_losses', 'Operator streams that were lost.', ({ live }) => [[live?.reconnects]]),
  counter('reconciles', 'Comparisons of the stream with the master.', ({ live }) => [
    [live?.reconciles, { result: 'done' }],
    [live?.failedReconciles, { result: 'failed' }],
  ]),
  counter('marathon_events', "Events of Marathon's that may mean a change.", ({ marathon }) => [
    [marathon?.events],
  ]),
  counter('aurora_webhooks', "Notices of Aurora's scheduler.", ({ serverSets }) => [
    [serverSets?.webhooks?.taken, { result: 'taken' }],
    [serverSets?.webhooks?.refused, { result: 'refused' }],
  ]),
  counter('reads', 'Reads of the cluster.', ({ totals }) => [[totals.reads]]),
  counter('pushes', 'Pushes that succeeded.', ({ totals }) =>
    Object.entries(totals.pushes).map(([kind, count]) => [count, { kind }]),
  ),
  counter('writes', 'Keys written.', ({ totals }) => [[totals.writes]]),
  counter('uploaded_bytes', 'Octets of the keys written.', ({ totals }) => [[totals.uploadedOctets]]),
  counter('changed_names', 'Names that came, changed or went.', ({ totals }) => [[totals.changedNames]]),
  counter('released_names', 'Names the guard let go.', ({ totals }) =>
    Object.entries(totals.released).map(([why, count]) => [count, { why }]),
  ),
  counter('failures', 'Reads and pushes that failed.', ({ totals }) => [[totals.failures]]),
  counter('unusable', 'Times what the store held could not be used.', ({ totals }) => [[totals.unusable]]),
  counter('republished', 'Times the store held something older than was published.', ({ totals }) => [
    [totals.republished],
  ]),
  counter('cuts', 'Times the zone was cut into new shards.', ({ totals }) => [[totals.cuts]]),
  counter('swept_keys', 'Keys removed that nobody can ask for any more.', ({ totals }) => [
    [totals.sweptKeys],
  ]),
  counter('terms', 'Times this agent became the writer.', ({ totals }) => [[totals.terms]]),
];

/** The Prometheus text exposition format, version 0.0.4: a page of metrics as they are now. */
export function renderMetrics(facts: AgentFacts): string {
  const info = sample('mesos_doh_agent_info', [1, { writer_id: facts.writerId, election: facts.election }]);
  const about = '# HELP mesos_doh_agent_info Who this agent is.\n# TYPE mesos_doh_agent_info gauge\n';
  return `${about}${info}${METRICS.map((metric) => render(metric, facts)).join('')}`;
}

function gauge(name: string, help: string, value: (facts: AgentFacts) => number | undefined): Metric {
  return { name, type: 'gauge', help, samples: (facts) => [[value(facts)]] };
}

function counter(name: string, help: string, samples: Metric['samples']): Metric {
  return { name: `${name}_total`, type: 'counter', help, samples };
}

function render({ name, type, help, samples }: Metric, facts: AgentFacts): string {
  const full = `mesos_doh_${name}`;
  const lines = samples(facts).map((one) => sample(full, one));
  if (lines.every((line) => line === '')) return '';
  return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${lines.join('')}`;
}

function sample(name: string, [value, labels = {}]: Sample): string {
  if (value === undefined) return '';
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
  return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}\n`;
}

function escapeLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
