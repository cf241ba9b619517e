import { encodeEntries, entryOctets, tableChanges } from '../zone/entries.ts';
import { hashName } from '../zone/hash.ts';
import { entryName, readEntry, rrsetOf } from '../zone/entry.ts';
import { cutSnapshot, DEFAULT_LIMITS, planSnapshot } from '../zone/plan.ts';
import { TYPE } from '../zone/record.ts';
import { zoneOf } from '../sync-agent/record-settings.ts';
import { memoryOf } from './process-figures.ts';
import { CONFIG, type SimulatedZone, simulateZone } from './simulated-zone.ts';
import { createStand } from './stand.ts';
import { between, type Tally } from './tally.ts';

/** Measures the snapshot of a zone of so many RRsets, in a fresh process: JSON lines out, the last the figures. */
const rrsets = Number(process.argv[2]);
const SEED = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const { origin } = zoneOf(CONFIG);
/** A target set as large as this is published by edits; zones much larger than it are measured with one. */
const LARGE_APP = 2_000;
const LARGE_APP_FROM_RRSETS = 50_000;
const PUSHES = 300;
const PLANS = 300;
const CHANGES_A_PUSH = 10;
const CYCLES = 3;
const MAX_PUSHES = 3_000;

const zone = await simulateZone(rrsets);
const size = zone.rrsets();
const core = await measureCore(zone);
const single = await measurePushes(zone, PUSHES, () => zone.cluster.churn(1, at()));
const month = await measureCycles(zone);
const large = rrsets >= LARGE_APP_FROM_RRSETS ? await measureLargeApp(zone) : undefined;
const { peakOctets } = await memoryOf(process.pid);
process.stdout.write(`${JSON.stringify({ size, core, single, large, month, peakOctets })}\n`);

/** Processor time of this process, collecting garbage included: what else the machine does is not in it. */
function cpuNowMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function at(): { atSeconds: number } {
  return { atSeconds: 1_800_000_000 };
}

/** The pure functions alone. */
async function measureCore({ content }: SimulatedZone): Promise<Record<string, unknown>> {
  const [encodeMs, cutMs, restartMs, planMs]: [number[], number[], number[], number[]] = [[], [], [], []];
  const runs = rrsets > 500_000 ? 3 : 5;
  let table = encodeEntries(content, { origin, seed: SEED });
  let made = await cutSnapshot(table, { seed: SEED, serial: 1 });
  for (let run = 0; run < runs; run++) {
    const t0 = cpuNowMs();
    table = encodeEntries(content, { origin, seed: SEED });
    const t1 = cpuNowMs();
    made = await cutSnapshot(table, { seed: SEED, serial: 1 });
    const t2 = cpuNowMs();
    const changes = tableChanges(made.levels, table);
    restartMs.push(cpuNowMs() - t2);
    if (changes.length > 0) throw new Error('a restart finds changes where there are none');
    encodeMs.push(t1 - t0);
    cutMs.push(t2 - t1);
  }
  let { levels } = made;
  // One name each, its address another. The overlay fills meanwhile.
  const step = Math.max(1, Math.floor(table.slots.length / PLANS));
  for (let i = 0; i < table.slots.length; i += step) {
    const octets = entryOctets(table, i).slice();
    const entry = readEntry(octets);
    if (!rrsetOf(entry, TYPE.A) || rrsetOf(entry, TYPE.AAAA) || rrsetOf(entry, TYPE.SRV)) continue;
    const last = octets.length - 1;
    octets[last] = (octets[last] ?? 0) ^ 1;
    const hash = hashName(entryName(entry), SEED);
    const begun = cpuNowMs();
    const plan = await planSnapshot(levels, [{ hash, octets }], { serial: 2 });
    planMs.push(cpuNowMs() - begun);
    levels = plan.levels;
  }
  const plain = [made.levels.run, ...made.levels.shards].filter((block) => block !== undefined);
  const blocks = made.newRun ? [made.newRun] : made.newShards;
  return {
    encodeMs,
    cutMs,
    restartMs,
    planMs,
    names: table.slots.length,
    storedOctets: blocks.reduce((sum, { length }) => sum + length, 0),
    octets: plain.reduce((sum, { octets }) => sum + octets.length, 0),
    shards: made.newShards.length,
    largestOctets: Math.max(...plain.map(({ octets }) => octets.length)),
  };
}

/** Pushes of one change each. Changes that alter no answer (a task that is only staged) are no pushes. */
async function measurePushes(
  { content, follow }: SimulatedZone,
  pushes: number,
  change: () => Parameters<SimulatedZone['follow']>[0],
): Promise<Record<string, unknown>> {
  const stand = await createStand(content);
  const first = stand.total();
  const [octets, writes, names, ms]: [number[], number[], number[], number[]] = [[], [], [], []];
  for (let tries = 0; octets.length < pushes && tries < pushes * 4; tries++) {
    const changed = await follow(change());
    const begun = cpuNowMs();
    const { push, tally } = await stand.push(changed);
    if (push.kind !== 'changed') continue;
    ms.push(cpuNowMs() - begun);
    octets.push(tally.headOctets + tally.runOctets + tally.shardOctets);
    writes.push(tally.pairs);
    names.push(push.changes);
  }
  const total = between(first, stand.total());
  await stand.verify();
  return { octets, writes, names, ms, total };
}

/** One app grown to 2,000 instances, and instances of it moved. */
async function measureLargeApp(measured: SimulatedZone): Promise<Record<string, unknown>> {
  const { cluster, tasksOf, follow } = measured;
  const app = cluster.apps[0];
  if (!app) throw new Error('the simulated cluster has no app');
  const missing = Math.max(0, LARGE_APP - tasksOf(app).length);
  await follow(Array.from({ length: missing }, () => cluster.startTask(app, at())));
  const tasks = tasksOf(app);
  let next = 0;
  const figures = await measurePushes(measured, PUSHES, () => {
    const task = tasks[next++ % tasks.length];
    return task ? [cluster.moveTask(task.id, at())] : [];
  });
  return { ...figures, instances: tasks.length };
}

/** Pushes of ten changes, as one change a second and one push in ten seconds give, over whole cycles. */
async function measureCycles({ content, follow, cluster }: SimulatedZone): Promise<Record<string, unknown>> {
  const stand = await createStand(content);
  const shards = stand.total().shards;
  const marks: { readonly pushes: number; readonly total: Tally; readonly names: number }[] = [];
  const fullOctets: number[] = [];
  let [pushes, changedNames, changes] = [0, 0, 0];
  const ms: number[] = [];
  while (marks.length <= CYCLES * (shards > 0 ? 1 : 4) && pushes < MAX_PUSHES) {
    const made = cluster.churn(CHANGES_A_PUSH, at());
    const followed = await follow(made);
    const begun = cpuNowMs();
    const { push, tally } = await stand.push(followed);
    ms.push(cpuNowMs() - begun);
    pushes++;
    changes += made.length;
    changedNames += push.changes;
    if (shards > 0 ? tally.shards === 0 : tally.runs === 0) continue;
    marks.push({ pushes, total: stand.total(), names: changedNames });
    fullOctets.push(shards > 0 ? await stand.runOctets() : DEFAULT_LIMITS.overlayOctets);
  }
  await stand.verify();
  const [from, to] = [marks[0], marks.at(-1)];
  if (!from || !to || from === to) throw new Error(`no whole cycle within ${MAX_PUSHES} pushes`);
  return {
    shards,
    cycles: marks.length - 1,
    pushes: to.pushes - from.pushes,
    total: between(from.total, to.total),
    namesAChange: changedNames / changes,
    // What the names of a cycle had filled at its end: the run, or, of a zone without shards, the overlay.
    octetsAName: fullOctets.slice(1).reduce((sum, octets) => sum + octets, 0) / (to.names - from.names),
    ms,
  };
}
