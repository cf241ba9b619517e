import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { OwnerName } from '../../zone/name.ts';
import type { Zone } from '../../zone/zone.ts';
import { type AgentConfig, ConfigError } from '../config.ts';
import type { OnEvent } from '../events.ts';
import { createHttp } from '../http.ts';
import {
  type KeyPair,
  loadOrMakeSigningKey,
  loadSigningKey,
  makeSigningKey,
  signingKeyPath,
  trustedKeys,
} from '../keys.ts';
import { createPublisher, type Publisher } from '../publish/publisher.ts';
import type { Change } from '../publish/published.ts';
import { readHead } from '../publish/stored-head.ts';
import type { Candidate, Term } from '../election/election.ts';
import { recordTtl, zoneOf, zoneSettings } from '../record-settings.ts';
import type { RRsetSettings } from '../records/rrsets.ts';
import { createCloudflareKvSink } from '../sinks/cloudflare-kv.ts';
import { createDirectorySink } from '../sinks/directory.ts';
import type { Sink } from '../sinks/sink.ts';

/** The bits of the sources in stored RRsets. */
const SOURCE_MESOS = 1;
export const SOURCE_CONSUL = 2;
/** KV shows a new value elsewhere after up to 60 s or more (platform docs): so much is given. */
const KV_SPREAD_MS = 90_000;

/**
 * The configured key file, or the data directory's. Where the data directory has none: `make` makes it there,
 * `pretend` makes one in memory, and neither is a `ConfigError`.
 */
export async function signingKeyFrom(
  config: AgentConfig,
  { absent, onEvent }: { readonly absent?: 'make' | 'pretend'; readonly onEvent?: OnEvent } = {},
): Promise<KeyPair> {
  const path = signingKeyPath(config);
  if (absent === undefined || config.signingKeyFile !== undefined) return loadSigningKey(path);
  if (absent === 'pretend') return existsSync(path) ? loadSigningKey(path) : makeSigningKey();
  const { made, ...key } = await loadOrMakeSigningKey(path);
  onEvent?.({ kind: 'key', made, path, publicKeyBase64: key.publicKeyBase64 });
  return key;
}

/** The sink that flags, configuration and environment name. Throws `ConfigError` where they name none. */
export function sinkFrom(
  { sinkDir, kv }: { readonly sinkDir: string | undefined; readonly kv: AgentConfig['kv'] },
  env: NodeJS.ProcessEnv,
): { readonly sink: Sink; readonly spreadMs: number; readonly close: () => Promise<void> } {
  if (sinkDir !== undefined)
    return { sink: createDirectorySink(sinkDir), spreadMs: 0, close: () => Promise.resolve() };
  if (!kv)
    throw new ConfigError(
      'nowhere to publish is named: give --sink-dir DIR, or kv.url and kv.namespace in --config',
    );
  const http = createHttp();
  const token = env['CLOUDFLARE_API_TOKEN'];
  return {
    sink: createCloudflareKvSink({ ...kv, http, ...(token !== undefined && { token }) }),
    spreadMs: KV_SPREAD_MS,
    close: () => http.close(),
  };
}

/** What a publisher is made of beside the configuration. */
export type Outlet = {
  readonly sink: Sink;
  /** How long until every reader of the sink can have what was stored. */
  readonly spreadMs: number;
  readonly key: KeyPair;
  readonly writerId: Uint8Array;
  readonly onEvent: OnEvent;
  readonly onChanged?: (change: Change) => void;
  readonly dryRun?: boolean;
  readonly replaceOtherKey?: boolean;
  /** The zone whose head tells of this agent; undefined: the configuration's own. */
  readonly origin?: OwnerName;
};

/** Of one variant, the main one has no name, and of the configuration's own zone or another. */
export function publisherFrom(
  config: AgentConfig,
  {
    variant,
    zone = zoneOf(config),
    isBeside = false,
    ...outlet
  }: Outlet & {
    readonly variant?: string | undefined;
    readonly zone?: Zone;
    /** Is it a zone of another source, such as Consul's? */
    readonly isBeside?: boolean;
  },
  term?: Term,
): Publisher {
  // Wildcards are the operator's: what a task or a service is called answers for no other name.
  const hasWildcards = config.staticRecords !== undefined && !isBeside;
  const { keep, everySeconds, maxMebibytes } = config.history;
  return createPublisher({
    ...outlet,
    ...(term && { term }),
    ...(variant !== undefined && { variant }),
    ...(!hasWildcards && { wildcards: 'none' }),
    zone,
    settings: zoneSettings(config),
    trustedKeys: () => trustedKeysOf(config),
    livenessSeconds: config.livenessSeconds,
    history: { keep, everySeconds, maxOctets: maxMebibytes * 1024 * 1024 },
    now: Date.now,
    monotonicMs: () => performance.now(),
    randomOctets: (length) => randomBytes(length),
  });
}

/** Keys whose heads are ours too; none where the key is only pretended. */
async function trustedKeysOf(config: AgentConfig): Promise<readonly string[]> {
  const path = signingKeyPath(config);
  return existsSync(path) ? trustedKeys(path) : [];
}

/** What elections may ask of this agent. */
export function candidateFrom(config: AgentConfig, outlet: Outlet): Candidate {
  const { sink, key, writerId, onEvent, origin = zoneOf(config).origin } = outlet;
  const place = { sink, origin, variant: 'main' };
  return {
    writerId: Buffer.from(writerId).toString('hex'),
    readRoot: async (signal) => {
      const keys = [key.publicKeyBase64, ...(await trustedKeysOf(config))];
      const stored = await readHead(place, keys, signal);
      if (stored.kind !== 'head') return undefined;
      const { writerId: writer, epoch, serial, createdAtMs } = stored.head.root;
      const ageMs = Date.now() + (sink.clockOffsetMs?.() ?? 0) - createdAtMs;
      return { writerId: Buffer.from(writer).toString('hex'), epoch, serial, createdAtMs, ageMs };
    },
    onStandby: (why) => onEvent({ kind: 'role', role: 'standby', why }),
  };
}

export function rrsetSettings(config: AgentConfig): RRsetSettings {
  const { origin } = zoneOf(config);
  return { origin, ttl: recordTtl(config), srvWeight: config.records.srvWeight, sources: SOURCE_MESOS };
}
