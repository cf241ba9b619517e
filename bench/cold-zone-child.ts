import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeSigningKey } from '../sync-agent/keys.ts';
import { createPublisher } from '../sync-agent/publish/publisher.ts';
import { zoneOf, zoneSettings } from '../sync-agent/record-settings.ts';
import { createMemorySink } from '../sync-agent/sinks/memory.ts';
import { findEntry } from '../zone/block.ts';
import { hashName } from '../zone/hash.ts';
import { parseKey } from '../zone/head.ts';
import { shardOf } from '../zone/levels.ts';
import { nameToWire } from '../zone/name.ts';
import { TYPE } from '../zone/record.ts';
import { CONFIG, simulateZone } from './simulated-zone.ts';

/** Publishes a simulated zone as files, a key each with `_` for its slashes: one JSON line says what is where. */
const [, , rrsets = '', directory = ''] = process.argv;
/** Enough to leave a run half its limit and an overlay, as a cluster that changes has them. */
const PUSHES = 25;
const CHANGES_A_PUSH = 10;
const never = new AbortController().signal;

const { content, follow, cluster, ...simulated } = await simulateZone(Number(rrsets));
const sink = createMemorySink();
const zone = zoneOf(CONFIG);
const key = await makeSigningKey();
const publisher = createPublisher({
  sink,
  zone,
  settings: zoneSettings(CONFIG),
  key,
  livenessSeconds: CONFIG.livenessSeconds,
  now: Date.now,
  monotonicMs: () => performance.now(),
  writerId: randomBytes(16),
  randomOctets: (length) => randomBytes(length),
});
const publish = async (changed: Awaited<ReturnType<typeof follow>> | 'all'): Promise<void> => {
  const wanted = { kind: 'content', content, changed } as const;
  await publisher.publish({ wanted, confirmedAtMs: Date.now() }, never);
};
await publish('all');
for (let push = 0; push < PUSHES; push++)
  await publish(await follow(cluster.churn(CHANGES_A_PUSH, { atSeconds: 1_800_000_000 })));

const levels = (await publisher.standing(never))?.levels;
if (!levels) throw new Error('nothing is published');
const { seed, shards } = levels.table;
const octets = { head: 0, run: 0, shard: 0, history: 0, guard: 0 };
const files: string[] = [];
for (const name of await sink.list('', never)) {
  const stored = await sink.get(name, never);
  const parsed = parseKey(name);
  if (!stored || !parsed) continue;
  const isNamed = parsed.kind !== 'run' || parsed.serial === levels.table.run?.serial;
  if (!isNamed || (parsed.kind === 'shard' && parsed.serial !== shards?.cutSerial)) continue;
  const file = name.replaceAll('/', '_');
  await writeFile(join(directory, file), stored.value);
  octets[parsed.kind] += stored.value.length;
  if (parsed.kind === 'shard' || !shards) files.push(file);
}

/** A name with an address for each shard, to be found in the shard alone. */
const names: string[] = Array.from({ length: shards ? 2 ** shards.bits : 1 }, () => '');
for (const owner of content.owners()) {
  const wire = nameToWire(owner);
  const hash = hashName(wire, seed);
  const index = shards ? shardOf(hash, shards.bits) : 0;
  if (names[index] !== '') continue;
  const isNewer = [levels.overlay, shards && levels.run].some(
    (block) => block && findEntry(block, wire, hash.slot) !== undefined,
  );
  if (!isNewer && content.rrsetsAt(owner).some(({ type }) => type === TYPE.A)) names[index] = owner;
}
const said = {
  rrsets: simulated.rrsets(),
  publicKey: key.publicKeyBase64,
  shards: levels.shards.length,
  names,
  files,
  octets,
};
process.stdout.write(`${JSON.stringify(said)}\n`);
