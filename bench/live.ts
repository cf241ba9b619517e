import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChildProcess } from 'node:child_process';
import { count, median, quantile, table } from './figures.ts';
import { cpuMs, memoryOf } from './process-figures.ts';
import { jsonLines, type Part, type Stage } from './stage.ts';

const MIN_PUSH_SECONDS = 10;
/** How long the first publish may take, and the last after the time is up. */
const FIRST_MS = 300_000;
const LAST_MS = 60_000;
const LOOK_EVERY_MS = 100;
const HEAD_LOOK_MS = 20;
const MIB = 1024 * 1024;

/** What the two processes said so far. Times are Unix milliseconds of this machine, which both are on. */
type Heard = {
  readonly changesAtMs: number[];
  /** When the agent began to read what it has of the cluster. */
  readonly readAtMs: number[];
  readonly requests: Map<string, number>;
  /** When the head's file was written, at most `HEAD_LOOK_MS` late to be seen. */
  readonly headAtMs: number[];
  readonly syncs: {
    readonly atMs: number;
    readonly isPush: boolean;
    readonly octets: number;
    readonly writes: number;
  }[];
  url: string | undefined;
  failure: string | undefined;
};

/** The agent as a process of its own, kept busy by a simulated master in another. */
export function benchLive({
  seconds,
  tasks,
  changes,
}: {
  readonly seconds: number;
  readonly tasks: number;
  /** A second. */
  readonly changes: number;
}): Part {
  return async (stage) => {
    const heard: Heard = {
      changesAtMs: [],
      readAtMs: [],
      requests: new Map(),
      headAtMs: [],
      syncs: [],
      url: undefined,
      failure: undefined,
    };
    const masterFile = new URL('live-master-child.ts', import.meta.url).pathname;
    const master = stage.start(process.execPath, [masterFile, String(tasks), String(changes)]);
    void hearMaster(master, heard);
    await until(() => heard.url !== undefined, heard, FIRST_MS);
    const agent = await startAgent(stage, heard);
    await until(() => heard.syncs.length > 0, heard, FIRST_MS);

    const [agentPid, masterPid] = [agent.pid ?? 0, master.pid ?? 0];
    const first = await memoryOf(agentPid);
    const collect = createCollector(agent);
    const firstLeft = await collect();
    const watching = watchHead(stage, heard);
    const begunMs = Date.now();
    const before = { agent: await cpuMs(agentPid), master: await cpuMs(masterPid) };
    heard.requests.clear();
    await sleep(seconds * 1000, undefined, { signal: stage.signal });
    const endedMs = Date.now();
    const share = 60_000 / (endedMs - begunMs) / 1000;
    const agentSeconds = ((await cpuMs(agentPid)) - before.agent) * share;
    const masterSeconds = ((await cpuMs(masterPid)) - before.master) * share;
    const pushes = heard.syncs.filter(({ atMs, isPush }) => isPush && atMs > begunMs && atMs <= endedMs);
    const reads = heard.readAtMs.filter((atMs) => atMs > begunMs && atMs <= endedMs).length;
    const requests = [...heard.requests].map(([what, times]) => `${times} ${what}`).join(', ');
    const last = await memoryOf(agentPid);
    const lastLeft = await collect();
    // What changed last is published by a sync that read after the end.
    await until(() => (heard.syncs.at(-1)?.atMs ?? 0) > nextAfter(heard.readAtMs, endedMs), heard, LAST_MS);
    clearInterval(watching);
    const freshMs = freshness({
      ...heard,
      changesAtMs: heard.changesAtMs.filter((atMs) => atMs > begunMs && atMs <= endedMs),
    });

    const octets = pushes.map((push) => push.octets);
    const kib = (value: number): string => (value / 1024).toFixed(1);
    stage.print(
      `live: sync --sink-dir by the operator stream, ${count(tasks)} tasks, ${changes} changes a second for ${seconds} s, minPushSeconds ${MIN_PUSH_SECONDS}`,
    );
    const rows = [
      ['agent: CPU seconds a minute', agentSeconds.toFixed(1)],
      [
        'agent: RSS MiB, at first and at the end; peak',
        `${mebibytes(first.octets)}, ${mebibytes(last.octets)}; ${mebibytes(last.peakOctets)}`,
      ],
      [
        'agent: heap and buffers after a collection, MiB, at first and at the end',
        `${firstLeft}, ${lastLeft}`,
      ],
      ['reads of its tables, pushes of changes', `${reads}, ${pushes.length}`],
      ['requests to the master', requests || 'none'],
      ['octets a push, KiB: median, most', `${kib(median(octets))}, ${kib(Math.max(0, ...octets))}`],
      [
        'KV writes a push',
        (pushes.reduce((sum, { writes }) => sum + writes, 0) / Math.max(1, pushes.length)).toFixed(2),
      ],
      ['changes that were published', String(freshMs.length)],
      [
        'freshness (changed to head written), s: p50, p99',
        `${(median(freshMs) / 1000).toFixed(1)}, ${(quantile(freshMs, 0.99) / 1000).toFixed(1)}`,
      ],
      ['simulator: CPU seconds a minute', masterSeconds.toFixed(1)],
    ];
    for (const line of table(rows)) stage.print(line);
  };
}

async function startAgent(stage: Stage, heard: Heard): Promise<ChildProcess> {
  const { directory } = stage;
  const config = join(directory, 'config.json');
  const settings = {
    dataDir: join(directory, 'data'),
    mesos: { masters: [heard.url] },
    minPushSeconds: MIN_PUSH_SECONDS,
  };
  await writeFile(config, JSON.stringify(settings));
  const cli = new URL('../sync-agent/cli.ts', import.meta.url).pathname;
  const atHand = ['--expose-gc', '--import', new URL('collected-heap.ts', import.meta.url).pathname];
  const args = [...atHand, cli, 'sync', '--config', config, '--sink-dir', join(directory, 'sink')];
  const env = { ...process.env, LOG_LEVEL: 'debug' };
  const agent = stage.start(process.execPath, args, { stderr: 'pipe', env });
  void hearAgent(agent, heard);
  return agent;
}

/** Has the agent collect its garbage, and gives what is left in MiB: what it holds, whatever its RSS. */
function createCollector(agent: ChildProcess): () => Promise<string> {
  if (!agent.stdout) throw new Error('the agent has no standard output');
  const lines = createInterface({ input: agent.stdout })[Symbol.asyncIterator]();
  return async () => {
    agent.kill('SIGUSR2');
    const left = parse(String((await lines.next()).value));
    return `${mebibytes(Number(left['heapUsed']))} + ${mebibytes(Number(left['arrayBuffers']))}`;
  };
}

async function hearMaster(master: ChildProcess, heard: Heard): Promise<void> {
  try {
    for await (const line of jsonLines(master)) {
      if (typeof line['url'] === 'string') heard.url = line['url'];
      const { request } = line;
      if (typeof request === 'string') heard.requests.set(request, (heard.requests.get(request) ?? 0) + 1);
      for (let i = 0; i < Number(line['changes'] ?? 0); i++)
        heard.changesAtMs.push(Number(line['changedAtMs']));
    }
  } catch (error) {
    heard.failure ??= `the simulator ended: ${String(error)}`;
  }
}

/** The agent's log, a JSON line an event. */
async function hearAgent(agent: ChildProcess, heard: Heard): Promise<void> {
  if (!agent.stderr) return;
  for await (const text of createInterface({ input: agent.stderr })) {
    const line = parse(text);
    const [said, atMs] = [line['msg'], Date.parse(String(line['time']))];
    if (said === 'read the cluster') heard.readAtMs.push(atMs - Number(line['elapsedMs']));
    if (said === 'published' || said === 'renewed' || said === 'unchanged') {
      const [octets, writes] = [Number(line['octets']), Number(line['writes'])];
      heard.syncs.push({ atMs, isPush: said === 'published', octets, writes });
    }
    if (said === undefined || line['level'] === 50) heard.failure ??= `the agent said: ${text}`;
  }
  heard.failure ??= 'the agent ended';
}

function parse(text: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {};
  } catch {
    return {};
  }
}

/** Notes when the head's file changes: what a push stores behind its head is no part of freshness. */
function watchHead({ directory }: Stage, { headAtMs }: Heard): NodeJS.Timeout {
  const path = join(directory, 'sink', encodeURIComponent('z/mesos/main/head'));
  const look = async (): Promise<void> => {
    const { mtimeMs } = await stat(path);
    if (mtimeMs !== headAtMs.at(-1)) headAtMs.push(mtimeMs);
  };
  return setInterval(() => void look().catch(() => undefined), HEAD_LOOK_MS);
}

/** How long after each change the head was written that has it: by the sync that first read after it. */
function freshness({
  changesAtMs,
  readAtMs,
  headAtMs,
}: Pick<Heard, 'changesAtMs' | 'readAtMs' | 'headAtMs'>): number[] {
  return changesAtMs.flatMap((changedAtMs) => {
    const read = nextAfter(readAtMs, changedAtMs);
    const written = nextAfter(headAtMs, read);
    return Number.isFinite(written) ? [written - changedAtMs] : [];
  });
}

/** The first of rising times that is not before; infinity if there is none. */
function nextAfter(timesMs: readonly number[], atMs: number): number {
  return timesMs.find((each) => each >= atMs) ?? Number.POSITIVE_INFINITY;
}

async function until(isTrue: () => boolean, heard: Heard, limitMs: number): Promise<void> {
  for (let waitedMs = 0; !isTrue(); waitedMs += LOOK_EVERY_MS) {
    if (heard.failure !== undefined) throw new Error(heard.failure);
    if (waitedMs > limitMs) throw new Error(`nothing happened for ${limitMs / 1000} s`);
    await sleep(LOOK_EVERY_MS);
  }
}

function mebibytes(octets: number): string {
  return (octets / MIB).toFixed(0);
}
