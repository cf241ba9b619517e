import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { ConfigError } from '../../../sync-agent/config.ts';
import { finderFrom, type MasterPlaces } from '../../../sync-agent/masters/from-config.ts';
import type { MasterFinder } from '../../../sync-agent/masters/finder.ts';
import { type openZooKeeper, ZooKeeperError } from '../../../sync-agent/zookeeper.ts';
import { parseZooKeeperUrl, withZooKeeperCredentials } from '../../../sync-agent/zookeeper-url.ts';
import { FormatError } from '../../../zone/format-error.ts';
import { createZooKeeperTree } from '../../fakes/zookeeper-tree.ts';
import { masterJson } from './master-octets.ts';

const never = new AbortController().signal;

function finder(
  mesos: Partial<MasterPlaces>,
  env: Record<string, string> = {},
  open: typeof openZooKeeper = createZooKeeperTree().open,
): MasterFinder {
  const made = finderFrom(
    { masters: [], scheme: 'http', ...mesos },
    { env, monotonicMs: () => 0, onProblem: () => undefined, open },
  );
  onTestFinished(() => made.close());
  return made;
}

async function fileOf(content: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'mesos-doh-masters-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const path = join(directory, 'zk-credentials');
  await writeFile(path, content);
  return path;
}

it('masters alone are a list, and with zk they are found there', async () => {
  const list = finder({ masters: ['10.0.0.1:5050', 'https://m2.example:5051'] });
  expect((await list.candidates(never)).map(String)).toEqual([
    'http://10.0.0.1:5050/',
    'https://m2.example:5051/',
  ]);
  expect(list.state().by).toBe('list');
  const zooKeeper = finder({ masters: ['10.0.0.1:5050'], zk: 'zk://doh:secret@zk1,zk2/mesos' });
  expect([zooKeeper.name, zooKeeper.state().by]).toEqual(['zk://zk1:2181,zk2:2181/mesos', 'zookeeper']);
  // There is no /mesos yet.
  expect((await zooKeeper.candidates(never)).map(String)).toEqual(['http://10.0.0.1:5050/']);
});

it('masters found have the configured scheme, and their host names where those are wanted', async () => {
  const tree = createZooKeeperTree();
  tree.put('/mesos/json.info_0000000001', masterJson('10.0.0.1', 5050, 'm1.example'));
  const zk = 'zk://zk1/mesos';
  const first = async (mesos: Partial<MasterPlaces>): Promise<string> =>
    String((await finder({ zk, ...mesos }, {}, tree.open).candidates(never))[0]);
  expect(await first({})).toBe('http://10.0.0.1:5050/');
  expect(await first({ scheme: 'https' })).toBe('https://10.0.0.1:5050/');
  expect(await first({ scheme: 'https', mastersBy: 'hostname' })).toBe('https://m1.example:5050/');
});

it('user and password come from a file or the environment, one of them', async () => {
  const file = await fileOf('doh:secret\n');
  const zk = 'zk://zk1/mesos';
  const seen: (string | undefined)[] = [];
  const open: typeof openZooKeeper = async ({ credentials }) => {
    seen.push(credentials);
    throw new ZooKeeperError('enough is seen');
  };
  const right: [Partial<MasterPlaces>, Record<string, string>][] = [
    [{ zkCredentialsFile: file }, {}],
    [{}, { MESOS_ZK_CREDENTIALS: 'doh:other' }],
    [{ zkCredentialsFile: file }, { MESOS_ZK_CREDENTIALS: '' }],
    [{ zk: 'zk://u:p@zk1/mesos' }, {}],
    [{}, {}],
  ];
  for (const [mesos, env] of right) finder({ zk, ...mesos }, env, open).onChange(() => undefined);
  expect(seen).toEqual(['doh:secret', 'doh:other', 'doh:secret', 'u:p', undefined]);
  const wrong: [Partial<MasterPlaces>, Record<string, string>, RegExp][] = [
    [{ zk, zkCredentialsFile: file }, { MESOS_ZK_CREDENTIALS: 'doh:secret' }, /both given: give one$/],
    [{ zk, zkCredentialsFile: `${file}-gone` }, {}, /-gone can not be read \(ENOENT\)$/],
    [{ zk, zkCredentialsFile: await fileOf('secret') }, {}, /should hold user:password, on one line$/],
    [{ zk }, { MESOS_ZK_CREDENTIALS: 'secret' }, /MESOS_ZK_CREDENTIALS: should hold user:password/],
    [{ zk: 'zk://u:secret@zk1', zkCredentialsFile: file }, {}, /take them out of the URL$/],
    [{ zk: 'http://secret' }, {}, /^mesos\.zk: ZooKeeper URL: does not begin with zk/],
  ];
  for (const [mesos, env, message] of wrong) {
    expect(() => finder(mesos, env)).toThrow(ConfigError);
    expect(() => finder(mesos, env)).toThrow(message);
    expect(() => finder(mesos, env)).not.toThrow(/secret/);
  }
});

it('user and password are taken as they are, without the end of their line', () => {
  const url = parseZooKeeperUrl('zk://zk1/mesos');
  const read = (text: string): string | undefined =>
    withZooKeeperCredentials(url, text, 'the file').credentials;
  expect(read('doh:a s:e@cret \r\n')).toBe('doh:a s:e@cret ');
  expect(read('\uFEFFdoh:x')).toBe('doh:x');
  for (const text of ['', '\n', 'doh', 'doh:', ':x', 'doh:x\n\n', 'doh:x\ny:z'])
    expect(() => read(text)).toThrow(FormatError);
});
