import { describe, expect, it } from 'vitest';
import { asJson, asText } from '../../../sync-agent/commands/explain-text.ts';
import { explainConsul } from '../../../sync-agent/consul/explain.ts';
import type { ConsulRecordSettings } from '../../../sync-agent/consul/records.ts';
import type { Explanation } from '../../../sync-agent/records/explain.ts';
import { parseName } from '../../../zone/name.ts';
import { datacenterWith, instanceOn, nodeAt, SETTINGS } from './facts.ts';

const n1 = nodeAt('Node1', '10.1.0.1', { meta: { rack: 'r7' } });
const n2 = nodeAt('node2', '10.1.0.2');
const HERE = datacenterWith(
  {
    Web: [
      instanceOn(n1, { id: 'w1', tags: ['v1'], port: 8080 }),
      instanceOn(n2, { id: 'w2', address: '10.7.0.2', tags: ['v2'], health: 'warning' }),
      instanceOn(n2, { id: 'w3', tags: ['v3'], health: 'critical' }),
    ],
    db: [instanceOn(n1, { id: 'd1', health: 'critical' })],
    'a.b': [instanceOn(n1, { id: 'dotted' })],
    mail: [instanceOn(nodeAt('elsewhere', 'mail.example.com'), { id: 'm1' })],
    none: [],
  },
  { nodes: [n1, n2] },
);
const THERE = datacenterWith({ far: [instanceOn(nodeAt('n9', '10.9.0.1'), { id: 'f1' })] }, { name: 'dc2' });

function explain(
  name: string,
  { type, ...settings }: Partial<ConsulRecordSettings> & { readonly type?: string } = {},
): Explanation {
  return explainConsul([HERE, THERE], name, {
    settings: { ...SETTINGS, serviceTtl: { web: 9 }, ...settings },
    rrsets: { origin: parseName('consul'), ttl: 30, srvWeight: 1, sources: 2 },
    type,
    skipped: [],
    from: 'http://consul.example:8500, as of now',
  });
}

const given = ({ rrsets }: Explanation): string[] =>
  rrsets.flatMap(({ type, values }) =>
    values.flatMap(({ value, from }) => from.map(({ by }) => `${type} ${value} < ${by}`)),
  );
const reasons = ({ missing }: Explanation): string[] =>
  missing.map(({ reason, detail }) => `${reason}: ${detail}`);

describe('a name that Consul has', () => {
  it('says which instance gives each value, and which does not', () => {
    const told = explain('WEB.service.consul');
    expect(told).toMatchObject({
      name: 'web.service.consul.',
      zone: 'consul',
      verdict: { kind: 'answered' },
    });
    expect(given(told)).toEqual([
      'A 10.1.0.1 < instance w1 of service Web on node Node1 in dc1, passing',
      'A 10.7.0.2 < instance w2 of service Web on node node2 in dc1, warning',
      'SRV 0a070002.addr.dc1.consul.:80 1 1 < instance w2 of service Web on node node2 in dc1, warning',
      'SRV node1.node.dc1.consul.:8080 1 1 < instance w1 of service Web on node Node1 in dc1, passing',
    ]);
    expect(told.rrsets[0]?.ttl).toBe(9);
    expect(told.ttls).toMatchObject([{ seconds: 9, counts: true }]);
    expect(reasons(told)).toEqual([
      'not-healthy: instance w3 of service Web on node node2 is critical (critical ones are not told)',
    ]);
    const text = asText(told, undefined);
    expect(text).toContain("Zone consul: it is Consul's catalogue, from http://consul.example:8500");
    expect(text).not.toMatch(/MORE|none:|undefined/);
  });

  it.each([
    ['node1.node.consul', ['A 10.1.0.1', 'TXT "rack=r7"'], 'node Node1 in dc1'],
    ['v2.web.service.dc1.consul', ['A 10.7.0.2', 'SRV 0a070002.addr.dc1.consul.:80 1 1'], 'instance w2 '],
    ['_web._v1.service.consul', ['SRV node1.node.dc1.consul.:8080 1 1'], 'instance w1 '],
    ['0a070002.addr.dc1.consul', ['A 10.7.0.2'], 'instance w2 '],
    ['far.service.dc2.consul', ['A 10.9.0.1', 'SRV n9.node.dc2.consul.:80 1 1'], 'instance f1 '],
    ['mail.service.consul', ['CNAME mail.example.com.'], 'instance m1 '],
  ])('%s has %j', (name, values, by) => {
    const told = explain(name);
    expect(told.verdict.kind).toBe('answered');
    expect(given(told).map((line) => line.split(' < ')[0])).toEqual(values);
    for (const line of given(told)) expect(line.split(' < ')[1]).toMatch(new RegExp(`^${by}`));
  });

  it('may be asked for one type, and be printed as JSON', () => {
    const told = explain('web.service.consul', { type: 'TXT' });
    expect(told.verdict).toEqual({ kind: 'no-data', text: 'no data: it has A, SRV, and no TXT' });
    expect(JSON.parse(asJson(told, undefined))).toMatchObject({
      zone: 'consul',
      verdict: { kind: 'no-data' },
    });
  });
});

describe('a name that Consul has not', () => {
  it.each([
    ['wbe.service.consul', 'no-such-service: dc1 has no service wbe; its services: Web, a.b, db, mail, none'],
    ['far.service.consul', 'no-such-service: dc1 has no service far; its services: '],
    ['v9.web.service.consul', 'no-such-tag: service Web has no tag v9; its tags: v1, v2, v3'],
    ['_web._v9.consul', 'no-such-tag: service Web has no tag v9; its tags: v1, v2, v3'],
    ['v3.web.service.consul', 'not-healthy: instance w3 of service Web on node node2 is critical'],
    ['db.service.consul', 'not-healthy: instance d1 of service db on node Node1 is critical'],
    ['none.service.consul', 'no-instance: service none has no instance in dc1'],
    ['node9.node.consul', 'no-such-node: dc1 has no node node9; its nodes: Node1, node2'],
    [
      'web.service.dc7.consul',
      'no-such-datacenter: no datacentre dc7 is read: dc1, dc2 (consul.datacenters)',
    ],
    ['q.query.consul', 'no-such-form: '],
    ['v1.far.service.dc2.consul', 'no-such-tag: service far has no tag v1; it has none'],
  ])('%s: %s', (name, reason) => {
    const told = explain(name);
    expect(told.verdict.kind).toBe('nxdomain');
    expect(reasons(told)).toHaveLength(1);
    expect(reasons(told)[0]).toContain(reason);
  });

  it('may be one whose instances only warn', () => {
    expect(reasons(explain('v2.web.service.consul', { onlyPassing: true }))).toEqual([
      'not-healthy: instance w2 of service Web on node node2 is warning (consul.onlyPassing: only what passes is told)',
    ]);
  });

  it('has a name near, and says what was left out', () => {
    expect(asText(explain('wbe.service.consul'), undefined)).toContain('Did you mean web.service.consul.?');
    const dotted = explain('a.b.service.consul');
    expect(dotted.verdict.kind).toBe('nxdomain');
    expect(explain('dotted.service.consul').otherSkipped).toBe(1);
  });

  it.each(['a..consul', `${'x'.repeat(64)}.consul`])('%s can not be asked for', (name) => {
    expect(explain(name)).toMatchObject({ verdict: { kind: 'not-askable' }, missing: [] });
  });

  it('is the zone itself', () => {
    expect(explain('consul')).toMatchObject({ verdict: { kind: 'answered' }, missing: [] });
  });
});
