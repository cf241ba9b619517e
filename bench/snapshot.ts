import { type PublishedZone, writesADay } from '../sync-agent/write-model.ts';
import { DEFAULT_ASSUMPTIONS } from '../sync-agent/cost.ts';
import { count, median, numbers, quantile, spread, table } from './figures.ts';
import { firstLine, type Part } from './stage.ts';
import { octetsOf, type Tally } from './tally.ts';

const MONTH_SECONDS = 30 * 86_400;
const PUSH_SECONDS = 10;
const CHANGES_A_SECOND = 1;
/** A kept head an hour (`history`), which the simulated pushes leave out. */
const HISTORY_A_MONTH = MONTH_SECONDS / 3600;
const MIB = 1024 * 1024;

/** What one size gave. Times in milliseconds of CPU. */
type Measured = {
  readonly size: number;
  readonly core: Readonly<Record<'encodeMs' | 'cutMs' | 'restartMs' | 'planMs', readonly number[]>> &
    Readonly<Record<'names' | 'octets' | 'storedOctets' | 'shards' | 'largestOctets', number>>;
  readonly single: Pushes;
  readonly large: (Pushes & { readonly instances: number }) | undefined;
  readonly month: {
    readonly cycles: number;
    readonly pushes: number;
    readonly total: Tally;
    readonly namesAChange: number;
    readonly octetsAName: number;
  };
  readonly peakOctets: number;
};
type Pushes = {
  readonly octets: readonly number[];
  readonly writes: readonly number[];
  readonly names: readonly number[];
  readonly ms: readonly number[];
};

/** Encoding, planning and publishing of simulated zones at these sizes, each in a fresh process. */
export function benchSnapshot(sizes: readonly number[]): Part {
  return async ({ start, print }) => {
    const all: Measured[] = [];
    const child = new URL('snapshot-child.ts', import.meta.url).pathname;
    for (const size of sizes) {
      const line = await firstLine(
        start(process.execPath, ['--max-old-space-size=12000', child, String(size)]),
      );
      all.push(read(line));
    }
    for (const lines of [coreLines(all), pushLines(all), monthLines(all)]) {
      for (const line of lines) print(line);
      print('');
    }
  };
}

function coreLines(all: readonly Measured[]): string[] {
  const rows = all.map(({ size, core, peakOctets }) => [
    count(size),
    count(core.names),
    (core.octets / MIB).toFixed(1),
    (core.storedOctets / MIB).toFixed(1),
    String(core.shards),
    (core.largestOctets / 1024).toFixed(0),
    spread(core.encodeMs, 0),
    spread(core.cutMs, 0),
    spread(core.restartMs, 0),
    median(core.planMs).toFixed(2),
    (peakOctets / MIB).toFixed(0),
  ]);
  const titles = [
    'RRsets',
    'names',
    'MiB',
    'stored',
    'shards',
    'largest KiB',
    'encode',
    'cut',
    'restart',
    'one name',
  ];
  return [
    'snapshot: CPU ms, median (least..most). encode: encodeEntries; cut: cutSnapshot; restart: tableChanges of an unchanged',
    'zone; one name: planSnapshot; the last column is the whole benchmark process, its simulated cluster included',
    ...table([[...titles, 'peak MiB'], ...rows]),
  ];
}

function pushLines(all: readonly Measured[]): string[] {
  const row = (size: number, what: string, { octets, writes, names, ms }: Pushes): string[] => [
    `${count(size)}, ${what}`,
    String(octets.length),
    mean(names).toFixed(1),
    (median(octets) / 1024).toFixed(1),
    (quantile(headOnly({ octets, writes }), 1) / 1024).toFixed(1),
    (mean(octets) / 1024).toFixed(1),
    (Math.max(...octets) / 1024).toFixed(0),
    mean(writes).toFixed(3),
    median(ms).toFixed(1),
  ];
  const rows = all.flatMap(({ size, single, large }) => [
    row(size, 'any app', single),
    ...(large ? [row(size, `an app of ${count(large.instances)}`, large)] : []),
  ]);
  const titles = [
    'RRsets, changed',
    'pushes',
    'names',
    'KiB median',
    'most of one head',
    'KiB mean',
    'KiB most',
    'KV writes',
    'CPU ms',
  ];
  return [
    'one task changed and published (a push with one write is a head alone; others merge the overlay into a run)',
    ...table([titles, ...rows]),
  ];
}

/** Octets of pushes that wrote a head and nothing else. */
function headOnly({ octets, writes }: Pick<Pushes, 'octets' | 'writes'>): number[] {
  return octets.filter((_, i) => writes[i] === 1);
}

function monthLines(all: readonly Measured[]): string[] {
  const pushesAMonth = MONTH_SECONDS / PUSH_SECONDS;
  const rows: string[][] = [];
  for (const { size, core, month } of all) {
    const { total, pushes } = month;
    const share = pushesAMonth / pushes;
    const head = total.headOctets / total.heads;
    const { values, sent } = octetsOf(total);
    const history = HISTORY_A_MONTH * head;
    const writes = total.pairs * share + HISTORY_A_MONTH;
    const upload = values * share + history;
    const zone = { rrsets: size, changesPerSecond: CHANGES_A_SECOND, minPushSeconds: PUSH_SECONDS };
    const name = month.octetsAName;
    const measured = {
      ...DEFAULT_ASSUMPTIONS,
      namesPerChange: month.namesAChange,
      octetsPerRrset: core.octets / size,
      octetsPerName: name,
    };
    const [model, fitted] = [
      modelOf({ ...zone, livenessSeconds: 300, assumed: DEFAULT_ASSUMPTIONS }),
      modelOf({ ...zone, livenessSeconds: 300, assumed: measured }),
    ];
    rows.push([
      count(size),
      `${pushes} in ${month.cycles}`,
      month.namesAChange.toFixed(1),
      name.toFixed(0),
      (core.octets / size).toFixed(0),
      `${count(total.heads)}+${count(total.runs)}+${count(total.shards)}`,
      (writes / 1e6).toFixed(2),
      (upload / 1e9).toFixed(0),
      ((sent * share) / 1e9 + history / 1e9).toFixed(0),
      `${model.writes} ${model.gigabytes}`,
      `${fitted.writes} ${fitted.gigabytes}`,
    ]);
  }
  const titles = [
    'RRsets',
    'pushes, cycles',
    'names/change',
    'octets/name',
    'octets/RRset',
    'heads+runs+shards',
    'M writes',
    'GB',
    'GB sent',
    'cost: M, GB',
    'cost, measured: M, GB',
  ];
  return [
    'a month of one change a second, pushed every 10 s: whole cycles (from one cut to a later one; of a zone without shards,',
    'from merge to merge) through the publisher, times the month; a kept head an hour added. GB: octets of values; sent: blocks',
    'as base64. To stay below at a million RRsets: 1 M writes, 200 GB. cost: `mesos-doh cost` by default, and given the figures',
    'left of it (octets/name: what runs grow by a changed name)',
    ...table([titles, ...rows]),
  ];
}

function modelOf(zone: PublishedZone): { readonly writes: string; readonly gigabytes: string } {
  const { total, uploadOctets } = writesADay(zone);
  return { writes: ((total * 30) / 1e6).toFixed(2), gigabytes: ((uploadOctets * 30) / 1e9).toFixed(0) };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

/** What the child said, which is ours: numbers are numbers. */
function read(line: Record<string, unknown>): Measured {
  const core = fields(line['core']);
  const month = fields(line['month']);
  const total = fields(month['total']);
  const large = line['large'] === undefined ? undefined : fields(line['large']);
  return {
    size: Number(line['size']),
    core: {
      encodeMs: numbers(core['encodeMs']),
      cutMs: numbers(core['cutMs']),
      restartMs: numbers(core['restartMs']),
      planMs: numbers(core['planMs']),
      names: Number(core['names']),
      octets: Number(core['octets']),
      storedOctets: Number(core['storedOctets']),
      shards: Number(core['shards']),
      largestOctets: Number(core['largestOctets']),
    },
    single: pushesOf(fields(line['single'])),
    large: large && { ...pushesOf(large), instances: Number(large['instances']) },
    month: {
      cycles: Number(month['cycles']),
      pushes: Number(month['pushes']),
      namesAChange: Number(month['namesAChange']),
      octetsAName: Number(month['octetsAName']),
      total: {
        pairs: Number(total['pairs']),
        heads: Number(total['heads']),
        headOctets: Number(total['headOctets']),
        runs: Number(total['runs']),
        runOctets: Number(total['runOctets']),
        shards: Number(total['shards']),
        shardOctets: Number(total['shardOctets']),
      },
    },
    peakOctets: Number(line['peakOctets']),
  };
}

function pushesOf(values: Record<string, unknown>): Pushes {
  return {
    octets: numbers(values['octets']),
    writes: numbers(values['writes']),
    names: numbers(values['names']),
    ms: numbers(values['ms']),
  };
}

function fields(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
