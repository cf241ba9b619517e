import { parseName } from '../zone/name.ts';
import type { AgentConfig } from './config.ts';
import { dcosOrigins, dcosTtls } from './config-dcos.ts';
import type { DerivedName, DerivedZone } from './derived.ts';
import { zoneOf } from './record-settings.ts';
import { DCOS_ORIGIN } from './records/dcos-names.ts';
import type { Lists, NameValues } from './records/difference.ts';
import {
  emptyRecords,
  MAX_NAME_CHARACTERS,
  RECORD_SET_TYPES,
  type RecordSet,
  type RecordSetType,
  srvTarget,
} from './records/record-set.ts';

/** The zones of DC/OS's names, each a copy of the same under its own name. */
export function dcosZones(config: AgentConfig): readonly DerivedZone[] {
  const zone = zoneOf(config);
  const { ttl, negativeTtl } = dcosTtls(config);
  return dcosOrigins(config).map((origin) => ({
    zone: {
      ...zone,
      origin: parseName(origin),
      soa: { ...zone.soa, ttl, minimum: negativeTtl },
      nsTtl: ttl,
    },
    derive: (records) => deriveDcosZone(records, { domain: config.domain, origin }),
    deriveName: deriveDcosName({ domain: config.domain, origin }),
    restoreName: (name) => dcosTwin(name, config)?.name,
  }));
}

export type DcosZone = {
  /** Of Mesos's own names, which the zone mirrors below `mesos`. */
  readonly domain: string;
  readonly origin: string;
};

/**
 * DC/OS's own names, and Mesos's below `mesos`, under one origin; targets of SRV records move with what they lead to.
 * Goes once over all names. Lists are copied: those that it was given may change in place.
 */
export function deriveDcosZone(records: RecordSet, zone: DcosZone): RecordSet {
  const derived: Lists = emptyRecords();
  const rename = renameInto(zone);
  for (const type of RECORD_SET_TYPES) {
    for (const [name, values] of records[type]) {
      const renamed = rename(name);
      if (renamed !== undefined) derived[type].set(renamed, moved(type, values, rename));
    }
  }
  return derived;
}

/** The same of one name. */
export function deriveDcosName(
  zone: DcosZone,
): (name: string, values: NameValues) => DerivedName | undefined {
  const rename = renameInto(zone);
  return (name, values) => {
    const renamed = rename(name);
    if (renamed === undefined) return undefined;
    const { A, AAAA, SRV, MORE } = values;
    return {
      name: renamed,
      values: {
        A: A && moved('A', A, rename),
        AAAA: AAAA && moved('AAAA', AAAA, rename),
        SRV: SRV && moved('SRV', SRV, rename),
        MORE: MORE && moved('MORE', MORE, rename),
      },
    };
  };
}

type Rename = (name: string) => string | undefined;

function moved(type: RecordSetType, values: readonly string[], rename: Rename): readonly string[] {
  if (type !== 'SRV') return [...values];
  return values.map((value) => {
    const target = srvTarget(value);
    return (rename(target) ?? target) + value.slice(target.length);
  });
}

/** A name's name in the zone; undefined for one that it does not have. */
function renameInto({ domain, origin }: DcosZone): Rename {
  const rules = [
    { from: `.${DCOS_ORIGIN}.`, to: `.${origin}.` },
    { from: `.${domain}.`, to: `.mesos.${origin}.` },
  ];
  return (name) => {
    const rule = rules.find(({ from }) => name.endsWith(from));
    if (!rule) return undefined;
    const renamed = rule.from === rule.to ? name : name.slice(0, -rule.from.length) + rule.to;
    return renamed.length <= MAX_NAME_CHARACTERS ? renamed : undefined;
  };
}

/** What a name of one of the zones is called where it is made; undefined for any other name. */
export type DcosTwin = {
  /** With its final dot. */
  readonly name: string;
  /** The zone it was asked in. */
  readonly origin: string;
  /** Is it a name of Mesos's own zone? */
  readonly isMirrored: boolean;
};

/** `web.marathon.mesos.<id>.dcos.directory.` is made as `web.marathon.mesos.`. For `explain`. */
export function dcosTwin(asked: string, config: AgentConfig): DcosTwin | undefined {
  const name = asked.endsWith('.') ? asked.toLowerCase() : `${asked.toLowerCase()}.`;
  const origin = dcosOrigins(config).find((each) => name.endsWith(`.${each}.`));
  if (origin === undefined) return undefined;
  const rest = name.slice(0, -origin.length - 1);
  const isMirrored = `.${rest}`.endsWith('.mesos.');
  return {
    origin,
    isMirrored,
    name: isMirrored ? `${rest.slice(0, -'mesos.'.length)}${config.domain}.` : `${rest}${DCOS_ORIGIN}.`,
  };
}
