import { describe, expect, it } from 'vitest';
import type { ConsulDatacenter, Skipped } from '../../../sync-agent/cluster.ts';
import { consulRecords, type ConsulRecordSettings } from '../../../sync-agent/consul/records.ts';
import { datacenterWith, instanceOn, nodeAt, SETTINGS } from './facts.ts';

const n1 = nodeAt('Node1', '10.1.0.1');
const n2 = nodeAt('node2', '10.1.0.2');

/** All records as lines, `owner TYPE value`, and what was left out. */
function made(
  datacenters: ConsulDatacenter | readonly ConsulDatacenter[],
  settings: Partial<ConsulRecordSettings> = {},
): { readonly lines: readonly string[]; readonly skipped: readonly string[] } {
  const skipped: Skipped[] = [];
  const all = 'name' in datacenters ? [datacenters] : datacenters;
  const records = consulRecords(all, { ...SETTINGS, ...settings }, (each) => void skipped.push(each));
  const lines = (['A', 'AAAA', 'SRV', 'MORE'] as const).flatMap((type) =>
    Array.from(records[type]).flatMap(([name, values]) =>
      values.map((value) => `${name} ${type === 'MORE' ? '' : `${type} `}${value}`),
    ),
  );
  return { lines, skipped: skipped.map(({ reason }) => reason) };
}

/** Of one owner alone. */
const at = (owner: string, ...args: Parameters<typeof made>): readonly string[] =>
  made(...args)
    .lines.filter((line) => line.startsWith(`${owner} `))
    .map((line) => line.slice(owner.length + 1));

describe('services', () => {
  it('have addresses and SRV by their plain name, with and without the own datacentre', () => {
    const web = datacenterWith({ web: [instanceOn(n1, { port: 8080 }), instanceOn(n2, { port: 8081 })] });
    for (const owner of ['web.service.consul.', 'web.service.dc1.consul.']) {
      expect(at(owner, web)).toEqual([
        'A 10.1.0.1',
        'A 10.1.0.2',
        'SRV node1.node.dc1.consul.:8080 1 1',
        'SRV node2.node.dc1.consul.:8081 1 1',
      ]);
    }
  });

  it('have RFC 2782 names with SRV alone, with `service` and without', () => {
    const web = datacenterWith({ web: [instanceOn(n1)] });
    for (const owner of ['service.consul.', 'consul.', 'service.dc1.consul.', 'dc1.consul.'])
      expect(at(`_web._tcp.${owner}`, web)).toEqual(['SRV node1.node.dc1.consul.:80 1 1']);
    expect(at('_web._udp.service.consul.', web)).toEqual([]);
  });

  it('have names for each tag, in lower case, of the instances that have it', () => {
    const web = datacenterWith({
      Web: [instanceOn(n1, { tags: ['V1', 'v1', 'primary'] }), instanceOn(n2, { tags: ['v2'] })],
    });
    expect(at('v1.web.service.consul.', web)).toEqual(['A 10.1.0.1', 'SRV node1.node.dc1.consul.:80 1 1']);
    expect(at('v2.web.service.consul.', web)).toEqual(['A 10.1.0.2', 'SRV node2.node.dc1.consul.:80 1 1']);
    expect(at('_web._primary.service.consul.', web)).toEqual(['SRV node1.node.dc1.consul.:80 1 1']);
    expect(at('_web._v2.dc1.consul.', web)).toEqual(['SRV node2.node.dc1.consul.:80 1 1']);
    expect(at('web.service.consul.', web)).toHaveLength(4);
  });

  it('take the tag tcp in RFC 2782 names for no tag, and a tag with dots as labels', () => {
    const web = datacenterWith({
      web: [instanceOn(n1, { tags: ['tcp'] }), instanceOn(n2, { tags: ['a.b'] })],
    });
    expect(at('_web._tcp.service.consul.', web)).toHaveLength(2);
    expect(at('tcp.web.service.consul.', web)).toEqual(['A 10.1.0.1', 'SRV node1.node.dc1.consul.:80 1 1']);
    expect(at('a.b.web.service.consul.', web)).toEqual(['A 10.1.0.2', 'SRV node2.node.dc1.consul.:80 1 1']);
    expect(at('_web._a.b.service.consul.', web)).toEqual([]);
  });

  it('leave out tags nobody can ask for and services with dots, and say so', () => {
    const { lines, skipped } = made(
      datacenterWith({
        web: [instanceOn(n1, { tags: ['Host(`a b`)', ''] })],
        'a.b': [instanceOn(n1)],
      }),
    );
    expect(skipped.toSorted()).toEqual(['consul-service', 'consul-tag', 'consul-tag']);
    expect(lines).toHaveLength(8);
    for (const line of lines) expect(line).toMatch(/^_?web\./);
  });

  it.each([
    // health, onlyPassing, weight; none: left out
    ['passing', false, '5'],
    ['warning', false, '3'],
    ['unknown', false, '1'],
    ['critical', false, undefined],
    ['passing', true, '5'],
    ['warning', true, undefined],
    ['unknown', true, undefined],
    ['critical', true, undefined],
  ] as const)('%s with onlyPassing %s has weight %s', (health, onlyPassing, weight) => {
    const web = datacenterWith({ web: [instanceOn(n1, { health, weights: { passing: 5, warning: 3 } })] });
    const lines = at('web.service.consul.', web, { onlyPassing });
    expect(lines).toEqual(
      weight === undefined ? [] : ['A 10.1.0.1', `SRV node1.node.dc1.consul.:80 1 ${weight}`],
    );
  });

  it('that all are critical have no name at all, tags included', () => {
    expect(
      made(datacenterWith({ web: [instanceOn(n1, { tags: ['a'], health: 'critical' })] })).lines,
    ).toEqual([]);
  });

  it('registered twice on a port of a node are one, on two ports two SRV records and one address', () => {
    const twice = datacenterWith({
      web: [
        instanceOn(n1),
        instanceOn(n1, { id: 'again', weights: { passing: 9, warning: 9 } }),
        instanceOn(n1, { id: 'other', port: 81 }),
      ],
    });
    expect(at('web.service.consul.', twice)).toEqual([
      'A 10.1.0.1',
      'SRV node1.node.dc1.consul.:80 1 1',
      'SRV node1.node.dc1.consul.:81 1 1',
    ]);
  });

  it('without a port have SRV with port 0, as Consul has', () => {
    const web = datacenterWith({ web: [instanceOn(n1, { port: 0 })] });
    expect(at('_web._tcp.service.consul.', web)).toEqual(['SRV node1.node.dc1.consul.:0 1 1']);
  });
});

describe('addresses', () => {
  it('of its own are told, and SRV leads to a name of theirs in hex', () => {
    const web = datacenterWith({ web: [instanceOn(n1, { address: '172.16.254.3' })] });
    expect(at('web.service.consul.', web)).toEqual([
      'A 172.16.254.3',
      'SRV ac10fe03.addr.dc1.consul.:80 1 1',
    ]);
    expect(at('ac10fe03.addr.dc1.consul.', web)).toContain('A 172.16.254.3');
    const six = datacenterWith({ web: [instanceOn(n1, { address: '2001:db8::1' })] });
    expect(at('web.service.consul.', six)).toEqual([
      'AAAA 2001:db8::1',
      'SRV 20010db8000000000000000000000001.addr.dc1.consul.:80 1 1',
    ]);
    expect(at('20010db8000000000000000000000001.addr.dc1.consul.', six)).toContain('AAAA 2001:db8::1');
  });

  it('by tag come first for their family; SRV prefers IPv6', () => {
    const tagged = {
      lan_ipv4: { address: '10.9.0.1', port: 90 },
      lan_ipv6: { address: 'fd00::9', port: 90 },
    };
    const web = datacenterWith({ web: [instanceOn(n1, { address: '10.8.0.1', tagged })] });
    expect(at('web.service.consul.', web)).toEqual([
      'A 10.9.0.1',
      'AAAA fd00::9',
      'SRV fd000000000000000000000000000009.addr.dc1.consul.:80 1 1',
    ]);
  });

  it('of the node by tag are told where the service has none', () => {
    const dual = nodeAt('dual', '10.1.0.9', {
      tagged: { lan: '10.1.0.9', lan_ipv4: '10.1.0.9', lan_ipv6: 'fd00::1' },
    });
    const web = datacenterWith({ web: [instanceOn(dual)] }, { nodes: [dual] });
    expect(at('web.service.consul.', web).slice(0, 2)).toEqual(['A 10.1.0.9', 'AAAA fd00::1']);
    expect(at('dual.node.consul.', web)).toEqual(['A 10.1.0.9', 'AAAA fd00::1']);
  });

  it('that are host names make an alias, SRV then under the RFC 2782 names alone', () => {
    const web = datacenterWith({ web: [instanceOn(n1, { address: 'Backend.Example.com', port: 443 })] });
    expect(at('web.service.consul.', web)).toEqual(['CNAME backend.example.com.']);
    expect(at('_web._tcp.service.consul.', web)).toEqual(['SRV backend.example.com.:443 1 1']);
  });

  it('stand before aliases: those of the rest are not told', () => {
    const web = datacenterWith({ web: [instanceOn(n1, { address: 'x.example.' }), instanceOn(n2)] });
    expect(at('web.service.consul.', web)).toEqual([
      'A 10.1.0.2',
      'SRV x.example.:80 1 1',
      'SRV node2.node.dc1.consul.:80 1 1',
    ]);
  });

  it('of a service that names itself are its node’s', () => {
    const web = datacenterWith({ web: [instanceOn(n1, { address: 'web.service.consul' })] });
    expect(at('web.service.consul.', web)).toEqual(['A 10.1.0.1', 'SRV node1.node.dc1.consul.:80 1 1']);
  });

  it('that are nothing give nothing', () => {
    const web = datacenterWith({ web: [instanceOn(nodeAt('bare', ''), { address: 'no name at all' })] });
    expect(made(web).lines).toEqual([]);
  });
});

describe('WAN addresses', () => {
  const tagged = { wan: { address: '198.51.100.7', port: 9000 } };
  const far = nodeAt('far', '10.2.0.1', { tagged: { wan: '198.51.100.9' } });
  const both = [
    datacenterWith({ web: [instanceOn(n1, { address: '10.3.0.1', tagged })] }, { nodes: [n1] }),
    datacenterWith(
      { web: [instanceOn(n2, { address: '10.4.0.1', tagged })], db: [instanceOn(far)] },
      { name: 'dc2', nodes: [far] },
    ),
  ];

  it.each([
    ['never', '10.3.0.1', '10.4.0.1', '10.2.0.1'],
    ['other-datacenters', '10.3.0.1', '198.51.100.7', '198.51.100.9'],
    ['always', '198.51.100.7', '198.51.100.7', '198.51.100.9'],
  ] as const)('%s: %s here, %s and %s there', (wan, here, there, node) => {
    expect(at('web.service.dc1.consul.', both, { wan })[0]).toBe(`A ${here}`);
    expect(at('web.service.dc2.consul.', both, { wan })[0]).toBe(`A ${there}`);
    expect(at('far.node.dc2.consul.', both, { wan })).toEqual([`A ${node}`]);
    expect(at('web.service.consul.', both, { wan })[0]).toBe(`A ${here}`);
  });

  it('bring their port, and a node’s leads to a name of its address', () => {
    const wan = 'other-datacenters';
    expect(at('_web._tcp.service.dc2.consul.', both, { wan })).toEqual([
      'SRV c6336407.addr.dc2.consul.:9000 1 1',
    ]);
    expect(at('_db._tcp.service.dc2.consul.', both, { wan })).toEqual([
      'SRV c6336409.addr.dc2.consul.:80 1 1',
    ]);
    expect(at('_db._tcp.service.dc2.consul.', both)).toEqual(['SRV far.node.dc2.consul.:80 1 1']);
  });
});

describe('datacentres', () => {
  it('other than the first stand under their own name alone', () => {
    const there = datacenterWith({ db: [instanceOn(n2)] }, { name: 'dc2', nodes: [n2] });
    const { lines } = made([datacenterWith({}), there]);
    expect(lines.length).toBeGreaterThan(3);
    for (const line of lines) expect(line).toMatch(/^\S+\.dc2\.consul\. /);
  });
});

describe('nodes', () => {
  it('have their addresses and their metadata as RFC 1464 texts', () => {
    const node = nodeAt('N1', '10.1.0.1', {
      meta: {
        env: 'prod',
        'rfc1035-note': 'v=1 "quoted" \\',
        'a=b`c': 'x`y',
        ' edge ': 'é',
        'rfc1035-long': 'x'.repeat(256),
      },
    });
    const { lines, skipped } = made(datacenterWith({}, { nodes: [node] }));
    for (const owner of ['n1.node.consul.', 'n1.node.dc1.consul.']) {
      expect(lines.filter((line) => line.startsWith(owner))).toEqual([
        `${owner} A 10.1.0.1`,
        `${owner} TXT "env=prod"`,
        String.raw`${owner} TXT "v=1 \"quoted\" \\"`,
        `${owner} TXT "a\`=b\`\`c=x\`\`y"`,
        String.raw`${owner} TXT "` + '` edge` ' + String.raw`=\195\169"`,
      ]);
    }
    expect(skipped).toEqual(['consul-metadata']);
  });

  it('at a host name are an alias, without metadata', () => {
    const node = nodeAt('ext', 'host.example', { meta: { a: 'b' } });
    expect(at('ext.node.consul.', datacenterWith({}, { nodes: [node] }))).toEqual(['CNAME host.example.']);
  });

  it('with dots in their name have names with more labels', () => {
    const node = nodeAt('a.b', '10.1.0.1');
    expect(at('a.b.node.consul.', datacenterWith({}, { nodes: [node] }))).toEqual(['A 10.1.0.1']);
  });
});

describe('TTLs', () => {
  const serviceTtl = { web: 10, 'api*': 5, 'api-old*': 7, '*': 20 };
  it.each([
    ['web', 10],
    ['Web', 10],
    ['api', 5],
    ['api-v2', 5],
    ['api-old-1', 7],
    ['website', 20],
  ])('of %s is %i', (name, ttl) => {
    const datacenter = datacenterWith({ [name]: [instanceOn(n1, { tags: ['t'], address: '10.7.0.1' })] });
    const folded = name.toLowerCase();
    for (const owner of [
      `${folded}.service.consul.`,
      `t.${folded}.service.dc1.consul.`,
      `_${folded}._tcp.consul.`,
    ])
      expect(at(owner, datacenter, { serviceTtl })).toContain(`TTL ${ttl}`);
    expect(at('0a070001.addr.dc1.consul.', datacenter, { serviceTtl })).not.toContain(`TTL ${ttl}`);
  });

  it('that is the zone’s is not said', () => {
    const datacenter = datacenterWith({ web: [instanceOn(n1)] });
    expect(made(datacenter, { serviceTtl: { '*': 30 } }).lines.join()).not.toMatch(/TTL/);
  });
});

it('gives the same for the same, in whatever order Consul tells it', () => {
  const instances = [instanceOn(n1, { tags: ['a'] }), instanceOn(n2, { tags: ['a', 'b'] })];
  const one = made(datacenterWith({ web: instances, db: [instanceOn(n1)] })).lines.toSorted();
  const other = made(datacenterWith({ db: [instanceOn(n1)], web: instances.toReversed() })).lines.toSorted();
  expect(other).toEqual(one);
});
