/** Two 32-bit halves of one 64-bit hash: `slot` places a name inside a block, `shard` picks the block. */
export type NameHash = { readonly slot: number; readonly shard: number };

/** Octets of a hash seed. */
export const HASH_SEED_OCTETS = 8;
/** Octets of a content address: SHA-256, first half. */
export const CONTENT_HASH_OCTETS = 16;

/**
 * HalfSipHash-2-4 with 64-bit output (Aumasson and Bernstein's reference code) of `octets`. Keyed, because
 * task names are chosen by users, who must not be able to crowd one slot.
 */
export function hashName(octets: Uint8Array, seed: Uint8Array): NameHash {
  const k0 = word(seed, 0);
  const k1 = word(seed, 4);
  let v0 = k0;
  let v1 = k1 ^ 0xee;
  let v2 = k0 ^ 0x6c796765;
  let v3 = k1 ^ 0x74656462;
  const length = octets.length;
  const whole = length & ~3;
  for (let at = 0; at <= whole; at += 4) {
    const m = at < whole ? word(octets, at) : tail(octets, whole);
    v3 ^= m;
    for (let round = 0; round < 2; round++) {
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    }
    v0 ^= m;
  }
  v2 ^= 0xee;
  let slot = 0;
  for (let round = 0; round < 8; round++) {
    if (round === 4) {
      slot = (v1 ^ v3) >>> 0;
      v1 ^= 0xdd;
    }
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
  }
  return { slot, shard: (v1 ^ v3) >>> 0 };
}

/** SHA-256 of `octets`, 32 octets. */
export async function sha256(octets: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', octets as Uint8Array<ArrayBuffer>));
}

/** A block's content address: the first 16 octets of its SHA-256. */
export async function contentHash(octets: Uint8Array): Promise<Uint8Array> {
  return (await sha256(octets)).slice(0, CONTENT_HASH_OCTETS);
}

/** Lower-case hexadecimal. */
export function toHex(octets: Uint8Array): string {
  let text = '';
  for (const octet of octets) text += octet.toString(16).padStart(2, '0');
  return text;
}

/** Have both the same octets? Not constant-time: for content, not for secrets. */
export function sameOctets(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Octet-wise order; a prefix comes first. */
export function compareOctets(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function word(octets: Uint8Array, at: number): number {
  return (
    (octets[at] ?? 0) |
    ((octets[at + 1] ?? 0) << 8) |
    ((octets[at + 2] ?? 0) << 16) |
    ((octets[at + 3] ?? 0) << 24)
  );
}

/** The last word: up to three octets left over, and the length in the top octet. */
function tail(octets: Uint8Array, whole: number): number {
  let m = octets.length << 24;
  for (let i = whole; i < octets.length; i++) m |= (octets[i] ?? 0) << (8 * (i - whole));
  return m;
}
