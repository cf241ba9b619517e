import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from 'dns-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeQuestion, typeNumber } from '../message.ts';
import { runCli, type Running, startCli } from './run-cli.ts';

/** DC/OS's names, from a state file through the agent, the KV API and the built Worker in workerd. */
const ID = 'yor6tqhiag39y6cjkdd4w9uzo45qhku6ra8hl7hpr6d9ukjaz3jo';
let directory: string;
let running: Running | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mesos-doh-dcos-'));
});
afterEach(async () => {
  // Not SIGKILL: workerd would outlive it.
  if (running?.child.exitCode === null) await running.interrupt();
  running = undefined;
  await rm(directory, { recursive: true, force: true });
});

const labels = (all: Record<string, string>) => ({
  labels: Object.entries(all).map(([key, value]) => ({ key, value })),
});
/** An app of Marathon on a network of its own, as a master shows it; port 80 of it is one of the agent. */
function stateWith(address: string): unknown {
  const web = {
    id: 'mygroup_myapp.1',
    name: 'myapp.mygroup',
    slave_id: 'a-S0',
    state: 'TASK_RUNNING',
    resources: { ports: '[12564-12564]' },
    discovery: {
      name: 'myapp.mygroup',
      ports: {
        ports: [
          {
            number: 12_564,
            name: 'http',
            protocol: 'tcp',
            labels: labels({ VIP_0: '/mygroup/myapp:80', 'network-scope': 'host' }),
          },
        ],
      },
    },
    container: {
      type: 'MESOS',
      network_infos: [
        { name: 'dcos', port_mappings: [{ host_port: 12_564, container_port: 80, protocol: 'tcp' }] },
      ],
    },
    statuses: [
      {
        state: 'TASK_RUNNING',
        timestamp: 1,
        container_status: { network_infos: [{ ip_addresses: [{ ip_address: address }] }] },
      },
    ],
  };
  return {
    leader: 'master@10.9.0.1:5050',
    slaves: [{ id: 'a-S0', pid: 'slave(1)@10.0.0.7:5051' }],
    frameworks: [{ id: 'f', name: 'marathon', pid: 'scheduler-1@10.9.0.1:15101', tasks: [web] }],
  };
}

describe('DC/OS’s names', () => {
  it('are answered in their zones, follow the cluster, and are explained', async () => {
    const stateFile = join(directory, 'state.json');
    const configFile = join(directory, 'config.json');
    await writeFile(stateFile, JSON.stringify(stateWith('9.0.2.2')));
    await writeFile(configFile, JSON.stringify({ records: { profile: 'dcos' }, dcos: { cryptoId: ID } }));
    const input = ['--state', stateFile, '--config', configFile];
    const up = startCli([
      'up',
      '--port',
      '0',
      '--data-dir',
      join(directory, 'data'),
      '--no-upstream',
      // What DC/OS answers under older names, and what its manual has BIND for.
      '--aliases',
      'thisdcos.global=thisdcos.directory,dclb.thisdcos.directory=l4lb.thisdcos.directory,' +
        'dclb.thisdcos.global=l4lb.thisdcos.directory,apps.example.com=marathon.autoip.dcos.thisdcos.directory',
      ...input,
    ]);
    running = up;
    await up.says('ready\n');
    const url = /DoH URL\s+(\S+)\/dns-query/.exec(up.stdout())?.[1] ?? '';
    const ask = async (name: string, type = 'A'): Promise<string[]> => {
      const dns = Buffer.from(encodeQuestion({ name, type: typeNumber(type) })).toString('base64url');
      const response = await fetch(`${url}/dns-query?dns=${dns}`);
      const reply = decode(Buffer.from(await response.arrayBuffer()));
      if ('rcode' in reply && reply.rcode !== 'NOERROR') return [String(reply.rcode)];
      return (reply.answers ?? []).map((answer) => {
        if (answer.type === 'SRV') return `${answer.ttl} ${answer.data.target}:${answer.data.port}`;
        return answer.type === 'A' ? `${answer.ttl} ${answer.data}` : answer.type;
      });
    };
    const app = 'myapp-mygroup.marathon';
    const instance = 'myapp-mygroup-d1y4y-s0.marathon';
    for (const zone of ['thisdcos.directory', `${ID}.dcos.directory`]) {
      expect(await ask(`${app}.agentip.dcos.${zone}`)).toEqual(['5 10.0.0.7']);
      expect(await ask(`${app}.containerip.dcos.${zone}`)).toEqual(['5 9.0.2.2']);
      expect(await ask(`${app}.autoip.dcos.${zone}`)).toEqual(['5 10.0.0.7']);
      expect(await ask(`leader.dcos.${zone}`)).toEqual(['5 10.9.0.1']);
      expect(await ask(`leader.mesos.${zone}`)).toEqual(['5 10.9.0.1']);
      expect(await ask(`myapp.mygroup.marathon.mesos.${zone}`)).toEqual(['5 10.0.0.7']);
      expect(await ask(`mygroupmyapp.marathon.l4lb.${zone}`)).toEqual(['5 10.0.0.7']);
      const [srv = ''] = await ask(`_80._mygroupmyapp._tcp.marathon.l4lb.${zone}`, 'SRV');
      expect(srv).toBe(`5 ${instance}.agentip.dcos.${zone}:12564`);
      expect(await ask(`${instance}.agentip.dcos.${zone}`)).toEqual(['5 10.0.0.7']);
      expect(await ask(`_http._myapp-mygroup._tcp.marathon.autoip.dcos.${zone}`, 'SRV')).toEqual([srv]);
      expect(await ask(`gone.marathon.l4lb.${zone}`)).toEqual(['NXDOMAIN']);
    }
    expect(await ask('myapp.mygroup.marathon.mesos')).toEqual(['60 10.0.0.7']);
    expect(await ask(`${app}.agentip.dcos.${ID}.dcos.global`)).toEqual(['REFUSED']);
    for (const name of [
      `${app}.agentip.dcos.thisdcos.global`,
      'mygroupmyapp.marathon.l4lb.thisdcos.global',
      'mygroupmyapp.marathon.dclb.thisdcos.directory',
      'mygroupmyapp.marathon.dclb.thisdcos.global',
      'myapp-mygroup.apps.example.com',
    ])
      expect([name, ...(await ask(name))]).toEqual([name, '5 10.0.0.7']);

    // Mesos's own zone stays as it is: it has agents' addresses alone.
    await writeFile(stateFile, JSON.stringify(stateWith('9.0.2.3')));
    await expect
      .poll(() => ask(`${app}.containerip.dcos.${ID}.dcos.directory`), { timeout: 8_000 })
      .toEqual(['5 9.0.2.3']);

    const vip = `mygroupmyapp.marathon.l4lb.${ID}.dcos.directory`;
    const [explained, mirrored, records] = await Promise.all([
      runCli(['explain', vip, ...input]),
      runCli(['explain', 'leader.mesos.thisdcos.directory', ...input]),
      runCli(['records', ...input]),
    ]);
    expect(explained.stdout).toContain(`${vip}. answered: A`);
    expect(explained.stdout).toMatch(/TTL 5 s/);
    expect(explained.stdout).toContain('task mygroup_myapp.1 of framework "marathon" on agent a-S0');
    expect(explained.stdout).toMatch(/rule dcos-vip: /);
    expect(explained.stderr).toContain('is made as mygroupmyapp.marathon.l4lb.thisdcos.directory');
    expect(mirrored.stdout).toMatch(/^leader\.mesos\.thisdcos\.directory\. answered: A/);
    expect(JSON.parse(records.stdout).A[`${app}.containerip.dcos.thisdcos.directory.`]).toEqual(['9.0.2.3']);
  }, 60_000);
});
