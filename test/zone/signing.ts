import { toHex } from '../../zone/hash.ts';
import { importVerifyKeys, keyIdOf, type SigningKey, type VerifyKeys } from '../../zone/root.ts';
import { hex } from './arbitrary.ts';

/** PKCS8 of an Ed25519 private key, up to its 32 octets (RFC 8410 §7). */
const PKCS8 = '302e020100300506032b657004220420';

/** RFC 8032 §7.1, tests 1 and 2: keys that the whole world knows. */
const KEYS = {
  one: {
    secret: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    public: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
  },
  two: {
    secret: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    public: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
  },
};

export type TestKey = {
  readonly signing: SigningKey;
  readonly verify: VerifyKeys;
  readonly publicKey: Uint8Array;
};

export async function testKey(which: keyof typeof KEYS): Promise<TestKey> {
  const { secret, public: text } = KEYS[which];
  const pkcs8 = Uint8Array.from(Buffer.from(PKCS8 + secret, 'hex'));
  const privateKey = await crypto.subtle.importKey('pkcs8', pkcs8, { name: 'Ed25519' }, false, ['sign']);
  const publicKey = hex(text);
  const verify = await importVerifyKeys([Buffer.from(publicKey).toString('base64')]);
  return { signing: { keyId: await keyIdOf(publicKey), privateKey }, verify, publicKey };
}

/** How a promise of reading damaged octets was refused: the message, or undefined where it was not. */
export async function refusal(reading: Promise<unknown>): Promise<string | undefined> {
  try {
    await reading;
    return undefined;
  } catch (error) {
    if (error instanceof Error && error.name === 'FormatError') return error.message;
    throw error;
  }
}

export function verifyKeysOf(...keys: readonly TestKey[]): VerifyKeys {
  return new Map(keys.flatMap(({ verify }) => [...verify]));
}

export function keyIdText({ signing }: TestKey): string {
  return toHex(signing.keyId);
}
