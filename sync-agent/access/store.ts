import { ACCESS_KEY, type AccessDocument, verifyAccessDocument } from '../../zone/access-document.ts';
import { FormatError } from '../../zone/format-error.ts';
import { importVerifyKeys } from '../../zone/root.ts';
import type { Sink } from '../sinks/sink.ts';

/** The one place an access document is in. `read` gives undefined where there is none. Both throw as a sink does. */
export type AccessStore = {
  /** For people: the kind and place, without secrets. */
  readonly name: string;
  readonly read: (signal: AbortSignal) => Promise<Uint8Array | undefined>;
  readonly write: (octets: Uint8Array, signal: AbortSignal) => Promise<void>;
  /** How long after a write another's late one may still land, and what we wrote may not be read back. */
  readonly settleMs: number;
};

/** What a store holds. `unusable`: it is not vouched for by a key we trust, or is no document. */
export type StoredAccess =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'document'; readonly document: AccessDocument; readonly octets: Uint8Array }
  | { readonly kind: 'unusable'; readonly reason: string; readonly octets: Uint8Array };

/** The document among a sink's snapshots, where Workers read it. */
export function createSinkAccessStore(sink: Sink, { settleMs }: Pick<AccessStore, 'settleMs'>): AccessStore {
  return {
    name: sink.name,
    read: async (signal) => (await sink.get(ACCESS_KEY, signal))?.value,
    write: (value, signal) => sink.put([{ key: ACCESS_KEY, value }], signal),
    settleMs,
  };
}

/** Reads and verifies; `publicKeys` are base64, those whose signature is ours. */
export async function readAccess(
  store: AccessStore,
  publicKeys: readonly string[],
  signal: AbortSignal,
): Promise<StoredAccess> {
  const octets = await store.read(signal);
  if (!octets) return { kind: 'nothing' };
  try {
    return {
      kind: 'document',
      document: await verifyAccessDocument(octets, await importVerifyKeys(publicKeys)),
      octets,
    };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { kind: 'unusable', reason: error.message, octets };
  }
}

/** The serial a document claims, though nobody vouches for it: its successor has to be above it all the same. */
export async function claimedSerial(octets: Uint8Array): Promise<number | undefined> {
  try {
    return (await verifyAccessDocument(octets, 'none')).serial;
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}
