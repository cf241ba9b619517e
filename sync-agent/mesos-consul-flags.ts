import { ConfigError, type ConfigInput, parseConfig } from './config.ts';
import { type ForeignFlag, type ForeignFlags, readForeignFlags } from './foreign-flags.ts';
import { type IpSource, IP_SOURCES } from './records/address.ts';

/** Another program's flags in our terms, and what an operator should know of the rest. */
export type Imported = {
  readonly config: ConfigInput;
  readonly ignored: ForeignFlags['ignored'];
  readonly notes: readonly string[];
};

const PROGRAM = 'mesos-consul';
const NO_CONSUL = 'nothing is written to a Consul: names are published in KV';
const OWN_HOSTS = 'masters and agents are leader, master and slave here';
const text = { takes: 'text' } as const;

/** All flags of mesos-consul v0.4.0 (`main.go`, `consul/config.go`), and `shared-service-name` of its README. */
const FLAGS: Readonly<Record<string, ForeignFlag>> = {
  zk: text,
  refresh: text,
  'mesos-ip-order': text,
  'group-separator': text,
  whitelist: text,
  blacklist: text,
  'fw-whitelist': text,
  'fw-blacklist': text,
  'shared-service-name': text,
  'task-tag': text,
  'service-port-label': text,
  healthcheck: { takes: 'nothing' },
  'healthcheck-ip': text,
  'healthcheck-port': text,
  'service-name': { ...text, noMeaning: OWN_HOSTS },
  'service-tags': { ...text, noMeaning: OWN_HOSTS },
  'service-id-prefix': { ...text, noMeaning: 'a zone has one writer: nothing of others is in it' },
  'heartbeats-before-remove': {
    ...text,
    noMeaning: 'mesos-consul never used it either; guard.* holds back removals here',
  },
  'log-level': {
    ...text,
    noMeaning: 'there are no log levels: mesos-doh sync says what it does in lines of JSON',
  },
  'dry-run': { takes: 'nothing', noMeaning: 'mesos-doh diff tells what would change' },
  consul: { takes: 'nothing', noMeaning: NO_CONSUL },
  'consul-ip': { ...text, noMeaning: NO_CONSUL },
  'consul-port': { ...text, noMeaning: NO_CONSUL },
  'consul-auth': { ...text, noMeaning: NO_CONSUL },
  'consul-token': { ...text, noMeaning: NO_CONSUL },
  'consul-ssl': { takes: 'nothing', noMeaning: NO_CONSUL },
  'consul-ssl-verify': { takes: 'nothing', noMeaning: NO_CONSUL },
  'consul-ssl-cert': { ...text, noMeaning: NO_CONSUL },
  'consul-ssl-cacert': { ...text, noMeaning: NO_CONSUL },
  help: { takes: 'nothing', noMeaning: 'mesos-doh has --help of its own' },
  version: { takes: 'nothing', noMeaning: 'mesos-doh has --version of its own' },
};

/** Its own default (`config/config.go`). */
const DEFAULT_ZK = 'zk://127.0.0.1:2181/mesos';
/** Our default. */
const STALE_AFTER_SECONDS = 900;
const DEFAULT_HEALTH = { ip: '127.0.0.1', port: '24476' };

/** mesos-consul's command line as our configuration. Throws `ConfigError`, by its flags' names. */
export function fromMesosConsulFlags(args: readonly string[]): Imported {
  const flags = readForeignFlags(args, { program: PROGRAM, flags: FLAGS });
  const { zk, hadCredentials } = zooKeeperOf(flags.text('zk') ?? DEFAULT_ZK);
  const order = flags.text('mesos-ip-order');
  const refresh = flags.text('refresh');
  const pollSeconds = refresh === undefined ? undefined : durationSeconds(refresh);
  const config: ConfigInput = {
    mesos: { zk, ...(pollSeconds !== undefined && { pollSeconds }) },
    // Answers would call themselves stale between two reads.
    ...((pollSeconds ?? 0) >= STALE_AFTER_SECONDS && { staleAfterSeconds: 3 * (pollSeconds ?? 0) }),
    records: {
      profile: 'consul',
      ...(order !== undefined && { ipSources: ipSourcesOf(order) }),
      ...optional('groupSeparator', separatorOf(flags)),
      ...patterns('include', flags, 'whitelist'),
      ...patterns('exclude', flags, 'blacklist'),
      ...patterns('includeFrameworks', flags, 'fw-whitelist'),
      ...patterns('excludeFrameworks', flags, 'fw-blacklist'),
      ...patterns('groups', flags, 'shared-service-name'),
      ...taskTags(flags.texts('task-tag')),
      ...optional('portLabel', flags.text('service-port-label') || undefined),
    },
    ...monitorOf(flags),
  };
  checked(config);
  return { config, ignored: flags.ignored, notes: notesOn(flags, hadCredentials) };
}

/** What no name may have stands as a dash. */
function separatorOf(flags: ForeignFlags): string | undefined {
  return flags.text('group-separator')?.replaceAll(/[^A-Za-z0-9-]/g, '-');
}

function notesOn(flags: ForeignFlags, hadCredentials: boolean): readonly string[] {
  const notes = [
    'APP.service.consul is a name here too once ZONES of the Worker has consul (docs/consul.md); APP.FRAMEWORK.mesos is its own; keys: docs/labels.md',
    'checks from labels (check_http and so on) are not run: health is what Mesos says (docs/record-names.md)',
  ];
  if (separatorOf(flags) !== flags.text('group-separator'))
    notes.push(
      `--group-separator: names have letters, digits and dashes alone: ${JSON.stringify(separatorOf(flags))} instead`,
    );
  if (hadCredentials)
    notes.push('--zk had a name and password, which are left out: give them by mesos.zkCredentialsFile');
  if (flags.isSet('healthcheck'))
    notes.push('--healthcheck: /health is /healthz here, and can fail; metrics are at /metrics');
  return notes;
}

/** Our names for what can be wrong, and its flags. */
const THEIR_NAMES: readonly (readonly [string, string])[] = [
  ['mesos.zk', '--zk'],
  ['mesos.pollSeconds', '--refresh'],
  ['records.ipSources', '--mesos-ip-order'],
  ['records.groupSeparator', '--group-separator'],
  ['records.includeFrameworks', '--fw-whitelist'],
  ['records.excludeFrameworks', '--fw-blacklist'],
  ['records.include', '--whitelist'],
  ['records.exclude', '--blacklist'],
  ['records.groups', '--shared-service-name'],
  ['records.taskTags', '--task-tag'],
  ['metrics.host', '--healthcheck-ip'],
  ['metrics.port', '--healthcheck-port'],
];

function checked(config: ConfigInput): void {
  try {
    parseConfig(config, PROGRAM);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const known = THEIR_NAMES.find(([ours]) => error.message.startsWith(`${PROGRAM}: ${ours}`));
    if (!known) throw error;
    const [ours, theirs] = known;
    const rest = error.message.slice(`${PROGRAM}: ${ours}`.length).replace(/^(?:\.[^:. ]+)+/, '');
    throw new ConfigError(`${PROGRAM}: ${theirs}${rest}`, { cause: error });
  }
}

function zooKeeperOf(url: string): { readonly zk: string; readonly hadCredentials: boolean } {
  const zk = url.replace(/^(zk:\/\/)[^/]*@/, '$1');
  return { zk, hadCredentials: zk !== url };
}

const UNIT_SECONDS: Readonly<Record<string, number>> = {
  h: 3600,
  m: 60,
  s: 1,
  ms: 1e-3,
  us: 1e-6,
  µs: 1e-6,
  ns: 1e-9,
};

/** A Go duration, `1m30s`, in seconds, at least one. */
function durationSeconds(duration: string): number {
  const parts = [...duration.matchAll(/(\d+(?:\.\d*)?|\.\d+)(h|ms|us|µs|ns|m|s)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== duration)
    throw new ConfigError(
      `${PROGRAM}: --refresh: ${JSON.stringify(duration)} is no duration such as 1m or 30s`,
    );
  const seconds = parts.reduce(
    (sum, [, count, unit]) => sum + Number(count) * (UNIT_SECONDS[unit ?? ''] ?? 0),
    0,
  );
  return Math.max(1, Math.ceil(seconds));
}

function ipSourcesOf(order: string): IpSource[] {
  return order.split(',').map((name) => {
    const known = IP_SOURCES.find((source) => source === name.trim());
    if (known) return known;
    throw new ConfigError(
      `${PROGRAM}: --mesos-ip-order: unknown source ${JSON.stringify(name)} (${IP_SOURCES.join(', ')})`,
    );
  });
}

function patterns<Key extends string>(
  key: Key,
  flags: ForeignFlags,
  flag: string,
): { readonly [key in Key]?: string[] } {
  const texts = flags.texts(flag);
  return texts.length === 0 ? {} : ({ [key]: [...texts] } as { [key in Key]: string[] });
}

type TaskTags = { readonly taskTags?: Record<string, string[]> };

/** `pattern:tag,tag`, where the pattern is part of a name (`mesos/register.go`, buildRegisterTaskTags). */
function taskTags(texts: readonly string[]): TaskTags {
  if (texts.length === 0) return {};
  const tagged = new Map<string, string[]>();
  for (const each of texts) {
    const colon = each.indexOf(':');
    const part = each.slice(0, colon).toLowerCase();
    const tags = each
      .slice(colon + 1)
      .split(',')
      .filter((tag) => tag !== '');
    if (colon < 1 || tags.length === 0)
      throw new ConfigError(
        `${PROGRAM}: --task-tag: ${JSON.stringify(each)} is not of the form part-of-name:tag,tag`,
      );
    tagged.set(part, [...new Set([...(tagged.get(part) ?? []), ...tags])]);
  }
  return { taskTags: Object.fromEntries(tagged) };
}

function monitorOf(flags: ForeignFlags): Pick<ConfigInput, 'metrics'> {
  if (!flags.isSet('healthcheck')) return {};
  const port = flags.text('healthcheck-port') ?? DEFAULT_HEALTH.port;
  if (!/^\d+$/.test(port))
    throw new ConfigError(`${PROGRAM}: --healthcheck-port: ${JSON.stringify(port)} is no port`);
  return { metrics: { host: flags.text('healthcheck-ip') ?? DEFAULT_HEALTH.ip, port: Number(port) } };
}

function optional<Key extends string>(
  key: Key,
  value: string | undefined,
): { readonly [key in Key]?: string } {
  return value === undefined ? {} : ({ [key]: value } as { [key in Key]: string });
}
