import type { Command } from 'commander';
import type { AgentConfig } from '../config.ts';
import { askAgent } from '../control/client.ts';
import { createConsole } from '../log.ts';
import { sleepFor } from '../retry.ts';
import type { Outcome } from '../sync.ts';
import { HeldError } from './held-error.ts';
import { addInputOptions, configFrom } from './inputs.ts';
import { openOutlet, type OutputFlags } from './office.ts';
import { print } from './print.ts';
import { runForever } from './running-agent.ts';
import { note, stopSignal } from './terminal.ts';

type Flags = OutputFlags & {
  readonly once?: boolean;
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
};

const EXAMPLES = `
Examples:
  CLOUDFLARE_API_TOKEN=… mesos-doh sync --config /etc/mesos-doh/config.json
  mesos-doh sync --master http://10.0.0.1:5050 --sink-dir /srv/snapshots --once
  mesos-doh sync --config config.json --once --dry-run

The API token is read from CLOUDFLARE_API_TOKEN, never from the configuration.
Exit codes of --once: 0 published, 1 failed, 2 wrong usage, 3 published, but missing names are held back.`;

export function addSyncCommand(program: Command): void {
  addInputOptions(program.command('sync'))
    .description('the sync agent: read the cluster, publish its records, and go on')
    .option('--sink-dir <dir>', 'publish to a directory, a file a key, instead of Workers KV')
    .option('--once', 'publish once and end')
    .option('--dry-run', 'write nothing; say what would be written (implies --once)')
    .option('--force', 'let names go that the guard would hold back (docs/guard.md; implies --once)')
    .option(
      '--new-key',
      'take over a zone that another key signed; its Workers then need the new VERIFY_KEYS',
    )
    .option('--json', 'with --once: print the outcome as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: Flags) => {
      const config = configFrom(flags, note);
      if (flags.once === true || flags.dryRun === true || flags.force === true) return once(flags, config);
      return runForever(flags, config);
    });
}

async function once(flags: Flags, config: AgentConfig): Promise<void> {
  const dryRun = flags.dryRun === true;
  if (!dryRun && flags.sinkDir === undefined) {
    const path = flags.force === true ? '/force' : '/sync';
    const done = await askAgent(config.dataDir, { path }, stopSignal());
    if (done) {
      await print(`the agent that runs with this data directory did it: serial ${done.serial}\n`);
      const held = Number(done['heldNames'] ?? 0);
      if (held > 0) throw new HeldError(held);
      return;
    }
  }
  const opened = await openOutlet(flags, config, { onEvent: createConsole(note), dryRun });
  try {
    const { sync, publisher } = opened.open();
    const outcome = await sync.once(stopSignal(), { force: flags.force === true });
    process.stdout.write(`${flags.json === true ? JSON.stringify(outcome) : describe(outcome, dryRun)}\n`);
    // New shards are named only when every edge can have them: nobody else would come back for that.
    const waitMs = publisher.cutDueInMs();
    if (waitMs !== undefined) {
      await sleepFor(waitMs, stopSignal());
      await sync.once(stopSignal());
    }
    await publisher.sweep(stopSignal());
    if (outcome.heldNames > 0) throw new HeldError(outcome.heldNames);
  } finally {
    await opened.close();
  }
}

function describe({ kind, serial, changes, writes, octets }: Outcome, dryRun: boolean): string {
  if (kind === 'unchanged') return `serial ${serial}: unchanged, nothing ${dryRun ? 'would be ' : ''}written`;
  const written = `${writes} ${writes === 1 ? 'key' : 'keys'}, ${octets} octets, ${dryRun ? 'would be ' : ''}written`;
  return kind === 'confirmed'
    ? `serial ${serial}: unchanged, renewed; ${written}`
    : `serial ${serial}: ${changes} names changed; ${written}`;
}
