import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from 'dns-packet';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type FakeConsul, startFakeConsul } from '../fakes/consul.ts';
import { encodeQuestion } from '../message.ts';
import { runCli, type Running, startCli } from './run-cli.ts';

const SECRET = '5f0c1c54-consul-secret';
const STATE = {
  version: '1.11.0',
  hostname: 'localhost',
  pid: 'master@127.0.0.1:5050',
  leader: 'master@127.0.0.1:5050',
  slaves: [],
  frameworks: [],
};

let directory: string;
let consul: FakeConsul;
let running: Running | undefined;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mesos-doh-consul-'));
  consul = await startFakeConsul();
  consul.token = SECRET;
  const node = { node: 'n1', address: '10.0.0.1', meta: { rack: 'r7' } };
  consul.register({ ...node, service: { ID: 'consul', Service: 'consul', Port: 8300 } });
  consul.register({
    ...node,
    service: { ID: 'w1', Service: 'Web', Port: 8080, Tags: ['v1'], Weights: { Passing: 7, Warning: 2 } },
  });
  consul.register({
    node: 'n2',
    address: '10.0.0.2',
    service: {
      ...{ ID: 'w2', Service: 'Web', Port: 8081, Address: '10.7.0.2' },
      TaggedAddresses: { wan: { Address: '192.0.2.2', Port: 443 } },
    },
  });
  consul.register({ ...node, service: { ID: 'd', Service: 'db' }, status: 'critical' });
  await writeFile(join(directory, 'state.json'), JSON.stringify(STATE));
});
afterEach(async () => {
  // Not SIGKILL: workerd would outlive it.
  if (running?.child.exitCode === null) await running.interrupt();
  running = undefined;
});
afterAll(async () => {
  await consul.close();
  await rm(directory, { recursive: true, force: true });
});

async function writeConfig(name: string, more: object): Promise<string> {
  const path = join(directory, `${name}.json`);
  const config = {
    consul: { url: consul.url, datacenters: ['dc1'], serviceTtl: { web: 9 }, nodeTtl: 21 },
    dataDir: join(directory, name),
    minPushSeconds: 1,
    ...more,
  };
  await writeFile(path, JSON.stringify(config));
  return path;
}

const env = { CONSUL_HTTP_TOKEN: SECRET };

type Told = { readonly rcode: string; readonly answers: string[]; readonly additionals: string[] };

async function ask(url: string, name: string, type: 'A' | 'SRV' | 'TXT' | 'AAAA'): Promise<Told> {
  const code = { A: 1, SRV: 33, TXT: 16, AAAA: 28 }[type];
  const dns = Buffer.from(encodeQuestion({ name, type: code })).toString('base64url');
  const response = await fetch(`${url}/dns-query?dns=${dns}`);
  const reply = decode(Buffer.from(await response.arrayBuffer()));
  const text = (records: typeof reply.answers): string[] =>
    (records ?? [])
      .filter((record) => record.type !== 'OPT')
      .map((record) => {
        const data = 'data' in record ? record.data : '';
        const shown =
          record.type === 'SRV' && typeof data === 'object' && 'target' in data
            ? `${data.target}:${data.port} ${data.priority} ${data.weight}`
            : String(data);
        return `${record.name} ${'ttl' in record ? record.ttl : ''} ${record.type} ${shown}`;
      })
      .toSorted();
  const rcode = 'rcode' in reply ? String(reply.rcode) : '';
  return { rcode, answers: text(reply.answers), additionals: text(reply.additionals) };
}

describe("Consul's zone beside Mesos's", () => {
  it('is answered by the same Worker as Consul answers it, and follows it', { timeout: 60_000 }, async () => {
    const config = await writeConfig('beside', { variants: { outside: { consulWan: 'always' } } });
    const state = join(directory, 'state.json');
    const args = ['--config', config, '--state', state, '--port', '0', '--no-upstream'];
    const up = startCli(['up', ...args], { env });
    running = up;
    await up.says('ready\n');
    const url = /DoH URL\s+(\S+)\/dns-query/.exec(up.stdout())?.[1] ?? '';

    expect(await ask(url, 'leader.mesos', 'A')).toMatchObject({ answers: ['leader.mesos 30 A 127.0.0.1'] });
    expect(await ask(url, 'web.service.consul', 'A')).toEqual({
      rcode: 'NOERROR',
      answers: ['web.service.consul 9 A 10.0.0.1', 'web.service.consul 9 A 10.7.0.2'],
      additionals: [],
    });
    const ports = ['0a070002.addr.dc1.consul:8081 1 1', 'n1.node.dc1.consul:8080 1 7'];
    expect(await ask(url, 'web.service.dc1.consul', 'SRV')).toEqual({
      rcode: 'NOERROR',
      answers: ports.map((each) => `web.service.dc1.consul 9 SRV ${each}`),
      additionals: ['0a070002.addr.dc1.consul 21 A 10.7.0.2', 'n1.node.dc1.consul 21 A 10.0.0.1'],
    });
    expect((await ask(url, '_web._v1.service.consul', 'SRV')).answers).toEqual([
      '_web._v1.service.consul 9 SRV n1.node.dc1.consul:8080 1 7',
    ]);
    expect((await ask(url, 'v1.web.service.consul', 'A')).answers).toEqual([
      'v1.web.service.consul 9 A 10.0.0.1',
    ]);
    expect((await ask(url, 'n1.node.consul', 'TXT')).answers).toEqual(['n1.node.consul 21 TXT rack=r7']);
    expect((await ask(url, 'web.service.consul', 'AAAA')).rcode).toBe('NOERROR');
    expect((await ask(url, 'db.service.consul', 'A')).rcode).toBe('NXDOMAIN');

    consul.setHealth('d', 'passing');
    await expect
      .poll(async () => (await ask(url, 'db.service.consul', 'A')).answers, { timeout: 15_000 })
      .toEqual(['db.service.consul 21 A 10.0.0.1']);
    const ended = await up.interrupt();
    expect(ended.code).toBe(0);
    expect(ended.stdout + ended.stderr).not.toContain(SECRET);
  });
});

describe('Consul alone', () => {
  it(
    'needs no Mesos: once, explained, and with its own address for outsiders',
    { timeout: 60_000 },
    async () => {
      const config = await writeConfig('alone', { variants: { outside: { consulWan: 'always' } } });
      const sink = join(directory, 'sink');
      const ended = await runCli(['sync', '--config', config, '--sink-dir', sink, '--once'], { env });
      expect(ended).toMatchObject({ code: 0 });
      const shown = ['records', '--config', config, '--sink-dir', sink];
      const main = JSON.parse((await runCli(shown)).stdout);
      expect(main.A['web.service.consul.']).toEqual(['10.0.0.1', '10.7.0.2']);
      const read = await runCli(['records', '--config', config], { env });
      expect(JSON.parse(read.stdout).A).toEqual(main.A);
      const outside = JSON.parse((await runCli([...shown, '--variant', 'outside'])).stdout);
      expect(outside.A['web.service.consul.']).toEqual(['10.0.0.1', '192.0.2.2']);
      expect(outside.SRV['_web._tcp.consul.']).toContain('c0000202.addr.dc1.consul.:443 1 1');

      const explain = async (...args: string[]): Promise<string> =>
        (await runCli(['explain', ...args, '--config', config, '--sink-dir', sink], { env })).stdout;
      const explained = await explain('Web.service.consul', 'A');
      expect(explained).toMatch(
        /^web\.service\.consul\. answered: A, SRV\nZone consul: it is Consul's catalogue, from http:/,
      );
      expect(explained).toMatch(/^ {4}instance w1 of service Web on node n1 in dc1, passing$/m);
      expect(explained).toMatch(
        /Published in [^]* {2}A 10\.0\.0\.1 10\.7\.0\.2\n[^]*the same as the cluster/,
      );
      const missing = JSON.parse(await explain('v7.web.service.consul', '--json'));
      expect(missing).toMatchObject({ verdict: { kind: 'nxdomain' }, missing: [{ reason: 'no-such-tag' }] });
      expect(missing.published).toMatchObject({ zone: 'consul', rrsets: [], differences: [] });

      const refused = await runCli([
        'sync',
        '--config',
        config,
        '--sink-dir',
        join(directory, 'none'),
        '--once',
      ]);
      // What was read last is published all the same.
      expect(refused.code).toBe(0);
      expect(refused.stderr).toMatch(/403.*CONSUL_HTTP_TOKEN/);
      const other = await writeConfig('other', {});
      const unread = await runCli([
        'sync',
        '--config',
        other,
        '--sink-dir',
        join(directory, 'none2'),
        '--once',
      ]);
      expect(unread.code).toBe(1);
      expect(unread.stderr).toMatch(/403.*CONSUL_HTTP_TOKEN/);
    },
  );

  it('is followed by an agent that tells of it', { timeout: 60_000 }, async () => {
    const config = await writeConfig('agent', { metrics: { port: 0 }, kv: undefined });
    const sink = join(directory, 'agent-sink');
    const agent = startCli(['sync', '--config', config, '--sink-dir', sink], { env });
    running = agent;
    const status = async (): Promise<{ readonly consul?: readonly object[] }> => {
      const asked = await runCli(['ctl', 'status', '--json', '--config', config]);
      return asked.code === 0 ? JSON.parse(asked.stdout) : {};
    };
    await expect
      .poll(async () => (await status()).consul, { timeout: 20_000 })
      .toMatchObject([{ datacenter: 'dc1', services: 3, instances: 4, nodes: 2 }]);
    consul.register({ node: 'n2', address: '10.0.0.2', service: { ID: 'late', Service: 'late' } });
    const shown = ['records', '--config', config, '--sink-dir', sink, '--zone', 'consul'];
    await expect
      .poll(async () => (await runCli(shown)).stdout, { timeout: 20_000 })
      .toMatch(/"late\.service\.consul\."/);
    consul.fault = { status: 500 };
    consul.register({ node: 'n2', address: '10.0.0.2', service: { ID: 'later', Service: 'later' } });
    await expect
      .poll(() => agent.stderr(), { timeout: 20_000 })
      .toMatch(/"datacenter":"dc1","problem":"GET .*500/);
    consul.fault = undefined;
    const ended = await agent.interrupt();
    expect(ended.code).toBe(0);
    expect(ended.stderr).not.toContain(SECRET);
    const kept = await readFile(join(directory, 'agent', 'consul-last.json'), 'utf8');
    expect(kept).toContain('"late"');
    expect(kept).not.toContain(SECRET);
  });
});
