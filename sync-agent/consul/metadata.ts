const MAX_TEXT_OCTETS = 255;

/**
 * A node's metadata as TXT in presentation form: `"key=value"` with the escapes of RFC 1464, or the value alone for
 * a key that begins with `rfc1035-`. Undefined for what does not fit into a text of 255 octets.
 */
export function metadataText(key: string, value: string): string | undefined {
  const text = /^rfc1035-/i.test(key) ? value : `${escapeKey(key)}=${value.replaceAll('`', '``')}`;
  const octets = new TextEncoder().encode(text);
  if (octets.length > MAX_TEXT_OCTETS) return undefined;
  return `"${Array.from(octets, (octet) => presentation(octet)).join('')}"`;
}

/** RFC 1464 §2: `=` and the backquote are quoted, and spaces at either end. */
function escapeKey(key: string): string {
  return key
    .replaceAll('`', '``')
    .replaceAll('=', '`=')
    .replace(/^ +| +$/g, (spaces) => '` '.repeat(spaces.length));
}

/** RFC 1035 §5.1. */
function presentation(octet: number): string {
  if (octet < 0x20 || octet > 0x7e) return `\\${String(octet).padStart(3, '0')}`;
  const character = String.fromCharCode(octet);
  return character === '"' || character === '\\' ? `\\${character}` : character;
}
