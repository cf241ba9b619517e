import { aliasZones } from './alias-zones.ts';
import type { AgentConfig } from './config.ts';
import { consulTaskZones } from './consul-zones.ts';
import { dcosZones } from './dcos-zones.ts';
import type { DerivedZone } from './derived.ts';
import { reverseZones } from './reverse-zones.ts';

/** Zones that follow from the configuration's own, one snapshot each for each of its variants. */
export function derivedZones(config: AgentConfig): readonly DerivedZone[] {
  return [...aliasZones(config), ...dcosZones(config), ...consulTaskZones(config), ...reverseZones(config)];
}
