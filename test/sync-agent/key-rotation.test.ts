import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ConfigError } from '../../sync-agent/config.ts';
import {
  beginRotation,
  finishRotation,
  forgetRetired,
  rotationState,
  verifyKeys,
} from '../../sync-agent/key-rotation.ts';
import {
  keyPlaces,
  loadKeyRing,
  loadSigningKey,
  trustedKeys,
  writeSigningKey,
} from '../../sync-agent/keys.ts';

const NOW = new Date('2026-11-20T10:00:00Z');

describe('a rotation', () => {
  it('goes from one key to the next, and no step leaves a head that somebody can not verify', async () => {
    const path = await keyFile();
    const old = (await loadSigningKey(path)).publicKeyBase64;

    const begun = await beginRotation(path);
    const next = begun.next?.publicKeyBase64 ?? '';
    expect(rotationState(begun)).toBe('begun');
    expect(next).not.toBe(old);
    expect((await loadSigningKey(path)).publicKeyBase64).toBe(old);
    expect(verifyKeys(begun)).toBe(`${old},${next}`);
    expect(await trustedKeys(path)).toEqual([old, next]);

    const finished = await finishRotation(path, NOW);
    expect(rotationState(finished)).toBe('finished');
    expect((await loadSigningKey(path)).publicKeyBase64).toBe(next);
    // The same two for the Worker: what it was told in the first step holds for both.
    expect(verifyKeys(finished)).toBe(`${old},${next}`);
    expect(await trustedKeys(path)).toEqual([next, old]);
    expect(finished.retired).toEqual([{ publicKeyBase64: old, retiredAt: '2026-11-20T10:00:00.000Z' }]);
    expect((await readdir(join(path, '..'))).toSorted()).toEqual(['signing.pem', 'signing.retired-keys']);

    const over = await forgetRetired(path);
    expect(rotationState(over)).toBe('steady');
    expect(verifyKeys(over)).toBe(next);
    expect(await trustedKeys(path)).toEqual([next]);
    expect(await readdir(join(path, '..'))).toEqual(['signing.pem']);
  });

  it('keeps every file for its owner alone, whatever the umask and however it was copied', async () => {
    const before = process.umask(0);
    onTestFinished(() => void process.umask(before));
    const path = await keyFile();
    await beginRotation(path);
    expect((await stat(keyPlaces(path).next)).mode & 0o777).toBe(0o600);
    await chmod(keyPlaces(path).next, 0o644);
    await finishRotation(path, NOW);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(keyPlaces(path).retired)).mode & 0o777).toBe(0o600);
  });

  it('stopped between its two writes is finished by doing it again', async () => {
    const path = await keyFile();
    const old = (await loadSigningKey(path)).publicKeyBase64;
    const next = (await beginRotation(path)).next?.publicKeyBase64 ?? '';
    await writeFile(keyPlaces(path).retired, `${old} 2026-11-20T09:00:00.000Z\n`);
    const stopped = await loadKeyRing(path);
    expect(rotationState(stopped)).toBe('begun');
    expect(verifyKeys(stopped)).toBe(`${old},${next}`);
    const finished = await finishRotation(path, NOW);
    expect(finished.current.publicKeyBase64).toBe(next);
    expect(finished.retired.map(({ publicKeyBase64 }) => publicKeyBase64)).toEqual([old]);
  });

  it('of several agents ends with the same key where the next one was copied', async () => {
    const [one, other] = [await keyFile(), await keyFile()];
    await writeFile(other, await readFile(one));
    await beginRotation(one);
    await writeFile(keyPlaces(other).next, await readFile(keyPlaces(one).next));
    const first = await finishRotation(one, NOW);
    // The other has not gone over yet, and takes what the first signs now.
    expect(await trustedKeys(other)).toContain(first.current.publicKeyBase64);
    const second = await finishRotation(other, NOW);
    expect(second.current.publicKeyBase64).toBe(first.current.publicKeyBase64);
  });

  it('is begun once, by whoever comes first', async () => {
    const path = await keyFile();
    const all = await Promise.allSettled(Array.from({ length: 6 }, () => beginRotation(path)));
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect((await readdir(join(path, '..'))).toSorted()).toEqual(['signing.next.pem', 'signing.pem']);
  });

  it('finished twice at once loses no key', async () => {
    for (let round = 0; round < 10; round++) {
      const path = await keyFile();
      const old = (await loadSigningKey(path)).publicKeyBase64;
      const next = (await beginRotation(path)).next?.publicKeyBase64 ?? '';
      const all = await Promise.allSettled(Array.from({ length: 4 }, () => finishRotation(path, NOW)));
      expect(all.some(({ status }) => status === 'fulfilled')).toBe(true);
      expect((await loadSigningKey(path)).publicKeyBase64).toBe(next);
      expect(await trustedKeys(path)).toEqual([next, old]);
    }
  });
});

describe('a rotation out of order', () => {
  it('says what to do instead, and changes nothing', async () => {
    const path = await keyFile();
    const places = keyPlaces(path);
    await expect(finishRotation(path, NOW)).rejects.toEqual(
      new ConfigError(`there is no next key ${places.next}; begin with mesos-doh keys rotate`),
    );
    await expect(forgetRetired(path)).rejects.toThrow(/there is nothing to forget/);
    expect(await readdir(join(path, '..'))).toEqual(['signing.pem']);
    await beginRotation(path);
    const next = await readFile(places.next);
    await expect(beginRotation(path)).rejects.toThrow(
      /a rotation is under way: .*signing\.next\.pem is there already/,
    );
    await expect(forgetRetired(path)).rejects.toThrow(
      /under way; end it with mesos-doh keys rotate --finish/,
    );
    expect(await readFile(places.next)).toEqual(next);
    await finishRotation(path, NOW);
    await expect(beginRotation(path)).rejects.toThrow(/last rotation is not over.*--forget/);
    await expect(finishRotation(path, NOW)).rejects.toThrow(/there is no next key/);
  });

  it('of a broken next key says which file, and the old key stays', async () => {
    const path = await keyFile();
    const before = await readFile(path);
    await writeFile(keyPlaces(path).next, 'broken');
    for (const act of [() => beginRotation(path), () => finishRotation(path, NOW), () => forgetRetired(path)])
      await expect(act()).rejects.toThrow(/signing\.next\.pem is no private key/);
    expect(await readFile(path)).toEqual(before);
  });

  it('of no key at all says that there is none', async () => {
    const path = join(await directory(), 'signing.pem');
    await expect(beginRotation(path)).rejects.toThrow(/can not be read \(ENOENT\); mesos-doh keys make/);
  });

  // Root may write everywhere.
  it.skipIf(process.getuid?.() === 0)(
    'where nothing can be written says so, and trusts both keys',
    async () => {
      const path = await keyFile();
      await beginRotation(path);
      await chmod(join(path, '..'), 0o500);
      onTestFinished(() => chmod(join(path, '..'), 0o700));
      await expect(finishRotation(path, NOW)).rejects.toThrow(/can not be replaced \(EACCES\)/);
      expect(await trustedKeys(path)).toHaveLength(2);
    },
  );
});

async function keyFile(): Promise<string> {
  const path = join(await directory(), 'signing.pem');
  await writeSigningKey(path);
  return path;
}

async function directory(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'mesos-doh-'));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  return made;
}
