import { parseName } from '../zone/name.ts';
import type { AgentConfig } from './config.ts';
import { aliasZoneNames } from './config-shape.ts';
import type { DerivedZone } from './derived.ts';
import { zoneOf } from './record-settings.ts';
import type { NameValues } from './records/difference.ts';
import { emptyRecords, RECORD_SET_TYPES, type RecordSet } from './records/record-set.ts';

/** Zones of the names that labels give tasks outside the domain (`records.aliases.zones`). */
export function aliasZones(config: AgentConfig): readonly DerivedZone[] {
  const zone = zoneOf(config);
  return aliasZoneNames(config.records).map((origin) => ({
    zone: { ...zone, origin: parseName(origin) },
    derive: (records) => recordsIn(records, origin),
    restoreName: (name) => (isIn(name, origin) ? name : undefined),
    deriveName: (name, values) => (isIn(name, origin) ? { name, values: copied(values) } : undefined),
  }));
}

function isIn(name: string, origin: string): boolean {
  return name === `${origin}.` || name.endsWith(`.${origin}.`);
}

/** Lists are copied: those that it was given may change in place. */
function recordsIn(records: RecordSet, origin: string): RecordSet {
  const within = emptyRecords();
  for (const type of RECORD_SET_TYPES)
    for (const [name, values] of records[type]) if (isIn(name, origin)) within[type].set(name, [...values]);
  return within;
}

function copied({ A, AAAA, SRV, MORE }: NameValues): NameValues {
  return { A: A && [...A], AAAA: AAAA && [...AAAA], SRV: SRV && [...SRV], MORE: MORE && [...MORE] };
}
