import { parseArgs } from 'node:util';
import { benchAgent } from './agent.ts';
import { benchCold } from './cold.ts';
import { benchLive } from './live.ts';
import { benchSnapshot } from './snapshot.ts';
import { onStage, type Part } from './stage.ts';
import { benchStub } from './stub.ts';
import { benchViews } from './views.ts';
import { benchWorker } from './worker.ts';

/** `npm run bench [-- PART…]`: every figure the docs quote, printed by the run that made it (docs/benchmarks.md). */
const SIZES = [10_000, 100_000, 1_000_000];
const LIVE_SECONDS = 60;
const LIVE_TASKS = 100_000;
const LIVE_CHANGES = 50;

type Flags = {
  readonly sizes: readonly number[];
  readonly seconds: number;
  readonly tasks: number;
  readonly changes: number;
};
const PARTS: Readonly<Record<string, (flags: Flags) => Part>> = {
  worker: () => benchWorker,
  views: () => benchViews,
  cold: ({ sizes }) => benchCold(sizes),
  agent: () => benchAgent,
  snapshot: ({ sizes }) => benchSnapshot(sizes),
  live: benchLive,
  stub: () => benchStub,
};

/** What to run; a string says what is wrong with the arguments. */
function parse(
  args: readonly string[],
): { readonly names: readonly string[]; readonly flags: Flags } | string {
  const options = {
    rrsets: { type: 'string' },
    seconds: { type: 'string' },
    tasks: { type: 'string' },
    changes: { type: 'string' },
  } as const;
  try {
    const { positionals, values } = parseArgs({ args: [...args], options, allowPositionals: true });
    const unknown = positionals.find((name) => !Object.hasOwn(PARTS, name));
    if (unknown !== undefined) return `no part ${unknown}: there are ${Object.keys(PARTS).join(', ')}`;
    const flags = {
      sizes: values.rrsets === undefined ? SIZES : values.rrsets.split(',').map(Number),
      seconds: Number(values.seconds ?? LIVE_SECONDS),
      tasks: Number(values.tasks ?? LIVE_TASKS),
      changes: Number(values.changes ?? LIVE_CHANGES),
    };
    const numbers = [...flags.sizes, flags.seconds, flags.tasks, flags.changes];
    if (numbers.some((n) => !Number.isSafeInteger(n) || n < 1))
      return '--rrsets (a list), --seconds, --tasks and --changes take whole numbers above 0';
    return { names: positionals.length > 0 ? positionals : Object.keys(PARTS), flags };
  } catch (error) {
    return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
  }
}

async function main(): Promise<number> {
  const parsed = parse(process.argv.slice(2));
  if (typeof parsed === 'string') {
    process.stderr.write(`bench: ${parsed}\n`);
    return 2;
  }
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
  // As when the output is cut off by `head`.
  process.stdout.on('error', (error) => stop.abort(error));
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  try {
    for (const [i, name] of parsed.names.entries()) {
      if (i > 0) print('');
      const part = PARTS[name]?.(parsed.flags);
      if (part) await onStage(part, { print, signal: stop.signal });
    }
    return 0;
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    return stop.signal.aborted ? 130 : 1;
  }
}

process.exit(await main());
