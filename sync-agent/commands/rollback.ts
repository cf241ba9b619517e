import type { Command } from 'commander';
import type { Serial } from '../../zone/zone.ts';
import { ConfigError } from '../config.ts';
import { askAgent, type Order } from '../control/client.ts';
import { createConsole } from '../log.ts';
import { addInputOptions, configFrom } from './inputs.ts';
import { openOutlet, type OutputFlags } from './office.ts';
import { print, toSerial } from './print.ts';
import { note, stopSignal } from './terminal.ts';

type Flags = OutputFlags & { readonly release?: boolean; readonly json?: boolean };

const EXAMPLES = `
Examples:
  mesos-doh history --config /etc/mesos-doh/config.json
  mesos-doh rollback 1781000000 --config /etc/mesos-doh/config.json
  mesos-doh rollback --release --config /etc/mesos-doh/config.json

What was rolled back to stays, under a new serial, until it is released: the cluster is read and not published.
Where an agent runs with this data directory it does it; else this command does.`;

export function addRollbackCommand(program: Command): void {
  addInputOptions(program.command('rollback'))
    .description('publish again what a kept snapshot said, and leave it so until released')
    .argument('[serial]', 'a kept serial (see history)', toSerial)
    .option('--release', 'end a rollback: publish the cluster again')
    .option('--sink-dir <dir>', 'a directory that was published to, instead of Workers KV')
    .option('--json', 'print the outcome as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (serial: Serial | undefined, flags: Flags) => {
      if ((serial === undefined) !== (flags.release === true))
        throw new ConfigError('give a serial to roll back to, or --release');
      const outcome = await rollBack(serial, flags);
      if (flags.json === true) return print(`${JSON.stringify(outcome)}\n`);
      return print(
        serial === undefined
          ? `released: the cluster is published again (serial ${outcome.serial})\n`
          : `published what serial ${serial} said as serial ${outcome.serial}; it stays until: mesos-doh rollback --release\n`,
      );
    });
}

async function rollBack(serial: Serial | undefined, flags: Flags): Promise<{ readonly serial: Serial }> {
  const config = configFrom(flags, note);
  const order: Order = serial === undefined ? { path: '/unpin' } : { path: '/rollback', body: { serial } };
  const done = await askAgent(config.dataDir, order, stopSignal());
  if (done !== undefined) return done;
  const onEvent = createConsole(note);
  const withoutCluster = serial !== undefined;
  const opened = await openOutlet(flags, config, { onEvent, withoutCluster });
  try {
    const { sync } = opened.open();
    return serial === undefined
      ? await sync.once(stopSignal(), { unpin: true, force: true })
      : await sync.rollback(serial, stopSignal());
  } finally {
    await opened.close();
  }
}
