import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { FormatError } from '../../zone/format-error.ts';
import { hashName } from '../../zone/hash.ts';
import { findInLevels } from '../../zone/levels.ts';
import { nameToWire, type OwnerName, parseName } from '../../zone/name.ts';
import { typeCode, typeName } from '../../zone/record.ts';
import type { Skipped } from '../cluster.ts';
import { type AgentConfig, ConfigError } from '../config.ts';
import { dcosTtls } from '../config-dcos.ts';
import { aliasZoneNames } from '../config-shape.ts';
import { dcosTwin } from '../dcos-zones.ts';
import { signingKeyPath, trustedKeys } from '../keys.ts';
import { createConsole } from '../log.ts';
import { readHead, readLevels } from '../publish/stored-head.ts';
import { recordSettings } from '../record-settings.ts';
import { explainName, type Explanation } from '../records/explain.ts';
import { DCOS_ORIGIN } from '../records/dcos-names.ts';
import { comparePublished, publishedRRsets } from '../records/published-name.ts';
import type { RRsetSettings } from '../records/rrsets.ts';
import { hostNamesOf } from '../records/generate.ts';
import { factsFrom, hostsFrom, mastersFrom } from './cluster-input.ts';
import { asJson, asText, type PublishedView } from './explain-text.ts';
import { explainConsulName, isConsulName } from './consul-explain.ts';
import { addInputOptions, configFrom, type InputFlags } from './inputs.ts';
import { rrsetSettings, sinkFrom } from './outputs.ts';
import { note, stopSignal } from './terminal.ts';

type Flags = InputFlags & {
  readonly sinkDir?: string;
  readonly published?: boolean;
  readonly verifyKey?: string;
  readonly json?: boolean;
};

const EXAMPLES = `
Examples:
  mesos-doh explain search.marathon.mesos --master http://10.0.0.1:5050
  mesos-doh explain _search._tcp.marathon.mesos SRV --state state.json
  mesos-doh explain search.marathon.mesos --config /etc/mesos-doh/config.json --published`;

export function addExplainCommand(program: Command): void {
  addInputOptions(program.command('explain'))
    .description('why a name answers as it does, or does not: task, rule, source, what was left out')
    .argument('<name>', 'the name, whole: with the domain')
    .argument('[type]', 'A, AAAA, SRV, …: only this type is asked for')
    .option('--published', 'compare with what is published in Workers KV')
    .option('--sink-dir <dir>', 'compare with what was published to this directory')
    .option(
      '--verify-key <base64>',
      "public keys to check what is published with (default: the data directory's)",
    )
    .option('--json', 'print as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, type: string | undefined, flags: Flags) => {
      const config = configFrom(flags, note);
      const asked = type === undefined ? undefined : readType(type);
      if (name === '' || name === '.') throw new ConfigError('<name> should be a name of the cluster');
      if (isConsulName(name, config)) {
        const options = { onEvent: createConsole(note), signal: stopSignal() };
        process.stdout.write(await explainConsulName(name, config, options));
        return;
      }
      const place = placeOf(name, config);
      if (place.name !== name) note(`${name} is made as ${place.name}, which is explained here`);
      const explanation = await explained(place, asked, { flags, config });
      const compares = flags.published === true || flags.sinkDir !== undefined;
      const view = compares ? await published(explanation, place, { flags, config }) : undefined;
      process.stdout.write(flags.json === true ? asJson(explanation, view) : asText(explanation, view));
    });
}

type Settings = { readonly flags: Flags; readonly config: AgentConfig };

/** Where a name is made: in the configured zone, or for DC/OS's in theirs, under whatever alias it was asked. */
type Place = { readonly name: string; readonly rrsets: RRsetSettings };

function placeOf(asked: string, config: AgentConfig): Place {
  const rrsets = rrsetSettings(config);
  const beside = zoneOfAlias(asked, config);
  if (beside !== undefined) return { name: asked, rrsets: { ...rrsets, origin: parseName(beside) } };
  const twin = dcosTwin(asked, config);
  if (!twin) return { name: asked, rrsets };
  const name = asked.endsWith('.') ? twin.name : twin.name.slice(0, -1);
  if (twin.isMirrored) return { name, rrsets };
  return {
    name,
    rrsets: { ...rrsets, origin: parseName(DCOS_ORIGIN), ttl: dcosTtls(config).ttl },
  };
}

/** The zone of `records.aliases.zones` that the name is in. */
function zoneOfAlias(asked: string, { records }: AgentConfig): string | undefined {
  const name = asked.toLowerCase().replace(/\.$/, '');
  return aliasZoneNames(records).find((zone) => name === zone || name.endsWith(`.${zone}`));
}

async function explained(
  { name, rrsets }: Place,
  type: string | undefined,
  { flags, config }: Settings,
): Promise<Explanation> {
  const masters = mastersFrom(config, createConsole(note));
  try {
    const settings = recordSettings(config);
    const skipped: Skipped[] = [];
    const onEvent = createConsole(note);
    const source = factsFrom(flags, config, masters, { onEvent, follow: false });
    const hosts = hostsFrom(flags, config);
    const state = await source.read((one) => void skipped.push(one), stopSignal());
    const resolved = await hosts.resolve(hostNamesOf(state, settings.masters), stopSignal());
    const addressesOfHost = (host: string): readonly string[] => resolved.get(host) ?? [];
    return explainName(state, name, {
      settings,
      rrsets,
      addressesOfHost,
      skipped,
      type,
    });
  } finally {
    await masters.close();
  }
}

/** What is published of the name, signature checked; undefined for a name that nobody can ask for. */
async function published(
  explanation: Explanation,
  { rrsets: { origin } }: Place,
  { flags, config }: Settings,
): Promise<PublishedView | undefined> {
  const owner = ownerOf(explanation);
  if (owner === undefined) return undefined;
  if (flags.sinkDir !== undefined && !existsSync(flags.sinkDir))
    throw new ConfigError(`directory ${flags.sinkDir} does not exist`);
  const { sink, close } = sinkFrom({ sinkDir: flags.sinkDir, kv: config.kv }, process.env);
  try {
    const place = { sink, origin, variant: 'main' };
    const keys = flags.verifyKey?.split(',') ?? (await trustedKeys(signingKeyPath(config)));
    const stored = await readHead(place, keys, stopSignal());
    if (stored.kind === 'nothing') throw new ConfigError(`${sink.name} has no snapshot of zone ${origin}`);
    if (stored.kind === 'unusable')
      throw new ConfigError(`${sink.name}: the snapshot of zone ${origin} can not be used: ${stored.reason}`);
    const { root, body } = stored.head;
    const levels = await readLevels(place, body, stopSignal());
    const wire = nameToWire(owner);
    const rrsets = publishedRRsets(findInLevels(levels, wire, hashName(wire, levels.table.seed)));
    const ageOf = (atMs: number): number => Math.round((Date.now() - atMs) / 1000);
    return {
      sink: sink.name,
      serial: root.serial,
      ageSeconds: ageOf(root.createdAtMs),
      confirmedSecondsAgo: ageOf(root.confirmedAtMs),
      rrsets,
      differences: comparePublished(explanation, rrsets),
    };
  } finally {
    await close();
  }
}

function ownerOf({ name }: Explanation): OwnerName | undefined {
  try {
    return parseName(name);
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

function readType(text: string): string {
  const code = typeCode(text);
  if (code === undefined) throw new ConfigError(`${text} is no record type; say A, AAAA, SRV or TYPE65`);
  return typeName(code);
}
