import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type AgentConfig, ConfigError } from '../config.ts';
import type { OnEvent } from '../events.ts';
import { createHttp } from '../http.ts';
import { type KeyPair, loadOrMakeSigningKey, loadSigningKey, makeSigningKey } from '../keys.ts';
import { createPublisher, type Publisher } from '../publish.ts';
import { recordTtl, zoneOf, zoneSettings } from '../record-settings.ts';
import type { RRsetSettings } from '../records/rrsets.ts';
import { createCloudflareKvSink } from '../sinks/cloudflare-kv.ts';
import { createDirectorySink } from '../sinks/directory.ts';
import type { Sink } from '../sinks/sink.ts';

/** The bit of the source `mesos-state` in stored RRsets. */
const SOURCE_MESOS = 1;

/**
 * The configured key file, or the data directory's. Where the data directory has none: `make` makes it there,
 * `pretend` makes one in memory, and neither is a `ConfigError`.
 */
export async function signingKeyFrom(
  config: AgentConfig,
  { absent, onEvent }: { readonly absent?: 'make' | 'pretend'; readonly onEvent?: OnEvent } = {},
): Promise<KeyPair> {
  const path = config.signingKeyFile ?? join(config.dataDir, 'signing.pem');
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
): { readonly sink: Sink; readonly close: () => Promise<void> } {
  if (sinkDir !== undefined) return { sink: createDirectorySink(sinkDir), close: () => Promise.resolve() };
  if (!kv)
    throw new ConfigError(
      'nowhere to publish is named: give --sink-dir DIR, or kv.url and kv.namespace in --config',
    );
  const http = createHttp();
  const token = env['CLOUDFLARE_API_TOKEN'];
  return {
    sink: createCloudflareKvSink({ ...kv, http, ...(token !== undefined && { token }) }),
    close: () => http.close(),
  };
}

export function publisherFrom(
  config: AgentConfig,
  {
    sink,
    key,
    onEvent,
    ...flags
  }: { sink: Sink; key: KeyPair; onEvent: OnEvent; dryRun?: boolean; replaceOtherKey?: boolean },
): Publisher {
  return createPublisher({
    sink,
    key,
    zone: zoneOf(config),
    settings: zoneSettings(config),
    livenessSeconds: config.livenessSeconds,
    now: Date.now,
    randomOctets: (length) => randomBytes(length),
    ...flags,
    onUnusable: (reason) => onEvent({ kind: 'anew', sink: sink.name, reason }),
  });
}

export function rrsetSettings(config: AgentConfig): RRsetSettings {
  const { origin } = zoneOf(config);
  return { origin, ttl: recordTtl(config), srvWeight: config.records.srvWeight, sources: SOURCE_MESOS };
}
