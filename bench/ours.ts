import { randomBytes } from 'node:crypto';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createCluster } from '../simulate/cluster.ts';
import { type KeyPair, makeSigningKey } from '../sync-agent/keys.ts';
import { WORKER_BUNDLE } from '../sync-agent/local/project.ts';
import { createPublisher } from '../sync-agent/publish/publisher.ts';
import { zoneOf, zoneSettings } from '../sync-agent/record-settings.ts';
import { createMemorySink } from '../sync-agent/sinks/memory.ts';
import { CONFIG, followedZone } from './simulated-zone.ts';
import type { Stage } from './stage.ts';
import { ourService, type Served, startWorkerd, workerService } from './workerd.ts';

type OursOptions = {
  /** The variable ACCESS; `open` unless told otherwise. */
  readonly access?: string;
  /** What KV holds besides the zone, signed with the zone's key. */
  readonly further?: (key: KeyPair) => Promise<ReadonlyMap<string, Uint8Array>>;
};

/** The Worker as built, its KV a service that answers from memory, as workerd's KV protocol wants it. */
export async function startOurs(stage: Stage, options: OursOptions = {}): Promise<Served> {
  const key = await makeSigningKey();
  const stored = await publishedCluster(key);
  for (const [name, value] of (await options.further?.(key)) ?? [])
    stored.set(name, { value, root: undefined });
  await copyFile(WORKER_BUNDLE, join(stage.directory, 'index.js'));
  const data = JSON.stringify(
    [...stored].map(([name, { value, root }]) => [name, Buffer.from(value).toString('base64'), root]),
  );
  await writeFile(
    join(stage.directory, 'kv.js'),
    `const data = new Map(${data}.map(([k, v, root]) => [k, { v: Uint8Array.from(atob(v), (c) => c.charCodeAt(0)), root }]));
export default { fetch(request) {
  const found = data.get(decodeURIComponent(new URL(request.url).pathname.slice(1)));
  if (!found) return new Response(null, { status: 404 });
  return new Response(found.v, { headers: found.root ? { 'CF-KV-Metadata': JSON.stringify({ root: found.root }) } : {} });
} };`,
  );
  const services = [
    ourService('index.js', { verifyKeys: key.publicKeyBase64, access: options.access ?? 'open' }),
    workerService('kv', 'kv.js'),
  ];
  return startWorkerd(stage, 'ours', services);
}

async function publishedCluster(
  key: KeyPair,
): Promise<Map<string, { value: Uint8Array; root: string | undefined }>> {
  const signal = new AbortController().signal;
  const sink = createMemorySink();
  const publisher = createPublisher({
    sink,
    zone: zoneOf(CONFIG),
    settings: zoneSettings(CONFIG),
    key,
    livenessSeconds: CONFIG.livenessSeconds,
    now: Date.now,
    monotonicMs: () => performance.now(),
    writerId: randomBytes(16),
    randomOctets: (length) => randomBytes(length),
  });
  const { content } = await followedZone(createCluster({ seed: 1, agents: 12, tasks: 120 }));
  const wanted = { kind: 'content', content, changed: 'all' } as const;
  await publisher.publish({ wanted, confirmedAtMs: Date.now() }, signal);
  const stored = new Map<string, { value: Uint8Array; root: string | undefined }>();
  for (const name of await sink.list('', signal)) {
    const pair = await sink.get(name, signal);
    if (pair) stored.set(name, { value: pair.value, root: pair.metadata?.['root'] });
  }
  return stored;
}
