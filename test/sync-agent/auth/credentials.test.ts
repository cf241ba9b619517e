import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createBasicCredentials } from '../../../sync-agent/auth/basic.ts';
import { readCredentialsFile, readServiceAccountFile } from '../../../sync-agent/auth/credentials-file.ts';
import { ConfigError } from '../../../sync-agent/config.ts';

const signal = new AbortController().signal;

function fileOf(content: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'mesos-doh-auth-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'credential');
  writeFileSync(path, content);
  return path;
}

function errorOf(run: () => unknown): ConfigError {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('a credentials file', () => {
  it.each([
    ['JSON', '{"principal":"doh","secret":"s3 cret"}', 's3 cret'],
    [
      'JSON, laid out and with more in it',
      '\n{\n "secret" : "x:y",\n "principal": "doh", "note": 1 }\n',
      'x:y',
    ],
    [
      'a mesos-dns configuration',
      '{"domain":"mesos","MesosCredentials":{"principal":"doh","secret":"p"}}',
      'p',
    ],
    ['a line', 'doh s3cret', 's3cret'],
    ['a line with its end', 'doh s3cret\n', 's3cret'],
    ['a line as Windows ends it', '\uFEFFdoh  s3cret\r\n\r\n', 's3cret'],
    ['a line whose secret looks like JSON', 'doh {"a":1}', '{"a":1}'],
  ])('is read as %s', (_, content, secret) => {
    expect(readCredentialsFile(fileOf(content))).toEqual({ principal: 'doh', secret });
  });

  it.each([
    ['empty', ''],
    ['a word', 'hunter2'],
    ['three words', 'doh hunter2 hunter2'],
    ['two lines', 'doh hunter2\nother hunter2\n'],
    ['cut JSON', '{"principal":"doh","secret":"hunter2"'],
    ['JSON without a secret', '{"principal":"hunter2"}'],
    ['JSON with an empty secret', '{"principal":"hunter2","secret":""}'],
    ['JSON with a secret that is no text', '{"principal":"hunter2","secret":["hunter2"]}'],
    ["a master's list", '{"credentials":[{"principal":"doh","secret":"hunter2"}]}'],
    ['a list', '["doh","hunter2","x"]'],
  ])('that is %s is refused, without what it holds', (_, content) => {
    const path = fileOf(content);
    const { message, cause } = errorOf(() => readCredentialsFile(path));
    expect(message).toBe(
      `credentials file ${path}: should be one {"principal": "…", "secret": "…"}, or one line: principal secret`,
    );
    expect(cause).toBeUndefined();
  });

  it('that is not there is named, with the reason', () => {
    expect(errorOf(() => readCredentialsFile('/nowhere/credential')).message).toBe(
      'credentials file /nowhere/credential can not be read (ENOENT)',
    );
    const path = fileOf('doh x');
    chmodSync(path, 0);
    if (process.getuid?.() !== 0)
      expect(errorOf(() => readCredentialsFile(path)).message).toContain('EACCES');
  });
});

describe('a service account file', () => {
  const LOGIN = 'https://leader.mesos/acs/api/v1/auth/login';
  it('is read as DC/OS writes it, and by the older name of the key', () => {
    const common = { login_endpoint: LOGIN, uid: 'doh' };
    for (const file of [
      { scheme: 'RS256', ...common, private_key: 'PEM' },
      { ...common, secret: 'PEM' },
    ]) {
      expect(readServiceAccountFile(fileOf(JSON.stringify(file)))).toEqual({
        uid: 'doh',
        privateKey: 'PEM',
        loginEndpoint: new URL(LOGIN),
      });
    }
  });

  it.each([
    ['uid is missing', { uid: '' }],
    ['private_key is missing', { private_key: undefined }],
    ['login_endpoint is missing', { login_endpoint: 7 }],
    ['scheme is not RS256', { scheme: 'HS256' }],
    ['login_endpoint should be', { login_endpoint: 'leader.mesos/hunter2' }],
    ['login_endpoint should be', { login_endpoint: 'https://me:hunter2@leader.mesos/' }],
    ['login_endpoint should be', { login_endpoint: 'file:///hunter2' }],
  ])('is refused where %s', (words, part) => {
    const file = { uid: 'doh', private_key: 'hunter2', login_endpoint: LOGIN, ...part };
    const { message } = errorOf(() => readServiceAccountFile(fileOf(JSON.stringify(file))));
    expect(message).toContain(`: ${words}`);
    expect(message).not.toContain('hunter2');
  });

  it('that is no JSON object is refused, without what it holds', () => {
    for (const content of ['-----BEGIN PRIVATE KEY-----hunter2', '["hunter2"]', '{"private_key":"hunter2']) {
      const { message, cause } = errorOf(() => readServiceAccountFile(fileOf(content)));
      expect(message).toMatch(/should be JSON with uid, private_key and login_endpoint$/);
      expect(cause).toBeUndefined();
    }
  });
});

describe('basic credentials', () => {
  it('are sent as RFC 7617 says, beyond ASCII too, and named without the secret', async () => {
    const credentials = createBasicCredentials(() => ({ principal: 'döh', secret: 'a:b c' }));
    expect(await credentials.header(signal, { renew: false })).toBe(
      `Basic ${Buffer.from('döh:a:b c', 'utf8').toString('base64')}`,
    );
    expect(credentials.name).toBe('principal "döh"');
  });

  it('are read again when refused, and only then', async () => {
    let secret = 'old';
    const credentials = createBasicCredentials(() => ({ principal: 'doh', secret }));
    const send = (renew: boolean): Promise<string> => credentials.header(signal, { renew });
    const old = await send(false);
    secret = 'new';
    expect(await send(false)).toBe(old);
    const renewed = await send(true);
    expect(renewed).toBe(`Basic ${Buffer.from('doh:new').toString('base64')}`);
    expect(await send(false)).toBe(renewed);
  });

  it.each([
    ['a colon', { principal: 'd:oh', secret: 'hunter2' }],
    ['a line break', { principal: 'doh', secret: 'hunter2\n' }],
    ['empty', { principal: 'hunter2', secret: '' }],
  ])('with %s are refused before they are sent', (words, pair) => {
    const { message } = errorOf(() => createBasicCredentials(() => pair));
    expect(message).toContain(words);
    expect(message).not.toContain('hunter2');
  });
});
