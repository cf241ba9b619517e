import { mappedAddress, parseAddress } from './address.ts';
import { FormatError } from './format-error.ts';
import { nameToWire, parseName } from './name.ts';
import { createWriter, type OctetWriter } from './octets.ts';
import { RDATA_FORMATS, SERVICE_KEYS } from './rdata-text.ts';
import { type RData, type RecordType, typeName } from './record.ts';

/** A field of presentation form: its octets, escapes resolved, and as it was written. */
type Token = { readonly octets: readonly number[]; readonly text: string };

const MAX_RDATA_OCTETS = 65_535;
const MAX_TEXT_OCTETS = 255;

/**
 * RDATA of a type from its presentation form (RFC 1035 §5.1), which `rdataText` writes: names are absolute, `\#
 * length hex` does for every type (RFC 3597 §5). Throws `FormatError` saying which field is wrong.
 */
export function parseRdata(type: RecordType, text: string): RData {
  const what = `${typeName(type)} ${text}`;
  const tokens = tokensOf(text, what);
  const into = createWriter();
  if (tokens[0]?.text === String.raw`\#`) writeUnknown(into, tokens.slice(1), what);
  else {
    const format = RDATA_FORMATS[type];
    if (format === undefined)
      throw new FormatError(what, String.raw`is of a type to be given as \# length hex`);
    for (const letter of format) {
      const write = WRITERS[letter];
      if (!write) throw new FormatError(what, String.raw`is of a type to be given as \# length hex`);
      write(into, tokens, what);
    }
    if (tokens.length > 0) throw new FormatError(what, `has ${tokens.length} fields too many`);
  }
  if (into.offset() > MAX_RDATA_OCTETS) throw new FormatError(what, 'is longer than 65535 octets');
  return into.written().slice();
}

type Write = (into: OctetWriter, tokens: Token[], what: string) => void;

/** By the letters of `RDATA_FORMATS`; those of DNSSEC's own types are not written by people. */
const WRITERS: Readonly<Record<string, Write>> = {
  i: (into, tokens, what) => into.octets(address(tokens, 4, what)),
  I: (into, tokens, what) => into.octets(address(tokens, 16, what)),
  1: (into, tokens, what) => into.u8(number(tokens, 0xff, what)),
  2: (into, tokens, what) => into.u16(number(tokens, 0xffff, what)),
  4: (into, tokens, what) => into.u32(number(tokens, 0xffffffff, what)),
  n: (into, tokens, what) => into.octets(nameToWire(parseName(next(tokens, what).text))),
  s: (into, tokens, what) => counted(into, next(tokens, what).octets, what),
  S: (into, tokens, what) => {
    do counted(into, next(tokens, what).octets, what);
    while (tokens.length > 0);
  },
  w: (into, tokens, what) => counted(into, next(tokens, what).octets, what),
  v: (into, tokens, what) => into.octets(Uint8Array.from(next(tokens, what).octets)),
  x: (into, tokens, what) => into.octets(hex(tokens.splice(0), what)),
  p: writeServiceParameters,
};

function next(tokens: Token[], what: string): Token {
  const token = tokens.shift();
  if (!token) throw new FormatError(what, 'has too few fields');
  return token;
}

function number(tokens: Token[], most: number, what: string): number {
  const { text } = next(tokens, what);
  if (/^\d{1,10}$/.test(text) && Number(text) <= most) return Number(text);
  throw new FormatError(what, `has ${JSON.stringify(text)} where a number up to ${most} should be`);
}

function address(tokens: Token[], octets: 4 | 16, what: string): Uint8Array {
  const { text } = next(tokens, what);
  const parsed = parseAddress(text);
  if (parsed?.length === octets) return parsed;
  // An IPv4-mapped address is one of four octets to `parseAddress`.
  if (parsed?.length === 4 && text.includes(':')) return mappedAddress(parsed);
  throw new FormatError(
    what,
    `has ${JSON.stringify(text)} where an IPv${octets === 4 ? 4 : 6} address should be`,
  );
}

function counted(into: OctetWriter, octets: readonly number[], what: string): void {
  if (octets.length > MAX_TEXT_OCTETS) throw new FormatError(what, 'has a text of more than 255 octets');
  into.u8(octets.length);
  into.octets(Uint8Array.from(octets));
}

function hex(tokens: readonly Token[], what: string): Uint8Array {
  const digits = tokens.map(({ text }) => text).join('');
  if (!/^(?:[0-9a-f]{2})*$/i.test(digits)) throw new FormatError(what, 'has something that is no hex');
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function writeUnknown(into: OctetWriter, [length, ...rest]: readonly Token[], what: string): void {
  const octets = hex(rest, what);
  if (length?.text !== String(octets.length))
    throw new FormatError(what, `says ${length?.text ?? 'no length'} and holds ${octets.length} octets`);
  into.octets(octets);
}

/** RFC 9460 §2.1, §2.2: `alpn=h2,h3 port=8443`, each key once, in the order of their numbers on the wire. */
function writeServiceParameters(into: OctetWriter, tokens: Token[], what: string): void {
  const parameters = new Map<number, Uint8Array>();
  for (const { text, octets } of tokens.splice(0)) {
    const [, key = ''] = /^([a-z0-9-]+)(?:=|$)/.exec(text) ?? [];
    const code = serviceKey(key);
    if (code === undefined) throw new FormatError(what, `has the unknown parameter ${JSON.stringify(text)}`);
    if (parameters.has(code)) throw new FormatError(what, `has ${key} twice`);
    parameters.set(code, parameterValue(key, octets.slice(key.length + 1), what));
  }
  for (const [code, value] of [...parameters].toSorted(([a], [b]) => a - b)) {
    into.u16(code);
    into.u16(value.length);
    into.octets(value);
  }
}

function serviceKey(name: string): number | undefined {
  const known = SERVICE_KEYS.findIndex((key) => key === name);
  if (known >= 0) return known;
  const unknown = /^key(\d{1,5})$/.exec(name)?.[1];
  return unknown !== undefined && Number(unknown) < 0xffff ? Number(unknown) : undefined;
}

function parameterValue(key: string, octets: readonly number[], what: string): Uint8Array {
  const text = String.fromCharCode(...octets);
  const items = text.split(',');
  const into = createWriter();
  const each = (write: (item: Token[]) => void): void => {
    for (const item of items) write([{ text: item, octets: Array.from(item, (char) => char.charCodeAt(0)) }]);
  };
  switch (key) {
    case 'mandatory':
      each(([item]) => {
        const code = serviceKey(item?.text ?? '');
        if (code === undefined)
          throw new FormatError(what, `makes ${item?.text ?? ''} mandatory, which is unknown`);
        into.u16(code);
      });
      break;
    case 'alpn':
      each(([item]) => counted(into, item?.octets ?? [], what));
      break;
    case 'no-default-alpn':
      if (octets.length > 0) throw new FormatError(what, 'gives no-default-alpn a value');
      break;
    case 'port':
      into.u16(number([{ text, octets }], 0xffff, what));
      break;
    case 'ipv4hint':
      each((item) => into.octets(address(item, 4, what)));
      break;
    case 'ipv6hint':
      each((item) => into.octets(address(item, 16, what)));
      break;
    case 'ech':
      into.octets(base64(text, what));
      break;
    default:
      into.octets(Uint8Array.from(octets));
  }
  return into.written().slice();
}

function base64(text: string, what: string): Uint8Array {
  if (!/^(?:[a-z0-9+/]{4})*(?:[a-z0-9+/]{2}==|[a-z0-9+/]{3}=)?$/i.test(text))
    throw new FormatError(what, 'has something that is no base64');
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}

/** Fields between blanks; a quoted part of one may hold any. */
function tokensOf(text: string, what: string): Token[] {
  const tokens: Token[] = [];
  let octets: number[] | undefined;
  let startedAt = 0;
  let isQuoted = false;
  const end = (at: number): void => {
    if (octets) tokens.push({ octets, text: unquoted(text.slice(startedAt, at)) });
    octets = undefined;
  };
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? '';
    if (/\s/.test(char) && !isQuoted) {
      end(at);
      continue;
    }
    if (!octets) [octets, startedAt] = [[], at];
    if (char === '"') {
      isQuoted = !isQuoted;
      continue;
    }
    const escape = char === '\\' ? /^\\(?:(\d{3})|([^\d]))/.exec(text.slice(at, at + 4)) : undefined;
    if (char === '\\' && !escape) throw new FormatError(what, 'has a broken escape', at);
    const code = escape?.[1] === undefined ? (escape?.[2] ?? char).codePointAt(0) : Number(escape[1]);
    if (code === undefined || code > 0xff)
      throw new FormatError(what, 'has a letter to be written as \\DDD', at);
    octets.push(code);
    at += (escape?.[0].length ?? 1) - 1;
  }
  if (isQuoted) throw new FormatError(what, 'has a quotation mark without its other');
  end(text.length);
  return tokens;
}

function unquoted(text: string): string {
  return text.startsWith('"') && text.endsWith('"') && text.length > 1 ? text.slice(1, -1) : text;
}
