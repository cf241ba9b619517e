import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { simulateZone } from '../../bench/simulated-zone.ts';
import { createHttp } from '../../sync-agent/http.ts';
import { loadOrMakeSigningKey, type KeyPair } from '../../sync-agent/keys.ts';
import { startLocalEdge } from '../../sync-agent/local/miniflare.ts';
import { startLocalTls } from '../../sync-agent/local/tls.ts';
import { createPublisher } from '../../sync-agent/publish/publisher.ts';
import { createCloudflareKvSink } from '../../sync-agent/sinks/cloudflare-kv.ts';
import type { Sink } from '../../sync-agent/sinks/sink.ts';
import { ACCESS_KEY, readAccessJson, signAccessDocument, tokenHash } from '../../zone/access-document.ts';
import { HALF_HOUR_SECONDS, halfHourOf, MOST_HALF_HOURS } from '../../zone/churn.ts';
import type { ZoneContent } from '../../zone/entries.ts';
import { decodeHead, encodeBody, encodeHead, type HeadBody, headKey, rootOctets } from '../../zone/head.ts';
import { parseName } from '../../zone/name.ts';
import { importVerifyKeys } from '../../zone/root.ts';

/** How the page is to be seen: what of a simulated cluster is published, how long ago, and who may ask. */
export type Scene = {
  readonly access?: 'open' | 'tokens' | 'closed';
  /** Nothing: no snapshot at all; `empty`: one without names. */
  readonly zone?: 'whole' | 'empty' | 'nothing';
  readonly ageSeconds?: number;
  readonly body?: Partial<HeadBody>;
  readonly enumeration?: boolean;
  /** Frameworks of the view of the token. */
  readonly frameworks?: readonly string[];
};

export type Stage = {
  /** Where the page is, over TLS, with a token in the path where one is needed. */
  readonly page: string;
  readonly close: () => Promise<void>;
};

const TOKEN = 'mdt_staged22222222222222222222222222';
const ORIGIN = parseName('mesos');
const SIGNAL = AbortSignal.timeout(600_000);
const SETTINGS = {
  staleAfterSeconds: 900,
  expireAfterSeconds: 604_800,
  recursionAvailable: 'forwarding',
} as const;
const NAME_SERVER = parseName('ns1.mesos');
const ZONE = {
  origin: ORIGIN,
  soa: {
    mname: NAME_SERVER,
    rname: parseName('root.ns1.mesos'),
    ...{ refresh: 60, retry: 600, expire: 86_400, minimum: 10, ttl: 30 },
  },
  nameServers: [NAME_SERVER],
  nsTtl: 30,
};
const NO_NAMES: ZoneContent = { owners: () => [], has: () => false, rrsetsAt: () => [] };

/** The built Worker with TLS before it and a scene in its store. */
export async function openStage(scene: Scene): Promise<Stage> {
  const { access = 'open', zone = 'whole', enumeration = true } = scene;
  const dataDir = await mkdtemp(join(tmpdir(), 'mesos-doh-page-'));
  const key = await loadOrMakeSigningKey(join(dataDir, 'signing.pem'));
  const vars = {
    ...(access !== 'closed' && { ACCESS: access }),
    ...{ ZONES: ORIGIN, UPSTREAMS: '', ENUMERATION: enumeration ? 'on' : 'off' },
    VERIFY_KEYS: key.publicKeyBase64,
  };
  const http = createHttp();
  const edge = await startLocalEdge({ port: 0, dataDir, vars });
  const tls = await startLocalTls({ port: 0, dataDir, workerUrl: edge.url });
  const sink = createCloudflareKvSink({ ...edge.kv, http });
  if (access === 'tokens') await grant(sink, key, scene);
  if (zone !== 'nothing') await publish(sink, key, scene);
  return {
    page: `${tls.url}${access === 'tokens' ? `/t/${TOKEN}` : ''}/`,
    close: async () => {
      await tls.close();
      await edge.close();
      await http.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function grant(sink: Sink, key: KeyPair, { frameworks, enumeration = true }: Scene): Promise<void> {
  const hash = await tokenHash(TOKEN);
  const document = readAccessJson({
    ...{ format: 1, serial: 1, issuedAtMs: Date.now() },
    views: {
      staged: {
        zones: [{ origin: 'mesos', ...(frameworks && { frameworks }) }],
        forwarding: false,
        enumeration,
      },
    },
    teams: { staged: { view: 'staged' } },
    tokens: [{ id: hash.slice(0, 8), hash, team: 'staged', createdAtMs: Date.now() }],
  });
  await sink.put([{ key: ACCESS_KEY, value: await signAccessDocument(document, key) }], SIGNAL);
}

/** Publishes as the agent does, then makes the head older and says in it what a scene wants. */
async function publish(sink: Sink, key: KeyPair, { zone, ageSeconds = 12, body }: Scene): Promise<void> {
  const content = zone === 'empty' ? NO_NAMES : (await simulateZone(900)).content;
  const publisher = createPublisher({
    ...{ sink, key, settings: SETTINGS, zone: ZONE, livenessSeconds: 300 },
    now: Date.now,
    monotonicMs: () => performance.now(),
    writerId: new Uint8Array(16),
    randomOctets: (length) => crypto.getRandomValues(new Uint8Array(length)),
  });
  const wanted = { kind: 'content', content, changed: 'all' } as const;
  await publisher.publish({ wanted, confirmedAtMs: Date.now() }, SIGNAL);
  const stored = await sink.get(headKey(ORIGIN, 'main'), SIGNAL);
  if (!stored) throw new Error('nothing was published');
  const head = await decodeHead(stored.value, await importVerifyKeys([key.publicKeyBase64]));
  const thenMs = Date.now() - ageSeconds * 1000;
  const root = { ...head.root, createdAtMs: thenMs, confirmedAtMs: thenMs };
  const changed = await encodeHead(root, encodeBody({ ...head.body, ...body }), key);
  const metadata = { root: Buffer.from(rootOctets(changed)).toString('base64') };
  await sink.put([{ key: headKey(ORIGIN, 'main'), value: changed, metadata }], SIGNAL);
}

/** A day of a cluster that deploys in the morning and in the afternoon. */
function dayOfChurn(nowSeconds: number): NonNullable<HeadBody['churn']> {
  const last = halfHourOf(nowSeconds);
  const halfHours = Array.from({ length: MOST_HALF_HOURS }, (_, i) => {
    const wave = Math.max(0, Math.sin((i / MOST_HALF_HOURS) * Math.PI * 4)) ** 3;
    const [added, changed] = [Math.round(wave * 90) + (i % 5), Math.round(wave * 40) + (i % 3)];
    return {
      startSeconds: last - (MOST_HALF_HOURS - 1 - i) * HALF_HOUR_SECONDS,
      ...{ added, changed, gone: Math.round(wave * 70) + ((i * 7) % 4) },
    };
  });
  return { sinceSeconds: nowSeconds - 172_800, halfHours };
}

/** Every state that the page has a design for. */
export function scenes(nowSeconds: number): Readonly<Record<string, Scene>> {
  const churn = dayOfChurn(nowSeconds);
  const noMemory = new Uint8Array();
  return {
    ok: { body: { churn } },
    stale: { ageSeconds: 1_260, body: { churn } },
    expired: { ageSeconds: 800_000 },
    held: { body: { held: { names: 217, sinceSeconds: nowSeconds - 40, memory: noMemory }, churn } },
    pinned: { body: { pin: 1_795_199_304, churn: { ...churn, halfHours: [] } } },
    'not ready': { zone: 'nothing' },
    empty: { zone: 'empty' },
    closed: { access: 'closed' },
    token: { access: 'tokens', frameworks: ['marathon'], enumeration: true },
    'token without listing': { access: 'tokens', enumeration: false, body: { churn } },
  };
}
