import { type Command, InvalidArgumentError } from 'commander';
import { type AgentConfig, ConfigError, parseConfig, readJsonFile } from '../config.ts';
import { consulOf } from '../config-consul.ts';
import {
  type Assumptions,
  type Cost,
  costOf,
  DEFAULT_ASSUMPTIONS,
  guessIsolates,
  RRSETS_PER_TASK,
  type Usage,
} from '../cost.ts';
import { derivedZones } from '../derived-zones.ts';
import { PRICE_PAGES, PRICES_DATE } from '../prices.ts';
import { toCount, toPositive } from './simulate.ts';

type Flags = {
  readonly config?: string;
  readonly queriesPerDay: number;
  readonly changesPerSecond: number;
  readonly records?: number;
  readonly tasks?: number;
  readonly variants: number;
  readonly zones: number;
  readonly plan: 'free' | 'paid';
  readonly pushSeconds?: number;
  readonly livenessSeconds?: number;
  readonly isolates?: number;
  readonly json?: boolean;
} & Assumptions;

const DEFAULT_TASKS = 1_000;
/** As `plan` sets them in the configuration. */
const PLAN_TIMES = {
  free: { minPushSeconds: 100, livenessSeconds: 900 },
  paid: { minPushSeconds: 10, livenessSeconds: 300 },
} as const;

/** Each assumption, by the flag that gives it. */
const ASSUMED: readonly (readonly [key: keyof Assumptions, flag: string, what: string])[] = [
  ['namesPerChange', '--names-per-change <n>', 'names that a starting or ending task touches'],
  ['octetsPerName', '--octets-per-name <n>', 'octets a changed name takes in an overlay or run'],
  ['octetsPerRrset', '--octets-per-rrset <n>', 'octets an RRset takes in the zone'],
  ['cpuMs', '--cpu-ms <n>', 'CPU milliseconds a query, rather too many'],
  ['headRefreshSeconds', '--head-refresh-seconds <n>', "the Worker's HEAD_REFRESH_SECONDS"],
  ['historySeconds', '--history-seconds <n>', 'between kept snapshots'],
  ['historyKept', '--history-kept <n>', 'kept snapshots'],
  ['sweepAfterHours', '--sweep-after-hours <n>', 'superseded blocks stay so long'],
  ['sweepsPerDay', '--sweeps-per-day <n>', 'how often the store is listed for them'],
];

const EXAMPLES = `
Examples:
  mesos-doh cost --plan free --tasks 500 --queries-per-day 50000 --changes-per-second 0.02
  mesos-doh cost --records 1000000 --queries-per-day 10000000 --changes-per-second 1
  mesos-doh cost --tasks 20000 --push-seconds 30 --json
  mesos-doh cost --config /etc/mesos-doh/config.json --tasks 2000

--config counts the zones (reverse, aliases, DC/OS, Consul) and variants that the file has, each taken to be as large and
as lively as the first, and takes its plan, pushes and history. Flags go before it.`;

export function addCostCommand(program: Command): void {
  const command = program
    .command('cost')
    .description("what Cloudflare bills a month, line by line, and whether the free plan's limits hold")
    .option('--queries-per-day <n>', 'all clients together', toAmount, 100_000)
    .option('--changes-per-second <n>', 'tasks that start or end, in each zone', toAmount, 0.1)
    .option(
      '--tasks <n>',
      `size of each zone, ${RRSETS_PER_TASK} RRsets a task (default: ${DEFAULT_TASKS})`,
      toCount,
    )
    .option('--records <n>', 'size of each zone in RRsets', toCount)
    .option(
      '--config <file>',
      "the agent's configuration: its zones, variants, plan, times and history are taken",
    )
    .option(
      '--zones <n>',
      'zones in one account, derived ones (reverse, aliases, DC/OS, Consul) too',
      toPositive,
      1,
    )
    .option('--variants <n>', 'snapshots of each zone, one an audience', toPositive, 1)
    .option('--plan <plan>', 'whose push and liveness seconds are taken: free or paid', toPlan, 'paid')
    .option('--push-seconds <n>', "minPushSeconds (default: the plan's)", toAboveZero)
    .option('--liveness-seconds <n>', "livenessSeconds (default: the plan's)", toAboveZero)
    .option('--isolates <n>', 'that answer at once, worldwide (default: guessed by queries)', toPositive)
    .option('--json', 'print as JSON');
  for (const [key, flag, what] of ASSUMED) command.option(flag, what, toAboveZero, DEFAULT_ASSUMPTIONS[key]);
  command.addHelpText('after', EXAMPLES).action((given: Flags) => {
    const isGiven = (flag: string): boolean => command.getOptionValueSource(flag) === 'cli';
    const { flags, zoneNames } = withConfig(given, isGiven);
    const usage = usageFrom(flags);
    const cost = costOf(usage);
    if (flags.json === true) {
      const named = zoneNames.length > 0 ? { zoneNames } : {};
      const shown = { pricesOf: PRICES_DATE, priceDocuments: PRICE_PAGES, ...named, usage, ...cost };
      process.stdout.write(`${JSON.stringify(shown, undefined, 1)}\n`);
    } else process.stdout.write(`${render(usage, cost, zoneNames).join('\n')}\n`);
  });
}

/** What a configuration says, where no flag says other. */
function withConfig(
  flags: Flags,
  isGiven: (flag: string) => boolean,
): { readonly flags: Flags; readonly zoneNames: readonly string[] } {
  if (flags.config === undefined) return { flags, zoneNames: [] };
  const config = parseConfig(readJsonFile(flags.config), flags.config);
  const { plan, minPushSeconds, livenessSeconds, history, variants } = config;
  const zoneNames = zonesOf(config);
  const times = flags.plan === plan || !isGiven('plan');
  const said = {
    zones: zoneNames.length,
    variants: 1 + Object.keys(variants).length,
    plan,
    ...(times && { pushSeconds: minPushSeconds, livenessSeconds }),
    ...(history.everySeconds > 0 && { historySeconds: history.everySeconds }),
    historyKept: history.keep,
  };
  const taken = Object.entries(said).filter(([flag]) => !isGiven(flag));
  return { flags: { ...flags, ...Object.fromEntries(taken) }, zoneNames: isGiven('zones') ? [] : zoneNames };
}

/** All zones that are published by a configuration: the agent's own, those that follow from it, and Consul's. */
function zonesOf(config: AgentConfig): string[] {
  const derived = derivedZones(config).map(({ zone }) => zone.origin);
  const consul = consulOf(config);
  const { masters, zk } = config.mesos;
  if (consul && masters.length === 0 && zk === undefined) return [consul.domain];
  return [config.domain, ...derived, ...(consul ? [consul.domain] : [])];
}

function usageFrom(flags: Flags): Usage {
  if (flags.records !== undefined && flags.tasks !== undefined)
    throw new ConfigError('give --records or --tasks, not both');
  const { queriesPerDay, changesPerSecond, zones, variants } = flags;
  const { namesPerChange, octetsPerName, octetsPerRrset, cpuMs, headRefreshSeconds } = flags;
  const { historySeconds, historyKept, sweepAfterHours, sweepsPerDay } = flags;
  return {
    queriesPerDay,
    changesPerSecond,
    zones,
    variants,
    rrsets: flags.records ?? Math.round((flags.tasks ?? DEFAULT_TASKS) * RRSETS_PER_TASK),
    minPushSeconds: flags.pushSeconds ?? PLAN_TIMES[flags.plan].minPushSeconds,
    livenessSeconds: flags.livenessSeconds ?? PLAN_TIMES[flags.plan].livenessSeconds,
    isolates: flags.isolates ?? guessIsolates(queriesPerDay),
    assumed: {
      namesPerChange,
      octetsPerName,
      octetsPerRrset,
      cpuMs,
      headRefreshSeconds,
      historySeconds,
      historyKept,
      sweepAfterHours,
      sweepsPerDay,
    },
  };
}

const WORDS = {
  plan: 'paid plan',
  requests: 'requests',
  cpuMs: 'CPU, ms',
  kvReads: 'KV reads',
  kvWrites: 'KV writes',
  kvDeletes: 'KV deletes',
  kvLists: 'KV lists',
  storageGigabytes: 'KV storage, GB',
} as const;

function render(usage: Usage, cost: Cost, zoneNames: readonly string[]): string[] {
  const row = (...[what, used, included, usd]: readonly [string, string, string, string]): string =>
    `${what.padEnd(16)}${used.padStart(18)}${included.padStart(14)}${usd.padStart(12)}`;
  const { writes: w } = cost;
  const cuts = cost.shards === 0 ? '' : ` + ${number(w.cuts)} cuts of ${cost.shards} shards`;
  return [
    `30 days, ${number(usage.rrsets)} RRsets, ${number(usage.queriesPerDay)} queries a day, ` +
      `${number(usage.changesPerSecond)} changes a second, a push every ${number(usage.minPushSeconds)} s at most; ` +
      `zones: ${usage.zones}, variants of each: ${usage.variants}`,
    ...(zoneNames.length > 1
      ? [`Zones: ${zoneNames.join(', ')}; each is counted as large and as lively as the first`]
      : []),
    '',
    row('', 'a month', 'included', 'USD'),
    ...cost.lines.map(({ what, monthly, included, usd }) =>
      what === 'plan'
        ? row(WORDS[what], '', '', usd.toFixed(2))
        : row(WORDS[what], number(monthly), number(included), usd.toFixed(2)),
    ),
    row('total', '', '', cost.usd.toFixed(2)),
    '',
    `Writes a day of each snapshot: ${number(w.pushes)} pushes + ${number(w.renewals)} renewals + ` +
      `${number(w.merges)} merges${cuts} + ${number(w.history)} history = ${number(w.total)}; ` +
      `upload of all, ${number(cost.uploadGigabytesPerMonth)} GB a month`,
    freePlanText(cost),
    '',
    `Assumed: ${number(usage.isolates)} isolates; ` +
      ASSUMED.map(([key, flag]) => `${flag.replace(' <n>', '')} ${usage.assumed[key]}`).join(', '),
    `Prices of ${PRICES_DATE}: ${PRICE_PAGES.join(' ')}`,
  ];
}

function freePlanText({ freePlan }: Cost): string {
  const told = freePlan.limits.map(
    ({ what, perDay, limit }) =>
      `${WORDS[what]} ${number(perDay)} of ${number(limit)}${what === 'storageGigabytes' ? '' : ' a day'}`,
  );
  const passed = freePlan.limits.filter(({ perDay, limit }) => perDay > limit).length;
  if (passed === 0) return `Free plan: holds ($0). Nearest to its limit: ${told[0] ?? ''}`;
  return `Free plan: does not hold. First to break: ${told.slice(0, passed).join('; then ')}`;
}

/** For people: whole from 100 up, two digits that say something below. */
function number(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en-US');
  return value < 0.01 ? '0' : String(Number(value.toPrecision(2)));
}

function toAmount(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value >= 0 && value <= 1e15)) throw new InvalidArgumentError('It should be a number, 0 or more.');
  return value;
}

function toAboveZero(text: string): number {
  const value = toAmount(text);
  if (value === 0) throw new InvalidArgumentError('It should be more than 0.');
  return value;
}

function toPlan(text: string): 'free' | 'paid' {
  if (text === 'free' || text === 'paid') return text;
  throw new InvalidArgumentError('It should be free or paid.');
}
