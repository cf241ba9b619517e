import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { serverSetsFrom } from '../../sync-agent/commands/aurora-input.ts';
import { ConfigError, parseConfig } from '../../sync-agent/config.ts';
import type { SyncEvent } from '../../sync-agent/events.ts';
import { recordSettings } from '../../sync-agent/record-settings.ts';
import { withAliasesEnded } from '../../sync-agent/records/framework-alias.ts';
import { filteredSource } from '../../sync-agent/variants.ts';
import { serverSet } from './server-sets.ts';
import { openHttp } from './sources/state-server.ts';
import { settingsWith, stateWith } from './states.ts';

const ZK = 'zk://zk1:2181,zk2:2181';
const URLS = ['http://10.0.0.1:8081'];
const parse = (aurora: unknown): NonNullable<ReturnType<typeof parseConfig>['aurora']> => {
  const parsed = parseConfig({ aurora }, 'c.json').aurora;
  return parsed ?? expect.unreachable('aurora is missing');
};
const open = (aurora: unknown, env: Record<string, string> = {}, events: SyncEvent[] = []) =>
  serverSetsFrom(
    parse(aurora),
    { dataDir: 'none' },
    {
      env,
      onEvent: (event) => void events.push(event),
      keeps: false,
      http: openHttp(),
      timeoutMs: 100,
      maxOctets: 1000,
    },
  );

describe('aurora in the configuration', () => {
  it('has defaults for all but where it is', () => {
    expect(parse({ zk: ZK })).toEqual({
      zk: ZK,
      paths: {},
      frameworkName: 'Aurora',
      stabilizeSeconds: 10,
      schedulerUrls: [],
      pollSeconds: 60,
    });
    expect(parse({ schedulerUrls: URLS, webhook: { port: 5001, header: 'X-Mine' } }).webhook).toEqual({
      host: '127.0.0.1',
      port: 5001,
      path: '/aurora',
      header: 'x-mine',
    });
  });

  it('names what is asked: the path of the URL, a root of its own, or the schedulers', () => {
    expect(open({ zk: ZK }).name).toBe(`aurora-serversets ${ZK}/aurora`);
    expect(open({ zk: `${ZK}/discovery/aurora` }).name).toBe(`aurora-serversets ${ZK}/discovery/aurora`);
    expect(open({ zk: `${ZK}/x`, root: '/y' }).name).toBe(`aurora-serversets ${ZK}/y`);
    expect(open({ schedulerUrls: URLS }).name).toBe('aurora-scheduler http://10.0.0.1:8081');
  });

  it.each<[string, unknown, string]>([
    ['nothing', {}, 'zk, the announcers'],
    ['both', { zk: ZK, schedulerUrls: URLS }, 'both zk and schedulerUrls'],
    ['a webhook without a scheduler', { zk: ZK, webhook: { port: 1 } }, 'aurora.webhook'],
    ['a root without an ensemble', { schedulerUrls: URLS, root: '/a' }, 'root and paths'],
    ['a URL of something else', { zk: 'http://zk1' }, 'zk://'],
    ['a relative root', { zk: ZK, root: 'aurora' }, 'aurora.root'],
    ['a root that ends in a slash', { zk: ZK, root: '/aurora/' }, 'aurora.root'],
    ['a path for no job', { zk: ZK, paths: { '/a': 'web' } }, 'role/environment/job'],
    ['a relative path', { zk: ZK, paths: { a: 'r/e/j' } }, 'a path of ZooKeeper'],
    ['a key nobody knows', { zk: ZK, stabiliseSeconds: 1 }, 'stabilizeSeconds'],
    ['half a window', { zk: ZK, stabilizeSeconds: 0.5 }, 'stabilizeSeconds'],
    ['a header that is none', { schedulerUrls: URLS, webhook: { port: 1, header: 'a b' } }, 'header'],
  ])('refuses %s', (_, aurora, why) => {
    expect(() => parseConfig({ aurora }, 'c.json')).toThrow(ConfigError);
    expect(() => parseConfig({ aurora }, 'c.json')).toThrow(why);
  });

  it('takes user and password of a file or the environment, and never tells them', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'aurora-config-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, 'credentials');
    await writeFile(file, 'doh:secret\n');
    expect(open({ zk: ZK, credentialsFile: file }).name).not.toContain('secret');
    expect(open({ zk: ZK }, { AURORA_ZK_CREDENTIALS: 'doh:secret' }).name).not.toContain('secret');
    expect(open({ zk: 'zk://doh:secret@zk1/aurora' }).name).not.toContain('secret');
    await writeFile(file, 'secret');
    const wrong = (): unknown => open({ zk: ZK, credentialsFile: file });
    expect(wrong).toThrow(/aurora\.zk: .*user:password/);
    expect(wrong).not.toThrow(/secret/);
    await writeFile(file, '\n{"auth": [{"scheme": "digest", "credential": "doh:secret"}]}');
    expect(wrong).toThrow(/--announcer-zookeeper-auth-config.*user:password/);
    expect(wrong).not.toThrow(/secret/);
    expect(() => open({ zk: ZK }, { AURORA_ZK_CREDENTIALS: '{"auth":[]}' })).toThrow('is JSON');
    expect(() => open({ zk: ZK, credentialsFile: join(folder, 'none') })).toThrow('aurora.credentialsFile');
    expect(() => open({ zk: ZK, credentialsFile: file }, { AURORA_ZK_CREDENTIALS: 'a:b' })).toThrow(
      'give one',
    );
  });

  it('wants a secret for the webhook that is long enough', () => {
    const aurora = { schedulerUrls: URLS, webhook: { port: 0 } };
    expect(() => open(aurora)).toThrow('AURORA_WEBHOOK_SECRET');
    expect(() => open(aurora, { AURORA_WEBHOOK_SECRET: 'short' })).toThrow('at least 16 characters');
    expect(open(aurora, { AURORA_WEBHOOK_SECRET: 'a-long-enough-secret' }).status().webhooks).toEqual({
      taken: 0,
      refused: 0,
    });
  });
});

describe('framework aliases', () => {
  const settingsOf = (frameworkAliases: unknown, labelRules = 'rfc1123') =>
    recordSettings(parseConfig({ records: { frameworkAliases, labelRules } }, 'c.json'));

  it('are by the part that names have', () => {
    const { frameworkAliases } = settingsOf({ Aurora: ['TwitterScheduler', 'old.one'] });
    expect([...(frameworkAliases ?? [])]).toEqual([['aurora', ['twitterscheduler', 'old.one']]]);
    expect(settingsOf({})).not.toHaveProperty('frameworkAliases');
  });

  it.each([{ '': ['a'] }, { a: [] }, { a: [''] }, { a: ['--'] }, { a: 'b' }])('refuse %j', (aliases) => {
    expect(() => settingsOf(aliases)).toThrow(ConfigError);
  });

  it('end with what ends under the framework’s own name', () => {
    const settings = settingsWith({ frameworkAliases: new Map([['aurora', ['ts']]]) });
    const task = { id: 't', agentId: 'a', frameworkName: 'Aurora' };
    const ended = {
      tasks: [task],
      frameworks: ['Aurora', 'marathon'],
      namesakes: ['Aurora'],
      frameworkIds: new Map([['Aurora', ['f']]]),
    };
    expect(withAliasesEnded(ended, [{ name: 'Aurora' }], settings)).toEqual({
      tasks: [task, { ...task, frameworkName: 'ts' }],
      frameworks: ['Aurora', 'ts', 'marathon'],
      namesakes: ['Aurora', 'ts'],
      frameworkIds: new Map([
        ['Aurora', ['f']],
        ['ts', ['f']],
      ]),
    });
    expect(withAliasesEnded(ended, [], settingsWith())).toBe(ended);
  });

  it('do not end under an alias that a registered framework is called by', () => {
    const settings = settingsWith({ frameworkAliases: new Map([['aurora', ['ts', 'au']]]) });
    const ended = { tasks: [], frameworks: ['Aurora'] };
    expect(withAliasesEnded(ended, [{ name: 'TS' }], settings).frameworks).toEqual(['Aurora', 'au']);
  });

  it('are not ended by a framework that was called like a registered one’s alias', () => {
    const settings = settingsWith({ frameworkAliases: new Map([['aurora', ['ts', 'au']]]) });
    const ended = { tasks: [], frameworks: ['TS', 'x'] };
    expect(withAliasesEnded(ended, [{ name: 'Aurora' }], settings).frameworks).toEqual(['x']);
    expect(withAliasesEnded(ended, [], settings).frameworks).toEqual(['TS', 'x']);
  });
});

describe('a variant', () => {
  it('has the ServerSets of its frameworks and tasks alone', async () => {
    const sets = [serverSet([]), serverSet([], { environment: 'prod' })];
    const source = { name: 'x', read: () => Promise.resolve(stateWith({ serverSets: sets })) };
    const jobs = async (variant: Parameters<typeof filteredSource>[1]) =>
      (await filteredSource(source, variant).read(() => undefined, new AbortController().signal)).serverSets;
    expect(await jobs({ frameworks: undefined, tasks: ['*/prod/*'] })).toEqual([sets[1]]);
    expect(await jobs({ frameworks: ['marathon'], tasks: undefined })).toEqual([]);
    expect(await jobs({ frameworks: ['Aurora'], tasks: undefined })).toEqual(sets);
  });
});
