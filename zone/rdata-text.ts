import { formatAddress } from './address.ts';
import { FormatError } from './format-error.ts';
import { toHex } from './hash.ts';
import { type MessageRecord, readNameAt } from './message.ts';
import { TYPE, typeName } from './record.ts';

/**
 * How RDATA of a type is written, a letter a field, in order:
 *
 *     i I  IPv4, IPv6 address        1 2 4  number of so many octets
 *     n    name                      t      record type
 *     d    time                      m      types as a bitmap
 *     s S  one text, all the rest    w v    text without quotes, rest as a text
 *     x b  rest in hex, in base64    X B    with a length before: in hex, in base32hex
 *     p    service parameters
 */
export const RDATA_FORMATS: Readonly<Record<number, string>> = {
  [TYPE.A]: 'i',
  [TYPE.NS]: 'n',
  [TYPE.CNAME]: 'n',
  [TYPE.SOA]: 'nn44444',
  [TYPE.PTR]: 'n',
  [TYPE.HINFO]: 'ss',
  [TYPE.MX]: '2n',
  [TYPE.TXT]: 'S',
  [TYPE.AAAA]: 'I',
  [TYPE.SRV]: '222n',
  [TYPE.NAPTR]: '22sssn',
  [TYPE.DNAME]: 'n',
  [TYPE.DS]: '211x',
  [TYPE.SSHFP]: '11x',
  [TYPE.RRSIG]: 't114dd2nb',
  [TYPE.NSEC]: 'nm',
  [TYPE.DNSKEY]: '211b',
  [TYPE.NSEC3]: '112XBm',
  [TYPE.NSEC3PARAM]: '112X',
  [TYPE.TLSA]: '111x',
  [TYPE.CDS]: '211x',
  [TYPE.CDNSKEY]: '211b',
  [TYPE.SVCB]: '2np',
  [TYPE.HTTPS]: '2np',
  [TYPE.CAA]: '1wv',
};

const BASE32 = '0123456789abcdefghijklmnopqrstuv';
/** RFC 9460 §14.3.2, by number. */
export const SERVICE_KEYS = [
  'mandatory',
  'alpn',
  'no-default-alpn',
  'port',
  'ipv4hint',
  'ech',
  'ipv6hint',
  'dohpath',
] as const;

/**
 * A record's RDATA in presentation form (RFC 1035 §5.1), names absolute with their final dot. Types not known
 * here, and RDATA that is not what its type says, come as `\# length hex` (RFC 3597 §5). Never throws.
 */
export function rdataText(
  octets: Uint8Array,
  { type, at, end }: Pick<MessageRecord, 'type' | 'at' | 'end'>,
): string {
  const format = RDATA_FORMATS[type];
  try {
    if (format !== undefined) return formatted(createFields(octets, at, end), format);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
  }
  const hex = toHex(octets.subarray(at, end));
  return `\\# ${end - at}${hex && ` ${hex}`}`;
}

function formatted(fields: Fields, format: string): string {
  const texts: string[] = [];
  for (const letter of format) {
    const text = FIELD[letter]?.(fields) ?? '';
    if (text !== '') texts.push(text);
  }
  if (fields.left() > 0) throw tooShort();
  return texts.join(' ');
}

/** RDATA field by field; what reaches past its end throws. */
type Fields = {
  readonly left: () => number;
  readonly number: (octets: number) => number;
  readonly take: (octets: number) => Uint8Array;
  readonly name: () => string;
};

function createFields(octets: Uint8Array, start: number, end: number): Fields {
  let at = start;
  const take = (length: number): Uint8Array => {
    if (at + length > end) throw tooShort();
    at += length;
    return octets.subarray(at - length, at);
  };
  return {
    left: () => end - at,
    take,
    number: (length) => take(length).reduce((value, octet) => value * 256 + octet, 0),
    name: () => {
      const read = readNameAt(octets, at);
      take(read.end - at);
      return `${read.name}.`;
    },
  };
}

function tooShort(): FormatError {
  return new FormatError('RDATA', 'has another length than its type');
}

const rest = (fields: Fields): Uint8Array => fields.take(fields.left());
/** What has its length in an octet before it. */
const counted = (fields: Fields): Uint8Array => fields.take(fields.number(1));

const FIELD: Readonly<Record<string, (fields: Fields) => string>> = {
  i: (fields) => formatAddress(fields.take(4)),
  I: (fields) => formatAddress(fields.take(16)),
  1: (fields) => String(fields.number(1)),
  2: (fields) => String(fields.number(2)),
  4: (fields) => String(fields.number(4)),
  n: (fields) => fields.name(),
  t: (fields) => typeName(fields.number(2)),
  // RFC 4034 §3.2: YYYYMMDDHHmmSS.
  d: (fields) => new Date(fields.number(4) * 1000).toISOString().replaceAll(/\D/g, '').slice(0, 14),
  s: (fields) => quoted(counted(fields)),
  S: (fields) => {
    const texts = [quoted(counted(fields))];
    while (fields.left() > 0) texts.push(quoted(counted(fields)));
    return texts.join(' ');
  },
  w: (fields) => escaped(counted(fields)),
  v: (fields) => quoted(rest(fields)),
  x: (fields) => toHex(rest(fields)),
  b: (fields) => base64(rest(fields)),
  X: (fields) => toHex(counted(fields)) || '-',
  B: (fields) => base32Hex(counted(fields)),
  m: typesInBitmap,
  p: serviceParameters,
};

function quoted(octets: Uint8Array): string {
  return `"${escaped(octets)}"`;
}

function escaped(octets: Uint8Array): string {
  let text = '';
  for (const octet of octets) {
    const char = String.fromCharCode(octet);
    if (octet < 0x20 || octet > 0x7e) text += `\\${String(octet).padStart(3, '0')}`;
    else text += char === '"' || char === '\\' ? `\\${char}` : char;
  }
  return text;
}

function base64(octets: Uint8Array): string {
  return btoa(Array.from(octets, (octet) => String.fromCharCode(octet)).join(''));
}

/** RFC 4648 §7, without padding (RFC 5155 §3.3). */
function base32Hex(octets: Uint8Array): string {
  let text = '';
  let held = 0;
  let bits = 0;
  for (const octet of octets) {
    held = ((held << 8) | octet) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) text += BASE32[(held >> (bits - 5)) & 31];
  }
  return bits > 0 ? `${text}${BASE32[(held << (5 - bits)) & 31]}` : text;
}

/** RFC 4034 §4.1.2: windows of 256 types, each with up to 32 octets of bits. */
function typesInBitmap(fields: Fields): string {
  const types: string[] = [];
  while (fields.left() > 0) {
    const window = fields.number(1) * 256;
    for (const [i, octet] of counted(fields).entries())
      for (let bit = 0; bit < 8; bit++)
        if ((octet & (0x80 >> bit)) !== 0) types.push(typeName(window + i * 8 + bit));
  }
  return types.join(' ');
}

/** RFC 9460 §2.1: `alpn=h2,h3 port=8443`. */
function serviceParameters(fields: Fields): string {
  const parameters: string[] = [];
  while (fields.left() > 0) {
    const key = fields.number(2);
    const octets = fields.take(fields.number(2));
    const value = parameterText(key, createFields(octets, 0, octets.length));
    parameters.push(`${serviceKey(key)}${octets.length > 0 ? `=${value}` : ''}`);
  }
  return parameters.join(' ');
}

function serviceKey(key: number): string {
  return SERVICE_KEYS[key] ?? `key${key}`;
}

function parameterText(key: number, value: Fields): string {
  const each = (item: () => string): string => {
    const items: string[] = [];
    while (value.left() > 0) items.push(item());
    return items.join(',');
  };
  switch (SERVICE_KEYS[key]) {
    case 'mandatory':
      return each(() => serviceKey(value.number(2)));
    case 'alpn':
      return each(() => escaped(counted(value)));
    case 'port':
      return each(() => String(value.number(2)));
    case 'ipv4hint':
      return each(() => formatAddress(value.take(4)));
    case 'ipv6hint':
      return each(() => formatAddress(value.take(16)));
    case 'ech':
      return base64(rest(value));
    default:
      return quoted(rest(value));
  }
}
