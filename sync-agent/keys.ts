import { randomUUID } from 'node:crypto';
import { chmod, link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { keyIdOf, type SigningKey } from '../zone/root.ts';
import { ConfigError } from './config.ts';

/** The key that signs heads, and its public half as `VERIFY_KEYS` wants it: 32 octets in base64. */
export type KeyPair = SigningKey & { readonly publicKeyBase64: string };

/** Reads an Ed25519 private key (PKCS #8, PEM), as `openssl genpkey -algorithm ed25519` writes it. */
export async function loadSigningKey(path: string): Promise<KeyPair> {
  let pem: string;
  try {
    pem = await readFile(path, 'utf8');
  } catch (cause) {
    throw new ConfigError(`signing key ${path} can not be read (${codeOf(cause)})`, { cause });
  }
  try {
    const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
    return await keyPairOf(await crypto.subtle.importKey('pkcs8', der, 'Ed25519', true, ['sign']));
  } catch (cause) {
    throw new ConfigError(
      `signing key ${path} is no Ed25519 private key in PEM; make one with: openssl genpkey -algorithm ed25519`,
      { cause },
    );
  }
}

/** Loads the key, or makes one (file mode 0600) where there is none. */
export async function loadOrMakeSigningKey(path: string): Promise<KeyPair & { readonly made: boolean }> {
  try {
    return { ...(await loadSigningKey(path)), made: false };
  } catch (error) {
    const missing = error instanceof ConfigError && codeOf(error.cause) === 'ENOENT';
    if (!missing) throw error;
  }
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', (await makeSigningKey()).privateKey));
  const pem = `-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----\n`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeNew(path, pem);
  } catch (cause) {
    throw new ConfigError(`signing key ${path} can not be written (${codeOf(cause)})`, { cause });
  }
  return { ...(await loadSigningKey(path)), made: true };
}

/** A new key, in memory alone. */
export async function makeSigningKey(): Promise<KeyPair> {
  const made = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify']);
  if (!('privateKey' in made)) throw new TypeError('Ed25519 makes key pairs');
  return keyPairOf(made.privateKey);
}

/** A whole file or none, and never in place of one that came into being meanwhile. */
async function writeNew(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomUUID()}`;
  await writeFile(temporary, text, { mode: 0o600, flag: 'wx', flush: true });
  await chmod(temporary, 0o600);
  try {
    await link(temporary, path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function keyPairOf(privateKey: Parameters<typeof crypto.subtle.exportKey>[1]): Promise<KeyPair> {
  const jwk = await crypto.subtle.exportKey('jwk', privateKey);
  const raw = Buffer.from(jwk.x ?? '', 'base64url');
  return { privateKey, keyId: await keyIdOf(raw), publicKeyBase64: raw.toString('base64') };
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
}
