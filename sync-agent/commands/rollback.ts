import type { Command } from 'commander';
import type { Serial } from '../../zone/zone.ts';
import { aliasZones } from '../alias-zones.ts';
import { type AgentConfig, ConfigError } from '../config.ts';
import { consulOf } from '../config-consul.ts';
import { consulTaskZones } from '../consul-zones.ts';
import { askAgent, type Order } from '../control/client.ts';
import { dcosZones } from '../dcos-zones.ts';
import type { DerivedZone } from '../derived.ts';
import { createConsole } from '../log.ts';
import { reverseZones } from '../reverse-zones.ts';
import {
  addSnapshotOptions,
  type ChosenSnapshot,
  chosenPublisher,
  chosenSnapshot,
  type SnapshotFlags,
} from './chosen-snapshot.ts';
import { consulAlone } from './consul-input.ts';
import { addInputOptions, configFrom } from './inputs.ts';
import { openOutlet, type OutputFlags } from './office.ts';
import { print, toSerial } from './print.ts';
import { note, stopSignal } from './terminal.ts';

type Flags = OutputFlags & SnapshotFlags & { readonly release?: boolean; readonly json?: boolean };

const EXAMPLES = `
Examples:
  mesos-doh history --config /etc/mesos-doh/config.json
  mesos-doh rollback 1781000000 --config /etc/mesos-doh/config.json
  mesos-doh rollback --release --config /etc/mesos-doh/config.json
  mesos-doh rollback 1781000000 --zone 10.in-addr.arpa --config config.json    # while no agent runs

What was rolled back to stays, under a new serial, until it is released. Zones that follow from it (reverse
zones, names mirrored into DC/OS's) follow it. Other variants and Consul's zone go on being published, and names beside that
are not made of its names (alias zones, containerip, agentip, autoip, VIPs) stay as they are until --release.
Where an agent runs with this data directory it does it; else this command does. An agent that runs rolls back its
main zone and variant alone: for another one stop it, roll back, and start it. It leaves a rollback as it is.`;

export function addRollbackCommand(program: Command): void {
  addSnapshotOptions(addInputOptions(program.command('rollback')))
    .description('publish again what a kept snapshot said, and leave it so until released')
    .argument('[serial]', 'a kept serial (see history)', toSerial)
    .option('--release', 'end a rollback: publish the cluster again')
    .option('--sink-dir <dir>', 'a directory that was published to, instead of Workers KV')
    .option('--json', 'print the outcome as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (serial: Serial | undefined, flags: Flags) => {
      if ((serial === undefined) !== (flags.release === true))
        throw new ConfigError('give a serial to roll back to, or --release');
      const config = configFrom(flags, note);
      const chosen = chosenSnapshot(flags, config);
      const outcome = await rollBack(serial, { flags, config, chosen });
      if (flags.json === true) return print(`${JSON.stringify(outcome)}\n`);
      await print(describe(serial, { outcome, flags }));
      if (serial !== undefined && chosen.isFirst)
        for (const line of besideRollback(flags, config)) await print(`${line}\n`);
      return undefined;
    });
}

function describe(
  serial: Serial | undefined,
  { outcome, flags }: { readonly outcome: { readonly serial: Serial }; readonly flags: Flags },
): string {
  const which = [
    ...(flags.zone === undefined ? [] : ['--zone', flags.zone]),
    ...(flags.variant === undefined ? [] : ['--variant', flags.variant]),
  ];
  if (serial !== undefined)
    return `published what serial ${serial} said as serial ${outcome.serial}; it stays until: ${['mesos-doh rollback --release', ...which].join(' ')}\n`;
  return which.length === 0
    ? `released: the cluster is published again (serial ${outcome.serial})\n`
    : `released (serial ${outcome.serial}): the agent's next round publishes the cluster again\n`;
}

/** What becomes of what else the agent publishes while its first zone's main variant is rolled back. */
function besideRollback(flags: Flags, config: AgentConfig): string[] {
  const consul = consulOf(config);
  const isAlone = consulAlone(flags, config) !== undefined;
  const lines: string[] = [];
  const variants = Object.keys(config.variants);
  if (variants.length > 0) lines.push(`not rolled back: variants ${variants.join(', ')} follow the cluster`);
  if (isAlone) return lines;
  if (consul) lines.push(`not rolled back: zone ${consul.domain} follows Consul's catalogue`);
  const origins = (zones: readonly DerivedZone[]): string => zones.map(({ zone }) => zone.origin).join(', ');
  const followers = [...consulTaskZones(config), ...reverseZones(config)];
  if (followers.length > 0) lines.push(`follows it with the agent's next round: ${origins(followers)}`);
  const ofDcos = dcosZones(config);
  if (ofDcos.length > 0)
    lines.push(
      `follows it with the agent's next round: names mirrored into ${origins(ofDcos)}; its containerip, agentip and autoip names and VIPs stay as they are until --release`,
    );
  const aliases = aliasZones(config);
  if (aliases.length > 0) lines.push(`stays as it is until --release: ${origins(aliases)}`);
  return lines;
}

async function rollBack(
  serial: Serial | undefined,
  { flags, config, chosen }: Other,
): Promise<{ readonly serial: Serial }> {
  if (!chosen.isFirst) return rollBackOther(serial, { flags, config, chosen });
  const order: Order = serial === undefined ? { path: '/unpin' } : { path: '/rollback', body: { serial } };
  const done = await askAgent(config.dataDir, order, stopSignal());
  if (done !== undefined) return done;
  const onEvent = createConsole(note);
  const withoutCluster = serial !== undefined;
  const opened = await openOutlet(flags, config, { onEvent, withoutCluster });
  try {
    if (serial === undefined) {
      const standing = await chosenPublisher(config, { outlet: opened.outlet, chosen }).standing(
        stopSignal(),
      );
      if (standing?.pin === undefined) throw nothingToRelease();
    }
    const { sync } = opened.open();
    return serial === undefined
      ? await sync.once(stopSignal(), { unpin: true, force: true })
      : await sync.rollback(serial, stopSignal());
  } finally {
    await opened.close();
  }
}

function nothingToRelease(where = ''): ConfigError {
  return new ConfigError(`no rollback${where} is in force; nothing was changed`);
}

type Other = {
  readonly flags: Flags;
  readonly config: AgentConfig;
  readonly chosen: ChosenSnapshot;
};

/** Another zone or variant than the agent's first one: by this command alone, and by the store alone. */
async function rollBackOther(
  serial: Serial | undefined,
  { flags, config, chosen }: Other,
): Promise<{ readonly serial: Serial }> {
  const signal = stopSignal();
  if ((await askAgent(config.dataDir, { path: '/status' }, signal)) !== undefined)
    throw new ConfigError(
      'an agent runs with this data directory, and rolls back its main zone and variant alone: stop it, roll back, and start it again; it leaves the rollback as it is',
    );
  const opened = await openOutlet(flags, config, { onEvent: createConsole(note), withoutCluster: true });
  try {
    const publisher = chosenPublisher(config, { outlet: opened.outlet, chosen });
    const changes = serial === undefined ? [] : await publisher.changesBackTo(serial, signal);
    const standing = await publisher.standing(signal);
    if (serial === undefined && standing?.pin === undefined)
      throw nothingToRelease(` of ${chosen.zone.origin} ${chosen.variant ?? 'main'}`);
    return await publisher.publish(
      {
        wanted: { kind: 'entries', changes },
        confirmedAtMs: Date.now(),
        held: undefined,
        ...(serial !== undefined && { pin: serial, keepBefore: true }),
      },
      signal,
    );
  } finally {
    await opened.close();
  }
}
