import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClusterState, ServerSet, Skipped } from '../../../sync-agent/cluster.ts';
import { explainName } from '../../../sync-agent/records/explain.ts';
import { generateRecords, hostNamesOf } from '../../../sync-agent/records/generate.ts';
import { createRecordKeeper } from '../../../sync-agent/records/keeper.ts';
import type { RecordSet } from '../../../sync-agent/records/record-set.ts';
import { parsePrefix } from '../../../sync-agent/records/prefix.ts';
import { joinServerSets } from '../../../sync-agent/server-sets.ts';
import { parseName } from '../../../zone/name.ts';
import { endpointAt, memberAt, serverSet } from '../server-sets.ts';
import {
  agentAt,
  frameworkWith,
  recordsOf,
  settingsWith,
  stateWith,
  statusWith,
  taskWith,
} from '../states.ts';

const RAW = 'http_example.test.vagrant.aurora.mesos.';
const LABEL = 'http-example-test-vagrant.aurora.mesos.';
const agents = [
  { ...agentAt('x-S1', '10.0.0.1:5051'), hostname: 'h1' },
  { ...agentAt('x-S2', '10.0.0.2:5051'), hostname: 'h2' },
];
const http = (number: number) => ({ number, name: 'http', protocol: 'TCP' });
const taskOf = (id: string, agentId: string, port: number) =>
  taskWith({
    id,
    name: 'vagrant/test/http_example',
    agentId,
    discovery: { name: 'http_example.test.vagrant', ports: [http(port)] },
  });
const withSets = (
  sets: readonly ServerSet[],
  tasks: readonly ReturnType<typeof taskWith>[] = [],
): ClusterState =>
  joinServerSets(stateWith({ agents, frameworks: [frameworkWith({ name: 'Aurora', tasks })] }), sets);

describe('the records of a ServerSet', () => {
  it('have the forms that mesos-dns gives an Aurora job with DiscoveryInfo', () => {
    const { records, reasons } = recordsOf(
      withSets([
        serverSet([
          memberAt(0, 'h1', { http: 31000, aurora: 31000 }),
          memberAt(1, 'h2', { http: 31005, admin: 8080 }),
        ]),
      ]),
    );
    expect(records.A).toMatchObject({
      [RAW]: ['10.0.0.1', '10.0.0.2'],
      [LABEL]: ['10.0.0.1', '10.0.0.2'],
      [`0.${RAW}`]: ['10.0.0.1'],
      [`0.${LABEL}`]: ['10.0.0.1'],
      [`1.${RAW}`]: ['10.0.0.2'],
    });
    const services = Object.fromEntries(
      Object.entries(records.SRV).filter(([name]) => name.includes('http')),
    );
    expect(services).toEqual({
      '_http_example.test.vagrant._tcp.aurora.mesos.': [`0.${RAW}:31000`, `1.${RAW}:31005`],
      '_http._http_example.test.vagrant._tcp.aurora.mesos.': [`0.${RAW}:31000`, `1.${RAW}:31005`],
      '_aurora._http_example.test.vagrant._tcp.aurora.mesos.': [`0.${RAW}:31000`],
      '_admin._http_example.test.vagrant._tcp.aurora.mesos.': [`1.${RAW}:8080`],
      '_http-example-test-vagrant._tcp.aurora.mesos.': [`0.${LABEL}:31000`, `1.${LABEL}:31005`],
      '_http._http-example-test-vagrant._tcp.aurora.mesos.': [`0.${LABEL}:31000`, `1.${LABEL}:31005`],
      '_aurora._http-example-test-vagrant._tcp.aurora.mesos.': [`0.${LABEL}:31000`],
      '_admin._http-example-test-vagrant._tcp.aurora.mesos.': [`1.${LABEL}:8080`],
    });
    expect(reasons()).toEqual([]);
  });

  it('add to those of Mesos tasks nothing that leads to the same port twice', () => {
    const tasks = [taskOf('t1', 'x-S1', 31000), taskOf('t2', 'x-S2', 31005)];
    const mesosAlone = recordsOf(withSets([], tasks)).records;
    const { records } = recordsOf(
      withSets(
        [
          serverSet([
            memberAt(0, 'h1', { http: 31000, aurora: 31000, admin: 8080 }),
            memberAt(1, '10.0.0.2', { http: 31005 }),
          ]),
        ],
        tasks,
      ),
    );
    for (const type of ['A', 'AAAA', 'SRV'] as const)
      for (const [name, values] of Object.entries(mesosAlone[type]))
        expect([name, records[type][name]]).toEqual([name, values]);
    const instance = mesosAlone.SRV['_http._http_example.test.vagrant._tcp.aurora.mesos.']?.[0]?.replace(
      ':31000',
      '',
    );
    expect(instance).toMatch(/^http_example\.test\.vagrant-.{5}-s1\.aurora\.mesos\.$/);
    // An alias leads to where its port leads; a static port, which Mesos does not know, to the shard.
    expect(records.SRV['_aurora._http_example.test.vagrant._tcp.aurora.mesos.']).toEqual([
      `${instance}:31000`,
    ]);
    expect(records.SRV['_admin._http_example.test.vagrant._tcp.aurora.mesos.']).toEqual([`0.${RAW}:8080`]);
    expect(records.A[`1.${LABEL}`]).toEqual(['10.0.0.2']);
  });

  it('carry the weights of vectors, with Mesos tasks as without', () => {
    const srv = { priority: 1, weight: 50 };
    const member = { ...memberAt(0, 'h1', {}), primary: endpointAt('h1:31000', { srv }) };
    const name = '_http_example.test.vagrant._tcp.aurora.mesos.';
    const alone = recordsOf(withSets([serverSet([member])])).records.SRV[name];
    expect(alone).toEqual([`0.${RAW}:31000 1 50`]);
    const values = recordsOf(withSets([serverSet([member])], [taskOf('t1', 'x-S1', 31000)])).records.SRV[
      name
    ];
    expect(values).toHaveLength(1);
    expect(values?.[0]).toMatch(/-s1\.aurora\.mesos\.:31000 1 50$/);
  });

  it('of a task with an address of its own leave the shared name to the task', () => {
    const task = { ...taskOf('t1', 'x-S1', 31000), running: [statusWith({ netinfo: ['9.0.0.1'] })] };
    const { records } = recordsOf(withSets([serverSet([memberAt(0, 'h1', { http: 31000 })])], [task]));
    expect(records.A[RAW]).toEqual(['9.0.0.1']);
    expect(records.A[`0.${RAW}`]).toEqual(['10.0.0.1']);
  });

  it('of a hidden task are none', () => {
    const sick = { ...taskOf('t1', 'x-S1', 31000), killing: true };
    const tasks = settingsWith({
      tasks: {
        unhealthyTasks: 'keep',
        graceSeconds: 0,
        killingTasks: 'by-status',
        drainingAgents: 'keep',
        deactivatedAgents: 'keep',
        minVisibility: 'framework',
      },
    });
    const { records } = recordsOf(withSets([serverSet([memberAt(0, 'h1', { http: 31000 })])], [sick]), tasks);
    expect(Object.keys({ ...records.SRV, ...records.A }).filter((name) => name.includes('http'))).toEqual([]);
  });

  it('of a task that is named and has no port are its addresses, or none where it has others', () => {
    const member = { ...memberAt(0, 'h1', {}), task: { taskId: 't1', agentId: 'x-S1' } };
    const unknown = recordsOf(withSets([serverSet([member])])).records;
    expect([unknown.A[RAW], unknown.A[`0.${RAW}`]]).toEqual([['10.0.0.1'], ['10.0.0.1']]);
    expect(Object.keys(unknown.SRV).filter((name) => name.includes('http'))).toEqual([]);
    const apart = { ...taskOf('t1', 'x-S1', 31000), running: [statusWith({ netinfo: ['9.0.0.1'] })] };
    const known = recordsOf(withSets([serverSet([member])], [apart])).records;
    expect([known.A[RAW], known.A[`0.${RAW}`]]).toEqual([['9.0.0.1'], ['10.0.0.1']]);
    // Another task's host is no evidence.
    const other = recordsOf(withSets([serverSet([member])], [{ ...apart, id: 't2' }])).records;
    expect(other.A[RAW]).toEqual(['9.0.0.1', '10.0.0.1']);
  });

  it('have no SRV value for port 0, though the instance has a name', () => {
    const { records } = recordsOf(withSets([serverSet([memberAt(0, 'h1', { http: 0 })])]));
    expect(records.A[`0.${RAW}`]).toEqual(['10.0.0.1']);
    expect(Object.keys(records.SRV).filter((name) => name.includes('http'))).toEqual([]);
  });

  it('lead elsewhere where an endpoint is on another host than its instance', () => {
    const member = {
      ...memberAt(0, 'h1', {}),
      primary: endpointAt('h1:1'),
      additional: [{ alias: 'Admin.x', ...endpointAt('h2:2') }],
    };
    const { records } = recordsOf(withSets([serverSet([member])]));
    expect(records.SRV['_admin-x._http_example.test.vagrant._tcp.aurora.mesos.']).toEqual([
      `admin-x.0.${RAW}:2`,
    ]);
    expect(records.A[`admin-x.0.${RAW}`]).toEqual(['10.0.0.2']);
  });

  it('take the addresses a member tells first, then its agent’s, then what its host resolves to, or is', () => {
    const told = {
      ...memberAt(0, 'h1', {}),
      primary: endpointAt('h1:1', { addresses: ['10.9.0.1', 'fd00::1'] }),
    };
    const sets = [serverSet([told, memberAt(1, 'far', { x: 1 }), memberAt(2, '10.7.7.7', { x: 1 })])];
    const { records } = recordsOf(withSets(sets), {}, { far: ['10.8.0.1'], h1: ['10.6.0.1'] });
    expect(records.A[RAW]).toEqual(['10.9.0.1', '10.8.0.1', '10.7.7.7']);
    expect(records.AAAA[`0.${RAW}`]).toEqual(['fd00::1']);
    expect([...hostNamesOf(withSets(sets), [])]).toEqual(['far']);
  });

  it('are none, and that is told, where a host has no address or one that means each machine', () => {
    const rules = { prefer: [], exclude: [parsePrefix('127.0.0.0/8')], status: 'newest' } as const;
    const sets = [serverSet([memberAt(0, 'gone', { http: 1 }), memberAt(1, 'self', { http: 1 })])];
    const { records, details } = recordsOf(withSets(sets), { addresses: rules }, { self: ['127.0.1.1'] });
    expect(Object.keys({ ...records.SRV, ...records.A }).filter((name) => name.includes('http'))).toEqual([]);
    expect(details()).toEqual([
      'ServerSet vagrant/test/http_example of framework "Aurora", member_0000000000: host gone has no address',
      'ServerSet vagrant/test/http_example of framework "Aurora", member_0000000001: host self has no address',
    ]);
  });

  it('are told of where nothing of an alias is left in DNS, once, and the others are there', () => {
    const state = withSets([serverSet([memberAt(0, 'h1', { http: 31000, 日本: 31001 })])]);
    const aliases = { frameworkAliases: new Map([['aurora', ['ts']]]) };
    const { records, skipped } = recordsOf(state, aliases);
    expect(skipped).toEqual([
      {
        reason: 'name-not-askable',
        detail:
          'ServerSet vagrant/test/http_example of framework "Aurora", member_0000000000: of the port\'s name "日本" nothing is left in DNS',
      },
    ]);
    expect(records.SRV['_http._http_example.test.vagrant._tcp.ts.mesos.']).toHaveLength(1);
  });

  it('give the newest of two members the name of their shard, and the other one its own', () => {
    const older = memberAt(0, 'h1', { http: 1 }, { name: 'member_0000000003' });
    const newer = memberAt(0, 'h2', { http: 2 }, { name: 'member_0000000004' });
    const { records } = recordsOf(withSets([serverSet([older, newer])]));
    expect(records.A[`0.${RAW}`]).toEqual(['10.0.0.2']);
    expect(records.A[`member-0000000003.${RAW}`]).toEqual(['10.0.0.1']);
    expect(
      recordsOf(withSets([serverSet([memberAt(undefined, 'h1', {}, { name: 'member_7' })])])).records.A,
    ).toMatchObject({
      [`member-7.${RAW}`]: ['10.0.0.1'],
    });
  });

  it('are none outside: for those who see what is EXTERNAL, and on agents without the outer address', () => {
    const sets = withSets([serverSet([memberAt(0, 'h1', { http: 1 }), memberAt(1, 'far', { http: 1 })])]);
    const external = {
      unhealthyTasks: 'keep',
      graceSeconds: 0,
      killingTasks: 'by-state',
      drainingAgents: 'keep',
      deactivatedAgents: 'keep',
      minVisibility: 'external',
    } as const;
    expect(
      Object.keys(recordsOf(sets, { tasks: external }).records.A).some((name) => name.includes('http')),
    ).toBe(false);
    const [first, second] = agents;
    const outer = {
      ...sets,
      agents: [{ ...first, attributes: { public_ip: '198.51.100.1' } }, second].flatMap((each) =>
        each?.id === undefined ? [] : [{ ...agentAt(each.id, undefined), ...each }],
      ),
    };
    const { records } = recordsOf(outer, { agentAddressAttribute: 'public_ip' }, { far: ['10.8.0.1'] });
    expect(records.A[RAW]).toEqual(['198.51.100.1']);
  });

  it('are made under the aliases of their framework too, and so is all the framework has', () => {
    const tasks = [
      taskOf('t1', 'x-S1', 31000),
      taskWith({ id: 'p', name: 'plain', agentId: 'x-S1', ports: [{ begin: 1, end: 1 }] }),
    ];
    const state = withSets([serverSet([memberAt(0, 'h1', { http: 31000, admin: 80 })])], tasks);
    const [framework] = state.frameworks;
    const all = {
      ...state,
      frameworks: framework ? [{ ...framework, endpoint: { host: '10.0.0.9', port: '8081' } }] : [],
    };
    const { records } = recordsOf(all, { frameworkAliases: new Map([['aurora', ['twitterscheduler']]]) });
    for (const type of ['A', 'SRV'] as const) {
      const own = Object.entries(records[type]).filter(
        ([name]) => name.endsWith('aurora.mesos.') || name.endsWith('aurora.slave.mesos.'),
      );
      expect(own.length).toBeGreaterThan(5);
      for (const [name, values] of own) {
        const rename = (text: string): string =>
          text.replace(/aurora(?=\.(?:slave\.)?mesos\.)/, 'twitterscheduler');
        expect([name, records[type][rename(name)]]).toEqual([name, values.map(rename)]);
      }
    }
  });
});

describe('a record keeper', () => {
  const addressesOfHost = (host: string): readonly string[] => (host === 'far' ? ['10.8.0.1'] : []);
  const sorted = ({ A, AAAA, SRV }: RecordSet): unknown =>
    [A, AAAA, SRV].map((lists) =>
      Array.from(lists, ([name, values]) => `${name} ${values.toSorted().join(' ')}`).toSorted(),
    );

  it('has after any ServerSets what the last ones give', () => {
    const member = fc
      .tuple(
        fc.constantFrom(0, 1, undefined),
        fc.constantFrom('h1', 'h2', 'far', 'gone'),
        fc.nat(2),
        fc.nat(9),
      )
      .map(([shard, host, port, n]) =>
        memberAt(shard, host, { http: 31000 + port, aurora: 31000 }, { name: `member_${n}` }),
      );
    const set = fc
      .tuple(
        fc.constantFrom('web', 'http_example', '日'),
        fc.uniqueArray(member, { maxLength: 4, selector: ({ name }) => name }),
      )
      .map(([job, members]) => serverSet(members, { job }));
    const task = fc
      .tuple(fc.constantFrom('t1', 't2'), fc.constantFrom('x-S1', 'x-S2', 'x-S9'), fc.nat(2), fc.boolean())
      .map(([id, agentId, port, killing]) => ({ ...taskOf(id, agentId, 31000 + port), killing }));
    const state = fc
      .tuple(fc.array(set, { maxLength: 3 }), fc.array(task, { maxLength: 3 }))
      .map(([sets, tasks]) => withSets(sets, tasks));
    const settings = settingsWith({
      tasks: {
        unhealthyTasks: 'keep',
        graceSeconds: 0,
        killingTasks: 'by-status',
        drainingAgents: 'keep',
        deactivatedAgents: 'keep',
        minVisibility: 'framework',
      },
      frameworkAliases: new Map([['aurora', ['ts']]]),
    });
    fc.assert(
      fc.property(fc.array(state, { minLength: 2, maxLength: 5 }), (states) => {
        const keeper = createRecordKeeper(settings);
        for (const each of [...states, stateWith({})]) {
          const skipped: Skipped[] = [];
          const anew = generateRecords(each, settings, {
            addressesOfHost,
            report: (one) => void skipped.push(one),
          });
          const kept = keeper.update(each, addressesOfHost);
          expect(sorted(kept.records)).toEqual(sorted(anew));
          expect(new Set(kept.skipped.map(({ detail }) => detail))).toEqual(
            new Set(skipped.map(({ detail }) => detail)),
          );
        }
      }),
      { numRuns: 200 },
    );
  });

  it('gives no twin: one port of one address is never reached by two targets', () => {
    const tasks = [taskOf('t1', 'x-S1', 31000), taskOf('t2', 'x-S1', 31001)];
    const sets = [
      serverSet([
        memberAt(0, 'h1', { http: 31000, aurora: 31000 }),
        memberAt(1, 'h1', { http: 31001, aurora: 31001 }),
      ]),
    ];
    const { records } = recordsOf(withSets(sets, tasks));
    for (const [name, values] of Object.entries(records.SRV)) {
      const places = values.flatMap((value) => {
        const [target = '', port] = value.split(':');
        return (records.A[target] ?? []).map((address) => `${name} ${address}:${port}`);
      });
      expect(new Set(places).size).toBe(places.length);
    }
  });

  it('makes nothing anew for sets that say the same', () => {
    const keeper = createRecordKeeper(settingsWith());
    const state = withSets([serverSet([memberAt(0, 'h1', { http: 31000 })])]);
    keeper.update(state, addressesOfHost);
    expect(keeper.update(structuredClone(state), addressesOfHost).before.size).toBe(0);
    const gone = keeper.update({ ...state, serverSets: [] }, addressesOfHost);
    expect([...gone.before.keys()]).toContain(RAW);
    expect(gone.records.A.has(RAW)).toBe(false);
  });
});

describe('explain', () => {
  const explained = (name: string, state: ClusterState, hosts: Record<string, string[]> = {}) =>
    explainName(state, name, {
      settings: settingsWith(),
      rrsets: { origin: parseName('mesos'), ttl: 30, srvWeight: 1, sources: 1 },
      addressesOfHost: (host) => hosts[host] ?? [],
      skipped: [],
    });
  const state = withSets([
    serverSet([memberAt(0, 'h1', { http: 31000, late: 0 }), memberAt(1, 'gone', { http: 31000 })]),
  ]);

  it('names member, set and rule', () => {
    const { rrsets } = explained('_http._http_example.test.vagrant._tcp.aurora.mesos', state);
    expect(rrsets[0]?.values[0]?.from[0]).toMatchObject({
      rule: 'server-set-alias',
      by: 'member_0000000000 of ServerSet vagrant/test/http_example of framework "Aurora"',
    });
    expect(explained(`0.${RAW}`, state).rrsets[0]?.values[0]?.from[0]).toMatchObject({
      rule: 'server-set-instance',
    });
    expect(explained(RAW, state).rrsets[0]?.values[0]?.from[0]).toMatchObject({
      rule: 'server-set-shared-name',
    });
  });

  it('says why there is nothing: no port, no address', () => {
    const late = explained('_late._http_example.test.vagrant._tcp.aurora.mesos', state).missing;
    expect(late.map(({ reason }) => reason)).toEqual(['no-port']);
    expect(late[0]?.detail).toContain('announces port 0');
    const gone = explained(`1.${LABEL}`, state).missing;
    expect(gone).toEqual([
      {
        reason: 'no-address',
        detail: expect.stringContaining('its host gone is no agent and does not resolve'),
      },
    ]);
    expect(explained(`1.${LABEL}`, state, { gone: ['10.0.0.3'] }).missing).toEqual([]);
    expect(explained('other.aurora.mesos', state).missing).toEqual([]);
  });
});
