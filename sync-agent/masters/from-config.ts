import { readFileSync } from 'node:fs';
import { FormatError } from '../../zone/format-error.ts';
import { type AgentConfig, ConfigError, parseMaster } from '../config.ts';
import type { openZooKeeper } from '../zookeeper.ts';
import { parseZooKeeperUrl, withZooKeeperCredentials, type ZooKeeperUrl } from '../zookeeper-url.ts';
import type { MasterFinder } from './finder.ts';
import { createListFinder } from './list-finder.ts';
import { createZooKeeperFinder } from './zookeeper-finder.ts';

/** What of `mesos` in the configuration says where the masters are. */
export type MasterPlaces = Pick<AgentConfig['mesos'], 'masters' | 'zk' | 'zkCredentialsFile' | 'scheme'> & {
  /** What stands in the URLs of masters that ZooKeeper names. Default `address`. */
  readonly mastersBy?: 'address' | 'hostname' | undefined;
};

export type MasterPlacesOptions = {
  /** `process.env`: `MESOS_ZK_CREDENTIALS` is read. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly monotonicMs: () => number;
  readonly onProblem: (problem: string | undefined) => void;
  readonly open?: typeof openZooKeeper;
};

/** Mesos's own, of its agents (`--zk_session_timeout`). */
const SESSION_TIMEOUT_MS = 10_000;

/**
 * The finder that the configuration names: ZooKeeper, with `masters` for as long as it has named none, or
 * `masters` alone. Connects nowhere yet. Throws `ConfigError`, never with a password.
 */
export function finderFrom(mesos: MasterPlaces, { env, ...options }: MasterPlacesOptions): MasterFinder {
  const masters = mesos.masters.map((master) => parseMaster(master));
  const url = zooKeeperUrlFrom(mesos, env);
  if (!url) return createListFinder(masters);
  return createZooKeeperFinder({
    url,
    scheme: `${mesos.scheme}:`,
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
    hostBy: mesos.mastersBy ?? 'address',
    untilFound: masters,
    ...options,
  });
}

function zooKeeperUrlFrom(
  { zk, zkCredentialsFile }: MasterPlaces,
  env: MasterPlacesOptions['env'],
): ZooKeeperUrl | undefined {
  if (zk === undefined) return undefined;
  const fromEnv = env['MESOS_ZK_CREDENTIALS'] || undefined;
  if (fromEnv !== undefined && zkCredentialsFile !== undefined)
    throw new ConfigError('mesos.zkCredentialsFile and MESOS_ZK_CREDENTIALS are both given: give one');
  try {
    const url = parseZooKeeperUrl(zk);
    if (fromEnv !== undefined) return withZooKeeperCredentials(url, fromEnv, 'MESOS_ZK_CREDENTIALS');
    if (zkCredentialsFile === undefined) return url;
    return withZooKeeperCredentials(url, readText(zkCredentialsFile), zkCredentialsFile);
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    throw new ConfigError(`mesos.zk: ${cause.message}`, { cause });
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
    throw new ConfigError(`mesos.zkCredentialsFile: ${path} can not be read${code}`, { cause });
  }
}
