import { execFileSync } from 'node:child_process';
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as tick } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ConfigError } from '../../sync-agent/config.ts';
import {
  type KeyPair,
  keyPlaces,
  loadOrMakeSigningKey,
  loadSigningKey,
  makeSigningKey,
  signingKeyPath,
  trustedKeys,
  writeSigningKey,
} from '../../sync-agent/keys.ts';
import { sameOctets } from '../../zone/hash.ts';
import { parseName } from '../../zone/name.ts';
import { importVerifyKeys, keyIdOf, signRoot, verifyRoot } from '../../zone/root.ts';

const isRoot = process.getuid?.() === 0;

describe('a signing key', () => {
  it('is made once, for its owner alone, and loaded again the same', async () => {
    const path = join(await directory(), 'a', 'b', 'signing.pem');
    const before = process.umask(0);
    onTestFinished(() => void process.umask(before));
    const made = await loadOrMakeSigningKey(path);
    expect(made.made).toBe(true);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(path, '..'))).toEqual(['signing.pem']);
    const again = await loadOrMakeSigningKey(path);
    expect(again.made).toBe(false);
    expect(again.publicKeyBase64).toBe(made.publicKeyBase64);
    expect((await loadSigningKey(path)).publicKeyBase64).toBe(made.publicKeyBase64);
    await expectPair(again);
  });

  it('is a file that others read: PKCS #8 in PEM', async () => {
    const path = join(await directory(), 'signing.pem');
    const { publicKeyBase64 } = await loadOrMakeSigningKey(path);
    const key = createPrivateKey(await readFile(path, 'utf8'));
    expect(key.asymmetricKeyType).toBe('ed25519');
    expect(createPublicKey(key).export({ format: 'jwk' }).x).toBe(
      Buffer.from(publicKeyBase64, 'base64').toString('base64url'),
    );
  });

  it('has the id of its public half', async () => {
    const key = await loadOrMakeSigningKey(join(await directory(), 'signing.pem'));
    const raw = Buffer.from(key.publicKeyBase64, 'base64');
    expect(raw).toHaveLength(32);
    expect(key.keyId).toEqual(await keyIdOf(raw));
  });

  it('made by several at once is one, whoever comes first', async () => {
    for (let round = 0; round < 10; round++) {
      const path = join(await directory(), 'signing.pem');
      const keys = await Promise.all(
        Array.from({ length: 8 }, async (_, i) => {
          for (let wait = 0; wait < i * round; wait++) await tick();
          return loadOrMakeSigningKey(path);
        }),
      );
      expect(new Set(keys.map(({ publicKeyBase64 }) => publicKeyBase64)).size).toBe(1);
      expect(await readdir(join(path, '..'))).toEqual(['signing.pem']);
      for (const key of keys) await expectPair(key);
    }
  });

  it.each([
    ['as Node writes it', (pem: string) => pem],
    ['with Windows line ends', (pem: string) => pem.replaceAll('\n', '\r\n')],
    ['without its last line end', (pem: string) => pem.trimEnd()],
    ['with blank lines', (pem: string) => `\n${pem}\n`],
  ])('%s is loaded', async (_, edited) => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const path = join(await directory(), 'signing.pem');
    await writeFile(path, edited(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()));
    const key = await loadSigningKey(path);
    expect(Buffer.from(key.publicKeyBase64, 'base64').toString('base64url')).toBe(
      createPublicKey(privateKey).export({ format: 'jwk' }).x,
    );
    await expectPair(key);
  });

  it('made by openssl is loaded', async ({ skip }) => {
    const path = join(await directory(), 'signing.pem');
    try {
      execFileSync('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', path], { stdio: 'ignore' });
    } catch {
      return skip('there is no openssl that makes Ed25519 keys');
    }
    const publicDer = execFileSync('openssl', ['pkey', '-in', path, '-pubout', '-outform', 'DER']);
    const key = await loadSigningKey(path);
    expect(Buffer.from(key.publicKeyBase64, 'base64')).toEqual(publicDer.subarray(-32));
    await expectPair(key);
    expect((await loadOrMakeSigningKey(path)).made).toBe(false);
  });
});

it('a key in memory alone signs as well', async () => {
  const [one, other] = [await makeSigningKey(), await makeSigningKey()];
  await expectPair(one);
  expect(one.publicKeyBase64).not.toBe(other.publicKeyBase64);
});

describe('a file that is no signing key', () => {
  const pemOf = (type: 'rsa' | 'ec' | 'x25519'): string => {
    const { privateKey } =
      type === 'rsa'
        ? generateKeyPairSync('rsa', { modulusLength: 1024 })
        : type === 'ec'
          ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
          : generateKeyPairSync('x25519');
    return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  };

  it.each([
    ['empty', 'is no private key in PEM, or a broken one', () => ''],
    ['garbage', 'is no private key in PEM, or a broken one', () => 'hunter2 is no key'],
    [
      'a PEM of garbage',
      'is no private key in PEM, or a broken one',
      () => '-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n',
    ],
    [
      'a public key',
      'is a public key',
      () => generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    ],
    [
      'an encrypted key',
      'is encrypted, and nobody is there to ask',
      () =>
        generateKeyPairSync('ed25519')
          .privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
          .toString(),
    ],
    [
      'a cut-off key',
      'is no private key in PEM, or a broken one',
      () =>
        generateKeyPairSync('ed25519')
          .privateKey.export({ type: 'pkcs8', format: 'pem' })
          .toString()
          .slice(0, 60),
    ],
    ['an RSA key', 'is a key of type rsa', () => pemOf('rsa')],
    ['an EC key', 'is a key of type ec', () => pemOf('ec')],
    ['an X25519 key', 'is a key of type x25519', () => pemOf('x25519')],
  ])('but %s says so, and is left as it is', async (_, what, content) => {
    const path = join(await directory(), 'signing.pem');
    const written = content();
    await writeFile(path, written);
    for (const load of [loadSigningKey, loadOrMakeSigningKey]) {
      const error = await load(path).catch((caught: unknown) => caught);
      expect(error).toEqual(
        new ConfigError(
          `signing key ${path} ${what}; it should be an Ed25519 private key in PEM (PKCS #8), as mesos-doh keys make writes it`,
        ),
      );
    }
    expect(await readFile(path, 'utf8')).toBe(written);
  });

  it('because it is missing says so where none is to be made', async () => {
    await expect(loadSigningKey('/nowhere/signing.pem')).rejects.toEqual(
      new ConfigError(
        'signing key /nowhere/signing.pem can not be read (ENOENT); mesos-doh keys make makes one',
      ),
    );
  });

  it('because it is a directory or a circle of links says so, and none is made in its place', async () => {
    const place = await directory();
    await mkdir(join(place, 'directory'));
    await symlink('circle', join(place, 'circle'));
    await expect(loadOrMakeSigningKey(join(place, 'directory'))).rejects.toThrow(
      /directory can not be read \(EISDIR\)$/,
    );
    await expect(loadOrMakeSigningKey(join(place, 'circle'))).rejects.toThrow(
      /circle can not be read \(ELOOP\)$/,
    );
    await writeFile(join(place, 'file'), '');
    await expect(loadOrMakeSigningKey(join(place, 'file', 'signing.pem'))).rejects.toThrow(
      /can not be read \(ENOTDIR\)$/,
    );
    expect((await readdir(place)).toSorted()).toEqual(['circle', 'directory', 'file']);
  });

  // Root may read and write everywhere.
  it.skipIf(isRoot)('because it may not be read or written says so', async () => {
    const place = await directory();
    const path = join(place, 'signing.pem');
    await writeFile(path, '', { mode: 0 });
    await expect(loadOrMakeSigningKey(path)).rejects.toThrow(/can not be read \(EACCES\)$/);
    await chmod(place, 0o500);
    onTestFinished(() => chmod(place, 0o700));
    await expect(loadOrMakeSigningKey(join(place, 'other.pem'))).rejects.toThrow(
      /can not be written \(EACCES\)$/,
    );
  });

  it('because nothing can be written there says so', async () => {
    const place = await directory();
    // Short enough to be read, too long with what its temporary name has in addition.
    await expect(loadOrMakeSigningKey(join(place, 'x'.repeat(240)))).rejects.toThrow(
      /x can not be written \(ENAMETOOLONG\)$/,
    );
    await symlink('nowhere', join(place, 'link'));
    await expect(loadOrMakeSigningKey(join(place, 'link', 'signing.pem'))).rejects.toThrow(
      /can not be written \((ENOENT|EEXIST)\)$/,
    );
    expect(await readdir(place)).toEqual(['link']);
  });
});

describe('the place of a key', () => {
  it('is the configured file, or in the data directory', () => {
    expect(signingKeyPath({ dataDir: '/var/lib/mesos-doh', signingKeyFile: undefined })).toBe(
      '/var/lib/mesos-doh/signing.pem',
    );
    expect(signingKeyPath({ dataDir: '/x', signingKeyFile: '/etc/a.pem' })).toBe('/etc/a.pem');
  });

  it.each([
    ['/etc/mesos-doh/prod.pem', '/etc/mesos-doh/prod.next.pem', '/etc/mesos-doh/prod.retired-keys'],
    ['key', 'key.next.pem', 'key.retired-keys'],
    ['./a.b/signing.key', 'a.b/signing.next.key', 'a.b/signing.retired-keys'],
  ])(
    '%s has its next and retired ones beside it, two keys in one directory their own',
    (path, next, retired) => {
      expect(keyPlaces(path)).toEqual({ current: path, next, retired });
    },
  );

  it('is not written where there is one', async () => {
    const path = join(await directory(), 'signing.pem');
    expect(await writeSigningKey(path)).toBe(true);
    const before = await readFile(path, 'utf8');
    expect(await writeSigningKey(path)).toBe(false);
    expect(await readFile(path, 'utf8')).toBe(before);
  });
});

describe('trusted keys', () => {
  it('are the own one alone while nothing is rotated', async () => {
    const path = join(await directory(), 'signing.pem');
    const { publicKeyBase64 } = await loadOrMakeSigningKey(path);
    expect(await trustedKeys(path)).toEqual([publicKeyBase64]);
  });

  it('are the own, the next and the retired ones, newest first, each once', async () => {
    const path = join(await directory(), 'signing.pem');
    const own = await loadOrMakeSigningKey(path);
    const next = await loadOrMakeSigningKey(keyPlaces(path).next);
    const [older, newer] = [await makeSigningKey(), await makeSigningKey()];
    const lines = [
      '# a comment',
      '',
      `${older.publicKeyBase64} 2026-01-01T00:00:00.000Z`,
      `  ${newer.publicKeyBase64}\r`,
      own.publicKeyBase64,
    ];
    await writeFile(keyPlaces(path).retired, lines.join('\n'));
    expect(await trustedKeys(path)).toEqual([
      own.publicKeyBase64,
      next.publicKeyBase64,
      newer.publicKeyBase64,
      older.publicKeyBase64,
    ]);
  });

  it('are refused with what is wrong: a line that is no key, a next key that is none, no key at all', async () => {
    const path = join(await directory(), 'signing.pem');
    await expect(trustedKeys(path)).rejects.toThrow(
      /signing\.pem can not be read \(ENOENT\); mesos-doh keys make/,
    );
    await loadOrMakeSigningKey(path);
    await writeFile(keyPlaces(path).retired, '# one\nhunter2\n');
    await expect(trustedKeys(path)).rejects.toEqual(
      new ConfigError(
        `retired keys ${keyPlaces(path).retired}: line 2 does not begin with a public key in base64`,
      ),
    );
    await rm(keyPlaces(path).retired);
    await mkdir(keyPlaces(path).retired);
    await expect(trustedKeys(path)).rejects.toThrow(/retired-keys can not be read \(EISDIR\)/);
    await rm(keyPlaces(path).retired, { recursive: true });
    await writeFile(keyPlaces(path).next, 'broken');
    await expect(trustedKeys(path)).rejects.toThrow(/signing\.next\.pem is no private key in PEM/);
  });
});

/** What the private half signs the public half vouches for. */
async function expectPair(key: KeyPair): Promise<void> {
  const root = {
    epoch: 1,
    serial: 1,
    createdAtMs: 1,
    confirmedAtMs: 1,
    bodyOctets: 0,
    bodyHash: new Uint8Array(32),
    writerId: new Uint8Array(16),
    origin: parseName('mesos'),
    variant: 'main',
  };
  const signed = await signRoot(root, key);
  const verified = await verifyRoot(signed, await importVerifyKeys([key.publicKeyBase64]));
  expect(sameOctets(verified.keyId, key.keyId)).toBe(true);
}

async function directory(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'mesos-doh-'));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  return made;
}
