import type { Block } from '../../zone/block.ts';
import type { Entry, StoredRRset } from '../../zone/entry.ts';
import type { HeadBody } from '../../zone/head.ts';
import type { OwnerName } from '../../zone/name.ts';
import type { Root } from '../../zone/root.ts';
import type { ZoneWire } from '../../zone/wire.ts';
import { compareSerial, type Serial } from '../../zone/zone.ts';
import type { OctetCache } from './octet-cache.ts';

/** What is served of a zone right now. */
export type Held = {
  readonly root: Root;
  readonly zone: ZoneWire;
  readonly body: HeadBody;
  readonly overlay: Block | undefined;
  readonly run: Block | undefined;
  /** Entries that edits were applied to, by name: of a set of 2,000 targets that takes milliseconds. */
  readonly edited: OctetCache<Entry>;
  /** Of a snapshot that answers under another name than its own (`worker/zones/`). */
  readonly shown?: Shown;
};

/** What a zone that is not stored itself says besides the snapshot it answers from. */
export type Shown = {
  /** At the apex, to who asks for it: where all below it stands. */
  readonly dname?: StoredRRset | undefined;
  /** Of the SOA, in place of the snapshot's. */
  readonly serial?: Serial;
  /** Whose snapshot it is, of those of several zones. */
  readonly member?: OwnerName;
  /** Why it is this one's. */
  readonly failover?: string | undefined;
};

/** How a head stands to the one held; `lost`: it is older, yet made so much later that the one held was lost. */
export type HeadOrder = 'newer' | 'older' | 'lost';

/** Orders by (epoch, serial), the serial by RFC 1982; the same serial by when it was made. */
export function headOrder(root: Root, held: Held): HeadOrder {
  const newerEpoch = root.epoch - held.root.epoch;
  const order = newerEpoch === 0 ? compareSerial(root.serial, held.root.serial) : newerEpoch;
  if (order > 0) return 'newer';
  const laterMs = root.createdAtMs - held.root.createdAtMs;
  if (order === 0) return laterMs < 0 ? 'older' : 'newer';
  return laterMs > held.body.settings.staleAfterSeconds * 1000 ? 'lost' : 'older';
}

/** Seconds since a snapshot was last vouched for: by its writer, or by the sources, whichever is longer ago. */
export function snapshotAgeSeconds({ root }: Held, nowMs: number): number {
  return Math.max(0, Math.round((nowMs - Math.min(root.createdAtMs, root.confirmedAtMs)) / 1000));
}

/** Is a snapshot past its best (RFC 8767)? */
export function isStale(held: Held, nowMs: number): boolean {
  return snapshotAgeSeconds(held, nowMs) > held.body.settings.staleAfterSeconds;
}

/** Is a snapshot too old to be answered from at all? */
export function hasExpired(held: Held, nowMs: number): boolean {
  const { expireAfterSeconds } = held.body.settings;
  return expireAfterSeconds > 0 && snapshotAgeSeconds(held, nowMs) > expireAfterSeconds;
}
