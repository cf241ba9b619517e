const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const VALUES = new Int8Array(128).fill(-1);
for (let i = 0; i < ALPHABET.length; i++) VALUES[ALPHABET.charCodeAt(i)] = i;

/**
 * Octets of base64url (RFC 4648 §5) as RFC 8484 §6 wants it; padding may stand behind it. Undefined for any
 * other character, a length no octets give, or bits left over that are not zero.
 */
export function decodeBase64Url(text: string): Uint8Array | undefined {
  let length = text.length;
  while (length > 0 && text.length - length < 2 && text.charCodeAt(length - 1) === 0x3d) length--;
  const left = length % 4;
  if (left === 1 || (length !== text.length && text.length % 4 !== 0)) return undefined;
  const octets = new Uint8Array((length >> 2) * 3 + (left > 0 ? left - 1 : 0));
  let at = 0;
  let bits = 0;
  let held = 0;
  for (let i = 0; i < length; i++) {
    const value = VALUES[text.charCodeAt(i)] ?? -1;
    if (value < 0) return undefined;
    bits = (bits << 6) | value;
    held += 6;
    if (held >= 8) {
      held -= 8;
      octets[at++] = (bits >> held) & 0xff;
    }
  }
  return (bits & ((1 << held) - 1)) === 0 ? octets : undefined;
}
