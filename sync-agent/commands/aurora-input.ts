import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FormatError } from '../../zone/format-error.ts';
import { createBasicCredentials } from '../auth/basic.ts';
import { readCredentialsFile } from '../auth/credentials-file.ts';
import type { JobKey } from '../cluster.ts';
import { type AgentConfig, ConfigError } from '../config.ts';
import type { OnEvent } from '../events.ts';
import type { Http } from '../http.ts';
import { sleepFor } from '../retry.ts';
import { createMemberKeep, type MemberKeep } from '../sources/aurora-keep.ts';
import type { AuroraApiOptions } from '../sources/aurora-api.ts';
import { createAuroraScheduler } from '../sources/aurora-scheduler.ts';
import { createServerSets } from '../sources/aurora-serversets.ts';
import type { ServerSetSource } from '../sources/aurora-sets.ts';
import { type AuroraWebhook, createAuroraWebhook } from '../sources/aurora-webhook.ts';
import { openZooKeeper } from '../zookeeper.ts';
import { parseZooKeeperUrl, withZooKeeperCredentials, type ZooKeeperUrl } from '../zookeeper-url.ts';

type AuroraConfig = NonNullable<AgentConfig['aurora']>;
type Env = Readonly<Record<string, string | undefined>>;

export type AuroraOptions = {
  readonly env: Env;
  readonly onEvent: OnEvent;
  /** Members are kept in the data directory for the next start. */
  readonly keeps: boolean;
  /** For the scheduler. */
  readonly http: Http;
  readonly timeoutMs: number;
  readonly maxOctets: number;
};

/** Aurora's own executors ask for as much (kazoo's default). */
const SESSION_TIMEOUT_MS = 10_000;
const USUAL_ROOT = '/aurora';

/** Where Aurora's jobs are found, as the configuration names it. Connects nowhere yet. Throws `ConfigError`. */
export function serverSetsFrom(
  aurora: AuroraConfig,
  { dataDir }: Pick<AgentConfig, 'dataDir'>,
  { env, onEvent, keeps, http, ...limits }: AuroraOptions,
): ServerSetSource {
  const keepFor = (place: string): MemberKeep | undefined =>
    keeps ? createMemberKeep(join(dataDir, 'server-sets.json'), place) : undefined;
  const times = { monotonicMs: () => performance.now(), sleep: sleepFor, random: Math.random };
  const onStatus: (status: ReturnType<ServerSetSource['status']>) => void = ({ problem }) =>
    onEvent({ kind: 'server-sets', problem });
  const { frameworkName, zk } = aurora;
  if (zk !== undefined) {
    const { url, root } = ensembleFrom(aurora, zk, env);
    const paths = new Map(Object.entries(aurora.paths).map(([path, job]) => [path, readJob(job)]));
    return createServerSets({
      url: { ...url, path: '/', name: `zk://${url.servers}` },
      root,
      paths,
      frameworkName,
      stabilizeMs: aurora.stabilizeSeconds * 1000,
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      keep: keepFor(`zk://${url.servers}${root}`),
      onStatus,
      open: openZooKeeper,
      ...times,
    });
  }
  const { urls, header } = schedulersFrom(aurora);
  return createAuroraScheduler({
    urls,
    http,
    header,
    frameworkName,
    pollMs: aurora.pollSeconds * 1000,
    webhook: webhookFrom(aurora, { env, onEvent }),
    keep: keepFor(urls.map((url) => url.origin).join(',')),
    onStatus,
    ...limits,
    ...times,
  });
}

/** Aurora's schedulers, and what they are asked with. */
export function schedulersFrom({
  schedulerUrls,
  schedulerCredentialsFile: file,
}: AuroraConfig): Pick<AuroraApiOptions, 'urls' | 'header'> {
  const credentials =
    file === undefined ? undefined : createBasicCredentials(() => readCredentialsFile(file));
  return { urls: schedulerUrls.map((text) => new URL(text)), header: credentials?.header };
}

/** The announcers' ensemble with its credentials, and the path that jobs are below. Throws `ConfigError`. */
export function ensembleFrom(
  aurora: AuroraConfig,
  zk: string,
  env: Env,
): { readonly url: ZooKeeperUrl; readonly root: string } {
  const url = readEnsemble(aurora, zk, env);
  return { url, root: aurora.root ?? (url.path === '/' ? USUAL_ROOT : url.path) };
}

function readEnsemble({ credentialsFile }: AuroraConfig, zk: string, env: Env): ZooKeeperUrl {
  const fromEnv = env['AURORA_ZK_CREDENTIALS'] || undefined;
  if (fromEnv !== undefined && credentialsFile !== undefined)
    throw new ConfigError('aurora.credentialsFile and AURORA_ZK_CREDENTIALS are both given: give one');
  try {
    const url = parseZooKeeperUrl(zk);
    if (fromEnv !== undefined) return withAuroraCredentials(url, fromEnv, 'AURORA_ZK_CREDENTIALS');
    if (credentialsFile === undefined) return url;
    const text = readText(credentialsFile, 'aurora.credentialsFile');
    return withAuroraCredentials(url, text, credentialsFile);
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    throw new ConfigError(`aurora.zk: ${cause.message}`, { cause });
  }
}

/** Refuses the file of Aurora's own announcers, which a JSON text would pass for a user and a password. */
function withAuroraCredentials(url: ZooKeeperUrl, text: string, place: string): ZooKeeperUrl {
  if (/^\uFEFF?\s*\{/.test(text))
    throw new FormatError(
      place,
      "is JSON, as --announcer-zookeeper-auth-config of Aurora's executors wants: should hold its credential alone, user:password, on one line",
    );
  return withZooKeeperCredentials(url, text, place);
}

function webhookFrom(
  { webhook }: AuroraConfig,
  { env, onEvent }: Pick<AuroraOptions, 'env' | 'onEvent'>,
): AuroraWebhook | undefined {
  if (!webhook) return undefined;
  const { secretFile, ...place } = webhook;
  const fromEnv = env['AURORA_WEBHOOK_SECRET'] || undefined;
  if (fromEnv !== undefined && secretFile !== undefined)
    throw new ConfigError('aurora.webhook.secretFile and AURORA_WEBHOOK_SECRET are both given: give one');
  const text = fromEnv ?? (secretFile === undefined ? '' : readText(secretFile, 'aurora.webhook.secretFile'));
  const secret = text.replace(/\r?\n$/, '');
  if (!/^[!-~]{16,}$/.test(secret))
    throw new ConfigError(
      'the secret of aurora.webhook (secretFile, or AURORA_WEBHOOK_SECRET) should be one line of at least 16 characters without spaces',
    );
  return createAuroraWebhook({
    ...place,
    secret,
    sleep: sleepFor,
    onProblem: (problem) => onEvent({ kind: 'server-sets', problem }),
  });
}

function readJob(text: string): JobKey {
  const [role = '', environment = '', job = ''] = text.split('/');
  return { role, environment, job };
}

function readText(path: string, key: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
    throw new ConfigError(`${key}: ${path} can not be read${code}`, { cause });
  }
}
