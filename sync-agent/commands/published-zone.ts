import type { OwnerName } from '../../zone/name.ts';
import type { ClusterZone } from '../cluster-conflicts.ts';
import { type AgentConfig, ConfigError } from '../config.ts';
import { signingKeyPath, trustedKeys } from '../keys.ts';
import { readHead, readLevels } from '../publish/stored-head.ts';
import type { Sink } from '../sinks/sink.ts';
import { signingKeyFrom } from './outputs.ts';
import { stopSignal } from './terminal.ts';

/** A cluster's zone as it is published. */
export type PublishedZone = ClusterZone & { readonly serial: number; readonly ageSeconds: number };

/** Reads a zone back, signature checked. Throws where there is no snapshot that can be used. */
export async function readPublishedZone(
  place: { readonly sink: Sink; readonly origin: OwnerName; readonly variant: string },
  keys: readonly string[],
): Promise<PublishedZone> {
  const { sink, origin, variant } = place;
  const stored = await readHead(place, keys, stopSignal());
  if (stored.kind === 'nothing')
    throw new Error(
      `${sink.name} has no snapshot of zone ${origin}${variant === 'main' ? '' : `, ${variant}`}`,
    );
  if (stored.kind === 'unusable')
    throw new Error(`zone ${origin}: ${stored.reason}; --verify-key takes the keys of all its agents`);
  const { root, body } = stored.head;
  const levels = await readLevels(place, body, stopSignal());
  return {
    origin,
    levels,
    hasWildcards: body.wildcards !== undefined,
    serial: root.serial,
    ageSeconds: Math.round((Date.now() - root.createdAtMs) / 1000),
  };
}

/** The public keys of the agent that is configured here. */
export async function ownKeys(config: AgentConfig): Promise<readonly string[]> {
  try {
    const { publicKeyBase64 } = await signingKeyFrom(config);
    return [publicKeyBase64, ...(await trustedKeys(signingKeyPath(config)))];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`${error.message}; give the public keys with --verify-key`, { cause: error });
  }
}
