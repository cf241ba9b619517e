import { parseName } from '../zone/name.ts';
import type { AgentConfig } from './config.ts';
import type { DerivedZone } from './derived.ts';
import { recordSettings, zoneOf } from './record-settings.ts';
import { createReverseKeeper, parseReverseZone, reverseRecords } from './records/reverse.ts';

/** The reverse zones of the configuration: PTR records for what is published. */
export function reverseZones(config: AgentConfig): readonly DerivedZone[] {
  const { zones = [], ambiguous = 'leave-out' } = config.reverse ?? {};
  if (zones.length === 0) return [];
  const main = zoneOf(config);
  const settings = recordSettings(config);
  return zones.map((text) => {
    const origin = parseName(parseReverseZone(text));
    const options = { origin, ambiguous, settings };
    return {
      zone: { ...main, origin },
      derive: (records) => reverseRecords(records, options),
      keep: () => createReverseKeeper(options),
    };
  });
}
