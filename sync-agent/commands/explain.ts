import type { Command } from 'commander';
import { parseAddress, reverseName } from '../../zone/address.ts';
import { parseName } from '../../zone/name.ts';
import { typeCode, typeName } from '../../zone/record.ts';
import type { Skipped } from '../cluster.ts';
import { type AgentConfig, ConfigError } from '../config.ts';
import { consulOf } from '../config-consul.ts';
import { dcosTwin } from '../dcos-zones.ts';
import { type ExplainedZone, explainedZones, nearestOrigin } from '../explained-zones.ts';
import { createConsole } from '../log.ts';
import { recordSettings } from '../record-settings.ts';
import { explainName, type Explanation } from '../records/explain.ts';
import { hostNamesOf } from '../records/generate.ts';
import type { RRsetSettings } from '../records/rrsets.ts';
import { factsFrom, hostsFrom, mastersFrom } from './cluster-input.ts';
import { explainConsulName } from './consul-explain.ts';
import { asJson, asText } from './explain-text.ts';
import { addInputOptions, configFrom, type InputFlags } from './inputs.ts';
import { rrsetSettings } from './outputs.ts';
import { print } from './print.ts';
import { isComparing, type PublishedFlags, publishedView } from './published-view.ts';
import { note, stopSignal } from './terminal.ts';

type Flags = InputFlags & PublishedFlags & { readonly json?: boolean };

const EXAMPLES = `
Examples:
  mesos-doh explain search.marathon.mesos --master http://10.0.0.1:5050
  mesos-doh explain _search._tcp.marathon.mesos SRV --state state.json
  mesos-doh explain 10.0.0.7 --config /etc/mesos-doh/config.json          # its PTR record
  mesos-doh explain search.marathon.mesos --config /etc/mesos-doh/config.json --published`;

export function addExplainCommand(program: Command): void {
  addInputOptions(program.command('explain'))
    .description('why a name answers as it does, or does not: task, rule, source, what was left out')
    .argument('<name>', 'the name, whole: with the domain; an address means its reverse name')
    .argument(
      '[type]',
      'A, AAAA, SRV, …: is there one of this type, and why not; what else the name has is printed too',
    )
    .option('--published', 'compare with what is published in Workers KV')
    .option('--sink-dir <dir>', 'compare with what was published to this directory')
    .option(
      '--verify-key <base64>',
      "public keys to check what is published with (default: the data directory's)",
    )
    .option('--json', 'print as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (asked: string, type: string | undefined, flags: Flags) => {
      const config = configFrom(flags, note);
      const settings: Settings = { flags, config, type: type === undefined ? undefined : readType(type) };
      const name = nameFrom(asked);
      const { explanation, rrsets } = await explained(name, settings);
      const view = isComparing(flags) ? await publishedView(explanation, rrsets, settings) : undefined;
      await print(flags.json === true ? asJson(explanation, view) : asText(explanation, view));
    });
}

type Settings = {
  readonly flags: Flags;
  readonly config: AgentConfig;
  readonly type: string | undefined;
};

type Explained = { readonly explanation: Explanation; readonly rrsets: RRsetSettings };

/** An address is asked for at its reverse name. */
function nameFrom(asked: string): string {
  if (asked === '' || asked === '.') throw new ConfigError('<name> should be a name of the cluster');
  const octets = parseAddress(asked);
  if (!octets) return asked;
  const name = reverseName(octets);
  note(`${asked} is looked up as ${name}`);
  return name;
}

/** By the zone that the name is in, the longest one as at the Worker; by the domain's where it is in none. */
async function explained(name: string, { flags, config, type }: Settings): Promise<Explained> {
  const zones = explainedZones(config);
  const consul = consulOf(config);
  const origins = [...zones.map(({ zone }) => zone.origin), ...(consul ? [parseName(consul.domain)] : [])];
  const origin = nearestOrigin(name, origins);
  if (consul && origin === consul.domain) {
    const options = { type, onEvent: createConsole(note), signal: stopSignal() };
    return explainConsulName(name, { config, consul }, options);
  }
  const [own] = zones;
  const found = zones.find(({ zone }) => zone.origin === origin) ?? own;
  if (!found) throw new ConfigError('no zone is configured');
  const twin = dcosTwin(name, config);
  const isOther = twin && twin.name !== (name.endsWith('.') ? name.toLowerCase() : `${name.toLowerCase()}.`);
  if (isOther) note(`${name} is made as ${twin.name.slice(0, -1)}`);
  return explainedIn(found, name, { flags, config, type, origins });
}

async function explainedIn(
  { zone, derivation }: ExplainedZone,
  name: string,
  { flags, config, type, origins }: Settings & { readonly origins: readonly string[] },
): Promise<Explained> {
  const onEvent = createConsole(note);
  const masters = mastersFrom(config, onEvent);
  try {
    const settings = recordSettings(config);
    const skipped: Skipped[] = [];
    const source = factsFrom(flags, config, masters, { onEvent, follow: false });
    const state = await source.read((one) => void skipped.push(one), stopSignal());
    const resolved = await hostsFrom(flags, config).resolve(
      hostNamesOf(state, settings.masters),
      stopSignal(),
    );
    const rrsets = { ...rrsetSettings(config), origin: zone.origin, ttl: zone.soa.ttl };
    const explanation = explainName(state, name, {
      settings,
      rrsets,
      derivation,
      addressesOfHost: (host) => resolved.get(host) ?? [],
      skipped,
      type,
      // Wildcards are the operator's alone.
      wildcards: config.staticRecords === undefined ? 'none' : undefined,
      zones: origins,
    });
    return { explanation, rrsets };
  } finally {
    await masters.close();
  }
}

function readType(text: string): string {
  const code = typeCode(text);
  if (code === undefined) throw new ConfigError(`${text} is no record type; say A, AAAA, SRV or TYPE65`);
  return typeName(code);
}
