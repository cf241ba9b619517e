import { canonicalAddress } from '../../zone/address.ts';
import { FormatError } from '../../zone/format-error.ts';
import { parseName } from '../../zone/name.ts';
import { parseRdata } from '../../zone/rdata-parse.ts';
import { rdataText } from '../../zone/rdata-text.ts';
import { decodeAddress, decodeSrv, type RData, TYPE, typeCode, typeName } from '../../zone/record.ts';
import type { Skipped } from '../cluster.ts';
import type { RecordValue } from './difference.ts';
import { RECORD_SET_TYPES, type RecordSet, type RecordSetType } from './record-set.ts';
import { type RRsetSettings, toZoneContent } from './rrsets.ts';
import type { Source } from './source-of.ts';

/** All values of one type, by the type's own name: A, TXT, CNAME, … */
export type ExplainedRRset = {
  readonly type: string;
  /** Seconds. */
  readonly ttl: number;
  readonly values: readonly ExplainedValue[];
};

export type ExplainedValue = {
  readonly value: string;
  /** Why no answer carries it; undefined for one that is answered. */
  readonly notAnswered: string | undefined;
  readonly from: readonly Source[];
};

/** A TTL that is given for the name, in the place of the zone's. The least one counts. */
export type ExplainedTtl = {
  readonly seconds: number;
  readonly counts: boolean;
  readonly from: readonly Source[];
};

type ExplainedName = {
  readonly rrsets: readonly ExplainedRRset[];
  readonly ttls: readonly ExplainedTtl[];
};

/** What a name of a record set (with its final dot) answers, and which of its values do not. */
export function explainRRsets(
  records: RecordSet,
  name: string,
  {
    rrsets: settings,
    sourcesOf,
  }: {
    readonly rrsets: RRsetSettings;
    readonly sourcesOf: (value: RecordValue) => readonly Source[];
  },
): ExplainedName {
  const refused: Skipped[] = [];
  const content = toZoneContent(records, settings, (skipped) => void refused.push(skipped));
  const answered = new Map(
    content.rrsetsAt(parseName(name)).map(({ type, ttl, rdata }) => {
      const values = rdata.map((each) => valueText(type, each, settings.srvWeight));
      return [typeName(type), { ttl, values: new Set(values) }] as const;
    }),
  );
  const whyNot = (type: string, value: string): string => {
    const shown = type === 'SRV' ? JSON.stringify(value) : value;
    for (const prefix of [`${name} ${type} ${shown}: `, `${name} ${type}: `]) {
      const found = refused.find(({ detail }) => detail.startsWith(prefix));
      if (found) return found.detail.slice(prefix.length);
    }
    return type === 'A' || type === 'AAAA' ? 'it is no address' : 'it is left out';
  };
  const byType = new Map<string, ExplainedValue[]>();
  const ttls: Omit<ExplainedTtl, 'counts'>[] = [];
  for (const value of valuesOf(records, name)) {
    const from = sourcesOf(value);
    const { type, text } = ofOwnType(value);
    if (type === 'TTL') {
      ttls.push({ seconds: Number(text), from });
      continue;
    }
    const isAnswered = answered.get(type)?.values.has(canonical(type, text, settings.srvWeight)) === true;
    const values = byType.get(type) ?? [];
    byType.set(type, values);
    values.push({ value: text, notAnswered: isAnswered ? undefined : whyNot(type, text), from });
  }
  const least = Math.min(...ttls.map(({ seconds }) => seconds), Number.POSITIVE_INFINITY);
  const usual = Number.isFinite(least) ? least : settings.ttl;
  return {
    rrsets: [...byType].map(([type, values]) => ({
      type,
      ttl: answered.get(type)?.ttl ?? usual,
      values: values.toSorted((a, b) => (a.value < b.value ? -1 : 1)),
    })),
    ttls: ttls.map((each) => ({ ...each, counts: each.seconds === least })),
  };
}

/** Every value of a name, as the set has it. */
export function valuesOf(records: RecordSet, name: string): RecordValue[] {
  return RECORD_SET_TYPES.flatMap((type) =>
    (records[type].get(name) ?? []).map((value) => ({ type, name, value })),
  );
}

/** A value by its real type: those of `MORE` name it themselves. `TTL` is none, and is told as one here. */
export function ofOwnType({ type, value }: { readonly type: RecordSetType; readonly value: string }): {
  readonly type: string;
  readonly text: string;
} {
  if (type !== 'MORE') return { type, text: value };
  const space = value.indexOf(' ');
  return { type: value.slice(0, space), text: value.slice(space + 1) };
}

/** RDATA as a record set has it, without the type in front; `srvWeight` is the zone's. */
export function valueText(type: number, rdata: RData, srvWeight: number): string {
  if (type === TYPE.A || type === TYPE.AAAA) return decodeAddress(type, rdata);
  if (type !== TYPE.SRV) return rdataText(rdata, { type, at: 0, end: rdata.length });
  const { target, port, priority, weight } = decodeSrv(rdata);
  return `${target}.:${port}${priority === 0 && weight === srvWeight ? '' : ` ${priority} ${weight}`}`;
}

/** One text for one value: addresses, ports and RDATA may be written in several ways. */
export function canonical(type: string, value: string, srvWeight: number): string {
  if (type === 'A' || type === 'AAAA') return canonicalAddress(value) ?? value;
  if (type === 'SRV') return canonicalSrv(value, srvWeight);
  const code = typeCode(type);
  if (code === undefined) return value;
  try {
    return valueText(code, parseRdata(code, value), srvWeight);
  } catch (error) {
    if (error instanceof FormatError) return value;
    throw error;
  }
}

function canonicalSrv(value: string, srvWeight: number): string {
  const [, target = value, port = '', priority = '0', weight = String(srvWeight)] =
    /^(.*):(\d+)(?: (\d+) (\d+))?$/.exec(value) ?? [];
  if (port === '') return value;
  const isUsual = Number(priority) === 0 && Number(weight) === srvWeight;
  return `${canonicalName(target)}:${Number(port)}${isUsual ? '' : ` ${Number(priority)} ${Number(weight)}`}`;
}

function canonicalName(name: string): string {
  try {
    return `${parseName(name)}.`;
  } catch (error) {
    if (error instanceof FormatError) return name;
    throw error;
  }
}
