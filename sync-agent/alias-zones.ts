import { parseName } from '../zone/name.ts';
import type { AgentConfig } from './config.ts';
import { aliasZoneNames } from './config-shape.ts';
import type { DerivedZone } from './derived.ts';
import { zoneOf } from './record-settings.ts';
import { emptyRecords, RECORD_SET_TYPES, type RecordSet } from './records/record-set.ts';

/** Zones of the names that labels give tasks outside the domain (`records.aliases.zones`). */
export function aliasZones(config: AgentConfig): readonly DerivedZone[] {
  const zone = zoneOf(config);
  return aliasZoneNames(config.records).map((origin) => ({
    zone: { ...zone, origin: parseName(origin) },
    derive: (records) => recordsIn(records, origin),
  }));
}

/** Lists are copied: those that it was given may change in place. */
function recordsIn(records: RecordSet, origin: string): RecordSet {
  const within = emptyRecords();
  const [apex, suffix] = [`${origin}.`, `.${origin}.`];
  for (const type of RECORD_SET_TYPES)
    for (const [name, values] of records[type])
      if (name === apex || name.endsWith(suffix)) within[type].set(name, [...values]);
  return within;
}
