/**
 * IP addresses as text and as octets: 4 for IPv4, 16 for IPv6. What counts as an address is what mesos-dns's
 * `net.ParseIP` takes: four decimal numbers without leading zeros, or IPv6 without a zone; an IPv4-mapped
 * IPv6 address is the IPv4 address.
 */

/** The octets of an address text, or undefined if it is none. */
export function parseAddress(text: string): Uint8Array | undefined {
  if (!text.includes(':')) return parseIPv4(text);
  const groups = parseIPv6(text);
  if (groups === undefined) return undefined;
  const octets = new Uint8Array(16);
  groups.forEach((group, i) => {
    octets[2 * i] = group >> 8;
    octets[2 * i + 1] = group & 0xff;
  });
  const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  return mapped ? octets.slice(12) : octets;
}

/** Shortest form (RFC 5952) of 4 or 16 octets. */
export function formatAddress(octets: Uint8Array): string {
  if (octets.length === 4) return octets.join('.');
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((octets[i] ?? 0) << 8) | (octets[i + 1] ?? 0));
  const zeros = longestZeroRun(groups);
  if (zeros.length < 2) return groups.map((group) => group.toString(16)).join(':');
  const hex = (part: number[]): string => part.map((group) => group.toString(16)).join(':');
  return `${hex(groups.slice(0, zeros.start))}::${hex(groups.slice(zeros.start + zeros.length))}`;
}

/** The IPv6 form of 4 octets (RFC 4291 §2.5.5.2). */
export function mappedAddress(octets: Uint8Array): Uint8Array {
  return Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...octets]);
}

/** Canonical text of an address text, or undefined if it is none. */
export function canonicalAddress(text: string): string | undefined {
  const octets = parseAddress(text);
  return octets && formatAddress(octets);
}

/** The name, with its final dot, at which 4 or 16 octets are looked up (RFC 1035 §3.5, RFC 3596 §2.5). */
export function reverseName(octets: Uint8Array): string {
  if (octets.length === 4) return `${[...octets].toReversed().join('.')}.in-addr.arpa.`;
  const nibbles = Array.from(octets, (octet) => [octet & 15, octet >> 4]).toReversed();
  return `${nibbles.flatMap((pair) => pair.map((nibble) => nibble.toString(16))).join('.')}.ip6.arpa.`;
}

function parseIPv4(text: string): Uint8Array | undefined {
  if (text.length < 7 || text.length > 15) return undefined;
  const octets = new Uint8Array(4);
  let index = 0;
  let digits = 0;
  let value = 0;
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : 0x2e;
    if (code === 0x2e) {
      if (digits === 0 || index > 3) return undefined;
      octets[index++] = value;
      digits = 0;
      value = 0;
    } else {
      if (code < 0x30 || code > 0x39 || (digits > 0 && value === 0)) return undefined;
      value = value * 10 + code - 0x30;
      if (++digits > 3 || value > 255) return undefined;
    }
  }
  return index === 4 ? octets : undefined;
}

/** Eight 16-bit groups; the last two may be written as IPv4 (RFC 4291 §2.2). */
function parseIPv6(text: string): number[] | undefined {
  let body = text;
  let tail: number[] = [];
  const lastColon = text.lastIndexOf(':');
  if (text.includes('.')) {
    const v4 = parseIPv4(text.slice(lastColon + 1));
    if (v4 === undefined) return undefined;
    const [a = 0, b = 0, c = 0, d = 0] = v4;
    tail = [(a << 8) | b, (c << 8) | d];
    // What stands before the IPv4 part, its colon kept only where it belongs to a "::".
    body = text.slice(0, text[lastColon - 1] === ':' ? lastColon + 1 : lastColon);
  }
  const halves = body.split('::');
  if (halves.length > 2) return undefined;
  const groups: number[][] = [];
  for (const half of halves) {
    const parsed: number[] = [];
    for (const part of half === '' ? [] : half.split(':')) {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
      parsed.push(Number.parseInt(part, 16));
    }
    groups.push(parsed);
  }
  const [head = [], rest] = groups;
  if (rest === undefined) return head.length + tail.length === 8 ? [...head, ...tail] : undefined;
  const missing = 8 - head.length - rest.length - tail.length;
  if (missing < 1) return undefined;
  return [...head, ...Array.from({ length: missing }, () => 0), ...rest, ...tail];
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let i = 0; i < groups.length; i++) {
    let length = 0;
    while (i + length < groups.length && groups[i + length] === 0) length++;
    if (length > best.length) best = { start: i, length };
    i += length;
  }
  return best;
}
