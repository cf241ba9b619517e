import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { headKey, parseKey } from '../../zone/head.ts';
import { parseName } from '../../zone/name.ts';
import { createDirectorySink } from '../../sync-agent/sinks/directory.ts';
import { runCli } from '../system/run-cli.ts';
import { openStage, type Stage, type StageOptions } from './alarm-stage.ts';
import { alarmRows, alarmsOf, readOperatePage, readRules } from './alarm-table.ts';
import { metricsIn, parseExpression, parseMetrics, type Sample } from './promql.ts';

/** What one alarm is for: a trouble that is made, and, where it can be, ended. */
type Trouble = Omit<StageOptions, 'signal'> & {
  /** The agent runs into it at once: before it there is no quiet. */
  readonly fromStart?: boolean;
  readonly make?: (stage: Stage) => unknown;
  /** Again at each look. */
  readonly meanwhile?: (stage: Stage) => unknown;
  readonly mend?: (stage: Stage) => unknown;
};

const page = await readOperatePage();
const rules = await readRules();
const alarms = alarmsOf(rules);
const limit = { timeout: 80_000 };
const HEAD_FILE = encodeURIComponent(headKey(parseName('mesos'), 'main'));
const DENIED = { kind: 'status', status: 403 } as const;

const TROUBLES: Readonly<Record<string, Trouble>> = {
  NobodyPublishes: { make: ({ agents }) => agents[0]?.child.kill('SIGKILL') },
  TwoPublish: { agents: 2, fromStart: true, mend: ({ agents }) => agents[0]?.child.kill('SIGTERM') },
  PublishedStateIsOld: { toKv: true, make: refuse, mend: admit },
  ReadsOrPushesFail: { toKv: true, make: refuse },
  SourceIsOld: {
    make: ({ masters }) => {
      masters.fault({ kind: 'stall' });
      masters.streams.silence();
    },
    mend: ({ masters }) => masters.fault(undefined),
  },
  NotStreaming: { fromStart: true, access: { readwrite: [{ principal: 'ops', secret: 'not ours' }] } },
  StreamIsLostOften: { meanwhile: ({ masters, value }) => isStreaming(value) && masters.streams.cut() },
  StreamMissesChanges: {
    make: ({ cluster }) => cluster.vanish(0.1),
    mend: () => undefined,
  },
  ComparisonFails: { make: ({ masters }) => masters.fault({ kind: 'status', status: 503, only: 'api' }) },
  // Nobody listens at the discard port.
  LeaderLookupFails: { fromStart: true, mesos: { zk: 'zk://127.0.0.1:9/mesos' } },
  MarathonIsLost: { make: ({ marathon }) => marathon.close() },
  NamesAreHeld: {
    make: ({ cluster }) => cluster.vanish(0.7),
    mend: ({ configFile }) => runCli(['ctl', 'release', '--config', configFile]),
  },
  UnhealthyTasksAreShown: {
    make: ({ cluster }) => setSearchHealth(cluster, false),
    mend: ({ cluster }) => setSearchHealth(cluster, true),
  },
  RollbackStands: {
    make: rollBack,
    mend: ({ configFile }) => runCli(['ctl', 'unpin', '--config', configFile]),
  },
  // Again and again, since each push puts it back before anybody looks for it.
  StoreIsDamaged: { meanwhile: ({ sinkDir }) => rm(join(sinkDir, HEAD_FILE), { force: true }) },
  WritesRunOut: {
    fromStart: true,
    settings: { plan: 'free', staleAfterSeconds: 60 },
    files: { 'quota.json': JSON.stringify({ writes: quotaOf(798) }) },
    meanwhile: ({ cluster }) => cluster.churn(1, { atSeconds: Date.now() / 1000 }),
  },
  ClockIsOff: {
    toKv: true,
    make: ({ kv }) => {
      kv.clockOffsetMs = 120_000;
    },
    mend: ({ kv }) => {
      kv.clockOffsetMs = 0;
    },
  },
};

describe('the alarm table of docs/operate.md', () => {
  it('has the alarms of deploy/prometheus-rules.yaml, which it quotes', () => {
    expect(alarms.length).toBeGreaterThan(0);
    expect(alarms.length).toBe(rules.match(/- alert:/g)?.length);
    expect(alarmRows(page)).toEqual(alarms);
    expect(page).toContain(`\`\`\`yaml\n${rules}\`\`\``);
  });

  it('has a trouble for each alarm here', () => {
    expect(Object.keys(TROUBLES).toSorted()).toEqual(alarms.map(({ name }) => name).toSorted());
  });

  it('asks for metrics that are in the table of metrics', () => {
    const known = metricRows();
    const asked = new Set(alarms.flatMap(({ expression }) => metricsIn(expression)));
    expect([...asked].filter((name) => !known.has(name))).toEqual([]);
  });
});

describe.concurrent('an alarm', () => {
  it(
    'is quiet while all is well, and the agent tells what the metrics table has',
    limit,
    async ({ signal }) => {
      await onStage({ toKv: true, signal }, async (stage) => {
        await stage.until('all is well', () => isWell(stage));
        const startedMs = performance.now();
        await stage.until('a while', () => {
          const firing = alarms.filter(
            (alarm) => stage.evaluate(parseExpression(alarm.expression)).length > 0,
          );
          expect(firing).toEqual([]);
          return performance.now() - startedMs > 8_000;
        });
        const told = new Set(stage.evaluate((history) => history.at(-1) ?? []).map(({ name }) => name));
        const rows = metricRows();
        expect([...told].filter((name) => !rows.has(name) && !ELEMENTS.has(name))).toEqual([]);
      });
    },
  );

  it.for(alarms)('$name fires', limit, async ({ name, expression }, { signal }) => {
    const { fromStart = false, make, meanwhile, mend, ...options } = TROUBLES[name] ?? expect.unreachable();
    const alarm = parseExpression(expression);
    await onStage({ ...options, signal }, async (stage) => {
      const fires = (): boolean => stage.evaluate(alarm).length > 0;
      if (!fromStart) {
        await stage.until('all is well', () => isWell(stage));
        expect(stage.evaluate(alarm)).toEqual([]);
      }
      await make?.(stage);
      await stage.until(`${name} fires`, fires, () => meanwhile?.(stage));
      if (!mend) return;
      await mend(stage);
      await stage.until(`${name} is over`, () => !fires());
    });
  });
});

describe('the evaluator of this test', () => {
  const scrape = (text: string): Sample[] => parseMetrics(text, 'a');
  const values = (expression: string, ...pages: readonly string[]): number[] =>
    parseExpression(expression)(pages.map((text) => scrape(text))).map(({ value }) => value);

  it.each([
    ['x > 1', ['x 2'], [2]],
    ['x > 2', ['x 2'], []],
    ['x < 3', ['x 2'], [2]],
    ['x{a="b"} == 0', ['x{a="b"} 0\nx{a="c"} 0'], [0]],
    ['x > 0 and y == 1', ['x 4\ny 1'], [4]],
    ['x > 0 and y == 1', ['x 4\ny 0'], []],
    ['x > 0 and y == 1', ['x{a="b"} 4\ny 1'], []],
    ['x > 0 and ignoring (a) y == 1', ['x{a="b"} 4\ny 1'], [4]],
    ['sum(x)', ['x{a="b"} 4\nx{a="c"} 3'], [7]],
    ['(sum(x) or vector(0)) == 0', ['y 1'], [0]],
    ['(sum(x) or vector(0)) == 0', ['x 1'], []],
    ['abs(x) > 30', ['x -31'], [31]],
    ['increase(x[5m]) > 2', ['x 5', 'x 7', 'x 1', 'x 2'], [4]],
    ['increase(x[5m]) > 2', ['x 5', 'x 7'], []],
  ])('%s', (expression, pages, expected) => {
    expect(values(expression, ...pages)).toEqual(expected);
  });

  it.each(['', 'x >', 'x > 1 1', 'avg(x)', 'x and', 'x{a=1}', 'increase(x)'])('knows no %j', (expression) => {
    expect(() => parseExpression(expression)).toThrow(SyntaxError);
  });
});

/** Written in the metrics table as one row: `mesos_doh_agents`, `_frameworks`, `_tasks`. */
const ELEMENTS = new Set(['mesos_doh_frameworks', 'mesos_doh_tasks']);

function metricRows(): ReadonlySet<string> {
  return new Set(page.match(/(?<=^\| `)mesos_doh_\w+/gm) ?? []);
}

async function onStage(options: StageOptions, act: (stage: Stage) => Promise<void>): Promise<void> {
  const stage = await openStage(options);
  try {
    await act(stage);
  } finally {
    await stage.stop();
  }
}

function isWell({ value, masters }: Stage): boolean {
  return (
    isStreaming(value) &&
    masters.streams.count() === 1 &&
    value('mesos_doh_last_push_age_seconds') !== undefined
  );
}

function isStreaming(value: Stage['value']): boolean {
  return value('mesos_doh_source_mode', { mode: 'stream' }) === 1;
}

/** The store refuses everything from now on. */
function refuse({ kv, cluster }: Stage): void {
  kv.faults.push(...Array.from({ length: 1000 }, () => DENIED));
  cluster.churn(3, { atSeconds: Date.now() / 1000 });
}

function admit({ kv }: Stage): void {
  kv.faults.length = 0;
}

function setSearchHealth(cluster: Stage['cluster'], healthy: boolean): void {
  const { frameworks } = cluster.snapshot();
  const tasks = frameworks.flatMap((framework) => framework.tasks);
  const running = tasks.filter(({ app, state }) => app.name === 'search' && state === 'TASK_RUNNING');
  for (const { id } of running) cluster.setHealth(id, { atSeconds: Date.now() / 1000, healthy });
}

async function rollBack(stage: Stage): Promise<void> {
  const keptSerial = async (): Promise<number | undefined> => {
    const keys = await createDirectorySink(stage.sinkDir).list('', new AbortController().signal);
    return keys.map((key) => parseKey(key)).find((key) => key?.kind === 'history')?.serial;
  };
  // A change keeps what was published before it.
  stage.cluster.churn(3, { atSeconds: Date.now() / 1000 });
  let serial: number | undefined;
  await stage.until(
    'a head is kept',
    () => serial !== undefined,
    async () => {
      serial = await keptSerial();
    },
  );
  const { code, stderr } = await runCli(['rollback', String(serial), '--config', stage.configFile]);
  if (code !== 0) throw new Error(stderr);
}

/** So many of the free plan's writes of this day are used. */
function quotaOf(used: number): Readonly<Record<string, unknown>> {
  const nowMs = Date.now();
  const day = new Date(nowMs).toISOString().slice(0, 10);
  return { perDay: 1000, day, used, sinceMs: nowMs, warnedPercent: 0 };
}
