import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { Command } from 'commander';
import { parseAddress } from '../../zone/address.ts';
import type { ClusterState } from '../cluster.ts';
import {
  type AgentConfig,
  ConfigError,
  mergeConfig,
  parseConfig,
  parseMaster,
  readJsonFile,
} from '../config.ts';
import { createHostResolver, createHostsFileResolver, type HostResolver } from '../hosts.ts';
import { createHttp, type Http, HttpError } from '../http.ts';
import { fromMesosDnsConfig, parseMesosDnsConfig } from '../mesos-dns-config.ts';
import { recordSettings } from '../record-settings.ts';
import { createStateRecordSource, createTransferRecordSource, type RecordSource } from '../record-source.ts';
import { createMesosDnsAxfrSource } from '../sources/mesos-dns-axfr.ts';
import { createMesosStateSource } from '../sources/mesos-state.ts';
import type { Source } from '../sources/source.ts';
import { createStateFileSource, createStateUrlSource } from '../sources/state-file.ts';

/** Flags that say which cluster is read and how its records are made. */
export type InputFlags = {
  readonly config?: string;
  readonly mesosDnsConfig?: string;
  readonly master?: readonly string[];
  readonly state?: string;
  readonly axfr?: string;
  readonly hosts?: string;
  readonly localAddresses?: string;
};

export function addInputOptions(command: Command): Command {
  return command
    .option('--config <file>', 'our configuration, JSON (docs/configuration.md)')
    .option(
      '--mesos-dns-config <file>',
      "a mesos-dns config.json; means mesos-dns's own defaults and exact names",
    )
    .option('--master <url>', 'a Mesos master, http://host:port; repeatable', collect)
    .option('--state <file|url>', "a saved /state, or a URL that answers one, instead of a master's")
    .option(
      '--axfr <url>',
      'a running mesos-dns with its enumeration on, http://host:8123: its records as they are',
    )
    .option(
      '--hosts <file>',
      'JSON of host names, each with a list of addresses: the only names that resolve',
    )
    .option(
      '--local-addresses <list>',
      "the name server's addresses where mesos-dns's listener is 0.0.0.0; `auto`: this machine's",
    );
}

/** For options that may be given several times. */
export function collect(value: string, earlier: readonly string[] = []): string[] {
  return [...earlier, value];
}

/** The configuration of files and flags, flags first; `note` takes what the operator should know. */
export function configFrom(flags: InputFlags, note: (line: string) => void): AgentConfig {
  const place =
    [flags.mesosDnsConfig, flags.config].filter((path) => path !== undefined).join(' and ') || 'flags';
  let input: unknown = {};
  if (flags.mesosDnsConfig !== undefined) {
    const theirs = fromMesosDnsConfig(readJsonFile(flags.mesosDnsConfig), flags.mesosDnsConfig);
    for (const { key, why } of theirs.ignored) note(`${flags.mesosDnsConfig}: ${key} is ignored: ${why}`);
    parseMesosDnsConfig(theirs.config, flags.mesosDnsConfig);
    const addresses = theirs.listensOnAllAddresses ? localAddresses(flags.localAddresses) : undefined;
    input = mergeConfig(theirs.config, addresses && { records: { nameServerAddresses: addresses } });
  } else if (flags.localAddresses !== undefined) {
    input = { records: { nameServerAddresses: localAddresses(flags.localAddresses) } };
  }
  if (flags.config !== undefined) {
    const own = readJsonFile(flags.config);
    parseConfig(own, flags.config);
    input = mergeConfig(input, own);
  }
  if ([flags.state, flags.master, flags.axfr].filter((given) => given !== undefined).length > 1) {
    throw new ConfigError('give one of --state, --master and --axfr');
  }
  if (flags.master) input = mergeConfig(input, { mesos: { masters: flags.master } });
  return parseConfig(input, place);
}

/** Does the mesos-dns configuration, if one is given, want names outside the domain forwarded? */
export function forwardsByMesosDnsConfig({ mesosDnsConfig }: InputFlags): boolean {
  if (mesosDnsConfig === undefined) return true;
  return fromMesosDnsConfig(readJsonFile(mesosDnsConfig), mesosDnsConfig).forwards;
}

function localAddresses(list = ''): string[] {
  if (list === 'auto') {
    const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
    return all.filter(({ internal }) => !internal).map(({ address }) => address);
  }
  const addresses = list.split(',').map((text) => text.trim());
  for (const address of addresses.filter((text) => text !== '')) {
    if (!parseAddress(address))
      throw new ConfigError(`--local-addresses: ${JSON.stringify(address)} is no IP address`);
  }
  return addresses.filter((text) => text !== '');
}

/** The records that flags and configuration name. Throws `ConfigError` where they name none. */
export function recordSourceFrom(flags: InputFlags, config: AgentConfig, http: Http): RecordSource {
  if (flags.axfr === undefined) {
    const options = { hosts: hostsFrom(flags, config), settings: recordSettings(config) };
    return createStateRecordSource(sourceFrom(flags, config, http), options);
  }
  if (!/^https?:\/\//.test(flags.axfr) || !URL.canParse(flags.axfr))
    throw new ConfigError(`--axfr: ${flags.axfr} is no URL; give that of a mesos-dns, http://host:8123`);
  const { domain } = config;
  const url = new URL(flags.axfr);
  return createTransferRecordSource(createMesosDnsAxfrSource({ url, domain, http, ...limitsOf(config) }));
}

function limitsOf({ mesos }: AgentConfig): { timeoutMs: number; maxOctets: number } {
  return { timeoutMs: mesos.timeoutSeconds * 1000, maxOctets: mesos.maxStateMebibytes * 1024 * 1024 };
}

/** The source of facts that flags and configuration name. Throws `ConfigError` where they name none. */
export function sourceFrom(flags: InputFlags, config: AgentConfig, http: Http): Source<ClusterState> {
  if (flags.axfr !== undefined)
    throw new ConfigError("--axfr gives records, and this takes a cluster's state");
  const limits = limitsOf(config);
  if (flags.state !== undefined) {
    const isUrl = /^https?:\/\//.test(flags.state);
    if (isUrl && !URL.canParse(flags.state)) throw new ConfigError(`--state: ${flags.state} is no URL`);
    return isUrl
      ? createStateUrlSource(flags.state, { http, ...limits })
      : createStateFileSource(flags.state);
  }
  if (config.mesos.masters.length === 0) {
    throw new ConfigError(
      'no cluster is named: give --master http://host:5050, --state FILE, or mesos.masters in --config',
    );
  }
  return createMesosStateSource({
    masters: config.mesos.masters.map((master) => parseMaster(master)),
    http,
    ...limits,
  });
}

export function hostsFrom(flags: InputFlags, config: AgentConfig): HostResolver {
  if (flags.hosts !== undefined) return createHostsFileResolver(flags.hosts);
  return createHostResolver({ timeoutMs: config.mesos.hostLookupSeconds * 1000, now: Date.now });
}

/** HTTP to the masters, with the configuration's certificates. Throws `ConfigError` for unreadable files. */
export function mesosHttpFrom({ mesos }: AgentConfig): Http {
  const read = (path: string | undefined, key: string): Record<string, string> => {
    if (path === undefined) return {};
    try {
      return { [key]: readFileSync(path, 'utf8') };
    } catch (cause) {
      throw new ConfigError(`${path} can not be read (${cause instanceof Error ? cause.message : ''})`, {
        cause,
      });
    }
  };
  const tls = {
    ...read(mesos.caCertFile, 'ca'),
    ...read(mesos.certFile, 'cert'),
    ...read(mesos.keyFile, 'key'),
  };
  try {
    return createHttp(Object.keys(tls).length > 0 ? { tls } : {});
  } catch (cause) {
    if (!(cause instanceof HttpError)) throw cause;
    throw new ConfigError(`mesos.caCertFile, certFile, keyFile: ${cause.message}`, { cause });
  }
}
