import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EdgeFinding } from '../../sync-agent/doctor/edge-finding.ts';
import { checkEdge, type EdgeOptions } from '../../sync-agent/doctor/edge.ts';
import { createHttp, type Http } from '../../sync-agent/http.ts';
import { loadSigningKey } from '../../sync-agent/keys.ts';
import { type LocalEdge, startLocalEdge } from '../../sync-agent/local/miniflare.ts';
import { type Finished, runCli } from './run-cli.ts';

/** From a closed Worker to teams with tokens, by the commands of docs/access.md. */
const FORM = /^mdt_[a-z2-7]{32}\n$/;

/** A cluster of one master. */
const STATE = {
  version: '1.11.0',
  hostname: 'localhost',
  pid: 'master@127.0.0.1:5050',
  leader: 'master@127.0.0.1:5050',
  slaves: [],
  frameworks: [],
};

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mesos-doh-access-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const run = (...args: string[]): Promise<Finished> => runCli(args, { cwd: directory });

describe('tokens in a directory', () => {
  const to = ['--sink-dir', 'published'];
  beforeAll(async () => {
    await run('keys', 'make');
    const example = await run('access', 'example');
    await writeFile(join(directory, 'access.json'), example.stdout);
  });

  it(
    'are made, listed, rotated and revoked; each is told once and stored nowhere',
    { timeout: 60_000 },
    async () => {
      const early = await run('token', 'create', '--team', 'payments', ...to);
      expect(early).toMatchObject({ code: 2, stdout: '' });
      expect(early.stderr).toMatch(/unknown team "payments".*access apply FILE/);

      const applied = await run('access', 'apply', 'access.json', ...to);
      expect(applied.stdout).toBe('+ team operators\n+ team payments\n+ view everything\n+ view payments\n');

      const created = await run('token', 'create', '--team', 'payments', '--expires', '90d', ...to);
      expect(created.code).toBe(0);
      expect(created.stdout).toMatch(FORM);
      const id = /token ([0-9a-f]{8}): team payments, view payments, until /.exec(created.stderr)?.[1] ?? '';
      const rotated = await run('token', 'rotate', id, '--overlap', '12h', '--json', ...to);
      const again: unknown = JSON.parse(rotated.stdout);
      expect(again).toMatchObject({
        token: expect.stringMatching(/^mdt_/),
        team: 'payments',
        state: 'valid',
      });

      const listed = await run('token', 'list', ...to);
      expect(listed.stdout.match(/payments {2}payments/g)).toHaveLength(2);
      expect(listed.stdout).toMatch(new RegExp(`${id}.*ends soon`));
      const revoked = await run('token', 'revoke', id, ...to);
      expect(revoked.stdout).toBe(`revoked ${id} of team payments\n`);
      expect((await run('token', 'revoke', id, ...to)).code).toBe(2);

      const document = await readFile(join(directory, 'published', 'a%2Faccess'), 'utf8');
      for (const text of [created.stderr, rotated.stderr, listed.stdout, revoked.stdout, document])
        expect(text).not.toMatch(/mdt_/);
      expect(document).not.toContain(id);
    },
  );

  it('survive the rules changing, and not their team going', { timeout: 60_000 }, async () => {
    const shown = await run('access', 'show', ...to);
    expect(JSON.parse(shown.stdout)).toHaveProperty('teams.payments');
    await writeFile(join(directory, 'less.json'), JSON.stringify({ views: {}, teams: {} }));
    const refused = await run('access', 'apply', 'less.json', ...to);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/team payments is gone.*--drop-tokens/);
    const planned = await run('access', 'apply', 'less.json', '--drop-tokens', '--dry-run', ...to);
    expect(planned.stdout).toMatch(/- team payments\n.*- token [0-9a-f]{8} of team payments/s);
    expect((await run('token', 'list', '--json', ...to)).stdout).toContain('payments');
  });

  it(
    'go through a file for wrangler, and nothing is written over what is not ours',
    { timeout: 60_000 },
    async () => {
      const to = ['--file', 'a-access'];
      const printed = await run('access', 'apply', 'access.json', '--print', ...to);
      expect(printed.stdout).toMatch(/^mesos-doh-access 1 [0-9a-f]{16} \S{88}\n\{/);
      await expect(stat(join(directory, 'a-access'))).rejects.toThrow('ENOENT');
      await writeFile(join(directory, 'a-access'), printed.stdout);
      const created = await run('token', 'create', '--team', 'operators', '--expires', 'never', ...to);
      expect(created.stdout).toMatch(FORM);
      expect(created.stderr).toMatch(
        /wrangler kv key put a\/access --binding SNAPSHOTS --remote --path a-access/,
      );
      expect((await stat(join(directory, 'a-access'))).mode & 0o077).toBe(0);

      await writeFile(join(directory, 'a-access'), 'Value not found\n');
      for (const args of [
        ['token', 'create', '--team', 'operators'],
        ['token', 'list'],
        ['access', 'apply', 'access.json'],
        ['access', 'renew'],
      ]) {
        const refused = await run(...args, ...to);
        expect(refused).toMatchObject({ code: 2, stdout: '' });
        expect(refused.stderr).toMatch(
          /file a-access: access document: has no magic.*Nothing was changed.*--replace/,
        );
      }
      expect(await readFile(join(directory, 'a-access'), 'utf8')).toBe('Value not found\n');
      expect((await run('access', 'apply', 'access.json', '--replace', ...to)).code).toBe(0);
    },
  );

  it('are signed with the new key after a rotation, by renew', { timeout: 60_000 }, async () => {
    const signed = async (): Promise<string> =>
      (await run('access', 'show', '--signed', ...to)).stdout.split(' ')[2] ?? '';
    const before = await signed();
    await run('keys', 'rotate');
    await run('keys', 'rotate', '--finish');
    expect(await signed()).toBe(before);
    expect((await run('access', 'renew', ...to)).code).toBe(0);
    expect(await signed()).not.toBe(before);
    expect((await run('keys', 'rotate', '--forget')).code).toBe(0);
    expect((await run('token', 'list', ...to)).code).toBe(0);
  });

  it.each([
    [['token', 'create', ...to], /--team/],
    [['token', 'create', '--team', 'A team', ...to], /a word of a-z/],
    [
      ['token', 'create', '--team', 'payments', '--expires', 'soon', ...to],
      /--expires: "soon" should be a time such as 90d/,
    ],
    [['token', 'revoke', ...to], /say which tokens go/],
    [['token', 'rotate', 'dddddddd', ...to], /no token dddddddd/],
    [['token', 'list'], /nowhere to publish is named/],
    [['token', 'list', '--file', 'f', ...to], /--file or --sink-dir, not both/],
    [['access', 'apply', 'nowhere.json', ...to], /nowhere\.json can not be read \(ENOENT\)/],
    [['access', 'renew', '--trust-key', 'x', ...to], /should be a public key/i],
  ])('%j is refused', async (args, says) => {
    const refused = await run(...args);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toMatch(says);
  });
});

describe('the Worker as it is deployed', { timeout: 120_000 }, () => {
  let edge: LocalEdge;
  let http: Http;
  let home: string;
  const started: LocalEdge[] = [];
  beforeAll(async () => {
    home = join(directory, 'edge');
    await mkdir(home);
    http = createHttp();
    await run('keys', 'make', '--key-file', join(home, 'signing.pem'));
    const key = await loadSigningKey(join(home, 'signing.pem'));
    const start = async (name: string, vars: Record<string, string>): Promise<LocalEdge> => {
      const dataDir = join(home, name);
      await mkdir(dataDir);
      const common = { ZONES: 'mesos', UPSTREAMS: '', VERIFY_KEYS: key.publicKeyBase64 };
      const fast = { HEAD_REFRESH_SECONDS: '1', HEAD_MAX_AGE_SECONDS: '1' };
      const one = await startLocalEdge({ port: 0, dataDir, vars: { ...common, ...fast, ...vars } });
      started.push(one);
      return one;
    };
    edge = await start('tokens', { ACCESS: 'tokens' });
    await start('closed', {});
    await start('open', { ACCESS: 'open' });
    await writeFile(join(home, 'config.json'), JSON.stringify({ dataDir: home, kv: edge.kv }));
  });
  afterAll(async () => {
    await Promise.all([...started.map((one) => one.close()), http.close()]);
  });

  const check = (fields: Partial<EdgeOptions> & Pick<EdgeOptions, 'url'>): Promise<readonly EdgeFinding[]> =>
    checkEdge({ zone: 'mesos', http, ...fields }, AbortSignal.timeout(60_000));
  const wrong = (findings: readonly EdgeFinding[]): string[] =>
    findings.filter(({ verdict }) => verdict === 'wrong').map(({ about, says }) => `${about}: ${says}`);

  const statusOf = async (token: string): Promise<number> => {
    const url = `${edge.url}/t/${token}/health`;
    const { status, discard } = await http.request({ url, signal: AbortSignal.timeout(5_000) });
    await discard();
    return status;
  };

  it('tells strangers nothing, closed or with tokens', async () => {
    expect(wrong(await check({ url: `${edge.url}/dns-query` }))).toEqual([]);
    expect(wrong(await check({ url: `${started[1]?.url}/dns-query` }))).toEqual([]);
  });

  it('is told when it is open', async () => {
    expect(wrong(await check({ url: `${started[2]?.url}/dns-query` }))).toContainEqual(
      expect.stringMatching(/^strangers: anybody may ask/),
    );
  });

  it('answers a token that was just made, and no more when it is revoked', async () => {
    const config = ['--config', join(home, 'config.json')];
    const example = await run('access', 'example', ...config);
    await writeFile(join(home, 'access.json'), example.stdout);
    expect((await run('access', 'apply', join(home, 'access.json'), ...config)).code).toBe(0);
    const created = await run('token', 'create', '--team', 'operators', '--json', ...config);
    const { token, id } = JSON.parse(created.stdout) as { token: string; id: string };
    await waitUntil(async () => (await statusOf(token)) !== 401);
    // Nothing is published: the token is taken, and the zone can't be answered.
    expect(wrong(await check({ url: `${edge.url}/dns-query`, token }))).toEqual([
      'token: the token is taken, and mesos is SERVFAIL',
    ]);

    await writeFile(join(home, 'state.json'), JSON.stringify(STATE));
    const pushed = await run('sync', '--state', join(home, 'state.json'), '--once', '--force', ...config);
    expect(pushed).toMatchObject({ code: 0 });
    await waitUntil(async () => (await statusOf(token)) === 200);
    const expected = { forwarding: false, enumeration: true };
    const findings = await check({ url: `${edge.url}/dns-query`, token, expected });
    expect(wrong(findings)).toEqual([]);
    expect(findings.map(({ says }) => says)).toEqual(
      expect.arrayContaining([
        'the token is taken, and mesos answers',
        'every name of the view can be listed',
      ]),
    );
    expect(JSON.stringify(findings)).not.toContain(token);

    expect((await run('token', 'revoke', id, ...config)).code).toBe(0);
    await waitUntil(async () => (await statusOf(token)) === 401);
  });
});

async function waitUntil(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('it never came to be so');
}
