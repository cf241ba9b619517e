import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { encode } from 'dns-packet';
import { buildWorkerIfNeeded, WORKER_BUNDLE } from '../sync-agent/local/project.ts';
import { count, median, spread, table } from './figures.ts';
import { fineCpuMs, memoryOf } from './process-figures.ts';
import { firstLine, type Part, type Stage } from './stage.ts';
import { ourService, type Served, startWorkerd, workerService } from './workerd.ts';

const RUNS = 5;
const WARM = 30;
const MANY_SHARDS = 64;
const MIB = 1024 * 1024;
const FLOOR = 'floor, one block';
/** KV from files: the body goes through without being touched, metadata is not used by a first read. */
const KV_FROM_DISK = `export default { fetch(request, env) {
  const key = decodeURIComponent(new URL(request.url).pathname.slice(1));
  return env.DISK.fetch('http://disk/' + key.replaceAll('/', '_'));
} };`;

type Zone = {
  readonly rrsets: number;
  readonly publicKey: string;
  readonly shards: number;
  readonly names: readonly string[];
  readonly files: readonly string[];
  readonly octets: Readonly<Record<'head' | 'run' | 'shard', number>>;
};

/** What one fresh process took. Times in milliseconds, memory in octets above that before the first answer. */
type Cold = {
  /** Of the process before its first answer from a snapshot, all code loaded. */
  readonly before: number;
  readonly firstMs: number;
  readonly firstCpuMs: number;
  readonly warmMs: number;
  readonly grown: number;
  readonly secondMs?: number;
  readonly grownBySecond?: number;
  readonly grownByMany?: number;
  readonly grownByAll?: number;
};

/** The built Worker's first answers in fresh workerd processes, its KV served from disk, at these sizes. */
export function benchCold(sizes: readonly number[]): Part {
  return async (stage) => {
    await buildWorkerIfNeeded(stage.signal);
    stage.print(
      `cold: first answers in fresh workerd processes; least..most of ${RUNS} runs beside each median; ms of a round`,
    );
    stage.print(
      'trip over loopback, less that of a warm answer; MiB of RSS above the same process before its first answer',
    );
    const rows = [
      [
        'RRsets, design',
        'KV octets read',
        'first answer ms',
        'its CPU ms',
        '+MiB',
        'other shard ms',
        'its +MiB',
      ],
    ];
    const memory = [
      ['RRsets', 'shards', 'floor before', 'before', '1 answer +', `${MANY_SHARDS} shards +`, 'all shards +'],
    ];
    for (const size of sizes) {
      const kv = join(stage.directory, `kv-${size}`);
      await mkdir(kv);
      const zone = await publishZone(stage, size, kv);
      const cases = await casesOf(stage, zone, kv);
      const runs = new Map<string, Cold[]>(cases.map(({ name }) => [name, []]));
      for (let run = 0; run < RUNS; run++)
        for (const each of run % 2 === 0 ? cases : cases.toReversed())
          runs.get(each.name)?.push(await each.measure(run));
      for (const { name, octets } of cases) rows.push(rowOf(zone, { name, octets }, runs.get(name) ?? []));
      const mib = (of: (cold: Cold) => number | undefined, name = 'ours'): string => {
        const values = (runs.get(name) ?? []).map(of).filter((value) => value !== undefined);
        return values.length === 0 ? '' : spread(values.map((value) => value / MIB));
      };
      const { shards } = zone;
      memory.push([
        count(zone.rrsets),
        String(shards),
        mib(({ before }) => before, FLOOR),
        mib(({ before }) => before),
        mib(({ grown }) => grown),
        shards > MANY_SHARDS ? mib(({ grownByMany }) => grownByMany) : '',
        mib(({ grownByAll }) => grownByAll),
      ]);
      await rm(kv, { recursive: true });
    }
    for (const line of table(rows)) stage.print(line);
    stage.print('');
    stage.print(
      'RSS in MiB: of a process before its first answer from a snapshot, and how much more after that, after so many shards',
    );
    for (const line of table(memory)) stage.print(line);
    stage.print(
      'floor: a Worker that reads one value and looks at one octet of it, once: one block (a shard), or all blocks as one value',
    );
    stage.print(
      'to beat (measured once, with another program): 0.8 ms and +1 MiB a shard, 1.4 ms for 10,000 records in one value',
    );
  };
}

type Case = {
  readonly name: string;
  readonly octets: number;
  readonly measure: (run: number) => Promise<Cold>;
};

async function publishZone(stage: Stage, size: number, kv: string): Promise<Zone> {
  const child = new URL('cold-zone-child.ts', import.meta.url).pathname;
  const line = await firstLine(
    stage.start(process.execPath, ['--max-old-space-size=12000', child, String(size), kv]),
  );
  const octets = { head: 0, run: 0, shard: 0 };
  for (const [kind, length] of Object.entries(line['octets'] ?? {}))
    if (kind === 'head' || kind === 'run' || kind === 'shard') octets[kind] = Number(length);
  const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
  return {
    rrsets: Number(line['rrsets']),
    publicKey: String(line['publicKey']),
    shards: Number(line['shards']),
    names: texts(line['names']),
    files: texts(line['files']),
    octets,
  };
}

/** Ours, and the least that any design does that reads one value. */
async function casesOf(stage: Stage, zone: Zone, kv: string): Promise<Case[]> {
  await copyFile(WORKER_BUNDLE, join(stage.directory, 'index.js'));
  await writeFile(join(stage.directory, 'kv.js'), KV_FROM_DISK);
  const kvServices = [
    workerService('kv', 'kv.js', { DISK: 'service = "disk"' }),
    `(name = "disk", disk = (path = "${kv}"))`,
  ];
  const shardOctets = zone.octets.shard / Math.max(1, zone.shards);
  const ours: Case = {
    name: 'ours',
    octets: zone.octets.head + zone.octets.run + shardOctets,
    measure: async (run) => {
      const services = [ourService('index.js', { verifyKeys: zone.publicKey }), ...kvServices];
      const served = await startWorkerd(stage, 'ours', services);
      try {
        return await measureOurs(served, zone, run);
      } finally {
        await stage.end(served.child);
      }
    },
  };
  const whole = 'whole';
  const parts = await Promise.all(zone.files.map((file) => readFile(join(kv, file))));
  const wholeOctets = parts.reduce((sum, { length }) => sum + length, 0);
  const isOneValue = wholeOctets < 8 * MIB;
  if (isOneValue) await writeFile(join(kv, whole), Buffer.concat(parts));
  const floor = (name: string, file: string, octets: number): Case => ({
    name,
    octets,
    measure: async () => {
      await writeFile(join(stage.directory, 'floor.js'), floorWorker(file));
      const main = workerService('main', 'floor.js', { KV: 'kvNamespace = "kv"' });
      const served = await startWorkerd(stage, 'floor', [main, ...kvServices]);
      try {
        return await measureFloor(served);
      } finally {
        await stage.end(served.child);
      }
    },
  });
  const [first = ''] = zone.files;
  const cases = [ours, floor(FLOOR, first, (await readFile(join(kv, first))).length)];
  if (isOneValue) cases.push(floor('floor, one value', whole, wholeOctets));
  if ((await readdir(kv)).length === 0) throw new Error('nothing was published');
  return cases;
}

/** Holds one value, and answers all but `/question` without it. */
function floorWorker(file: string): string {
  return `let held;
export default { async fetch(request, env) {
  if (!request.url.endsWith('/question')) return new Response('no');
  held ??= new DataView(await env.KV.get('${file}', { type: 'arrayBuffer', cacheTtl: 86400 }));
  return new Response(String(held.getUint8(held.byteLength - 1)));
} };`;
}

async function measureFloor(served: Served): Promise<Cold> {
  const client = createClient(served.port);
  try {
    for (let i = 0; i < WARM; i++) await client.ask('/');
    const first = await measured(served.pid, () => client.ask('/question'));
    const warm: number[] = [];
    for (let i = 0; i < WARM; i++) warm.push((await client.ask('/question')).ms);
    const warmMs = median(warm);
    return {
      firstMs: first.ms - warmMs,
      firstCpuMs: first.cpuMs,
      grown: first.grown,
      before: first.before,
      warmMs,
    };
  } finally {
    client.close();
  }
}

async function measureOurs(served: Served, { names }: Zone, run: number): Promise<Cold> {
  const client = createClient(served.port);
  const ask = async (name: string): Promise<{ readonly ms: number }> => {
    const message = encode({ type: 'query', id: 0, flags: 0x100, questions: [{ name, type: 'A' }] });
    const { ms, body } = await client.ask('/dns-query', message);
    const isOutside = name === OUTSIDE;
    const [rcode, answers] = [(body[3] ?? 0) & 15, body.readUInt16BE(6)];
    if (isOutside ? rcode !== REFUSED : rcode !== 0 || answers === 0)
      throw new Error(`${name} was answered with RCODE ${rcode} and ${answers} records`);
    return { ms };
  };
  try {
    // Refused without a snapshot: HTTP and the Worker's start are not in what follows.
    for (let i = 0; i < WARM; i++) await ask(OUTSIDE);
    // Each run asks for others, so that no shard is favoured.
    const asked = names.filter((name) => name !== '');
    const turned = [...asked.slice(run), ...asked.slice(0, run)];
    const [name = '', other] = turned;
    const first = await measured(served.pid, () => ask(name));
    const warm: number[] = [];
    for (let i = 0; i < WARM; i++) warm.push((await ask(name)).ms);
    const warmMs = median(warm);
    const { before, grown } = first;
    const cold = { firstMs: first.ms - warmMs, firstCpuMs: first.cpuMs, grown, before, warmMs };
    if (other === undefined) return cold;
    const second = await measured(served.pid, () => ask(other));
    const growth: number[] = [];
    for (const part of [turned.slice(2, MANY_SHARDS), turned.slice(MANY_SHARDS)]) {
      for (const each of part) await ask(each);
      growth.push((await memoryOf(served.pid)).octets - first.before);
    }
    const [grownByMany = 0, grownByAll = 0] = growth;
    return {
      ...cold,
      secondMs: second.ms - warmMs,
      grownBySecond: second.grown,
      grownByMany,
      grownByAll,
    };
  } finally {
    client.close();
  }
}

const OUTSIDE = 'www.example.com';
const REFUSED = 5;

/** What the process took for this, and its memory before. */
async function measured(
  pid: number,
  act: () => Promise<{ readonly ms: number }>,
): Promise<{ ms: number; cpuMs: number; grown: number; before: number }> {
  const [before, cpuBefore] = [(await memoryOf(pid)).octets, await fineCpuMs(pid)];
  const { ms } = await act();
  const cpu = (await fineCpuMs(pid)) - cpuBefore;
  return { ms, cpuMs: cpu, grown: (await memoryOf(pid)).octets - before, before };
}

/** One connection, kept open. */
function createClient(port: number): {
  readonly ask: (path: string, body?: Uint8Array) => Promise<{ readonly ms: number; readonly body: Buffer }>;
  readonly close: () => void;
} {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = (path: string, body?: Uint8Array): Promise<{ ms: number; body: Buffer }> =>
    new Promise((resolve, reject) => {
      const headers = body && { 'content-type': 'application/dns-message', 'content-length': body.length };
      const method = body ? 'POST' : 'GET';
      const begun = performance.now();
      const sent = request(
        { host: '127.0.0.1', port, path, method, agent, ...(headers && { headers }) },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => {
            const ms = performance.now() - begun;
            if (response.statusCode === 200) resolve({ ms, body: Buffer.concat(chunks) });
            else reject(new Error(`workerd answered ${response.statusCode}: ${Buffer.concat(chunks)}`));
          });
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  return { ask, close: () => agent.destroy() };
}

function rowOf(
  zone: Zone,
  { name, octets }: { readonly name: string; readonly octets: number },
  runs: readonly Cold[],
): string[] {
  const of = (value: (cold: Cold) => number | undefined, digits: number): string => {
    const values = runs.map(value).filter((each) => each !== undefined);
    return values.length === 0 ? '' : spread(values, digits);
  };
  return [
    `${count(zone.rrsets)}, ${name}`,
    count(octets),
    of(({ firstMs }) => firstMs, 1),
    of(({ firstCpuMs }) => firstCpuMs, 1),
    of(({ grown }) => grown / MIB, 1),
    of(({ secondMs }) => secondMs, 1),
    of(({ grownBySecond }) => grownBySecond && grownBySecond / MIB, 1),
  ];
}
