import { FormatError } from './format-error.ts';
import { sha256, toHex } from './hash.ts';
import { nameFromWire, nameToWire, type OwnerName } from './name.ts';
import { createReader, createWriter } from './octets.ts';
import type { Serial } from './zone.ts';

/**
 * The root: at most 512 octets at the start of a head, signed with Ed25519. It vouches for the body behind it
 * by hash, and the body for the blocks, so a verified root vouches for the whole zone.
 */
export const HEAD_FORMAT = 1;
const MAX_ROOT_OCTETS = 512;
const MAGIC = 0x4d444831; // "MDH1"
const SIGNATURE_OCTETS = 64;
const SIGNATURE_DOMAIN = new TextEncoder().encode('mesos-doh head root v1\0');
/** All of a root but its two texts and its signature. */
const ROOT_FIXED_OCTETS = 98;

/** What is signed. Times are Unix milliseconds by the sink's clock. */
export type Root = {
  readonly format: number;
  readonly epoch: number;
  readonly serial: Serial;
  /** When the writer last vouched for this head. */
  readonly createdAtMs: number;
  /** The oldest time at which each required source last confirmed what is published. */
  readonly confirmedAtMs: number;
  readonly bodyOctets: number;
  /** SHA-256 of the body. */
  readonly bodyHash: Uint8Array;
  /** First 8 octets of the SHA-256 of the raw public key; zeros where unsigned. */
  readonly keyId: Uint8Array;
  /** 16 octets chosen by the writing agent. */
  readonly writerId: Uint8Array;
  readonly origin: OwnerName;
  /** Which audience's snapshot this is: `main`, or a name of `[a-z0-9-]`. */
  readonly variant: string;
};

/** WebCrypto's key, by the name both runtimes' types agree on. */
type CryptoKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/** An Ed25519 key that signs roots, with the id its public half is known by. */
export type SigningKey = { readonly keyId: Uint8Array; readonly privateKey: CryptoKey };
/** Public keys by key id in hexadecimal. */
export type VerifyKeys = ReadonlyMap<string, CryptoKey>;

/** The first 8 octets of SHA-256 of a raw Ed25519 public key. */
export async function keyIdOf(publicKey: Uint8Array): Promise<Uint8Array> {
  return (await sha256(publicKey)).slice(0, 8);
}

/** Public keys as base64 (32 raw octets each), ready to verify with. Throws `FormatError` naming the bad one. */
export async function importVerifyKeys(base64Keys: readonly string[]): Promise<VerifyKeys> {
  const keys = new Map<string, CryptoKey>();
  for (const [i, base64] of base64Keys.entries()) {
    let raw: Uint8Array;
    try {
      raw = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    } catch {
      throw new FormatError(`verify key ${i + 1}`, 'is not base64');
    }
    if (raw.length !== 32)
      throw new FormatError(`verify key ${i + 1}`, `has ${raw.length} octets instead of 32`);
    const key = await crypto.subtle.importKey(
      'raw',
      raw as Uint8Array<ArrayBuffer>,
      { name: 'Ed25519' },
      false,
      ['verify'],
    );
    keys.set(toHex(await keyIdOf(raw)), key);
  }
  return keys;
}

/** Octets of a root and its signature over the domain string and all before it. Throws `FormatError` if too long. */
export async function signRoot(root: Omit<Root, 'format' | 'keyId'>, key: SigningKey): Promise<Uint8Array> {
  const unsigned = encodeRoot({ ...root, format: HEAD_FORMAT, keyId: key.keyId });
  const signature = await crypto.subtle.sign('Ed25519', key.privateKey, signedOctets(unsigned));
  const signed = createWriter(unsigned.length + SIGNATURE_OCTETS);
  signed.octets(unsigned);
  signed.octets(new Uint8Array(signature));
  return signed.written();
}

function encodeRoot(root: Root): Uint8Array {
  const into = createWriter(MAX_ROOT_OCTETS);
  const origin = nameToWire(root.origin);
  const variant = new TextEncoder().encode(root.variant);
  const length = ROOT_FIXED_OCTETS + origin.length + variant.length + SIGNATURE_OCTETS;
  if (length > MAX_ROOT_OCTETS || variant.length > 0xff) {
    throw new FormatError(
      'head root',
      `has no room for origin and variant (${length} octets, at most ${MAX_ROOT_OCTETS})`,
    );
  }
  into.u32(MAGIC);
  into.u8(root.format);
  into.u8(0);
  into.u16(length);
  into.u64(root.epoch);
  into.u32(root.serial);
  into.u64(root.createdAtMs);
  into.u64(root.confirmedAtMs);
  into.u32(root.bodyOctets);
  into.octets(root.bodyHash);
  into.octets(root.keyId);
  into.octets(root.writerId);
  into.u8(origin.length);
  into.octets(origin);
  into.u8(variant.length);
  into.octets(variant);
  return into.written();
}

/** Reads a root, unverified; `rootOctets` is its length with the signature. Throws `FormatError`. */
export function decodeRoot(octets: Uint8Array): { readonly root: Root; readonly rootOctets: number } {
  const reader = createReader(octets, 'head root');
  if (reader.u32() !== MAGIC) throw new FormatError('head root', 'has no magic', 0);
  const format = reader.u8();
  if (format !== HEAD_FORMAT)
    throw new FormatError('head root', `has format ${format}, this version reads ${HEAD_FORMAT}`, 4);
  reader.u8();
  const length = reader.u16();
  if (length > MAX_ROOT_OCTETS || length > octets.length)
    throw new FormatError('head root', 'has a wrong length', 6);
  const root = {
    format,
    epoch: reader.u64(),
    serial: reader.u32(),
    createdAtMs: reader.u64(),
    confirmedAtMs: reader.u64(),
    bodyOctets: reader.u32(),
    bodyHash: reader.octets(32),
    keyId: reader.octets(8),
    writerId: reader.octets(16),
    origin: nameFromWire(reader.octets(reader.u8())),
    variant: new TextDecoder().decode(reader.octets(reader.u8())),
  };
  if (reader.offset() + SIGNATURE_OCTETS !== length)
    throw new FormatError('head root', 'has a wrong length', 6);
  return { root, rootOctets: length };
}

/**
 * Reads a root whose signature one of `keys` vouches for; `keys` of `none` takes any. Throws `FormatError`
 * for octets that are no root, an unknown key, or a signature that does not hold.
 */
export async function verifyRoot(octets: Uint8Array, keys: VerifyKeys | 'none'): Promise<Root> {
  const { root, rootOctets: length } = decodeRoot(octets);
  if (keys === 'none') return root;
  const key = keys.get(toHex(root.keyId));
  if (!key)
    throw new FormatError('head root', `is signed by key ${toHex(root.keyId)}, which is not trusted here`);
  const signed = signedOctets(octets.subarray(0, length - SIGNATURE_OCTETS));
  const signature = octets.slice(length - SIGNATURE_OCTETS, length);
  if (!(await crypto.subtle.verify('Ed25519', key, signature, signed))) {
    throw new FormatError('head root', 'has a signature that does not hold');
  }
  return root;
}

function signedOctets(root: Uint8Array): Uint8Array<ArrayBuffer> {
  const octets = new Uint8Array(SIGNATURE_DOMAIN.length + root.length);
  octets.set(SIGNATURE_DOMAIN);
  octets.set(root, SIGNATURE_DOMAIN.length);
  return octets;
}
