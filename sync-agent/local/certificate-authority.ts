import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
  X509Certificate,
} from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ConfigError } from '../config.ts';
import {
  authorityCertificate,
  type CertificateNames,
  type Issuer,
  keyIdentifier,
  serverCertificate,
} from './certificate.ts';

/** A TLS server's key and certificate, in PEM. */
export type ServerCertificate = {
  readonly key: string;
  readonly cert: string;
  /** When the next one should be in place, in milliseconds since 1970. */
  readonly renewAtMs: number;
};

export type CertificateAuthority = {
  /** Absolute path of the certificate that clients have to trust. */
  readonly certificateFile: string;
  /** Was it made just now? */
  readonly made: boolean;
  /** A new key and certificate for `localhost`, `127.0.0.1` and `::1`, in memory alone. */
  readonly issue: () => ServerCertificate;
};

const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3650;
const SERVER_DAYS = 30;
/** Clocks of containers and virtual machines are a little apart. */
const BACKDATED_MS = DAY_MS;

const LOOPBACK_IPV4 = Uint8Array.of(127, 0, 0, 1);
const LOOPBACK_IPV6 = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
const SERVER_NAMES: CertificateNames = { hosts: ['localhost'], addresses: [LOOPBACK_IPV4, LOOPBACK_IPV6] };
/** 127.0.0.0/8 and ::1, as address and mask. */
const PERMITTED_NAMES: CertificateNames = {
  hosts: ['localhost'],
  addresses: [
    Uint8Array.of(127, 0, 0, 0, 255, 0, 0, 0),
    Uint8Array.of(...LOOPBACK_IPV6, ...new Uint8Array(16).fill(0xff)),
  ],
};

/**
 * The data directory's certificate authority (`ca.pem`, `ca.key`), made where there is no `ca.pem`. Throws
 * `ConfigError` for one that can't be used, naming the file to remove.
 */
export async function openCertificateAuthority(
  dataDir: string,
  now: () => number,
): Promise<CertificateAuthority> {
  const files = { certificate: resolve(dataDir, 'ca.pem'), key: resolve(dataDir, 'ca.key') };
  const pem = await readIfThere(files.certificate);
  const { issuer, untilMs } =
    pem === undefined ? await makeAuthority(dataDir, files, now()) : await loadAuthority(pem, files, now());
  return {
    certificateFile: files.certificate,
    made: pem === undefined,
    issue: () => {
      const { publicKey, privateKey } = makeKeys();
      const validity = {
        fromMs: now() - BACKDATED_MS,
        untilMs: Math.min(now() + SERVER_DAYS * DAY_MS, untilMs),
      };
      return {
        key: pemOf(privateKey),
        cert: serverCertificate(issuer, { publicKey, validity, names: SERVER_NAMES }),
        renewAtMs: now() + ((validity.untilMs - now()) * 2) / 3,
      };
    },
  };
}

type Files = { readonly certificate: string; readonly key: string };
type Authority = { readonly issuer: Issuer; readonly untilMs: number };

/** `ca.pem` is written last: without it there is no authority, whatever an interrupted start left. */
async function makeAuthority(dataDir: string, files: Files, nowMs: number): Promise<Authority> {
  const issuer = issuerOf(makeKeys().privateKey);
  const untilMs = nowMs + AUTHORITY_DAYS * DAY_MS;
  const certificate = authorityCertificate(
    issuer,
    { fromMs: nowMs - BACKDATED_MS, untilMs },
    PERMITTED_NAMES,
  );
  try {
    await mkdir(dataDir, { recursive: true });
    await replaceFile(files.key, pemOf(issuer.privateKey), 0o600);
    await replaceFile(files.certificate, certificate, 0o644);
  } catch (cause) {
    throw new ConfigError(`a certificate authority can not be written to ${dataDir} (${codeOf(cause)})`, {
      cause,
    });
  }
  return { issuer, untilMs };
}

async function loadAuthority(pem: string, files: Files, nowMs: number): Promise<Authority> {
  const refuse = (what: string, cause?: unknown): never => {
    const remedy = `remove ${files.certificate} for a new one, which clients then have to be given`;
    throw new ConfigError(`certificate authority: ${what}; ${remedy}`, { cause });
  };
  const parse = <T>(read: () => T, what: string): T => {
    try {
      return read();
    } catch (cause) {
      return refuse(what, cause);
    }
  };
  const certificate = parse(() => new X509Certificate(pem), `${files.certificate} is no certificate in PEM`);
  const keyPem = await readIfThere(files.key);
  if (keyPem === undefined) return refuse(`${files.key} is missing`);
  const privateKey = parse(() => createPrivateKey(keyPem), `${files.key} is no private key in PEM`);
  if (!certificate.checkPrivateKey(privateKey)) return refuse(`${files.key} is not the key of ca.pem`);
  const issuer = issuerOf(privateKey);
  if (certificate.subject !== `CN=${issuer.name}` || !certificate.ca || !certificate.verify(issuer.publicKey))
    return refuse(`${files.certificate} is not as mesos-doh wrote it`);
  // As text: validToDate is not there before Node 22.10, and the package runs on 20.
  const untilMs = Date.parse(certificate.validTo);
  if (untilMs <= nowMs) return refuse(`${files.certificate} expired on ${day(untilMs)}`);
  const fromMs = Date.parse(certificate.validFrom);
  if (fromMs > nowMs)
    return refuse(`${files.certificate} is valid only from ${day(fromMs)} on (is the clock right?)`);
  return { issuer, untilMs };
}

/** The name holds the key's beginning, so that lists of authorities show which is which. */
function issuerOf(privateKey: KeyObject): Issuer {
  const publicKey = createPublicKey(privateKey);
  const id = Buffer.from(keyIdentifier(publicKey)).toString('hex', 0, 4);
  return { name: `mesos-doh on this machine ${id}`, publicKey, privateKey };
}

function makeKeys(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function pemOf(privateKey: KeyObject): string {
  return String(privateKey.export({ type: 'pkcs8', format: 'pem' }));
}

/** A whole file or none, with its mode from the first octet on. */
async function replaceFile(path: string, text: string, mode: number): Promise<void> {
  const temporary = `${path}.${randomUUID()}`;
  try {
    await writeFile(temporary, text, { mode, flag: 'wx', flush: true });
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined;
    throw new ConfigError(`certificate authority: ${path} can not be read (${codeOf(cause)})`, { cause });
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
