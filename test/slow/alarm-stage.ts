import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createCluster, type SimulatedCluster } from '../../simulate/cluster.ts';
import { type SimulatedMarathon, startSimulatedMarathon } from '../../simulate/marathon.ts';
import { type MastersOptions, type SimulatedMasters, startSimulatedMasters } from '../../simulate/server.ts';
import { type KvApi, startKvApi } from '../fakes/kv-api.ts';
import { type Running, startCli } from '../system/run-cli.ts';
import { type Expression, parseMetrics, type Sample, type Scrape } from './promql.ts';

/** A cluster with agents of its own, each in a process, that Prometheus looks at. */
export type Stage = {
  readonly cluster: SimulatedCluster;
  readonly masters: SimulatedMasters;
  readonly marathon: SimulatedMarathon;
  readonly kv: KvApi;
  readonly agents: readonly Running[];
  readonly configFile: string;
  readonly dataDir: string;
  readonly sinkDir: string;
  /** The value of a metric in the last scrape, of the first agent that has it. */
  readonly value: (name: string, labels?: Readonly<Record<string, string>>) => number | undefined;
  /** Looks until it is so. Throws with what the agents said after a while. */
  readonly until: (what: string, isSo: () => boolean, act?: () => unknown) => Promise<void>;
  /** What the expression gives now. */
  readonly evaluate: (expression: Expression) => readonly Sample[];
  readonly stop: () => Promise<void>;
};

export type StageOptions = {
  /** Over those that all have. */
  readonly settings?: Settings;
  /** Of `mesos`, over those that all have. */
  readonly mesos?: Settings;
  readonly agents?: number;
  /** Publish to a fake of Cloudflare's API instead of a directory. */
  readonly toKv?: boolean;
  readonly access?: MastersOptions['access'];
  /** Files in the data directory before the agent starts. */
  readonly files?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
};

type Settings = Readonly<Record<string, unknown>>;

/** Time goes by so much faster here: ages of a second count as a minute. */
const HASTE = 60;
const LOOK_MS = 300;
const PATIENCE_MS = 50_000;

export async function openStage(options: StageOptions): Promise<Stage> {
  const { agents: count = 1, toKv = false, access = {}, files = {}, signal } = options;
  const directory = await mkdtemp(join(tmpdir(), 'mesos-doh-alarms-'));
  const over = new AbortController();
  const life = AbortSignal.any([signal, over.signal]);
  const cluster = createCluster({ seed: 5, agents: 6, tasks: 60 });
  const common = { cluster, port: 0, now: Date.now, signal: life };
  const masters = await startSimulatedMasters({ ...common, access, heartbeatSeconds: 1 });
  const marathon = await startSimulatedMarathon(common);
  const kv = await startKvApi();
  const dataDirs = Array.from({ length: count }, (_, i) => join(directory, `data-${i}`));
  const configFiles = dataDirs.map((dataDir) => `${dataDir}.json`);
  const sinkDirs = dataDirs.map((dataDir) => `${dataDir}-sink`);
  const ports = await Promise.all(dataDirs.map(() => freePort()));
  const agents: Running[] = [];
  for (const [i, dataDir] of dataDirs.entries()) {
    const settings = {
      dataDir,
      kv: { url: kv.url, namespace: kv.namespace },
      marathon: { urls: [marathon.url] },
      metrics: { port: ports[i] },
      minPushSeconds: 1,
      livenessSeconds: 10,
      ...options.settings,
      mesos: {
        masters: masters.urls,
        pollSeconds: 1,
        reconcileSeconds: 1,
        timeoutSeconds: 2,
        ...options.mesos,
      },
    };
    await mkdir(dataDir);
    for (const [name, text] of Object.entries(files)) await writeFile(join(dataDir, name), text);
    await writeFile(configFiles[i] ?? '', JSON.stringify(settings));
    const sink = toKv ? [] : ['--sink-dir', sinkDirs[i] ?? ''];
    const env = { CLOUDFLARE_API_TOKEN: kv.token };
    agents.push(startCli(['sync', '--config', configFiles[i] ?? '', ...sink], { env }));
  }
  const history: Scrape[] = [];
  const look = async (): Promise<void> => {
    const scraped = await Promise.all(ports.map((port) => scrape(port)));
    history.push(scraped.flat());
  };
  return {
    cluster,
    masters,
    marathon,
    kv,
    agents,
    configFile: configFiles[0] ?? '',
    dataDir: dataDirs[0] ?? '',
    sinkDir: sinkDirs[0] ?? '',
    value: (name, labels = {}) => {
      const wanted = Object.entries(labels);
      const fits = (sample: Sample): boolean => wanted.every(([key, of]) => sample.labels.get(key) === of);
      return history.at(-1)?.find((sample) => sample.name === name && fits(sample))?.value;
    },
    until: async (what, isSo, act) => {
      const deadline = performance.now() + PATIENCE_MS;
      await look();
      while (!isSo()) {
        if (performance.now() > deadline) {
          const said = agents.map(({ stderr }) => stderr().slice(-3000)).join('\n--\n');
          throw new Error(`not within ${PATIENCE_MS} ms: ${what}\n${said}`);
        }
        await act?.();
        await delay(LOOK_MS, undefined, { signal });
        await look();
      }
    },
    evaluate: (expression) => expression(history),
    stop: async () => {
      for (const { child } of agents) child.kill('SIGKILL');
      over.abort();
      await Promise.all([...agents.map(({ finished }) => finished), kv.close()]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** What an agent tells, in the test's hasty time; nothing of one that can't be reached. */
async function scrape(port: number): Promise<Sample[]> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/metrics`, { signal: AbortSignal.timeout(5_000) });
    return parseMetrics(await response.text(), String(port)).map((sample) =>
      sample.name.endsWith('_age_seconds') ? { ...sample, value: sample.value * HASTE } : sample,
    );
  } catch (error) {
    if (error instanceof SyntaxError) throw error;
    return [];
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}
