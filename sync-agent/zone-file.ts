import { parseZone } from 'dnsz';
import { FormatError } from '../zone/format-error.ts';
import { isNameWithin, type OwnerName, parseName } from '../zone/name.ts';
import { parseRdata } from '../zone/rdata-parse.ts';
import { RDATA_FORMATS, rdataText } from '../zone/rdata-text.ts';
import { decodeAddress, decodeSrv, type RData, TYPE, typeCode, typeName } from '../zone/record.ts';
import type { StaticRecord } from './cluster.ts';
import { isAskable, srvValue } from './records/record-set.ts';
import { reservedBy } from './records/reserved.ts';
import { type ZoneFileLine, zoneFileLines } from './zone-file-lines.ts';

/** Where a zone file belongs, and which numbers its records need not repeat. */
export type ZoneFilePlace = {
  /** For messages. */
  readonly path: string;
  readonly domain: OwnerName;
  /** Seconds, of the zone. */
  readonly ttl: number;
  readonly srvWeight: number;
};

/** What one line says. */
type Line = {
  readonly owner: OwnerName;
  readonly type: number;
  readonly rdata: RData;
  readonly ttl: number;
  /** Where it begins, from 1. */
  readonly number: number;
};

const OPT = 41;
/** Types that only questions and messages have (RFC 6895 §3.1). */
const isMeta = (type: number): boolean => type === 0 || type === OPT || (type >= 128 && type <= 255);
/** Those of them that have no name in `TYPE`. */
const META_NAMES = new Set(['OPT', 'TKEY', 'TSIG', 'MAILB', 'MAILA']);

/**
 * The records of a zone-file fragment (RFC 1035 §5), `$ORIGIN` being the domain at its start. A name has one TTL: the
 * least of its records, and `note` is told of those that say more. Throws `FormatError` naming file, line and what is
 * wrong with it: no part of a file is used.
 */
export function parseZoneFile(
  text: string,
  place: ZoneFilePlace,
  note: (detail: string) => void = () => {},
): readonly StaticRecord[] {
  const lines: Line[] = [];
  const scope: Scope = { origin: place.domain, ttl: place.ttl, owner: undefined };
  for (const line of zoneFileLines(text, place.path)) {
    try {
      const read = readLine(line, { scope, place });
      if (read) lines.push(read);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      throw new FormatError(`${place.path}:${line.number}`, whatIsWrong(line, error));
    }
  }
  return toRecords(lines, { place, note });
}

/** What lines before say for those behind. */
type Scope = { origin: OwnerName; ttl: number; owner: OwnerName | undefined };

function readLine(
  { number, text, isIndented }: ZoneFileLine,
  { scope, place }: { scope: Scope; place: ZoneFilePlace },
): Line | undefined {
  if (text.startsWith('$')) {
    readDirective(text, scope);
    return undefined;
  }
  if (text.includes('\uFFFD')) throw new FormatError('line', 'has octets that are no UTF-8');
  const [, name = '', fields = text] = isIndented ? [] : (/^((?:\\.|[^\s\\])+)\s+(.*)$/.exec(text) ?? []);
  if (!isIndented && name === '') throw new FormatError('line', 'has a name and nothing else');
  const owner = isIndented ? scope.owner : absolute(name, scope.origin);
  if (owner === undefined) throw new FormatError('line', 'begins with blanks and follows no name');
  checkOwner(owner, place);
  scope.owner = owner;
  const record = readFields(fields, scope.ttl);
  const type = typeCode(record.type);
  if (META_NAMES.has(record.type.toUpperCase()) || (type !== undefined && isMeta(type)))
    throw new FormatError(record.type, 'is a type of questions and messages: no record has it');
  if (type === undefined) throw new FormatError('type', `${JSON.stringify(record.type)} is not known here`);
  checkType(type, owner, place);
  const rdata = parseRdata(type, withAbsoluteNames(inAscii(record.content), type, scope.origin));
  return { owner, type, rdata, ttl: record.ttl, number };
}

const TTL = /^(?:\d+[smhdw]?)+$/i;
/** RFC 2181 §8. */
const MAX_TTL = 2 ** 31 - 1;
const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
const CLASS = /^(?:IN|CH|CS|HS)$/i;
const DIRECTIVE = /^(\$\S+)\s+(\S+)$/;

function readDirective(text: string, scope: Scope): void {
  const [, directive = text, value = ''] = DIRECTIVE.exec(text) ?? [];
  if (directive.toUpperCase() === '$ORIGIN' && value !== '') scope.origin = absolute(value, scope.origin);
  else if (directive.toUpperCase() === '$TTL' && TTL.test(value)) scope.ttl = ttlOf(value);
  else throw new FormatError('directive', 'should be $ORIGIN NAME or $TTL TIME: others are not read');
}

/** TTL and class may stand in either order, or not at all (RFC 1035 §5.1). */
function readFields(text: string, usualTtl: number): ReturnType<typeof recordOf> {
  let rest = text;
  let ttl: number | undefined;
  let hasClass = false;
  for (;;) {
    const [, field = '', behind = ''] = /^(\S+)\s+(.*)$/.exec(rest) ?? [];
    if (ttl === undefined && TTL.test(field)) ttl = ttlOf(field);
    else if (!hasClass && CLASS.test(field)) {
      if (field.toUpperCase() !== 'IN') throw new FormatError('class', `${field} is not served: only IN is`);
      hasClass = true;
    } else return recordOf(ttl ?? usualTtl, rest);
    rest = behind;
  }
}

/** `1h30m` in seconds. dnsz would cut a larger one down without a word. */
function ttlOf(text: string): number {
  let sum = 0;
  for (const [, count, unit = 's'] of text.toLowerCase().matchAll(/(\d+)([smhdw])?/g))
    sum += Number(count) * (UNIT_SECONDS[unit] ?? 1);
  if (sum <= MAX_TTL) return sum;
  throw new FormatError(`TTL ${text}`, `is over ${MAX_TTL} seconds (RFC 2181 §8)`);
}

/**
 * One record, by dnsz. It is given owner, TTL and class each time: where they are left out it guesses, and what it can
 * not read it leaves out without a word.
 */
function recordOf(ttl: number, rest: string): { ttl: number; type: string; content: string } {
  const { records } = parseZone(`owner.invalid. ${ttl} IN ${rest}`);
  const [record] = records;
  if (!record || records.length > 1 || !rest.toUpperCase().startsWith(`${record.type} `))
    throw new FormatError('record', 'should be TYPE DATA, with a TTL, IN, or both in front');
  return record;
}

/** What is not ASCII as the octets that it is in the file (UTF-8): `ü` is `\195\188`. */
function inAscii(text: string): string {
  return text.replaceAll(/\\[\0-\x7F]|\\?([^\0-\x7F])/gu, (all, letter: string | undefined) =>
    letter === undefined
      ? all
      : Array.from(new TextEncoder().encode(letter), (octet) => `\\${octet}`).join(''),
  );
}

function absolute(name: string, origin: OwnerName): OwnerName {
  if (name === '@') return origin;
  return parseName(/(?:^|[^\\])(?:\\\\)*\.$/.test(name) ? name : `${name}.${origin}`);
}

function checkOwner(owner: OwnerName, { domain }: ZoneFilePlace): void {
  if (owner.includes('\\'))
    throw new FormatError(
      `name ${owner}`,
      'has dots, blanks or other letters that have to be escaped: such names are not served',
    );
  if (!isNameWithin(owner, domain))
    throw new FormatError(`name ${owner || '.'}`, `is not in the zone ${domain}`);
  if (!isAskable(`${owner}.`))
    throw new FormatError(
      `name ${owner}`,
      'has letters that are not served, or a * that is not its first label',
    );
  // Of a service, too: `_leader._tcp`.
  const host = owner.replace(/^_([^.]+)\._(?:tcp|udp)\./, '$1.');
  const isCluster = !owner.startsWith('*.') && reservedBy({ domain, nameServer: '' })(`${host}.`);
  if (isCluster) throw new FormatError(`name ${owner}`, 'is one that the cluster itself has');
}

function checkType(type: number, owner: OwnerName, { domain }: ZoneFilePlace): void {
  if (type === TYPE.SOA || type === TYPE.NS)
    throw new FormatError(typeName(type), 'is not taken from a file: SOA and NS are the configuration’s');
  if (type === TYPE.CNAME && owner === domain)
    throw new FormatError('CNAME', 'can not be at the apex of a zone (RFC 1034 §3.6.2)');
}

/** Names in RDATA are relative to the origin as owners are. */
function withAbsoluteNames(content: string, type: number, origin: OwnerName): string {
  const format = RDATA_FORMATS[type] ?? '';
  if (!format.includes('n') || content.startsWith(String.raw`\#`)) return content;
  let at = -1;
  return content.replaceAll(/"(?:[^"\\]|\\.)*"|\S+/g, (field) => {
    at++;
    return format[at] === 'n' ? `${absolute(field, origin)}.` : field;
  });
}

function toRecords(
  lines: readonly Line[],
  { place, note }: { readonly place: ZoneFilePlace; readonly note: (detail: string) => void },
): readonly StaticRecord[] {
  const { path, ttl, srvWeight } = place;
  const lowest = new Map<OwnerName, Line>();
  for (const line of lines) {
    const { ttl: least = Number.POSITIVE_INFINITY } = lowest.get(line.owner) ?? {};
    if (line.ttl < least) lowest.set(line.owner, line);
  }
  for (const line of lines) {
    const least = lowest.get(line.owner);
    if (least && line.ttl > least.ttl)
      note(
        `${path}:${line.number}: ${line.owner} ${typeName(line.type)} has the TTL ${least.ttl} of line ${least.number}, not ${line.ttl}: a name has one TTL, the least`,
      );
  }
  const records = lines.map(({ owner, ...value }) => ({ name: `${owner}.`, ...valueOf(value, srvWeight) }));
  for (const [owner, { ttl: least }] of lowest)
    if (least !== ttl) records.push({ name: `${owner}.`, type: 'MORE', value: `TTL ${least}` });
  return records;
}

/** As a record set has it, and as it comes back from what is published. */
function valueOf(
  { type, rdata }: Pick<Line, 'type' | 'rdata'>,
  usualWeight: number,
): Omit<StaticRecord, 'name'> {
  switch (type) {
    case TYPE.A:
      return { type: 'A', value: decodeAddress(type, rdata) };
    case TYPE.AAAA:
      return { type: 'AAAA', value: decodeAddress(type, rdata) };
    case TYPE.SRV: {
      const { target, port, priority, weight } = decodeSrv(rdata);
      const isUsual = priority === 0 && weight === usualWeight;
      return { type: 'SRV', value: srvValue(`${target}.`, port, isUsual ? undefined : { priority, weight }) };
    }
    default:
      return {
        type: 'MORE',
        value: `${typeName(type)} ${rdataText(rdata, { type, at: 0, end: rdata.length })}`,
      };
  }
}

/** Shows lines alone that look like what they should be: the file may be another than meant, with secrets in it. */
function whatIsWrong({ text, isIndented }: ZoneFileLine, { message }: FormatError): string {
  const fields = text.split(/\s+/, MAX_FIELDS).slice(isIndented ? 0 : 1);
  const isType = (field: string): boolean => META_NAMES.has(field) || typeCode(field) !== undefined;
  const isShown = text.startsWith('$') || fields.some((field) => isType(field.toUpperCase()));
  if (!isShown) return 'record: should be TYPE DATA behind a name, of a type that is known here';
  const end =
    message.length > MAX_SAID ? `${message.slice(0, MAX_SHOWN)}…${message.slice(-MAX_SHOWN)}` : message;
  return `${text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN - 1)}…` : text}: ${end}`;
}

/** Name, TTL, class and type. */
const MAX_FIELDS = 4;
const MAX_SHOWN = 40;
const MAX_SAID = 160;
