import { randomUUID } from 'node:crypto';
import { chmod, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConfigError } from './config.ts';
import { keyPlaces, type KeyRing, loadKeyRing, type RetiredKey, writeSigningKey } from './keys.ts';

/**
 * How far a rotation is. `steady`: one key. `begun`: the next key is there and nothing is signed with it.
 * `finished`: heads are signed with the new key, and those of the old one are still trusted.
 */
export type RotationState = 'steady' | 'begun' | 'finished';

export function rotationState({ next, retired }: KeyRing): RotationState {
  if (next) return 'begun';
  return retired.length > 0 ? 'finished' : 'steady';
}

/** What the Worker's `VERIFY_KEYS` should be so that it takes every head that may be there: oldest first. */
export function verifyKeys({ current, next, retired }: KeyRing): string {
  const keys = [...retired, current, ...(next ? [next] : [])];
  return [...new Set(keys.map(({ publicKeyBase64 }) => publicKeyBase64))].join(',');
}

/**
 * Step 1: makes the next key beside the current one. Nothing is signed with it, so nobody has to know it yet.
 * Throws `ConfigError` where a rotation is under way.
 */
export async function beginRotation(path: string): Promise<KeyRing> {
  const ring = await loadKeyRing(path);
  const { next, retired } = keyPlaces(path);
  const begun = (): ConfigError =>
    new ConfigError(
      `a rotation is under way: ${next} is there already; put both keys into VERIFY_KEYS ` +
        '(mesos-doh keys show prints them), then end it with mesos-doh keys rotate --finish',
    );
  if (ring.next) throw begun();
  if (ring.retired.length > 0) {
    throw new ConfigError(
      `the last rotation is not over: ${retired} still trusts an older key; when every head is signed ` +
        'with the current one, say mesos-doh keys rotate --forget',
    );
  }
  if (!(await writeSigningKey(next))) throw begun();
  return loadKeyRing(path);
}

/**
 * Step 2, when every Worker knows both keys: the next key becomes the current one, and the public half of the
 * old one is kept, so that the head it signed is still ours. The old private key is gone then: nobody needs it.
 * Stopped in between it can be done again. Throws `ConfigError` where there is no next key.
 */
export async function finishRotation(path: string, now: Date): Promise<KeyRing> {
  const ring = await loadKeyRing(path);
  const places = keyPlaces(path);
  const noNext = (): ConfigError =>
    new ConfigError(`there is no next key ${places.next}; begin with mesos-doh keys rotate`);
  if (!ring.next) throw noNext();
  const { publicKeyBase64 } = ring.current;
  const others = ring.retired.filter((key) => key.publicKeyBase64 !== publicKeyBase64);
  try {
    // Trusted before it is replaced: no moment knows neither key.
    await writeRetired(places.retired, [...others, { publicKeyBase64, retiredAt: now.toISOString() }]);
    await chmod(places.next, 0o600);
    await rename(places.next, places.current);
    await syncDirectory(path);
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') throw noNext();
    throw new ConfigError(`signing key ${path} can not be replaced (${codeOf(cause)})`, { cause });
  }
  return loadKeyRing(path);
}

/**
 * Step 3, when every head is signed with the current key: retired keys are trusted no longer. Throws
 * `ConfigError` while a rotation is under way or where nothing is retired.
 */
export async function forgetRetired(path: string): Promise<KeyRing> {
  const ring = await loadKeyRing(path);
  const { retired } = keyPlaces(path);
  if (ring.next)
    throw new ConfigError('a rotation is under way; end it with mesos-doh keys rotate --finish first');
  if (ring.retired.length === 0)
    throw new ConfigError(`there is nothing to forget: no retired key in ${retired}`);
  try {
    await rm(retired);
    await syncDirectory(path);
  } catch (cause) {
    throw new ConfigError(`retired keys ${retired} can not be removed (${codeOf(cause)})`, { cause });
  }
  return loadKeyRing(path);
}

async function writeRetired(path: string, keys: readonly RetiredKey[]): Promise<void> {
  const lines = keys.map(({ publicKeyBase64, retiredAt }) => `${publicKeyBase64} ${retiredAt}\n`);
  const text = `# Public keys whose heads are still trusted, and since when they sign no more.\n${lines.join('')}`;
  const temporary = `${path}.${randomUUID()}`;
  try {
    await writeFile(temporary, text, { mode: 0o600, flag: 'wx', flush: true });
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** A rename is on the disk only when its directory is (fsync(2)). */
async function syncDirectory(path: string): Promise<void> {
  await using handle = await open(dirname(path), 'r');
  await handle.sync();
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
}
