import { FormatError } from './format-error.ts';
import { octetsKey } from './octets.ts';

declare const ownerName: unique symbol;

/**
 * A domain name in presentation form (RFC 1035 §5.1): lower case, absolute, without its final dot, every
 * octet outside printable ASCII as `\DDD`. Labels are 1 to 63 octets, the whole at most 255 on the wire
 * (RFC 1035 §2.3.4). The root is the empty text. Made only by `parseName` and `nameFromWire`.
 */
export type OwnerName = string & { readonly [ownerName]: true };

/** The longest name on the wire, length octets and root included (RFC 1035 §2.3.4). */
export const MAX_NAME_OCTETS = 255;
const MAX_LABEL_OCTETS = 63;
const DOT = 0x2e;
/** Octets that stand for themselves in presentation form. */
const IS_PLAIN = Array.from(
  { length: 256 },
  (_, octet) => octetToText(lowerOctet(octet)) === String.fromCharCode(octet),
);
const PLAIN = /^[!#-'*-,/-:<-?[\]^-~-]{1,63}(?:\.[!#-'*-,/-:<-?[\]^-~-]{1,63})*$/;

/** Reads presentation form, with or without the final dot, in any case. Throws `FormatError`. */
export function parseName(text: string): OwnerName {
  const plain = text.endsWith('.') ? text.slice(0, -1) : text;
  // The usual name needs no octet work: no capitals, no escapes, labels and whole within limits.
  if (plain.length < MAX_NAME_OCTETS - 1 && PLAIN.test(plain)) return plain as OwnerName;
  return nameFromWire(wireFromText(text));
}

/**
 * Wire form (RFC 1035 §3.1): length octet and label, repeated, then the root's zero octet. `before` octets of
 * zeros stand before it, for RDATA that ends in a name.
 */
export function nameToWire(name: OwnerName, before = 0): Uint8Array {
  if (!name.includes('\\')) {
    const wire = new Uint8Array(before + (name === '' ? 1 : name.length + 2));
    writePlainName(name, wire, before);
    return wire;
  }
  const escaped = wireFromText(name);
  const wire = new Uint8Array(before + escaped.length);
  wire.set(escaped, before);
  return wire;
}

/** Writes a name without escapes at `offset`, which must have room; the root's zero octet is there already. */
function writePlainName(name: string, into: Uint8Array, offset: number): void {
  let lengthAt = offset;
  let at = offset + 1;
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code === DOT) {
      into[lengthAt] = at - lengthAt - 1;
      lengthAt = at++;
    } else into[at++] = code;
  }
  into[lengthAt] = at - lengthAt - 1;
}

/** Where a name's text is put together: each octet where it is on the wire, with dots for the lengths. */
const text = new Uint8Array(MAX_NAME_OCTETS);

/** Reads a wire name without compression from the start of `wire`, folding case. Throws `FormatError`. */
export function nameFromWire(wire: Uint8Array): OwnerName {
  let isPlain = true;
  let at = 0;
  for (;;) {
    const length = wire[at];
    if (length === undefined) throw new FormatError('name', 'ends before its root label', at);
    if (length === 0) break;
    if (length > MAX_LABEL_OCTETS) throw new FormatError('name', 'has a label type other than 00', at);
    if (at + 1 + length >= MAX_NAME_OCTETS) throw new FormatError('name', 'is longer than 255 octets', at);
    if (at + 1 + length > wire.length) throw new FormatError('name', 'ends inside a label', at);
    text[at] = DOT;
    for (let i = at + 1; i <= at + length; i++) {
      const octet = wire[i] ?? 0;
      isPlain &&= IS_PLAIN[octet] === true;
      text[i] = octet;
    }
    at += 1 + length;
  }
  return (isPlain ? octetsKey(text.subarray(1, Math.max(1, at))) : escapedText(wire)) as OwnerName;
}

/** Presentation form of a wire name that was checked. */
function escapedText(wire: Uint8Array): string {
  let text = '';
  for (let at = 0; wire[at]; at += 1 + (wire[at] ?? 0)) {
    if (at > 0) text += '.';
    for (const octet of wire.subarray(at + 1, at + 1 + (wire[at] ?? 0)))
      text += octetToText(lowerOctet(octet));
  }
  return text;
}

/** Is `wire` the name `originWire` or below it? Both in lower-case wire form. */
export function isAtOrBelow(wire: Uint8Array, originWire: Uint8Array): boolean {
  return suffixOffset(wire, originWire) >= 0;
}

/** Where `originWire` begins in `wire` as a run of whole labels, or -1 if `wire` is not at or below it. */
export function suffixOffset(wire: Uint8Array, originWire: Uint8Array): number {
  const start = wire.length - originWire.length;
  if (start < 0) return -1;
  for (let i = originWire.length - 1; i >= 0; i--) if (wire[start + i] !== originWire[i]) return -1;
  // The octets agree; the run counts only if it begins where a label begins.
  let at = 0;
  while (at < start) at += (wire[at] ?? 0) + 1;
  return at === start ? start : -1;
}

/** The name above `name`, unless that is `origin` or no name: `a.b.c` below `c` gives `b.c`, `b.c` nothing. */
export function parentBelow(name: OwnerName, origin: OwnerName): OwnerName | undefined {
  const dot = unescapedDot(name);
  return dot < 0 || name.length - dot - 1 <= origin.length ? undefined : (name.slice(dot + 1) as OwnerName);
}

/** Is `name` the name `origin` or below it? The same question as `isAtOrBelow`, for presentation form. */
export function isNameWithin(name: OwnerName, origin: OwnerName): boolean {
  if (origin === '' || name === origin) return true;
  if (!name.endsWith(`.${origin}`)) return false;
  // `a\.b` is one label: the dot before the origin must not be an escaped one.
  let backslashes = 0;
  for (let i = name.length - origin.length - 2; name[i] === '\\'; i--) backslashes++;
  return backslashes % 2 === 0;
}

/** ASCII lower case of one octet (RFC 4343 §3). */
export function lowerOctet(octet: number): number {
  return octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet;
}

function unescapedDot(text: string): number {
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '.') return i;
  }
  return -1;
}

function octetToText(octet: number): string {
  const char = String.fromCharCode(octet);
  if (octet <= 0x20 || octet >= 0x7f) return `\\${String(octet).padStart(3, '0')}`;
  return '.\\"();@'.includes(char) ? `\\${char}` : char;
}

/** Presentation form to wire form, folding case; throws `FormatError` with the offset in the text. */
function wireFromText(text: string): Uint8Array {
  const octets = [0];
  let lengthAt = 0;
  const endLabel = (offset: number): void => {
    const length = octets.length - lengthAt - 1;
    if (length === 0) throw new FormatError(`name ${JSON.stringify(text)}`, 'has an empty label', offset);
    if (length > MAX_LABEL_OCTETS) {
      throw new FormatError(
        `name ${JSON.stringify(text)}`,
        `has a label of ${length} octets (at most 63)`,
        offset,
      );
    }
    octets[lengthAt] = length;
    lengthAt = octets.push(0) - 1;
  };
  const encoder = new TextEncoder();
  let i = 0;
  while (i < text.length) {
    const char = text.charAt(i);
    if (char === '.') {
      if (text === '.') break;
      endLabel(i++);
      continue;
    }
    if (char === '\\') {
      const digits = /^\d{3}/.exec(text.slice(i + 1, i + 4))?.[0];
      const octet = digits === undefined ? text.charCodeAt(i + 1) : Number(digits);
      if (!(octet <= 0xff)) throw new FormatError(`name ${JSON.stringify(text)}`, 'has a bad escape', i);
      octets.push(lowerOctet(octet));
      i += digits === undefined ? 2 : 4;
      continue;
    }
    const point = String.fromCodePoint(text.codePointAt(i) ?? 0);
    for (const octet of encoder.encode(point)) octets.push(lowerOctet(octet));
    i += point.length;
  }
  if (lengthAt !== octets.length - 1) endLabel(text.length);
  if (octets.length > MAX_NAME_OCTETS) {
    throw new FormatError(`name ${JSON.stringify(text)}`, `is ${octets.length} octets long (at most 255)`);
  }
  return Uint8Array.from(octets);
}
