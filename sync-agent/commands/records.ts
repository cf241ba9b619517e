import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { parseName } from '../../zone/name.ts';
import { escapedJson } from '../client/json-text.ts';
import type { ReportSkipped, Skipped } from '../cluster.ts';
import { type AgentConfig, ConfigError } from '../config.ts';
import { aliasZoneNames } from '../config-shape.ts';
import { signingKeyPath, trustedKeys } from '../keys.ts';
import { createConsole } from '../log.ts';
import { readHead, readLevels } from '../publish/stored-head.ts';
import { fromLevels } from '../records/from-levels.ts';
import type { RecordSet } from '../records/record-set.ts';
import { toZoneContent } from '../records/rrsets.ts';
import { createDirectorySink } from '../sinks/directory.ts';
import { countSkipped, readRecords } from '../sync.ts';
import { mastersFrom, recordSourceFrom } from './cluster-input.ts';
import { consulAlone, consulInputFrom } from './consul-input.ts';
import { addInputOptions, configFrom, type InputFlags } from './inputs.ts';
import { rrsetSettings, signingKeyFrom } from './outputs.ts';
import { note, stopSignal } from './terminal.ts';

type Flags = InputFlags & {
  readonly variant?: string;
  readonly sinkDir?: string;
  readonly zone?: string;
  readonly verifyKey?: string;
  readonly skipped?: boolean;
};

const EXAMPLES = `
Examples:
  mesos-doh records --state state.json
  mesos-doh records --master http://10.0.0.1:5050 --mesos-dns-config /etc/mesos-dns/config.json
  mesos-doh records --axfr http://10.0.0.1:8123
  mesos-doh records --state state.json --skipped
  mesos-doh records --sink-dir /srv/snapshots --verify-key "$VERIFY_KEYS"`;

export function addRecordsCommand(program: Command): void {
  addInputOptions(program.command('records'))
    .description('print the record set of a cluster, or of a published snapshot, as JSON')
    .option('--sink-dir <dir>', 'read back what was published to this directory, signature checked')
    .option('--zone <name>', 'with --sink-dir: which zone (default: the configured domain)')
    .option('--variant <name>', 'with --sink-dir: another variant than the main one (docs/variants.md)')
    .option(
      '--verify-key <base64>',
      "with --sink-dir: the public key to check with (default: the data directory's)",
    )
    .option('--skipped', 'print what was left out and why instead, all of it, a line each')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: Flags) => {
      if (
        flags.sinkDir !== undefined &&
        (flags.state !== undefined || flags.master || flags.axfr !== undefined)
      ) {
        throw new ConfigError(
          '--sink-dir reads what was published: give it without --state, --master and --axfr',
        );
      }
      if (flags.skipped === true && flags.sinkDir !== undefined)
        throw new ConfigError(
          '--skipped is what is left out while a cluster is read: give it without --sink-dir',
        );
      if (flags.skipped === true) {
        const skipped: Skipped[] = [];
        await generated(flags, (one) => void skipped.push(one));
        return write(skippedLines(skipped));
      }
      const records = flags.sinkDir === undefined ? await told(flags) : await published(flags, flags.sinkDir);
      await write(jsonPieces(records));
    });
}

async function write(pieces: Iterable<string>): Promise<void> {
  for (const piece of pieces) {
    if (!process.stdout.write(piece)) await new Promise((resolve) => process.stdout.once('drain', resolve));
  }
}

/** The records; the first elements of each kind that were left out are told beside them. */
async function told(flags: Flags): Promise<RecordSet> {
  const skipped = countSkipped();
  const records = await generated(flags, skipped.report);
  createConsole(note)({ kind: 'skipped', reasons: skipped.reasons() });
  return records;
}

async function generated(flags: Flags, report: ReportSkipped): Promise<RecordSet> {
  const config = configFrom(flags, note);
  const onEvent = createConsole(note);
  const masters = mastersFrom(config, onEvent);
  const alone = consulAlone(flags, config);
  const consul = alone && consulInputFrom(config, alone, { onEvent, dryRun: true });
  try {
    const source = consul?.main ?? recordSourceFrom(flags, config, masters, { onEvent, follow: false });
    const options = { source, onEvent, monotonicMs: () => performance.now() };
    const { records } = await readRecords(options, report, stopSignal());
    if (!consul) reportUnanswerable(records, config, report);
    return records;
  } finally {
    await Promise.all([masters.close(), consul?.close()]);
  }
}

/** Tells of values that no answer will carry, as a push does: in the zone, and in those for aliases beside it. */
function reportUnanswerable(records: RecordSet, config: AgentConfig, report: ReportSkipped): void {
  const settings = rrsetSettings(config);
  for (const origin of [settings.origin, ...aliasZoneNames(config.records).map((zone) => parseName(zone))]) {
    const content = toZoneContent(records, { ...settings, origin }, report);
    for (const owner of content.owners()) content.rrsetsAt(owner);
  }
}

async function published(flags: Flags, directory: string): Promise<RecordSet> {
  const config = configFrom(flags, note);
  const origin = parseName(flags.zone ?? consulAlone(flags, config)?.domain ?? config.domain);
  const sink = createDirectorySink(directory);
  const verifyKeys = flags.verifyKey?.split(',') ?? (await ownKeys(config));
  if (!existsSync(directory)) throw new ConfigError(`directory ${directory} does not exist`);
  const place = { sink, origin, variant: flags.variant ?? 'main' };
  const stored = await readHead(place, verifyKeys, stopSignal());
  if (stored.kind === 'nothing')
    throw new ConfigError(`${sink.name} has no snapshot of zone ${origin}; --zone names another`);
  if (stored.kind === 'unusable') throw new Error(`${sink.name}: ${stored.reason}`);
  const { root, body } = stored.head;
  const levels = await readLevels(place, body, stopSignal());
  const ageSeconds = Math.round((Date.now() - root.createdAtMs) / 1000);
  note(`zone ${origin}, serial ${root.serial}, ${ageSeconds} s old`);
  return fromLevels(levels);
}

async function ownKeys(config: AgentConfig): Promise<readonly string[]> {
  try {
    const { publicKeyBase64 } = await signingKeyFrom(config);
    return [publicKeyBase64, ...(await trustedKeys(signingKeyPath(config)))];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`${error.message}; give the public key with --verify-key`, { cause: error });
  }
}

/** The set as JSON, names and values sorted, a line a name, in pieces that a pipe can take. */
function* jsonPieces(records: RecordSet): Generator<string> {
  yield '{';
  for (const [i, [type, values]] of byType(records).entries()) {
    yield `${i === 0 ? '' : ','}\n "${type}": {`;
    let separator = '';
    for (const name of [...values.keys()].toSorted()) {
      yield `${separator}\n  ${plainJson(name)}: ${plainJson(values.get(name)?.toSorted())}`;
      separator = ',';
    }
    yield separator === '' ? '}' : '\n }';
  }
  yield '\n}\n';
}

/** Names and ids come from the cluster: none of them may steer the terminal, or begin a line. */
function* skippedLines(skipped: readonly Skipped[]): Generator<string> {
  for (const { reason, detail } of skipped) yield `${reason}: ${detail.replaceAll(/\p{C}/gu, '\uFFFD')}\n`;
}

/** Names and values come from the cluster: none of them may steer the terminal. */
function plainJson(value: unknown): string {
  return escapedJson(JSON.stringify(value));
}

/** A, AAAA and SRV always; further types, and names' own TTLs, where there are any. */
function byType({ A, AAAA, SRV, MORE }: RecordSet): [string, ReadonlyMap<string, readonly string[]>][] {
  const further = new Map<string, Map<string, string[]>>();
  for (const [name, values] of MORE) {
    for (const value of values) {
      const space = value.indexOf(' ');
      const type = value.slice(0, space);
      const named = further.get(type) ?? new Map<string, string[]>();
      further.set(type, named.set(name, [...(named.get(name) ?? []), value.slice(space + 1)]));
    }
  }
  return [['A', A], ['AAAA', AAAA], ['SRV', SRV], ...[...further].toSorted(([a], [b]) => (a < b ? -1 : 1))];
}
