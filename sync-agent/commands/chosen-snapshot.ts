import type { Command } from 'commander';
import type { Zone } from '../../zone/zone.ts';
import { type AgentConfig, ConfigError } from '../config.ts';
import { consulOf } from '../config-consul.ts';
import { derivedZones } from '../derived-zones.ts';
import type { Publisher } from '../publish/publisher.ts';
import { zoneOf } from '../record-settings.ts';
import { consulAlone, consulZone } from './consul-input.ts';
import type { InputFlags } from './inputs.ts';
import { type Outlet, publisherFrom } from './outputs.ts';

/** Flags that say which of the agent's snapshots is meant. */
export type SnapshotFlags = InputFlags & { readonly zone?: string; readonly variant?: string };

export function addSnapshotOptions(command: Command): Command {
  return command
    .option(
      '--zone <name>',
      "another zone of the agent than its own: a reverse zone, DC/OS's, an alias zone, Consul's",
    )
    .option('--variant <name>', 'another variant than the main one (docs/variants.md)');
}

export type ChosenSnapshot = {
  readonly zone: Zone;
  /** Undefined: the main one. */
  readonly variant: string | undefined;
  /** Is it a zone of another source? */
  readonly isBeside: boolean;
  /** Is it what the agent means where nobody says which? */
  readonly isFirst: boolean;
};

/** Throws `ConfigError` with the zones or variants that there are. */
export function chosenSnapshot(flags: SnapshotFlags, config: AgentConfig): ChosenSnapshot {
  const consul = consulOf(config);
  const besides = consul ? [consulZone(config, consul)] : [];
  const zones = consulAlone(flags, config)
    ? besides
    : [zoneOf(config), ...derivedZones(config).map(({ zone }) => zone), ...besides];
  const named = flags.zone?.toLowerCase().replace(/\.$/, '');
  const zone = named === undefined ? zones[0] : zones.find(({ origin }) => origin === named);
  if (!zone)
    throw new ConfigError(
      `--zone ${flags.zone}: the configuration has ${zones.map(({ origin }) => origin).join(', ')}`,
    );
  const variant = flags.variant === 'main' ? undefined : flags.variant;
  const variants = Object.keys(config.variants);
  if (variant !== undefined && !variants.includes(variant))
    throw new ConfigError(`--variant ${variant}: the configuration has ${['main', ...variants].join(', ')}`);
  const isFirst = zone === zones[0] && variant === undefined;
  return { zone, variant, isBeside: besides.includes(zone), isFirst };
}

/** Its publisher. The change log is the first snapshot's alone. */
export function chosenPublisher(
  config: AgentConfig,
  { outlet, chosen }: { readonly outlet: Outlet; readonly chosen: ChosenSnapshot },
): Publisher {
  const { onChanged, ...own } = outlet;
  const { zone, variant, isBeside, isFirst } = chosen;
  return publisherFrom(config, {
    ...own,
    ...(isFirst && onChanged && { onChanged }),
    zone,
    variant,
    isBeside,
  });
}
