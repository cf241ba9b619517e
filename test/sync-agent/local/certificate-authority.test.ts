import { createPrivateKey, createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../../sync-agent/config.ts';
import { authorityCertificate, serverCertificate } from '../../../sync-agent/local/certificate.ts';
import { openCertificateAuthority } from '../../../sync-agent/local/certificate-authority.ts';

const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;
const NOW_MS = Date.UTC(2026, 10, 20, 12);

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mesos-doh-ca-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const file = (name: string): string => join(directory, name);
const open = (nowMs = NOW_MS): ReturnType<typeof openCertificateAuthority> =>
  openCertificateAuthority(directory, () => nowMs);
const authority = async (): Promise<X509Certificate> => new X509Certificate(await readFile(file('ca.pem')));

describe('a certificate authority on first use', () => {
  it('is made in the data directory, its key for its owner alone, and nothing else is left there', async () => {
    const { made, certificateFile } = await open();
    expect(made).toBe(true);
    expect(certificateFile).toBe(file('ca.pem'));
    expect((await readdir(directory)).toSorted()).toEqual(['ca.key', 'ca.pem']);
    expect((await stat(file('ca.key'))).mode & 0o777).toBe(0o600);
    expect((await authority()).ca).toBe(true);
  });

  it('makes the data directory too', async () => {
    const { certificateFile } = await openCertificateAuthority(file('new/deep'), () => NOW_MS);
    expect(certificateFile).toBe(file('new/deep/ca.pem'));
  });

  it('is the same over restarts', async () => {
    await open();
    const before = [await readFile(file('ca.pem'), 'utf8'), await readFile(file('ca.key'), 'utf8')];
    const again = await open(NOW_MS + 9 * YEAR_MS);
    expect(again.made).toBe(false);
    expect([await readFile(file('ca.pem'), 'utf8'), await readFile(file('ca.key'), 'utf8')]).toEqual(before);
    expect(new X509Certificate(again.issue().cert).verify((await authority()).publicKey)).toBe(true);
  });

  it('is another on another machine, by name too', async () => {
    await open();
    const first = await authority();
    await rm(file('ca.pem'));
    await open();
    expect((await authority()).subject).not.toBe(first.subject);
  });

  it('is made anew where an interrupted start left a key alone', async () => {
    await writeFile(file('ca.key'), 'half a k');
    expect((await open()).made).toBe(true);
    expect((await open()).made).toBe(false);
  });
});

describe('a server certificate', () => {
  it('is for this machine’s loopback names, by the authority, with the key beside it', async () => {
    const { key, cert } = (await open()).issue();
    const certificate = new X509Certificate(cert);
    expect(certificate.checkIssued(await authority())).toBe(true);
    expect(certificate.verify((await authority()).publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(key))).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(certificate.checkHost('localhost')).toBe('localhost');
    expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(certificate.checkIP('::1')).toBe('::1');
    expect(certificate.checkHost('example.com')).toBe(undefined);
    expect(certificate.checkIP('10.0.0.1')).toBe(undefined);
  });

  it('has a key and a serial number of its own each time', async () => {
    const { issue } = await open();
    const [first, second] = [issue(), issue()];
    expect(first.key).not.toBe(second.key);
    expect(new X509Certificate(first.cert).serialNumber).not.toBe(
      new X509Certificate(second.cert).serialNumber,
    );
  });

  it('is valid now and for weeks, and is to be renewed well before its end', async () => {
    const { cert, renewAtMs } = (await open()).issue();
    const { validFromDate, validToDate } = new X509Certificate(cert);
    expect(validFromDate.getTime()).toBeLessThan(NOW_MS);
    expect(validToDate.getTime() - NOW_MS).toBe(30 * DAY_MS);
    expect(renewAtMs).toBe(NOW_MS + 20 * DAY_MS);
  });

  it('ends with its authority', async () => {
    await open();
    const { validToDate: end } = await authority();
    const { issue } = await open(end.getTime() - 3 * DAY_MS);
    const { cert, renewAtMs } = issue();
    expect(new X509Certificate(cert).validToDate).toEqual(end);
    expect(renewAtMs).toBe(end.getTime() - DAY_MS);
  });
});

describe('the authority’s key', () => {
  it('vouches for loopback names alone: a stolen one passes for no other site', async () => {
    await open();
    const privateKey = createPrivateKey(await readFile(file('ca.key')));
    const publicKey = createPublicKey(privateKey);
    const name = (await authority()).subject.replace('CN=', '');
    const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const handshake = async (
      hosts: string[],
      addresses: Uint8Array[],
      servername: string,
    ): Promise<string> => {
      const cert = serverCertificate(
        { name, publicKey, privateKey },
        {
          publicKey: keys.publicKey,
          validity: { fromMs: Date.now() - DAY_MS, untilMs: Date.now() + DAY_MS },
          names: { hosts, addresses },
        },
      );
      const key = keys.privateKey.export({ type: 'pkcs8', format: 'pem' });
      const server = createServer({ cert, key }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const socket = connect({ port, host: '127.0.0.1', ca: await readFile(file('ca.pem')), servername });
      try {
        await once(socket, 'secureConnect');
        return 'trusted';
      } catch (error) {
        return error instanceof Error ? error.message : '';
      } finally {
        socket.destroy();
        server.close();
      }
    };
    expect(await handshake(['localhost'], [], 'localhost')).toBe('trusted');
    expect(await handshake(['example.com'], [], 'example.com')).toMatch(/permitted subtree violation/);
    expect(await handshake(['localhost', 'example.com'], [], 'example.com')).toMatch(/permitted subtree/);
    expect(await handshake(['localhost'], [Uint8Array.of(10, 0, 0, 1)], 'localhost')).toMatch(
      /permitted subtree/,
    );
  });
});

describe('an authority that can’t be used', () => {
  const keyPem = (): string =>
    String(
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }),
    );
  /** Signed by the very key, but not what we write. */
  const foreign = async (): Promise<string> => {
    const privateKey = createPrivateKey(await readFile(file('ca.key')));
    const issuer = { name: 'somebody else', privateKey, publicKey: createPublicKey(privateKey) };
    const validity = { fromMs: NOW_MS - DAY_MS, untilMs: NOW_MS + DAY_MS };
    return authorityCertificate(issuer, validity, { hosts: [], addresses: [] });
  };
  /** One octet of the signature turned: it still reads as a certificate. */
  const turned = (pem: string): string => {
    const der = Buffer.from(pem.replaceAll(/-----.*-----|\s/g, ''), 'base64');
    der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
    return `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`;
  };

  it.each<[string, () => Promise<unknown>, RegExp]>([
    ['no certificate', () => writeFile(file('ca.pem'), 'hello'), /ca\.pem is no certificate in PEM/],
    ['an empty certificate', () => writeFile(file('ca.pem'), ''), /ca\.pem is no certificate in PEM/],
    ['no key', () => rm(file('ca.key')), /ca\.key is missing/],
    ['a broken key', () => writeFile(file('ca.key'), 'hello'), /ca\.key is no private key in PEM/],
    ['another key', () => writeFile(file('ca.key'), keyPem()), /ca\.key is not the key of ca\.pem/],
    [
      'somebody else’s certificate',
      async () => writeFile(file('ca.pem'), await foreign()),
      /ca\.pem is not as mesos-doh wrote it/,
    ],
    [
      'a damaged certificate',
      async () => writeFile(file('ca.pem'), turned(await readFile(file('ca.pem'), 'utf8'))),
      /ca\.pem is not as mesos-doh wrote it/,
    ],
  ])('%s: says which file to remove, and removing it helps', async (_, spoil, message) => {
    await open();
    await spoil();
    const failure = await open().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ConfigError);
    const text = failure instanceof Error ? failure.message : '';
    expect(text).toMatch(message);
    expect(text).not.toMatch(/PRIVATE KEY|\n/);
    const told = /remove (\S+) for a new one/.exec(text)?.[1] ?? '';
    await rm(told);
    expect((await open()).made).toBe(true);
  });

  it('says when it expired, and from when on it is valid', async () => {
    await open();
    const remedy = `remove ${file('ca.pem')} for a new one`;
    await expect(open(NOW_MS + 11 * YEAR_MS)).rejects.toThrow(
      `certificate authority: ${file('ca.pem')} expired on 2036-11-17; ${remedy}`,
    );
    await expect(open(NOW_MS - 9 * DAY_MS)).rejects.toThrow(
      `${file('ca.pem')} is valid only from 2026-11-19 on (is the clock right?); ${remedy}`,
    );
  });

  it('says where it can’t be written or read', async () => {
    await writeFile(file('occupied'), '');
    await expect(openCertificateAuthority(file('occupied'), () => NOW_MS)).rejects.toThrow(
      /occupied.*\((?:ENOTDIR|EEXIST)\)/,
    );
  });
});

describe('certificates as octets', () => {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const label = fc.stringMatching(/^[a-z0-9]{1,60}$/);

  it('read back at every length around those at which lengths are written with more octets', () => {
    for (let length = 90; length <= 260; length++) {
      const host = 'a'.repeat(length);
      const pem = serverCertificate(
        { name: 'a', ...keys },
        {
          publicKey: keys.publicKey,
          validity: { fromMs: NOW_MS, untilMs: NOW_MS + DAY_MS },
          names: { hosts: ['a', host], addresses: [] },
        },
      );
      expect(new X509Certificate(pem).subjectAltName).toBe(`DNS:a, DNS:${host}`);
    }
  });

  it('read back with their names and times, however long, before and after 2050', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.')),
          {
            minLength: 1,
            maxLength: 40,
          },
        ),
        fc.integer({ min: Date.UTC(2000, 0, 1) / 1000, max: Date.UTC(2090, 0, 1) / 1000 }),
        (hosts, fromSeconds) => {
          const issuer = { name: 'a', ...keys };
          const validity = { fromMs: fromSeconds * 1000, untilMs: fromSeconds * 1000 + YEAR_MS };
          const pem = serverCertificate(issuer, {
            publicKey: keys.publicKey,
            validity,
            names: { hosts, addresses: [Uint8Array.of(127, 0, 0, 1)] },
          });
          const certificate = new X509Certificate(pem);
          expect(certificate.subjectAltName).toBe(
            [...hosts.map((host) => `DNS:${host}`), 'IP Address:127.0.0.1'].join(', '),
          );
          expect(certificate.validFromDate.getTime()).toBe(validity.fromMs);
          expect(certificate.validToDate.getTime()).toBe(validity.untilMs);
          expect(certificate.verify(keys.publicKey)).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });
});
