import { readFileSync } from 'node:fs';
import { createHttp } from '../sync-agent/http.ts';
import { createListFinder } from '../sync-agent/masters/list-finder.ts';
import { generateRecords } from '../sync-agent/records/generate.ts';
import { parseConfig } from '../sync-agent/config.ts';
import { recordSettings } from '../sync-agent/record-settings.ts';
import { createMesosStateSource } from '../sync-agent/sources/mesos-state.ts';

/** Fetch, parse and generate, ten times in a fresh process: one JSON line out. */
const [, , url = '', runs = '10'] = process.argv;
const http = createHttp();
const source = createMesosStateSource({
  finder: createListFinder([new URL(url)]),
  http,
  timeoutMs: 300_000,
  maxOctets: 2 ** 31,
});
const settings = recordSettings(parseConfig({ records: { profile: 'mesos-dns' } }, 'bench'));
const elapsedMs: number[] = [];
let values = 0;
let firstPeakMiB = 0;
for (let run = 0; run < Number(runs); run++) {
  const started = performance.now();
  const state = await source.read(() => undefined, new AbortController().signal);
  const records = generateRecords(state, settings, { addressesOfHost: () => [], report: () => undefined });
  elapsedMs.push(performance.now() - started);
  values = 0;
  for (const type of ['A', 'AAAA', 'SRV'] as const)
    for (const list of records[type].values()) values += list.length;
  if (run === 0) firstPeakMiB = peakMiB();
}
await http.close();
process.stdout.write(`${JSON.stringify({ elapsedMs, values, firstPeakMiB, peakMiB: peakMiB() })}\n`);

/** The most memory the process ever held (VmHWM). */
function peakMiB(): number {
  const kibibytes = /VmHWM:\s*(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return Math.round(Number(kibibytes ?? 0) / 1024);
}
