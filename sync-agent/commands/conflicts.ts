import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { FormatError } from '../../zone/format-error.ts';
import { type OwnerName, parseName } from '../../zone/name.ts';
import { findConflicts } from '../cluster-conflicts.ts';
import { ConfigError } from '../config.ts';
import { renderConflicts } from './conflicts-text.ts';
import { configFrom } from './inputs.ts';
import { sinkFrom } from './outputs.ts';
import { print } from './print.ts';
import { ownKeys, type PublishedZone, readPublishedZone } from './published-zone.ts';
import { toCount } from './simulate.ts';
import { note } from './terminal.ts';

type Flags = {
  readonly zones: string;
  readonly config?: string;
  readonly sinkDir?: string;
  readonly verifyKey?: string;
  readonly variant: string;
  readonly under?: string;
  readonly names?: boolean;
  readonly limit: number;
  readonly strict?: boolean;
  readonly json?: boolean;
};

const MOST_NAMES = 20;
const MOST_ZONES = 16;

const EXAMPLES = `
Examples:
  mesos-doh conflicts --zones dc1.mesos,dc2.mesos --config /etc/mesos-doh/config.json
  mesos-doh conflicts --zones dc1.mesos,dc2.mesos --sink-dir /srv/snapshots --verify-key "$VERIFY_KEYS"
  mesos-doh conflicts --zones dc1.mesos,dc2.mesos --config config.json --under marathon --names

Zones in the order of MERGED. A framework in several clusters is what MERGED is for: told by name is only what hides
records of another cluster. The exit code is 0 all the same; with --strict it is 1 where anything is hidden.`;

export function addConflictsCommand(program: Command): void {
  program
    .command('conflicts')
    .description(
      'the names that several clusters have, as they are merged by the Worker, and what hides what',
    )
    .requiredOption('--zones <list>', 'the zones, comma separated, in the order of MERGED (docs/clusters.md)')
    .option(
      '--config <file>',
      'our configuration, JSON (docs/configuration.md): where snapshots are, and the key',
    )
    .option('--sink-dir <dir>', 'a directory that was published to, instead of Workers KV')
    .option('--verify-key <list>', "the public keys to check with (default: the data directory's)")
    .option('--variant <name>', 'of each zone (docs/variants.md)', 'main')
    .option('--under <name>', 'only this name and those below it, without the zone: marathon')
    .option('--names', 'tell all names, not only those that hide something')
    .option('--limit <n>', 'tell at most so many names', toCount, MOST_NAMES)
    .option('--strict', 'exit code 1 where anything is hidden')
    .option('--json', 'print as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: Flags) => {
      const origins = originsOf(flags.zones);
      if (flags.sinkDir !== undefined && !existsSync(flags.sinkDir))
        throw new ConfigError(`directory ${flags.sinkDir} does not exist`);
      const config = configFrom(flags.config === undefined ? {} : { config: flags.config }, note);
      const keys = flags.verifyKey?.split(',') ?? (await ownKeys(config));
      const { sink, close } = sinkFrom({ sinkDir: flags.sinkDir, kv: config.kv }, process.env);
      try {
        const zones: PublishedZone[] = [];
        for (const origin of origins)
          zones.push(await readPublishedZone({ sink, origin, variant: flags.variant }, keys));
        const under = flags.under === undefined ? undefined : parseName(flags.under);
        const kinds = flags.names === true ? (['agree', 'differ', 'hidden'] as const) : (['hidden'] as const);
        const found = findConflicts(zones, { most: flags.limit, kinds, under });
        const read = zones.map(({ origin, serial, ageSeconds }) => ({ zone: origin, serial, ageSeconds }));
        if (flags.json === true) await print(`${JSON.stringify({ zones: read, ...found }, undefined, 1)}\n`);
        else {
          for (const { zone, serial, ageSeconds } of read)
            note(`${zone}: serial ${serial}, ${ageSeconds} s old`);
          await print(renderConflicts(found));
        }
        if (flags.strict === true && found.counts.hidden > 0)
          throw new Error(`${found.counts.hidden} names hide records of another cluster`);
      } finally {
        await close();
      }
    });
}

function originsOf(list: string): readonly OwnerName[] {
  const origins = list.split(',').map((text) => {
    try {
      return parseName(text.trim().toLowerCase());
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      throw new ConfigError(`--zones: ${JSON.stringify(text)}: ${error.message}`, { cause: error });
    }
  });
  const isDouble = new Set(origins).size < origins.length;
  if (origins.length < 2 || origins.length > MOST_ZONES || isDouble || origins.includes(parseName('.')))
    throw new ConfigError(`--zones wants 2 to ${MOST_ZONES} zones, each once: dc1.mesos,dc2.mesos`);
  return origins;
}
