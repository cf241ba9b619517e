import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { pino } from 'pino';
import type { AgentConfig } from '../config.ts';
import type { OnEvent } from '../events.ts';
import { createConsole, createLog } from '../log.ts';
import type { Published } from '../publish.ts';
import { recordSettings } from '../record-settings.ts';
import { syncForever, syncOnce, type SyncOptions } from '../sync.ts';
import {
  addInputOptions,
  configFrom,
  hostsFrom,
  type InputFlags,
  mesosHttpFrom,
  sourceFrom,
} from './inputs.ts';
import { publisherFrom, rrsetSettings, signingKeyFrom, sinkFrom } from './outputs.ts';
import { note, stopSignal } from './terminal.ts';

type Flags = InputFlags & {
  readonly sinkDir?: string;
  readonly once?: boolean;
  readonly dryRun?: boolean;
  readonly newKey?: boolean;
  readonly json?: boolean;
};

const EXAMPLES = `
Examples:
  CLOUDFLARE_API_TOKEN=… mesos-doh sync --config /etc/mesos-doh/config.json
  mesos-doh sync --master http://10.0.0.1:5050 --sink-dir /srv/snapshots --once
  mesos-doh sync --config config.json --once --dry-run

The API token is read from CLOUDFLARE_API_TOKEN, never from the configuration.`;

export function addSyncCommand(program: Command): void {
  addInputOptions(program.command('sync'))
    .description('the sync agent: read the cluster, publish its records, and go on')
    .option('--sink-dir <dir>', 'publish to a directory, a file a key, instead of Workers KV')
    .option('--once', 'publish once and end')
    .option('--dry-run', 'write nothing; say what would be written (implies --once)')
    .option(
      '--new-key',
      'take over a zone that another key signed; its Workers then need the new VERIFY_KEYS',
    )
    .option('--json', 'with --once: print the outcome as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: Flags) => {
      const config = configFrom(flags, note);
      const once = flags.once === true || flags.dryRun === true;
      const onEvent = once ? createConsole(note) : createLog(pino.destination(2));
      await withSync(flags, { config, onEvent }, async (options) => {
        if (!once)
          return syncForever(options, { intervalMs: intervalMs(config), sleep: pause }, stopSignal());
        const push = await syncOnce(options, stopSignal());
        process.stdout.write(
          `${flags.json === true ? JSON.stringify(push) : describe(push, flags.dryRun === true)}\n`,
        );
      });
    });
}

/** Opens what a sync needs, runs it, and closes it all again. */
async function withSync(
  flags: Flags,
  { config, onEvent }: { config: AgentConfig; onEvent: OnEvent },
  run: (options: SyncOptions) => Promise<void>,
): Promise<void> {
  const mesosHttp = mesosHttpFrom(config);
  const { sink, close } = sinkFrom({ sinkDir: flags.sinkDir, kv: config.kv }, process.env);
  try {
    const dryRun = flags.dryRun === true;
    const source = sourceFrom(flags, config, mesosHttp);
    const key = await signingKeyFrom(config, { absent: dryRun ? 'pretend' : 'make', onEvent });
    await run({
      source,
      hosts: hostsFrom(flags, config),
      settings: recordSettings(config),
      rrsets: rrsetSettings(config),
      publisher: publisherFrom(config, {
        sink,
        key,
        onEvent,
        dryRun,
        replaceOtherKey: flags.newKey === true,
      }),
      sinkName: sink.name,
      onEvent,
      now: Date.now,
      monotonicMs: () => performance.now(),
    });
  } finally {
    await Promise.all([mesosHttp.close(), close()]);
  }
}

/** Polled no more often than pushes may follow each other. */
function intervalMs({ mesos, minPushSeconds }: AgentConfig): number {
  return Math.max(mesos.pollSeconds, minPushSeconds) * 1000;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal });
}

function describe({ kind, serial, changes, writes, octets }: Published, dryRun: boolean): string {
  if (kind === 'unchanged') return `serial ${serial}: unchanged, nothing ${dryRun ? 'would be ' : ''}written`;
  const written = `${writes} ${writes === 1 ? 'key' : 'keys'}, ${octets} octets, ${dryRun ? 'would be ' : ''}written`;
  return kind === 'confirmed'
    ? `serial ${serial}: unchanged, renewed; ${written}`
    : `serial ${serial}: ${changes} names changed; ${written}`;
}
