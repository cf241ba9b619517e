import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { FormatError } from '../zone/format-error.ts';
import { parseName } from '../zone/name.ts';
import type { Endpoint } from './cluster.ts';
import { frameworkAliasProblem } from './config-aliases.ts';
import { auroraProblem, auroraSchema } from './config-aurora.ts';
import { consulProblem, consulSchema, wanSchema } from './config-consul.ts';
import { dcosProblem, dcosSchema } from './config-dcos.ts';
import { furtherEntries, reverseProblem, reverseSchema } from './config-further.ts';
import { secretHint } from './config-secrets.ts';
import { shapeEntries, shapeProblem } from './config-shape.ts';
import {
  address,
  filePath,
  parseHttpUrl,
  portNumber,
  readable,
  seconds,
  timerSeconds,
} from './config-values.ts';
import { nearest } from './nearest.ts';
import { IP_SOURCES } from './records/address.ts';
import { toFrameworkPart } from './records/label.ts';
import { parsePrefix } from './records/prefix.ts';
import { VISIBILITIES } from './records/visibility.ts';
import { parseEndpoint } from './sources/pid.ts';
import { parseZooKeeperUrl } from './zookeeper-url.ts';

/** Settings that can't be used: the message names the file, the key, and what it should be. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** A configuration as JSON, before its defaults: what files and flags give. */
export type ConfigInput = v.InferInput<typeof configSchema>;
/** The configuration with every default filled in. One page on each key: `docs/configuration.md`. */
export type AgentConfig = v.InferOutput<typeof configSchema> & PlanTimes;

/** Seconds between pushes, between renewals, and until answers say that they are stale. */
type PlanTimes = {
  readonly minPushSeconds: number;
  readonly livenessSeconds: number;
  readonly staleAfterSeconds: number;
};

/** Defaults by Cloudflare plan: the free one has 1,000 writes a day, for pushes, renewals, merges and cuts. */
const PLAN_TIMES: Readonly<Record<'paid' | 'free', PlanTimes>> = {
  paid: { minPushSeconds: 10, livenessSeconds: 300, staleAfterSeconds: 900 },
  free: { minPushSeconds: 100, livenessSeconds: 900, staleAfterSeconds: 2700 },
};

const DOMAIN_LABEL = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/i;
const domain = v.pipe(
  v.string(),
  v.check(
    (text) =>
      text.split('.').every((label) => label.length <= 63 && DOMAIN_LABEL.test(label)) && text.length < 200,
    'should be labels of letters, digits and dashes, such as mesos or dc1.example',
  ),
  v.transform((text) => text.toLowerCase()),
);
/** A framework's name; something has to be left of it in names. */
const frameworkPart = v.pipe(
  v.string(),
  v.check((name) => toFrameworkPart(name, 'rfc1123') !== '', 'should be a framework\u2019s name'),
);
const masterUrl = readable((text) => parseMaster(text));

/** `records`, whose defaults depend on the profile. */
const recordsSchema = v.strictObject({
  profile: v.optional(v.picklist(['full', 'mesos-dns', 'dcos', 'consul']), 'full'),
  ttl: v.optional(seconds(0)),
  negativeTtl: v.optional(seconds(0)),
  srvWeight: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65535)), 1),
  labelRules: v.optional(v.picklist(['rfc1123', 'rfc952']), 'rfc1123'),
  ipSources: v.optional(
    v.pipe(
      v.array(v.picklist(IP_SOURCES)),
      v.minLength(1),
      v.check((sources) => new Set(sources).size === sources.length, 'should name each source once'),
    ),
  ),
  rawDiscoveryNames: v.optional(v.picklist(['lower-case', 'as-is'])),
  reservedNames: v.optional(v.picklist(['kept-apart', 'mixed'])),
  maxPortsPerTask: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65536))),
  health: v.optional(
    v.strictObject({
      unhealthyTasks: v.optional(v.picklist(['leave-out', 'keep'])),
      graceSeconds: v.optional(seconds(0)),
    }),
  ),
  killingTasks: v.optional(v.picklist(['by-status', 'by-state'])),
  drainingAgents: v.optional(v.picklist(['leave-out', 'keep'])),
  deactivatedAgents: v.optional(v.picklist(['leave-out', 'keep'])),
  minVisibility: v.optional(v.picklist(VISIBILITIES)),
  addresses: v.optional(
    v.strictObject({
      prefer: v.optional(v.array(readable(parsePrefix))),
      exclude: v.optional(v.array(readable(parsePrefix))),
    }),
  ),
  frameworkAliases: v.optional(v.record(frameworkPart, v.pipe(v.array(frameworkPart), v.minLength(1)))),
  addressStatus: v.optional(v.picklist(['newest', 'newest-with-address'])),
  nameServer: v.optional(readable(parseName)),
  nameServerAddresses: v.optional(v.array(address), []),
  hostmaster: v.optional(readable(parseName)),
  refresh: v.optional(seconds(0), 60),
  retry: v.optional(seconds(0), 600),
  expire: v.optional(seconds(0), 86400),
  recursionAvailable: v.optional(v.picklist(['forwarding', 'always', 'never'])),
  ...shapeEntries,
  ...furtherEntries,
});

/** Names are parts of store keys. */
const variantName = v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9-]{0,31}$/), v.notValue('main'));
/** A further snapshot of the zone, for other askers: what differs from `records`. */
const variantSchema = v.strictObject({
  minVisibility: v.optional(v.picklist(VISIBILITIES)),
  agentAddressAttribute: v.optional(v.pipe(v.string(), v.nonEmpty())),
  ipSources: v.optional(v.pipe(v.array(v.picklist(IP_SOURCES)), v.minLength(1))),
  clusterNames: v.optional(v.picklist(['published', 'left-out']), 'published'),
  frameworks: v.optional(v.pipe(v.array(v.pipe(v.string(), v.nonEmpty())), v.minLength(1))),
  tasks: v.optional(v.pipe(v.array(v.pipe(v.string(), v.nonEmpty())), v.minLength(1))),
  consulWan: v.optional(wanSchema),
  consulServices: v.optional(v.array(v.pipe(v.string(), v.nonEmpty()))),
});

/** What a variant is made of. */
export type VariantConfig = v.InferOutput<typeof variantSchema>;

const configSchema = v.strictObject({
  domain: v.optional(domain, 'mesos'),
  mesos: v.optional(
    v.strictObject({
      masters: v.optional(
        v.pipe(
          v.array(masterUrl),
          v.check(
            (urls) => new Set(urls.map((url) => hrefOf(url))).size === urls.length,
            'should name each master once',
          ),
        ),
        [],
      ),
      zk: v.optional(readable(parseZooKeeperUrl)),
      zkCredentialsFile: v.optional(filePath),
      scheme: v.optional(v.picklist(['http', 'https']), 'http'),
      mastersBy: v.optional(v.picklist(['address', 'hostname']), 'address'),
      mode: v.optional(v.picklist(['auto', 'stream', 'poll']), 'auto'),
      reconcileSeconds: v.optional(timerSeconds(), 300),
      authentication: v.optional(v.picklist(['none', 'basic', 'iam'])),
      credentials: v.optional(v.strictObject({ principal: v.optional(v.string()) })),
      credentialsFile: v.optional(filePath),
      dcosServiceAccountFile: v.optional(filePath),
      allowEmpty: v.optional(v.boolean(), false),
      pollSeconds: v.optional(timerSeconds(), 60),
      timeoutSeconds: v.optional(timerSeconds(), 300),
      maxStateMebibytes: v.optional(seconds(1), 1024),
      hostLookupSeconds: v.optional(timerSeconds(), 5),
      caCertFile: v.optional(v.string()),
      certFile: v.optional(v.string()),
      keyFile: v.optional(v.string()),
      serverName: v.optional(v.pipe(v.string(), v.nonEmpty())),
    }),
    {},
  ),
  marathon: v.optional(
    v.strictObject({
      urls: v.pipe(v.array(readable((text) => parseHttpUrl(text))), v.minLength(1)),
      credentialsFile: v.optional(filePath),
    }),
  ),
  aurora: v.optional(auroraSchema),
  dcos: v.optional(dcosSchema),
  consul: v.optional(consulSchema),
  reverse: v.optional(reverseSchema),
  staticRecords: v.optional(filePath),
  kv: v.optional(
    v.strictObject({
      url: readable((text) => parseHttpUrl(text)),
      namespace: v.pipe(v.string(), v.nonEmpty()),
    }),
  ),
  records: v.optional(recordsSchema, {}),
  variants: v.optional(v.record(variantName, variantSchema), {}),
  dataDir: v.optional(v.pipe(v.string(), v.nonEmpty()), '.mesos-doh'),
  plan: v.optional(v.picklist(['paid', 'free']), 'paid'),
  minPushSeconds: v.optional(timerSeconds()),
  livenessSeconds: v.optional(seconds(10)),
  staleAfterSeconds: v.optional(seconds(1)),
  expireAfterSeconds: v.optional(seconds(0), 604800),
  signingKeyFile: v.optional(v.string()),
  guard: v.optional(
    v.strictObject({
      maxRemovedPercent: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(100)), 30),
      minRemoved: v.optional(seconds(1), 20),
      windowSeconds: v.optional(seconds(0), 600),
      settleSeconds: v.optional(seconds(0), 60),
      failoverSeconds: v.optional(seconds(0), 600),
    }),
    {},
  ),
  history: v.optional(
    v.strictObject({
      keep: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1000)), 24),
      everySeconds: v.optional(seconds(60), 3600),
      maxMebibytes: v.optional(seconds(1), 512),
    }),
    {},
  ),
  election: v.optional(
    v.strictObject({
      by: v.optional(v.picklist(['none', 'sink', 'peers', 'zookeeper']), 'none'),
      peers: v.optional(v.array(readable((text) => parseHttpUrl(text))), []),
      zk: v.optional(v.pipe(v.string(), v.startsWith('zk://'))),
    }),
    {},
  ),
  metrics: v.optional(
    v.strictObject({
      host: v.optional(address, '127.0.0.1'),
      port: portNumber,
    }),
  ),
});

/** Fills in defaults and refuses what is wrong; `place` names the file or flag in the message. */
export function parseConfig(input: unknown, place: string): AgentConfig {
  if (!isPlainObject(input)) throw new ConfigError(`${place}: should be a JSON object`);
  const result = v.safeParse(configSchema, input);
  if (result.success) return consistent(withPlanTimes(result.output), place);
  const issue = result.issues[0];
  const path = issue.path?.map((item) => String(item.key)).join('.') ?? '';
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    const known = knownKeysBeside(issue);
    const key = path.split('.').at(-1) ?? '';
    throw new ConfigError(`${place}: unknown key ${path}${secretHint(path) ?? nearest(key, known)}`);
  }
  throw new ConfigError(`${place}: ${path || 'the whole'}: ${issue.message}`);
}

function withPlanTimes(parsed: v.InferOutput<typeof configSchema>): AgentConfig {
  const times = PLAN_TIMES[parsed.plan];
  return {
    ...parsed,
    minPushSeconds: parsed.minPushSeconds ?? times.minPushSeconds,
    livenessSeconds: parsed.livenessSeconds ?? times.livenessSeconds,
    staleAfterSeconds: parsed.staleAfterSeconds ?? times.staleAfterSeconds,
  };
}

/** Refuses times under which every answer would be stale, or gone, between two renewals. */
function consistent(config: AgentConfig, place: string): AgentConfig {
  const { livenessSeconds, staleAfterSeconds, expireAfterSeconds, mesos } = config;
  const refuse = (what: string): never => {
    throw new ConfigError(`${place}: ${what}`);
  };
  if (staleAfterSeconds <= livenessSeconds) refuse('staleAfterSeconds should be more than livenessSeconds');
  if (staleAfterSeconds <= mesos.pollSeconds)
    refuse('staleAfterSeconds should be more than mesos.pollSeconds');
  if (expireAfterSeconds !== 0 && expireAfterSeconds <= staleAfterSeconds) {
    refuse('expireAfterSeconds should be more than staleAfterSeconds, or 0 for never');
  }
  const { by, peers, zk } = config.election;
  if (by === 'zookeeper' && zk === undefined)
    refuse('election.zk should name the ZooKeeper path to elect at');
  if (by === 'peers' && peers.length === 0) refuse('election.peers should name the other agents');
  if (by === 'peers' && !config.metrics)
    refuse('election by peers needs metrics.port, where the others ask this agent');
  const wrong =
    (config.aurora && auroraProblem(config.aurora)) ??
    frameworkAliasProblem(config.records) ??
    reverseProblem(config) ??
    dcosProblem(config) ??
    consulProblem(config) ??
    shapeProblem(config);
  if (wrong !== undefined) refuse(wrong);
  return config;
}

/** A master's base URL; a bare `host:port` is HTTP. Throws `FormatError` or, by `URL`, `TypeError`. */
export function parseMaster(text: string): URL {
  if (text.includes('@'))
    throw new FormatError('master', 'holds a name or password (before an @), which is never sent');
  masterEndpoint(text);
  return parseHttpUrl(text.includes('://') ? text : `http://${text}`);
}

/** The host and port of a master as they are written: mesos-dns compares and publishes these texts. */
export function masterEndpoint(text: string): Endpoint {
  if (!text.includes('://')) return parseEndpoint(text);
  const authority = text.replace(/^[^:]*:\/\//, '').replace(/[/?#].*$/, '');
  return parseEndpoint(
    /:\d*$/.test(authority) ? authority : `${authority}:${/^https:/i.test(text) ? 443 : 80}`,
  );
}

/** What all spellings of a master have in common; a text that is none is left as it is. */
function hrefOf(master: string): string {
  try {
    return parseMaster(master).href;
  } catch {
    return master;
  }
}

/** A JSON file's content. Throws `ConfigError` saying which file and what is wrong with it. */
export function readJsonFile(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    const reason = cause instanceof SyntaxError ? `is not JSON: ${cause.message}` : 'can not be read';
    const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
    throw new ConfigError(`${path} ${reason}${code}`, { cause });
  }
}

/** Objects merged key by key, the later one's values first; lists and values are replaced whole. */
export function mergeConfig(base: unknown, over: unknown): unknown {
  if (!isPlainObject(base) || !isPlainObject(over)) return over === undefined ? base : over;
  // Not by assignment: a key `__proto__` would be a prototype then.
  const merged = new Map(Object.entries(base));
  for (const [key, value] of Object.entries(over)) merged.set(key, mergeConfig(merged.get(key), value));
  return Object.fromEntries(merged);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The keys that stand at the level of an unknown one. */
function knownKeysBeside(issue: v.BaseIssue<unknown>): string[] {
  const parents = issue.path?.slice(0, -1).map((item) => String(item.key)) ?? [];
  let schema: unknown = configSchema;
  for (const key of parents) schema = wrapped(entriesOf(schema)[key]);
  return Object.keys(entriesOf(schema));
}

function wrapped(schema: unknown): unknown {
  return isPlainObject(schema) && isPlainObject(schema['wrapped']) ? schema['wrapped'] : schema;
}

function entriesOf(schema: unknown): Record<string, unknown> {
  return isPlainObject(schema) && isPlainObject(schema['entries']) ? schema['entries'] : {};
}
