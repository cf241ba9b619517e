import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../sync-agent/config.ts';
import { taskServices } from '../../../sync-agent/consul/task-services.ts';
import { derivedZones } from '../../../sync-agent/derived-zones.ts';
import { recordSettings } from '../../../sync-agent/record-settings.ts';
import { generateRecords } from '../../../sync-agent/records/generate.ts';
import type { RecordSet } from '../../../sync-agent/records/record-set.ts';
import { agentAt, frameworkWith, stateWith, taskWith } from '../states.ts';

const CONFIG = parseConfig({ records: { profile: 'consul' } }, 'a test');
const OPTIONS = { domain: 'mesos', consulDomain: 'consul' };
const STATE = stateWith({
  agents: [agentAt('x-S0', '10.0.0.1:5051'), agentAt('x-S1', '10.0.0.2:5051')],
  frameworks: [
    frameworkWith({
      name: 'marathon-1.2',
      tasks: [
        taskWith({ id: 'web.1', name: 'web', ports: [{ begin: 31001, end: 31002 }], labels: { tags: 'v1' } }),
        taskWith({ id: 'web.2', name: 'web', agentId: 'x-S1', ports: [{ begin: 31001, end: 31001 }] }),
        taskWith({ id: 'db.1', name: 'db' }),
      ],
    }),
    frameworkWith({
      id: 'f2',
      name: 'aurora',
      tasks: [taskWith({ id: 'db.9', name: 'db', agentId: 'x-S1' })],
    }),
  ],
});

function services(): RecordSet {
  const records = generateRecords(STATE, recordSettings(CONFIG), {
    addressesOfHost: () => [],
    report: () => undefined,
  });
  return taskServices(records, OPTIONS);
}

describe('tasks as services', () => {
  it('have the addresses of all of their name, of whatever framework', () => {
    const { A } = services();
    expect(A.get('web.service.consul.')?.toSorted()).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(A.get('db.service.consul.')?.toSorted()).toEqual(['10.0.0.1', '10.0.0.2']);
  });

  it('have names for tags and for ports by number', () => {
    const { A } = services();
    expect(A.get('v1.web.service.consul.')).toEqual(['10.0.0.1']);
    expect(A.get('web-port2.service.consul.')).toEqual(['10.0.0.1']);
  });

  it('have SRV under the plain and the RFC 2782 names, leading to their hosts', () => {
    const { SRV } = services();
    for (const owner of ['web.service', '_web._tcp.service', '_web._tcp']) {
      expect(
        SRV.get(`${owner}.consul.`)
          ?.map((value) => value.replace(/.*:/, ''))
          .toSorted(),
      ).toEqual(['31001', '31001', '31002']);
    }
    expect(SRV.get('_web._v1.service.consul.')).toHaveLength(2);
    for (const value of [...SRV.values()].flat())
      expect(value).toMatch(/^web-\w+-s\d\.marathon-1\.2\.slave\.mesos\.:/);
  });

  it('are nothing else: no cluster names, no instances, nothing outside the zone', () => {
    const { A, SRV } = services();
    for (const name of [...A.keys(), ...SRV.keys()])
      expect(name).toMatch(/^(?:_?[\w-]+\.){1,3}(?:service\.)?consul\.$/);
    expect([...A.keys()].toSorted()).toEqual([
      'db.service.consul.',
      'v1.web.service.consul.',
      'web-port1.service.consul.',
      'web-port2.service.consul.',
      'web.service.consul.',
    ]);
  });

  it('have a zone with the profile consul alone, and not where a Consul has it', () => {
    const zonesOf = (config: object): string[] =>
      derivedZones(parseConfig(config, 'a test')).map(({ zone }) => zone.origin);
    const records = { profile: 'consul' };
    expect(zonesOf({})).toEqual([]);
    expect(zonesOf({ records })).toEqual(['consul']);
    expect(zonesOf({ records, consul: { domain: 'Corp.Consul' } })).toEqual(['corp.consul']);
    expect(zonesOf({ records, consul: { url: 'http://127.0.0.1:8500' } })).toEqual([]);
  });
});

describe('a configuration of Consul', () => {
  it.each([
    [{ consul: {} }, /consul\.url should name/],
    [{ consul: { url: 'ftp://x' } }, /consul\.url: should be the URL/],
    [{ consul: { url: 'http://user:pass@x' } }, /consul\.url: holds a name or password/],
    [{ consul: { url: 'http://x?token=y' } }, /consul\.url: should end before/],
    [{ consul: { url: 'http://x', token: 'y' } }, /unknown key consul\.token/],
    [{ consul: { url: 'https://x', certFile: 'c.pem' } }, /certFile and consul\.keyFile belong together/],
    [{ consul: { url: 'http://x', domain: 'mesos' } }, /both mesos/],
    [{ consul: { url: 'http://x', datacenters: ['a', 'A'] } }, /name each datacentre once/],
    [{ consul: { url: 'http://x', datacenters: ['a.b'] } }, /name of a datacentre/],
    [{ consul: { url: 'http://x', serviceTtl: { 'a*b': 1 } } }, /\* stands at the end/],
    [{ consul: { url: 'http://x', serviceTtl: { a: -1 } } }, /serviceTtl\.a/],
    [{ variants: { out: { consulWan: 'always' } } }, /variants\.out speaks of Consul/],
    [{ records: { profile: 'consul' }, consul: { domain: 'mesos' } }, /both mesos/],
  ])('%j is refused', (config, message) => expect(() => parseConfig(config, 'a test')).toThrow(message));
});
