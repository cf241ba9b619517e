import { mappedAddress, parseAddress } from '../../zone/address.ts';
import { FormatError } from '../../zone/format-error.ts';
import { compareOctets, sameOctets } from '../../zone/hash.ts';
import { isNameWithin, type OwnerName, parseName } from '../../zone/name.ts';
import { remember } from '../../zone/remember.ts';
import { parseRdata } from '../../zone/rdata-parse.ts';
import { rdataText } from '../../zone/rdata-text.ts';
import { encodeSrv, type RData, type RRset, TYPE, typeCode, typeName } from '../../zone/record.ts';
import type { ZoneContent } from '../../zone/entries.ts';
import type { ReportSkipped } from '../cluster.ts';
import { RECORD_SET_TYPES, type RecordSet } from './record-set.ts';

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
    return RECORD_SET_TYPES.some((type) => records[type].has(text));
  };
  const reported = new Set<string>();
  // Services on the same ports hold the same values.
  const srvRdata = remember((value: string) => encodeSrvValue(value, settings.srvWeight), REMEMBERED_VALUES);
  const refuse = (text: string, value: string, why: string): void => {
    if (reported.has(`${text} ${value}`)) return;
    reported.add(`${text} ${value}`);
    report({ reason: 'value-not-answerable', detail: `${text} ${value}: ${why}` });
  };

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
      const further = furtherRRsets(records.MORE.get(text) ?? NONE, (value, why) => refuse(text, value, why));
      const ttl = further.ttl ?? settings.ttl;
      const add = (type: number, values: readonly RData[]): void => {
        if (values.length === 0) return;
        rrsets.push({ owner, type, ttl, rdata: inOrder(values), sources: settings.sources });
      };
      for (const type of ADDRESS_TYPES) {
        const values: RData[] = [];
        for (const address of records[type].get(text) ?? NONE) {
          const rdata = parseAddress(address);
          if (rdata) values.push(type === 'AAAA' && rdata.length === 4 ? mappedAddress(rdata) : rdata);
        }
        add(TYPE[type], values);
      }
      const values: RData[] = [];
      for (const value of records.SRV.get(text) ?? NONE) {
        const rdata = srvRdata(value);
        if (typeof rdata !== 'string') values.push(rdata);
        else refuse(text, `SRV ${JSON.stringify(value)}`, rdata);
      }
      add(TYPE.SRV, values);
      // Beside an alias there is nothing (RFC 1034 §3.6.2): what has data of its own is no alias.
      const isAlias = rrsets.length === 0 && further.byType.has(TYPE.CNAME);
      for (const [type, rdata] of further.byType) {
        if ((type === TYPE.CNAME) !== isAlias) refuse(text, typeName(type), 'an alias has no other records');
        else if (!isAlias) add(type, rdata);
        else {
          const [first, ...others] = inOrder(rdata);
          if (first) add(type, [first]);
          for (const other of others)
            refuse(text, `CNAME ${aliasText(other)}`, 'an alias leads to one name, and another was taken');
        }
      }
      return rrsets;
    },
  };
}

function aliasText(rdata: RData): string {
  return rdataText(rdata, { type: TYPE.CNAME, at: 0, end: rdata.length });
}

/** Every name of the set, each once. */
function* askedOnce(records: RecordSet): Generator<string> {
  yield* records.A.keys();
  for (const name of records.AAAA.keys()) if (!records.A.has(name)) yield name;
  for (const name of records.SRV.keys()) if (!records.A.has(name) && !records.AAAA.has(name)) yield name;
  for (const name of records.MORE.keys())
    if (!records.A.has(name) && !records.AAAA.has(name) && !records.SRV.has(name)) yield name;
}

/** SOA is the zone's own; types from 128 on are questions (RFC 6895 §3.1), 41 is OPT. */
function isNoData(type: number): boolean {
  return type === 0 || type === TYPE.SOA || type === 41 || (type >= 128 && type <= 255);
}

/** Further values by type, and the least of a name's own TTLs. */
function furtherRRsets(
  values: readonly string[],
  refuse: (value: string, why: string) => void,
): { readonly ttl: number | undefined; readonly byType: ReadonlyMap<number, readonly RData[]> } {
  const byType = new Map<number, RData[]>();
  let ttl: number | undefined;
  for (const value of values) {
    const space = value.indexOf(' ');
    const [name, text] = [value.slice(0, space), value.slice(space + 1)];
    if (name === 'TTL') {
      ttl = Math.min(ttl ?? Number.POSITIVE_INFINITY, Number(text));
      continue;
    }
    const type = typeCode(name);
    try {
      if (type === undefined || isNoData(type))
        throw new FormatError(JSON.stringify(name), 'is no type of record that a name can have');
      const rdata = parseRdata(type, text);
      byType.set(type, [...(byType.get(type) ?? []), rdata]);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      refuse(value, error.message);
    }
  }
  return { ttl, byType };
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

/** RDATA of `target:port`, or of `target:port priority weight`, or why no answer can carry it. */
function encodeSrvValue(value: string, usualWeight: number): RData | string {
  const colon = value.lastIndexOf(':');
  const [, port = value.slice(colon + 1), priority = '0', weight = String(usualWeight)] =
    /^(.*) (\d{1,5}) (\d{1,5})$/.exec(value.slice(colon + 1)) ?? [];
  if (Number(priority) > 0xffff || Number(weight) > 0xffff) return 'its priority or weight is above 65535';
  if (!/^\d+$/.test(port) || Number(port) > 0xffff) return `port ${JSON.stringify(port)} is none`;
  const target = value.slice(0, colon);
  if (target.includes(':')) return 'its target holds a colon';
  try {
    return encodeSrv({
      priority: Number(priority),
      weight: Number(weight),
      port: Number(port),
      target: parseName(target),
    });
  } catch (error) {
    if (error instanceof FormatError) return error.message;
    throw error;
  }
}
