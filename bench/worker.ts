import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { encode } from 'dns-packet';
import { createCluster } from '../simulate/cluster.ts';
import { stateOf } from '../simulate/state.ts';
import { parseConfig } from '../sync-agent/config.ts';
import { loadOrMakeSigningKey } from '../sync-agent/keys.ts';
import { buildWorkerIfNeeded, WORKER_BUNDLE } from '../sync-agent/local/project.ts';
import { createPublisher } from '../sync-agent/publish/publisher.ts';
import { recordSettings, zoneOf, zoneSettings } from '../sync-agent/record-settings.ts';
import { generateRecords } from '../sync-agent/records/generate.ts';
import { toZoneContent } from '../sync-agent/records/rrsets.ts';
import { createMemorySink } from '../sync-agent/sinks/memory.ts';
import { readStateDocument } from '../sync-agent/sources/state-document.ts';

const shell = promisify(execFile);
const ROUNDS = 5;
const SECONDS = 2;
const CONNECTIONS = 64;

type Case = {
  readonly name: string;
  readonly port: number;
  readonly path: string;
  readonly body?: Uint8Array;
};
type Sample = { readonly perSecond: number; readonly cpuMicroseconds: number };

/** The built Worker in raw workerd beside a handler that does nothing, turn by turn: requests a second and CPU. */
export async function benchWorker(print: (line: string) => void): Promise<void> {
  if (
    !(await shell('sh', ['-c', 'command -v wrk']).then(
      () => true,
      () => false,
    ))
  ) {
    print('worker: wrk is not installed (apt-get install wrk), so there are no figures');
    return;
  }
  await buildWorkerIfNeeded();
  const directory = await mkdtemp(join(tmpdir(), 'mesos-doh-bench-'));
  const bundle = await readFile(WORKER_BUNDLE);
  print(`worker: ${kib(bundle.length)} KiB, ${kib(gzipSync(bundle).length)} KiB gzipped`);
  const servers: ChildProcess[] = [];
  try {
    const [ours, noop] = [await startOurs(directory), await startNoop(directory)];
    servers.push(ours.child, noop.child);
    const query = (name: string, type: 'A' | 'SRV'): Uint8Array =>
      encode({ type: 'query', id: 0, flags: 0x100, questions: [{ name, type }] });
    const get = (message: Uint8Array): string =>
      `/dns-query?dns=${Buffer.from(message).toString('base64url')}`;
    const [a, srv, nx] = [
      query('search.marathon.mesos', 'A'),
      query('_search._tcp.marathon.mesos', 'SRV'),
      query('nx.mesos', 'A'),
    ];
    const cases: readonly Case[] = [
      { name: 'no-op GET', port: noop.port, path: get(a) },
      { name: 'A GET', port: ours.port, path: get(a) },
      { name: 'A POST', port: ours.port, path: '/dns-query', body: a },
      { name: 'SRV GET', port: ours.port, path: get(srv) },
      { name: 'NXDOMAIN GET', port: ours.port, path: get(nx) },
    ];
    const pids = new Map([ours, noop].map(({ port, child }) => [port, child.pid ?? 0]));
    const samples = new Map<string, Sample[]>(cases.map(({ name }) => [name, []]));
    for (const each of cases) await load(each, { directory, seconds: 1, pid: pids.get(each.port) ?? 0 });
    for (let round = 0; round < ROUNDS; round++) {
      for (const each of round % 2 === 0 ? cases : cases.toReversed()) {
        samples
          .get(each.name)
          ?.push(await load(each, { directory, seconds: SECONDS, pid: pids.get(each.port) ?? 0 }));
      }
    }
    const median = (values: readonly number[]): number =>
      values.toSorted((x, y) => x - y)[values.length >> 1] ?? 0;
    const base = samples.get('no-op GET') ?? [];
    print(
      `case             requests/s   of the no-op   CPU us a request   (medians of ${ROUNDS}, wrk -t1 -c${CONNECTIONS})`,
    );
    for (const [name, list] of samples) {
      const ratio = list.map(({ perSecond }, i) => perSecond / (base[i]?.perSecond ?? 1));
      const columns = [
        name.padEnd(14),
        String(Math.round(median(list.map(({ perSecond }) => perSecond)))).padStart(12),
        median(ratio).toFixed(2).padStart(14),
        median(list.map(({ cpuMicroseconds }) => cpuMicroseconds))
          .toFixed(1)
          .padStart(18),
      ];
      print(columns.join(' '));
    }
  } finally {
    for (const server of servers) server.kill();
    await rm(directory, { recursive: true });
  }
}

function kib(octets: number): string {
  return (octets / 1024).toFixed(1);
}

async function load(
  { port, path, body }: Case,
  { directory, seconds, pid }: { directory: string; seconds: number; pid: number },
): Promise<Sample> {
  const script = join(directory, 'post.lua');
  const octets = [...(body ?? [])].map((octet) =>
    `\\${octet}`.replace(/\\(\d+)/, (_, digits: string) => `\\${digits.padStart(3, '0')}`),
  );
  const post = `wrk.method="POST"\nwrk.headers["content-type"]="application/dns-message"\nwrk.body="${octets.join('')}"\n`;
  await writeFile(script, body ? post : '');
  const before = await cpuTicks(pid);
  const url = `http://127.0.0.1:${port}${path}`;
  const { stdout } = await shell('wrk', ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '-s', script, url]);
  const ticks = (await cpuTicks(pid)) - before;
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0);
  if (/Non-2xx/.test(stdout) || requests === 0) throw new Error(`the load failed: ${stdout}`);
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? 0);
  return { perSecond, cpuMicroseconds: (ticks * 10_000) / requests };
}

/** User and system time of a process in ticks of 10 ms. */
async function cpuTicks(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

type Server = { readonly child: ChildProcess; readonly port: number };

/** The Worker as built, its KV a service that answers from memory, as workerd's KV protocol wants it. */
async function startOurs(directory: string): Promise<Server> {
  const key = await loadOrMakeSigningKey(join(directory, 'key.pem'));
  const stored = await publishedCluster(key);
  await copyFile(WORKER_BUNDLE, join(directory, 'index.js'));
  const data = JSON.stringify(
    [...stored].map(([name, { value, root }]) => [name, Buffer.from(value).toString('base64'), root]),
  );
  await writeFile(
    join(directory, 'kv.js'),
    `const data = new Map(${data}.map(([k, v, root]) => [k, { v: Uint8Array.from(atob(v), (c) => c.charCodeAt(0)), root }]));
export default { fetch(request) {
  const found = data.get(decodeURIComponent(new URL(request.url).pathname.slice(1)));
  if (!found) return new Response(null, { status: 404 });
  return new Response(found.v, { headers: found.root ? { 'CF-KV-Metadata': JSON.stringify({ root: found.root }) } : {} });
} };`,
  );
  const bindings = [
    `(name = "SNAPSHOTS", kvNamespace = "kv")`,
    ...Object.entries({
      ZONES: 'mesos',
      ACCESS: 'open',
      UPSTREAMS: '',
      VERIFY_KEYS: key.publicKeyBase64,
    }).map(([name, text]) => `(name = "${name}", text = "${text}")`),
  ];
  return startWorkerd(directory, 'ours', [
    `(name = "main", worker = (modules = [(name = "index.js", esModule = embed "index.js")], compatibilityDate = "2026-08-01", compatibilityFlags = ["nodejs_compat"], bindings = [${bindings.join(', ')}]))`,
    `(name = "kv", worker = (modules = [(name = "kv.js", esModule = embed "kv.js")], compatibilityDate = "2026-08-01"))`,
  ]);
}

async function startNoop(directory: string): Promise<Server> {
  await writeFile(join(directory, 'noop.js'), 'export default { fetch() { return new Response("ok"); } };');
  return startWorkerd(directory, 'noop', [
    `(name = "main", worker = (modules = [(name = "noop.js", esModule = embed "noop.js")], compatibilityDate = "2026-08-01"))`,
  ]);
}

async function startWorkerd(directory: string, name: string, services: readonly string[]): Promise<Server> {
  const port = await freePort();
  const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [${services.join(', ')}], sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")]);`;
  await writeFile(join(directory, `${name}.capnp`), config);
  const child = spawn(workerdBinary(), ['serve', join(directory, `${name}.capnp`)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  for (let tries = 0; tries < 100; tries++) {
    const up = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    );
    if (up) return { child, port };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`workerd did not start for ${name}`);
}

/** The package gives its binary's path, without types. */
function workerdBinary(): string {
  const loaded: unknown = createRequire(import.meta.url)('workerd');
  if (typeof loaded === 'object' && loaded !== null && 'default' in loaded) return String(loaded.default);
  throw new TypeError('the workerd package gives no path');
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

async function publishedCluster(
  key: Awaited<ReturnType<typeof loadOrMakeSigningKey>>,
): Promise<Map<string, { value: Uint8Array; root: string | undefined }>> {
  const config = parseConfig({}, 'bench');
  const zone = zoneOf(config);
  const signal = new AbortController().signal;
  const cluster = createCluster({ seed: 1, agents: 12, tasks: 120 });
  const master = { id: 'm', ip: '127.0.0.1', port: 5050, hostname: 'm', electedSeconds: 1 };
  const chunks = (async function* () {
    yield Buffer.from(JSON.stringify(stateOf(cluster.snapshot(), master)));
  })();
  const { state } = await readStateDocument(chunks, () => undefined);
  const records = generateRecords(state, recordSettings(config), {
    addressesOfHost: () => [],
    report: () => undefined,
  });
  const sink = createMemorySink();
  const randomOctets = (length: number): Uint8Array => randomBytes(length);
  const publisher = createPublisher({
    sink,
    zone,
    settings: zoneSettings(config),
    key,
    livenessSeconds: 300,
    now: Date.now,
    monotonicMs: () => performance.now(),
    writerId: randomOctets(16),
    randomOctets,
  });
  const content = toZoneContent(
    records,
    { origin: zone.origin, ttl: 30, srvWeight: 1, sources: 1 },
    () => undefined,
  );
  const wanted = { kind: 'content', content, changed: 'all' } as const;
  await publisher.publish({ wanted, confirmedAtMs: Date.now() }, signal);
  const stored = new Map<string, { value: Uint8Array; root: string | undefined }>();
  for (const name of await sink.list('', signal)) {
    const pair = await sink.get(name, signal);
    if (pair) stored.set(name, { value: pair.value, root: pair.metadata?.['root'] });
  }
  return stored;
}
