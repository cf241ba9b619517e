import { createHash, createPublicKey, KeyObject, sign, verify, type webcrypto } from 'node:crypto';
import { vi } from 'vitest';

/**
 * WebCrypto answers from threads, in no fixed order. Here the same answers come at once, so that a seed gives the
 * same run. Undone by `vi.restoreAllMocks`.
 */
export function makeCryptoInstant(): void {
  const { subtle } = crypto;
  const imported = new Map<string, Promise<webcrypto.CryptoKey>>();
  const publicKeys = new WeakMap<webcrypto.CryptoKey, KeyObject>();
  const importKey = subtle.importKey.bind(subtle) as (...how: unknown[]) => Promise<webcrypto.CryptoKey>;
  const importOnce = async (...how: unknown[]): Promise<webcrypto.CryptoKey> => {
    const key = await importKey(...how);
    const x = Buffer.from(octetsOf(how[1] as webcrypto.BufferSource)).toString('base64url');
    if (how[0] === 'raw')
      publicKeys.set(key, createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }));
    return key;
  };
  vi.spyOn(subtle, 'digest').mockImplementation(async (_, data) =>
    bufferOf(createHash('sha256').update(octetsOf(data)).digest()),
  );
  vi.spyOn(subtle, 'sign').mockImplementation(async (_, key, data) =>
    bufferOf(sign(undefined, octetsOf(data), KeyObject.from(key))),
  );
  vi.spyOn(subtle, 'verify').mockImplementation(async (_, key, signature, data) =>
    verify(undefined, octetsOf(data), publicKeys.get(key) ?? KeyObject.from(key), octetsOf(signature)),
  );
  vi.spyOn(subtle, 'importKey').mockImplementation(((...how: unknown[]) => {
    const [format, data] = how;
    const id = `${String(format)} ${Buffer.from(octetsOf(data as webcrypto.BufferSource)).toString('hex')}`;
    const known = imported.get(id) ?? importOnce(...how);
    imported.set(id, known);
    return known;
  }) as typeof subtle.importKey);
}

function octetsOf(data: webcrypto.BufferSource): Uint8Array {
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

function bufferOf(octets: Buffer): ArrayBuffer {
  return new Uint8Array(octets).buffer;
}
