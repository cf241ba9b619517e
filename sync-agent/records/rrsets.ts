import { parseAddress } from '../../zone/address.ts';
import { FormatError } from '../../zone/format-error.ts';
import { compareOctets, sameOctets } from '../../zone/hash.ts';
import { isNameWithin, type OwnerName, parseName } from '../../zone/name.ts';
import { remember } from '../../zone/remember.ts';
import { encodeSrv, type RData, type RRset, TYPE } from '../../zone/record.ts';
import type { ZoneContent } from '../../zone/entries.ts';
import type { ReportSkipped } from '../cluster.ts';
import type { RecordSet } from './record-set.ts';

export type RRsetSettings = {
  readonly origin: OwnerName;
  /** Seconds. */
  readonly ttl: number;
  readonly srvWeight: number;
  /** Bit set of the sources all records came from. */
  readonly sources: number;
};

const REMEMBERED_VALUES = 10_000;
const NONE: readonly string[] = [];
const ADDRESS_TYPES = ['A', 'AAAA'] as const;

/**
 * A record set as a zone: values as RDATA, in canonical order. Names outside the zone are left out (nobody
 * asks this zone for them); values that no answer can carry are left out and reported, their names stay.
 */
export function toZoneContent(
  records: RecordSet,
  settings: RRsetSettings,
  report: ReportSkipped,
): ZoneContent {
  // Who goes over the owners asks for each one's RRsets next: its text is at hand.
  let last = { owner: settings.origin, text: `${settings.origin}.` };
  const textOf = (owner: OwnerName): string => (owner === last.owner ? last.text : `${owner}.`);
  const has = (owner: OwnerName): boolean => {
    if (!isNameWithin(owner, settings.origin)) return false;
    const text = textOf(owner);
    return records.A.has(text) || records.AAAA.has(text) || records.SRV.has(text);
  };
  const reported = new Set<string>();
  // Services on the same ports hold the same values.
  const srvRdata = remember((value: string) => encodeSrvValue(value, settings.srvWeight), REMEMBERED_VALUES);
  const rrset = (owner: OwnerName, type: number, values: readonly RData[]): RRset => ({
    owner,
    type,
    ttl: settings.ttl,
    rdata: inOrder(values),
    sources: settings.sources,
  });

  return {
    has,
    owners: function* () {
      for (const text of askedOnce(records)) {
        const owner = parseName(text);
        last = { owner, text };
        if (isNameWithin(owner, settings.origin)) yield owner;
      }
    },
    rrsetsAt: (owner) => {
      const text = textOf(owner);
      const rrsets: RRset[] = [];
      for (const type of ADDRESS_TYPES) {
        const values: RData[] = [];
        for (const address of records[type].get(text) ?? NONE) {
          const rdata = parseAddress(address);
          if (rdata) values.push(rdata);
        }
        if (values.length > 0) rrsets.push(rrset(owner, TYPE[type], values));
      }
      const values: RData[] = [];
      for (const value of records.SRV.get(text) ?? NONE) {
        const rdata = srvRdata(value);
        if (typeof rdata !== 'string') values.push(rdata);
        else if (!reported.has(`${text} ${value}`)) {
          reported.add(`${text} ${value}`);
          report({
            reason: 'value-not-answerable',
            detail: `${text} SRV ${JSON.stringify(value)}: ${rdata}`,
          });
        }
      }
      if (values.length > 0) rrsets.push(rrset(owner, TYPE.SRV, values));
      return rrsets;
    },
  };
}

/** Every name of the set, each once. */
function* askedOnce(records: RecordSet): Generator<string> {
  yield* records.A.keys();
  for (const name of records.AAAA.keys()) if (!records.A.has(name)) yield name;
  for (const name of records.SRV.keys()) if (!records.A.has(name) && !records.AAAA.has(name)) yield name;
}

/** Canonical order, each once: addresses and ports that are written differently may be one. */
function inOrder(values: readonly RData[]): readonly RData[] {
  if (values.length < 2) return values;
  const sorted = values.toSorted(compareOctets);
  return sorted.filter((value, i) => {
    const before = sorted[i - 1];
    return !before || !sameOctets(before, value);
  });
}

/** RDATA of `target:port`, or why no answer can carry it. */
function encodeSrvValue(value: string, weight: number): RData | string {
  const colon = value.lastIndexOf(':');
  const port = value.slice(colon + 1);
  if (!/^\d+$/.test(port) || Number(port) > 0xffff) return `port ${JSON.stringify(port)} is none`;
  const target = value.slice(0, colon);
  if (target.includes(':')) return 'its target holds a colon';
  try {
    return encodeSrv({ priority: 0, weight, port: Number(port), target: parseName(target) });
  } catch (error) {
    if (error instanceof FormatError) return error.message;
    throw error;
  }
}
