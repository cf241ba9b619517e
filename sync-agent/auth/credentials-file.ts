import { readFileSync } from 'node:fs';
import { ConfigError } from '../config.ts';
import type { PrincipalSecret } from './basic.ts';
import type { ServiceAccount } from './dcos-iam.ts';

/**
 * Reads a credential in one of Mesos's two forms (`src/credentials/credentials.hpp`), `{"principal", "secret"}` or
 * a line `principal secret`; or the `mesosCredentials` of a mesos-dns configuration. Throws `ConfigError`, never
 * with what the file holds.
 */
export function readCredentialsFile(path: string): PrincipalSecret {
  const text = readText(path, 'credentials file');
  const credential = text.trimStart().startsWith('{') ? fromJson(text) : fromLine(text);
  if (credential) return credential;
  throw new ConfigError(
    `credentials file ${path}: should be one {"principal": "…", "secret": "…"}, or one line: principal secret`,
  );
}

/**
 * Reads a DC/OS service account's secret as `dcos security secrets create-sa-secret` writes it and mesos-dns takes it
 * (`httpcli/iam/config.go`; its older name for the key is `secret`). Throws `ConfigError`, never with the key.
 */
export function readServiceAccountFile(path: string): ServiceAccount {
  const what = `service account file ${path}`;
  const json = parseObject(readText(path, 'service account file'));
  const refuse = (words: string): never => {
    throw new ConfigError(`${what}: ${words}`);
  };
  if (!json) return refuse('should be JSON with uid, private_key and login_endpoint');
  const uid = textIn(json, 'uid') ?? refuse('uid is missing');
  const privateKey =
    textIn(json, 'private_key') ?? textIn(json, 'secret') ?? refuse('private_key is missing');
  const login = textIn(json, 'login_endpoint') ?? refuse('login_endpoint is missing');
  const scheme = textIn(json, 'scheme') ?? 'RS256';
  if (scheme !== 'RS256') refuse('scheme is not RS256, the one known here');
  if (!isLoginUrl(login)) {
    refuse(
      'login_endpoint should be an http:// or https:// URL without a password, such as https://leader.mesos/acs/api/v1/auth/login',
    );
  }
  return { uid, privateKey, loginEndpoint: new URL(login) };
}

function fromJson(text: string): PrincipalSecret | undefined {
  const json = parseObject(text);
  if (!json) return undefined;
  const nested = Object.entries(json).find(([key]) => key.toLowerCase() === 'mesoscredentials')?.[1];
  const from = isObject(nested) ? nested : json;
  const principal = textIn(from, 'principal');
  const secret = textIn(from, 'secret');
  return principal === undefined || secret === undefined ? undefined : { principal, secret };
}

/** One line of two words. A line's `\r` is not part of the secret, whatever Mesos makes of it. */
function fromLine(text: string): PrincipalSecret | undefined {
  const [line = '', ...others] = text.split(/\r?\n/).filter((each) => each !== '');
  const [principal, secret, ...more] = line.split(' ').filter((word) => word !== '');
  if (others.length > 0 || more.length > 0 || principal === undefined || secret === undefined)
    return undefined;
  return { principal, secret };
}

function readText(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/^\uFEFF/, '');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason';
    throw new ConfigError(`${what} ${path} can not be read (${code})`, { cause });
  }
}

/** Without the parser's words in the error: they quote what is there. */
function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return isObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isLoginUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return (protocol === 'https:' || protocol === 'http:') && username === '' && password === '';
}

/** A member that is a text with something in it. Go matches names in any case, so do we. */
function textIn(json: Record<string, unknown>, name: string): string | undefined {
  const value = Object.entries(json).find(([key]) => key.toLowerCase() === name)?.[1];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
