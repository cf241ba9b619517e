import type { Command } from 'commander';
import type { Serial } from '../../zone/zone.ts';
import { createConsole } from '../log.ts';
import {
  addSnapshotOptions,
  chosenPublisher,
  chosenSnapshot,
  type SnapshotFlags,
} from './chosen-snapshot.ts';
import { addInputOptions, configFrom } from './inputs.ts';
import { changeLogOf, openOutlet, type OutputFlags } from './office.ts';
import { print } from './print.ts';
import { toCount } from './simulate.ts';
import { note, stopSignal } from './terminal.ts';

type Flags = OutputFlags & SnapshotFlags & { readonly json?: boolean; readonly pushes: number };

const EXAMPLES = `
Examples:
  mesos-doh history --config /etc/mesos-doh/config.json
  mesos-doh history --sink-dir /srv/snapshots --json
  mesos-doh history --config config.json --zone 10.in-addr.arpa --variant outside

Kept serials can be rolled back to (rollback) and compared (diff --from). The pushes are from the change log in
the data directory of the agent that made them: those of its main zone and variant.`;

type Kept = { readonly serial: Serial; readonly at: string; readonly epoch: number; readonly writer: string };

export function addHistoryCommand(program: Command): void {
  addSnapshotOptions(addInputOptions(program.command('history')))
    .description('which snapshots are kept, and the last pushes')
    .option('--sink-dir <dir>', 'a directory that was published to, instead of Workers KV')
    .option('--pushes <n>', 'show so many of the last pushes', toCount, 20)
    .option('--json', 'print as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: Flags) => {
      const config = configFrom(flags, note);
      const chosen = chosenSnapshot(flags, config);
      const onEvent = createConsole(note);
      const opened = await openOutlet(flags, config, { onEvent, dryRun: true, withoutCluster: true });
      try {
        const { history } = chosenPublisher(config, { outlet: opened.outlet, chosen });
        const kept: Kept[] = [];
        for (const serial of await history.serials(stopSignal())) {
          const { root } = await history.read(serial, stopSignal());
          const writer = Buffer.from(root.writerId).toString('hex');
          kept.push({ serial, at: new Date(root.createdAtMs).toISOString(), epoch: root.epoch, writer });
        }
        const logged = chosen.isFirst ? await changeLogOf(config).read() : [];
        const pushes = logged.slice(Math.max(0, logged.length - flags.pushes));
        if (flags.json === true) return await print(`${JSON.stringify({ kept, pushes }, undefined, 1)}\n`);
        await print(
          kept.map(({ serial, at }) => `kept    ${serial}  ${at}\n`).join('') || 'nothing is kept\n',
        );
        for (const { serial, at, changes, names } of pushes) {
          const some = names.slice(0, 3).join(', ') + (names.length > 3 ? ', …' : '');
          await print(`pushed  ${serial}  ${at}  ${changes} names${some === '' ? '' : `: ${some}`}\n`);
        }
      } finally {
        await opened.close();
      }
    });
}
