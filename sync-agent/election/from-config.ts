import { hostname } from 'node:os';
import { FormatError } from '../../zone/format-error.ts';
import { type AgentConfig, ConfigError } from '../config.ts';
import type { Http } from '../http.ts';
import type { Sleep } from '../retry.ts';
import { parseZooKeeperUrl, type ZooKeeperUrl } from '../zookeeper-url.ts';
import type { Election } from './election.ts';
import { createPeersElection } from './peers.ts';
import { createSinkElection } from './sink.ts';
import { createSoleElection } from './sole.ts';
import { createZooKeeperElection } from './zookeeper.ts';

/** The election the configuration names. Throws `ConfigError`. `http` is used by `peers` alone. */
export function electionFrom(
  { election, livenessSeconds }: Pick<AgentConfig, 'election' | 'livenessSeconds'>,
  {
    http,
    sleep,
    monotonicMs,
  }: { readonly http: Http; readonly sleep: Sleep; readonly monotonicMs: () => number },
): Election {
  switch (election.by) {
    case 'none':
      return createSoleElection({ livenessSeconds, sleep, monotonicMs, random: Math.random });
    case 'sink':
      return createSinkElection({ livenessSeconds, sleep, monotonicMs, random: Math.random });
    case 'peers':
      return createPeersElection({ peers: election.peers, http, livenessSeconds, sleep, monotonicMs });
    case 'zookeeper':
      return createZooKeeperElection({ zk: zkFrom(election.zk), host: hostname(), sleep, monotonicMs });
  }
}

function zkFrom(zk = ''): ZooKeeperUrl {
  try {
    return parseZooKeeperUrl(zk);
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    throw new ConfigError(`election.zk: ${cause.message}`, { cause });
  }
}
