import { isToken, tokenHash } from '../../zone/access-document.ts';

/** A token that is not in any document yet; `token` itself is told once and kept nowhere. */
export type NewToken = {
  readonly token: string;
  /** The first 8 digits of `hash`: whoever has a token can find its entry (`sha256sum`). */
  readonly id: string;
  readonly hash: string;
};

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
/** 160 bits: 32 letters. */
const TOKEN_OCTETS = 20;
const MOST_TRIES = 8;

/**
 * Makes a token whose id is none of `taken`; `randomOctets` has to be of a source fit for keys. Throws where that
 * source gives too little, or the same again and again.
 */
export async function makeToken(
  randomOctets: (length: number) => Uint8Array,
  taken: ReadonlySet<string>,
): Promise<NewToken> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const token = `mdt_${base32(randomOctets(TOKEN_OCTETS))}`;
    if (!isToken(token)) throw new Error('the source of random octets gives too few');
    const hash = await tokenHash(token);
    const id = hash.slice(0, 8);
    if (!taken.has(id)) return { token, id, hash };
  }
  throw new Error('the source of random octets gives the same again and again');
}

/** RFC 4648 §6 in lower case, without padding; a rest of less than 5 bits is left out. */
function base32(octets: Uint8Array): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const octet of octets) {
    held = (held << 8) | octet;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += BASE32[(held >> (bits - 5)) & 31];
    held &= (1 << bits) - 1;
  }
  return text;
}
