import { join } from 'node:path';
import { build } from 'esbuild';
import { numbers } from './figures.ts';
import { firstLine, type Stage } from './stage.ts';

/** What mesos-dns e888ef4 took on a machine like the one this was written on: median, and peak of a first load. */
const MESOS_DNS = new Map([
  [1_000, { ms: 19, mib: 17 }],
  [10_000, { ms: 181, mib: 68 }],
  [100_000, { ms: 2_270, mib: 536 }],
]);

/** Fetch, parse and generate at three sizes, in fresh processes, against a master that only sends octets. */
export async function benchAgent({ print, directory, start, end }: Stage): Promise<void> {
  const bundle = join(directory, 'agent.mjs');
  // As it is shipped: stripping types at start costs a Node process 20 MiB that users do not pay.
  const banner =
    "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";
  const entryPoints = [new URL('agent-child.ts', import.meta.url).pathname];
  await build({
    entryPoints,
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: bundle,
    banner: { js: banner },
  });
  print(
    'agent: fetch + parse + generate in a fresh process, ms: its first five loads, and the five after them,',
  );
  print('when the JIT has seen the code; mesos-dns: five loads of a fresh process, measured once, elsewhere');
  print(
    '    tasks   state MB   values   first five: min / median / max   then   first peak MiB   mesos-dns ms, MiB',
  );
  for (const [tasks, peer] of MESOS_DNS) {
    const serveState = new URL('serve-state.ts', import.meta.url).pathname;
    const server = start(process.execPath, [serveState, String(tasks)]);
    const { url, octets } = await firstLine(server);
    const result = await firstLine(start(process.execPath, [bundle, String(url)]));
    await end(server);
    const elapsed = numbers(result['elapsedMs']);
    const first = elapsed.slice(0, 5).toSorted((x, y) => x - y);
    const then = elapsed.slice(5).toSorted((x, y) => x - y);
    const columns = [
      String(tasks).padStart(9),
      (Number(octets) / 1e6).toFixed(1).padStart(10),
      String(result['values']).padStart(8),
      [first.at(0), first.at(2), first.at(-1)]
        .map((value) => Math.round(value ?? 0))
        .join(' / ')
        .padStart(32),
      String(Math.round(then.at(2) ?? 0)).padStart(6),
      String(result['firstPeakMiB']).padStart(16),
      `${peer.ms}, ${peer.mib}`.padStart(20),
    ];
    print(columns.join(' '));
  }
  const floor = await firstLine(start(process.execPath, ['-e', FLOOR]));
  print(`a Node process that does nothing: ${String(floor['mib'])} MiB`);
}

const FLOOR = `const kb = /VmHWM:\\s*(\\d+)/.exec(require('fs').readFileSync('/proc/self/status', 'utf8'))[1];
console.log(JSON.stringify({ mib: Math.round(kb / 1024) }))`;
