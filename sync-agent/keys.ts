import { createPrivateKey, createPublicKey, randomUUID } from 'node:crypto';
import { chmod, link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { keyIdOf, type SigningKey } from '../zone/root.ts';
import { type AgentConfig, ConfigError } from './config.ts';

/** The key that signs heads, and its public half as `VERIFY_KEYS` wants it: 32 octets in base64. */
export type KeyPair = SigningKey & { readonly publicKeyBase64: string };

/** A signing key's file and what stands beside it while keys are rotated (`docs/signing-keys.md`). */
export type KeyRing = {
  readonly current: KeyPair;
  /** Made by `keys rotate`, current after `keys rotate --finish`. */
  readonly next: KeyPair | undefined;
  /** Heads signed with these are still trusted. Newest last. */
  readonly retired: readonly RetiredKey[];
};

export type RetiredKey = { readonly publicKeyBase64: string; readonly retiredAt: string };

/** `next` is `signing.next.pem` and `retired` is `signing.retired-keys` beside `signing.pem`. */
export type KeyPlaces = { readonly current: string; readonly next: string; readonly retired: string };

export function keyPlaces(path: string): KeyPlaces {
  const extension = extname(path);
  const stem = join(dirname(path), basename(path, extension));
  return { current: path, next: `${stem}.next${extension || '.pem'}`, retired: `${stem}.retired-keys` };
}

/** Where the signing key is: `signingKeyFile`, or `signing.pem` in the data directory. */
export function signingKeyPath(config: Pick<AgentConfig, 'signingKeyFile' | 'dataDir'>): string {
  return config.signingKeyFile ?? join(config.dataDir, 'signing.pem');
}

/**
 * Reads an Ed25519 private key (PKCS #8, PEM), as `openssl genpkey -algorithm ed25519` writes it. Throws
 * `ConfigError` saying what the file holds instead.
 */
export async function loadSigningKey(path: string): Promise<KeyPair> {
  let pem: string;
  try {
    pem = await readFile(path, 'utf8');
  } catch (cause) {
    const absent = codeOf(cause) === 'ENOENT' ? '; mesos-doh keys make makes one' : '';
    throw new ConfigError(`signing key ${path} can not be read (${codeOf(cause)})${absent}`, { cause });
  }
  const wrong = whatElse(pem);
  if (wrong !== undefined) {
    throw new ConfigError(
      `signing key ${path} ${wrong}; it should be an Ed25519 private key in PEM (PKCS #8), ` +
        'as mesos-doh keys make writes it',
    );
  }
  const der = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' });
  return keyPairOf(await crypto.subtle.importKey('pkcs8', Uint8Array.from(der), 'Ed25519', true, ['sign']));
}

/** Why a text is no Ed25519 private key; undefined for one that is. */
function whatElse(pem: string): string | undefined {
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----/.test(pem)) return 'is encrypted, and nobody is there to ask';
  try {
    const { asymmetricKeyType } = createPrivateKey(pem);
    return asymmetricKeyType === 'ed25519' ? undefined : `is a key of type ${String(asymmetricKeyType)}`;
  } catch {
    return isPublicKey(pem) ? 'is a public key' : 'is no private key in PEM, or a broken one';
  }
}

function isPublicKey(pem: string): boolean {
  try {
    createPublicKey(pem);
    return true;
  } catch {
    return false;
  }
}

/** Loads the key, or makes one (file mode 0600) where there is none. */
export async function loadOrMakeSigningKey(path: string): Promise<KeyPair & { readonly made: boolean }> {
  try {
    return { ...(await loadSigningKey(path)), made: false };
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  await writeSigningKey(path);
  return { ...(await loadSigningKey(path)), made: true };
}

/**
 * Writes a new key to a file of mode 0600; false, and nothing touched, where there is a file already. Throws
 * `ConfigError` where it can't be written.
 */
export async function writeSigningKey(path: string): Promise<boolean> {
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', (await makeSigningKey()).privateKey));
  const pem = `-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----\n`;
  try {
    await mkdir(dirname(path), { recursive: true });
    return await writeNew(path, pem);
  } catch (cause) {
    throw new ConfigError(`signing key ${path} can not be written (${codeOf(cause)})`, { cause });
  }
}

/** A new key, in memory alone. */
export async function makeSigningKey(): Promise<KeyPair> {
  const made = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify']);
  if (!('privateKey' in made)) throw new TypeError('Ed25519 makes key pairs');
  return keyPairOf(made.privateKey);
}

/** The key of a file and those beside it. Throws `ConfigError` for any of them that can't be used. */
export async function loadKeyRing(path: string): Promise<KeyRing> {
  const places = keyPlaces(path);
  const current = await loadSigningKey(path);
  const next = await loadSigningKey(places.next).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  return { current, next, retired: await loadRetiredKeys(places.retired) };
}

/**
 * Public keys (base64) under which what the sink holds is ours: the file's own, the next one (another agent may
 * have gone over to it already), and retired ones. Throws `ConfigError`, also where there is no key.
 */
export async function trustedKeys(path: string): Promise<readonly string[]> {
  const { current, next, retired } = await loadKeyRing(path);
  const keys = [current, ...(next ? [next] : []), ...retired.toReversed()];
  return [...new Set(keys.map(({ publicKeyBase64 }) => publicKeyBase64))];
}

/** Lines of a public key in base64 and when it was retired; blank lines and lines that begin with # are skipped. */
async function loadRetiredKeys(path: string): Promise<RetiredKey[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return [];
    throw new ConfigError(`retired keys ${path} can not be read (${codeOf(cause)})`, { cause });
  }
  const retired: RetiredKey[] = [];
  for (const [i, line] of text.split('\n').entries()) {
    const [publicKeyBase64 = '', retiredAt = ''] = line.trim().split(/\s+/);
    if (publicKeyBase64 === '' || publicKeyBase64.startsWith('#')) continue;
    if (!/^[A-Za-z0-9+/]{43}=$/.test(publicKeyBase64)) {
      throw new ConfigError(`retired keys ${path}: line ${i + 1} does not begin with a public key in base64`);
    }
    retired.push({ publicKeyBase64, retiredAt });
  }
  return retired;
}

/** A whole file or none, and never in place of one that came into being meanwhile: false then. */
async function writeNew(path: string, text: string): Promise<boolean> {
  const temporary = `${path}.${randomUUID()}`;
  try {
    await writeFile(temporary, text, { mode: 0o600, flag: 'wx', flush: true });
    await chmod(temporary, 0o600);
    await link(temporary, path);
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    return false;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Is the error that of a key file which is not there? */
function isMissing(error: unknown): boolean {
  return error instanceof ConfigError && codeOf(error.cause) === 'ENOENT';
}

async function keyPairOf(privateKey: Parameters<typeof crypto.subtle.exportKey>[1]): Promise<KeyPair> {
  const jwk = await crypto.subtle.exportKey('jwk', privateKey);
  const raw = Buffer.from(jwk.x ?? '', 'base64url');
  return { privateKey, keyId: await keyIdOf(raw), publicKeyBase64: raw.toString('base64') };
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
}
