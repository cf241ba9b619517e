import { describe, expect, it } from 'vitest';
import { checkScheduler, checkServerSets } from '../../../sync-agent/doctor/aurora.ts';
import { checkConsul } from '../../../sync-agent/doctor/consul.ts';
import type { Finding } from '../../../sync-agent/doctor/finding.ts';

const signal = new AbortController().signal;
const lines = (findings: readonly Finding[]): string[] =>
  findings.map(({ verdict, says, mend }) => `${verdict}: ${says}${mend === undefined ? '' : ` / ${mend}`}`);

type Told = { body: unknown; index?: number; isFiltered?: boolean } | Error;

/** A Consul that answers by path, and by path and datacentre. */
function consul(answers: Record<string, Told>): Parameters<typeof checkConsul>[0]['api'] {
  const usual: Record<string, Told> = {
    '/v1/catalog/datacenters': { body: ['dc1', 'DC2'] },
    '/v1/catalog/services': { body: { consul: [], web: ['v1'] } },
    '/v1/catalog/nodes': { body: [{}, {}, {}] },
  };
  return {
    name: 'consul-catalog http://10.0.0.1:8500',
    get: async (path, { datacenter }) => {
      const told = answers[`${path} ${datacenter}`] ?? answers[path] ?? usual[path];
      if (!told || told instanceof Error) throw told ?? new Error(`no ${path}`);
      return { index: 7, isFiltered: false, ...told };
    },
  };
}

const check = async (answers: Record<string, Told>, datacenters: readonly string[] = []): Promise<string[]> =>
  lines(await checkConsul({ api: consul(answers), datacenters }, signal));

describe('the doctor at a Consul', () => {
  it('is content with one that answers, and tells what it saw', async () => {
    expect(await check({})).toEqual([
      'well: http://10.0.0.1:8500 answers, with the datacentres dc1, DC2; the agent’s own is read',
      'well: its datacentre: 2 services, 3 nodes',
    ]);
    expect(await check({}, ['dc2', 'dc1'])).toEqual([
      'well: http://10.0.0.1:8500 answers, with the datacentres dc1, DC2; dc2, dc1 read',
      'well: datacentre dc2: 2 services, 3 nodes',
      'well: datacentre dc1: 2 services, 3 nodes',
    ]);
  });

  it('stops at one that does not', async () => {
    const found = await check({ '/v1/catalog/datacenters': new Error('connection refused') });
    expect(found).toEqual([expect.stringMatching(/^wrong: connection refused \/ Check consul.url/)]);
  });

  it('finds a datacentre that is not there, and looks at the others', async () => {
    expect(await check({}, ['dc1', 'dc9'])).toEqual([
      expect.stringMatching(/^wrong: it knows no datacentre dc9, but dc1, DC2 /),
      'well: datacentre dc1: 2 services, 3 nodes',
    ]);
  });

  it('tells what the token may not see', async () => {
    const [, empty] = await check({ '/v1/catalog/services': { body: {}, isFiltered: true } });
    expect(empty).toMatch(/^wrong: its datacentre shows no services, .* node:read and service:read/);
    const [, none] = await check({ '/v1/catalog/nodes': { body: [] } });
    expect(none).toMatch(/^wrong: its datacentre shows no nodes/);
    const [, some] = await check({ '/v1/catalog/nodes': { body: [{}], isFiltered: true } });
    expect(some).toMatch(/^advice: its datacentre keeps some nodes back: the token may see 1 of them/);
    const [, refused, other] = await check(
      { '/v1/catalog/services dc2': new Error('403'), '/v1/catalog/nodes dc2': new Error('403') },
      ['dc2'],
    );
    expect([refused, other]).toEqual([
      expect.stringMatching(/^wrong: datacentre dc2: 403/),
      expect.stringMatching(/^wrong: datacentre dc2: 403/),
    ]);
  });

  it('tells that changes can not be waited for', async () => {
    const answers = { services: { body: { consul: [] }, index: 0 }, nodes: { body: [{}], index: 0 } };
    for (const [list, answer] of Object.entries(answers)) {
      const found = await check({ [`/v1/catalog/${list}`]: answer });
      expect(found.at(-1)).toMatch(/^advice: its datacentre: answers have no X-Consul-Index/);
    }
  });
});

type Tree = Record<string, string[]>;

const sets = async (
  tree: Tree,
  more: { paths?: string[]; root?: string; hasCredentials?: boolean; fails?: Error; forbidden?: string } = {},
): Promise<{ found: string[]; closed: number }> => {
  let closed = 0;
  const { paths = [], root = '/aurora', hasCredentials = false, fails, forbidden } = more;
  const found = await checkServerSets(
    {
      ...{ name: 'zk://10.0.0.1:2181', root, paths, hasCredentials },
      open: async () => {
        if (fails) throw fails;
        return {
          stat: async (path) => (tree[path] ? {} : undefined),
          children: async (path) => {
            if (path === forbidden) throw new Error(`${path}: not authorised`);
            return tree[path] ?? [];
          },
          close: async () => void closed++,
        };
      },
    },
    signal,
  );
  return { found: lines(found), closed };
};
const TREE: Tree = {
  '/aurora': ['www', 'db'],
  '/aurora/db': ['prod'],
  '/aurora/db/prod': ['mysql'],
  '/aurora/db/prod/mysql': ['member_1'],
};

describe('the doctor at Aurora', () => {
  it('goes down to the first job', async () => {
    expect(await sets(TREE)).toEqual({
      found: ['well: zk://10.0.0.1:2181/aurora has 2 roles; /aurora/db/prod/mysql can be read'],
      closed: 1,
    });
  });

  it('tells a root that is not there, or is empty', async () => {
    expect((await sets({})).found).toEqual([
      expect.stringMatching(/^wrong: zk:\S+ has no node \/aurora .*root/),
    ]);
    expect((await sets({ '/aurora': [] })).found[0]).toMatch(/^advice: \S+ has no roles/);
    const { found } = await sets({ '/x': [] }, { paths: ['/x', '/y'] });
    expect(found).toEqual([
      expect.stringMatching(/^advice: zk:\S+ has no node \/aurora .*aurora.paths alone/),
      expect.stringMatching(/^advice: there is no node \/y/),
    ]);
  });

  it('tells nodes that are not open, by what is given, and ends its session', async () => {
    for (const forbidden of ['/aurora', '/aurora/db/prod/mysql']) {
      const without = await sets(TREE, { forbidden });
      expect(without.found[0]).toMatch(/^wrong: .*not authorised \/ .*want aurora.credentialsFile/);
      expect(without.closed).toBe(1);
    }
    const { found } = await sets(TREE, { forbidden: '/aurora/db', hasCredentials: true });
    expect(found[0]).toContain('Check that aurora.credentialsFile has the user and password');
    expect((await sets(TREE, { fails: new Error('no server') })).found[0]).toContain('/aurora: no server');
  });

  it('asks a scheduler how many tasks announce themselves', async () => {
    const ask = async (told: number | Error): Promise<string[]> => {
      const asking = async (): Promise<number> => {
        if (told instanceof Error) throw told;
        return told;
      };
      return lines([await checkScheduler({ urls: ['http://a:8081'], ask: asking }, signal)]);
    };
    expect(await ask(3)).toEqual([
      'well: a scheduler of http://a:8081 answers: 3 running tasks announce themselves',
    ]);
    expect((await ask(0))[0]).toMatch(/^advice: .*: 0 running tasks announce themselves/);
    expect((await ask(new Error('401')))[0]).toMatch(/^wrong: 401 \/ Check aurora.schedulerUrls/);
  });
});
