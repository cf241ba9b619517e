import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { encode } from 'dns-packet';
import { buildWorkerIfNeeded, WORKER_BUNDLE } from '../sync-agent/local/project.ts';
import { median } from './figures.ts';
import { startOurs } from './ours.ts';
import { cpuMs } from './process-figures.ts';
import type { Stage } from './stage.ts';
import { type Served, startWorkerd, workerService } from './workerd.ts';

const shell = promisify(execFile);
const ROUNDS = 5;
const SECONDS = 2;
const CONNECTIONS = 64;
/** More queries than the Worker's packet cache keeps. */
const UNLIKE = 16_384;

type Case = {
  readonly name: string;
  readonly port: number;
  readonly path: string;
  readonly body?: Uint8Array;
  /** Paths asked in turn, instead of one again and again. */
  readonly paths?: readonly string[];
};
type Sample = { readonly perSecond: number; readonly cpuMicroseconds: number };

/** The built Worker in raw workerd beside a handler that does nothing, turn by turn: requests a second and CPU. */
export async function benchWorker(stage: Stage): Promise<void> {
  const { print } = stage;
  if (
    !(await shell('sh', ['-c', 'command -v wrk']).then(
      () => true,
      () => false,
    ))
  ) {
    print('worker: wrk is not installed (apt-get install wrk), so there are no figures');
    return;
  }
  await buildWorkerIfNeeded(stage.signal);
  const bundle = await readFile(WORKER_BUNDLE);
  print(`worker: ${kib(bundle.length)} KiB, ${kib(gzipSync(bundle).length)} KiB gzipped`);
  const [ours, noop] = [await startOurs(stage), await startNoop(stage)];
  const query = (name: string, type: 'A' | 'SRV'): Uint8Array =>
    encode({ type: 'query', id: 0, flags: 0x100, questions: [{ name, type }] });
  const get = (message: Uint8Array): string => `/dns-query?dns=${Buffer.from(message).toString('base64url')}`;
  const [a, srv, nx] = [
    query('search.marathon.mesos', 'A'),
    query('_search._tcp.marathon.mesos', 'SRV'),
    query('nx.mesos', 'A'),
  ];
  // The id alone differs, and so no query is one that came lately.
  const unlike = Array.from({ length: UNLIKE }, (_, id) => get(Uint8Array.of(id >> 8, id, ...a.subarray(2))));
  const cases: readonly Case[] = [
    { name: 'no-op GET', port: noop.port, path: get(a) },
    { name: 'A GET', port: ours.port, path: get(a) },
    { name: 'A GET, unlike', port: ours.port, path: get(a), paths: unlike },
    { name: 'A POST', port: ours.port, path: '/dns-query', body: a },
    { name: 'SRV GET', port: ours.port, path: get(srv) },
    { name: 'NXDOMAIN GET', port: ours.port, path: get(nx) },
  ];
  const pids = new Map([ours, noop].map(({ port, pid }) => [port, pid]));
  const samples = new Map<string, Sample[]>(cases.map(({ name }) => [name, []]));
  for (const each of cases) await load(each, { stage, seconds: 1, pid: pids.get(each.port) ?? 0 });
  for (let round = 0; round < ROUNDS; round++) {
    for (const each of round % 2 === 0 ? cases : cases.toReversed()) {
      samples
        .get(each.name)
        ?.push(await load(each, { stage, seconds: SECONDS, pid: pids.get(each.port) ?? 0 }));
    }
  }
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
}

function kib(octets: number): string {
  return (octets / 1024).toFixed(1);
}

async function load(
  { port, path, body, paths }: Case,
  { stage, seconds, pid }: { stage: Stage; seconds: number; pid: number },
): Promise<Sample> {
  const script = join(stage.directory, 'load.lua');
  const octets = [...(body ?? [])].map((octet) =>
    `\\${octet}`.replace(/\\(\d+)/, (_, digits: string) => `\\${digits.padStart(3, '0')}`),
  );
  const post = `wrk.method="POST"\nwrk.headers["content-type"]="application/dns-message"\nwrk.body="${octets.join('')}"\n`;
  const inTurn = `local paths = {${(paths ?? []).map((each) => `"${each}"`).join(',')}}
local i = 0
request = function() i = i % #paths + 1; return wrk.format("GET", paths[i]) end\n`;
  await writeFile(script, body ? post : paths ? inTurn : '');
  const before = await cpuMs(pid);
  const url = `http://127.0.0.1:${port}${path}`;
  const { stdout } = await shell('wrk', ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '-s', script, url], {
    signal: stage.signal,
  });
  const ms = (await cpuMs(pid)) - before;
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0);
  if (/Non-2xx/.test(stdout) || requests === 0) throw new Error(`the load failed: ${stdout}`);
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? 0);
  return { perSecond, cpuMicroseconds: (ms * 1000) / requests };
}

async function startNoop(stage: Stage): Promise<Served> {
  await writeFile(
    join(stage.directory, 'noop.js'),
    'export default { fetch() { return new Response("ok"); } };',
  );
  return startWorkerd(stage, 'noop', [workerService('main', 'noop.js')]);
}
