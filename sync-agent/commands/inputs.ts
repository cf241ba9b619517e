import { networkInterfaces } from 'node:os';
import type { Command } from 'commander';
import { parseAddress } from '../../zone/address.ts';
import { type AgentConfig, ConfigError, mergeConfig, parseConfig, readJsonFile } from '../config.ts';
import {
  fromMesosDnsConfig,
  type MesosDnsConfig,
  parseMesosDnsConfig,
  silentDifferences,
} from '../mesos-dns-config.ts';

/** Flags that say which cluster is read and how its records are made. */
export type InputFlags = {
  readonly config?: string;
  readonly mesosDnsConfig?: string;
  readonly master?: readonly string[];
  readonly zk?: string;
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
    .option('--zk <url>', "where the masters elect their leader: zk://host:2181/mesos, as Mesos's --zk")
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
  let theirs: MesosDnsConfig | undefined;
  if (flags.mesosDnsConfig !== undefined) {
    theirs = fromMesosDnsConfig(readJsonFile(flags.mesosDnsConfig), flags.mesosDnsConfig);
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
  if ([flags.state, flags.master ?? flags.zk, flags.axfr].filter((given) => given !== undefined).length > 1) {
    throw new ConfigError('give one of --state, --axfr, and --master or --zk');
  }
  if (flags.master) input = mergeConfig(input, { mesos: { masters: flags.master } });
  if (flags.zk !== undefined) input = mergeConfig(input, { mesos: { zk: flags.zk } });
  const config = parseConfig(input, place);
  const hasAddresses = config.records.nameServerAddresses.length > 0;
  for (const line of theirs ? silentDifferences(theirs, { hasAddresses }) : [])
    note(`${flags.mesosDnsConfig}: ${line}`);
  return config;
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
