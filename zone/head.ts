import { type Churn, decodeChurn, encodeChurn } from './churn.ts';
import { FormatError } from './format-error.ts';
import { CONTENT_HASH_OCTETS, HASH_SEED_OCTETS, sameOctets, sha256, toHex } from './hash.ts';
import { nameFromWire, nameToWire, type OwnerName } from './name.ts';
import { createReader, createWriter, type OctetReader } from './octets.ts';
import { decodeRoot, type Root, signRoot, type SigningKey, type VerifyKeys, verifyRoot } from './root.ts';
import { decodeWildcards, encodeWildcards, type Wildcards } from './wildcard.ts';
import type { Serial, Zone } from './zone.ts';

/**
 * The head: the one key of a snapshot that changes. Its root (`root.ts`) vouches for the body, which holds the
 * zone's own facts, names the blocks by hash, and carries the newest changes (the overlay).
 * `docs/snapshot-format.md` gives every octet.
 */
export const MAX_HEAD_OCTETS = 64 * 1024;

const SECTION = {
  zone: 1,
  settings: 2,
  levels: 3,
  overlay: 4,
  guard: 5,
  pin: 6,
  features: 7,
  superseded: 8,
  churn: 9,
  wildcards: 10,
  unlistedWildcards: 11,
} as const;
/** Sections a reader may pass over: no answer depends on them. */
const NOT_CRITICAL: ReadonlySet<number> = new Set([
  SECTION.guard,
  SECTION.pin,
  SECTION.superseded,
  SECTION.churn,
]);
/** Section flag: a reader that does not know the section must not use the head. */
const CRITICAL = 1;
/** Bits of the features a reader has to know to read the blocks right: entries may be edits (`edit.ts`). */
const FEATURES = 0x1;

/** What the Worker needs to know besides records, decided by the agent. Seconds. */
export type ZoneSettings = {
  readonly staleAfterSeconds: number;
  /** 0: never. */
  readonly expireAfterSeconds: number;
  /** The RA flag of answers: `forwarding` sets it where the Worker forwards other names. */
  readonly recursionAvailable: 'forwarding' | 'always' | 'never';
};

/** A block by content: `serial` is that of the push that first named it. */
export type RunReference = { readonly serial: Serial; readonly hash: Uint8Array; readonly octets: number };

/** The shards of one cut: 2^`bits` blocks, picked by the top bits of a name's shard hash. */
export type ShardTable = {
  readonly cutSerial: Serial;
  readonly bits: number;
  readonly hashes: readonly Uint8Array[];
};

/** Where the records are, first level first: the overlay (in the head), the run, the shards. */
export type LevelTable = {
  /** Keys the name hash of all blocks. */
  readonly seed: Uint8Array;
  readonly run: RunReference | undefined;
  readonly shards: ShardTable | undefined;
};

export type HeadBody = {
  readonly zone: Zone;
  readonly settings: ZoneSettings;
  readonly levels: LevelTable;
  /** A block, or no octets for none. */
  readonly overlay: Uint8Array;
  /** What the agent's guard holds back, or remembers of what it let go; absent for neither. Readers answer the same. */
  readonly held?: HeldNames;
  /** The serial a rollback pinned; absent if the zone follows its cluster. */
  readonly pin?: Serial;
  /** Blocks that heads of the last day named and this one does not; absent for none. */
  readonly superseded?: readonly Superseded[];
  /** What changed over the last day, for people; absent where the agent counts none. */
  readonly churn?: Churn;
  /** Absent for none. */
  readonly wildcards?: Wildcards;
};

/** Blocks by kind and the serials in their keys, both ends included; no head named them from that Unix time on. */
export type Superseded = {
  readonly kind: 'run' | 'shard' | 'guard';
  readonly from: Serial;
  readonly upTo: Serial;
  readonly sinceSeconds: number;
};

const SUPERSEDED_KINDS: readonly Superseded['kind'][] = ['run', 'shard', 'guard'];

/** Owner names that are still answered though the cluster no longer says so. */
export type HeldNames = {
  /** 0: nothing is held, something is remembered. */
  readonly names: number;
  /** Unix time. */
  readonly sinceSeconds: number;
  /** What the agent has to know to go on after a restart, in a form of its own. */
  readonly memory: Uint8Array;
};

export type Head = { readonly root: Root; readonly body: HeadBody };

/** Store keys (`z/<origin>/<variant>/…`): blocks are immutable and never written under a key used before. */
export function headKey(origin: OwnerName, variant: string): string {
  return `${keyPrefix(origin, variant)}head`;
}

export function runKey(origin: OwnerName, variant: string, run: RunReference): string {
  return `${keyPrefix(origin, variant)}r/${run.serial}-${toHex(run.hash)}`;
}

export function shardKey(
  origin: OwnerName,
  variant: string,
  shards: ShardTable & { readonly index: number },
): string {
  const hash = shards.hashes[shards.index];
  if (hash === undefined) throw new FormatError('shard table', `has no shard ${shards.index}`);
  return `${keyPrefix(origin, variant)}s/${shards.cutSerial}-${shards.index}-${toHex(hash)}`;
}

/** What a zone said at a serial, kept for a rollback. */
export function historyKey(origin: OwnerName, variant: string, serial: Serial): string {
  return `${keyPrefix(origin, variant)}h/${serial}`;
}

/** A memory of the guard that is too large for the head; `serial` is that of the push that first named it. */
export function guardKey(
  origin: OwnerName,
  variant: string,
  { serial, hash }: { readonly serial: Serial; readonly hash: Uint8Array },
): string {
  return `${keyPrefix(origin, variant)}g/${serial}-${toHex(hash)}`;
}

/** What all keys of one variant of a zone begin with, and no other keys but those of zones named like it. */
export function keyPrefix(origin: OwnerName, variant: string): string {
  return `z/${origin}/${variant}/`;
}

export type ParsedKey = {
  readonly kind: 'head' | 'run' | 'shard' | 'history' | 'guard';
  /** The key's own `keyPrefix`: listing by prefix also gives the keys of a zone `mesos/main`, if there is one. */
  readonly prefix: string;
  /** Of the push that first wrote the key; a head has none. */
  readonly serial?: Serial;
};

const KEY =
  /^(?<prefix>z\/.*\/[^/]+\/)(?:head|h\/(?<history>\d+)|(?:r\/(?<run>\d+)|g\/(?<guard>\d+)|s\/(?<shard>\d+)-\d+)-[0-9a-f]{32})$/;

/** What a store key is for; undefined for one that is none of ours. */
export function parseKey(key: string): ParsedKey | undefined {
  const groups = KEY.exec(key)?.groups;
  if (!groups) return undefined;
  const { prefix = '' } = groups;
  for (const kind of ['run', 'shard', 'history', 'guard'] as const) {
    const serial = Number(groups[kind] ?? Number.NaN);
    if (serial <= 0xffffffff) return { kind, prefix, serial };
  }
  return key === `${prefix}head` ? { kind: 'head', prefix } : undefined;
}

/** The body's octets: the same content gives the same octets, so its hash tells whether anything changed. */
export function encodeBody(body: HeadBody): Uint8Array {
  const into = createWriter(1024 + body.overlay.length);
  const section = (type: number, write: () => void): void => {
    into.u16(type);
    into.u16(NOT_CRITICAL.has(type) ? 0 : CRITICAL);
    const lengthAt = into.offset();
    into.u32(0);
    write();
    into.setU32(lengthAt, into.offset() - lengthAt - 4);
  };
  section(SECTION.zone, () => {
    const { soa, nameServers, nsTtl } = body.zone;
    into.octets(nameToWire(soa.mname));
    into.octets(nameToWire(soa.rname));
    for (const seconds of [soa.refresh, soa.retry, soa.expire, soa.minimum, soa.ttl, nsTtl])
      into.u32(seconds);
    into.u8(nameServers.length);
    for (const server of nameServers) into.octets(nameToWire(server));
  });
  section(SECTION.settings, () => {
    into.u32(body.settings.staleAfterSeconds);
    into.u32(body.settings.expireAfterSeconds);
    into.u8(RECURSION.indexOf(body.settings.recursionAvailable));
  });
  section(SECTION.levels, () => {
    const { seed, run, shards } = body.levels;
    into.octets(seed);
    into.u8(run ? 1 : 0);
    if (run) {
      into.u32(run.serial);
      into.octets(run.hash);
      into.u32(run.octets);
    }
    into.u8(shards ? 1 : 0);
    if (shards) {
      into.u32(shards.cutSerial);
      into.u8(shards.bits);
      for (const hash of shards.hashes) into.octets(hash);
    }
  });
  if (body.overlay.length > 0) section(SECTION.overlay, () => into.octets(body.overlay));
  const { held, pin, superseded, churn, wildcards } = body;
  if (held) {
    section(SECTION.guard, () => {
      into.u32(held.names);
      into.u32(held.sinceSeconds);
      into.octets(held.memory);
    });
  }
  if (pin !== undefined) section(SECTION.pin, () => into.u32(pin));
  section(SECTION.features, () => into.u32(FEATURES));
  if (superseded) {
    section(SECTION.superseded, () => {
      for (const { kind, from, upTo, sinceSeconds } of superseded) {
        into.u8(SUPERSEDED_KINDS.indexOf(kind));
        for (const number of [from, upTo, sinceSeconds]) into.u32(number);
      }
    });
  }
  if (churn) section(SECTION.churn, () => into.octets(encodeChurn(churn)));
  if (wildcards === 'unlisted') section(SECTION.unlistedWildcards, () => undefined);
  else if (wildcards) section(SECTION.wildcards, () => into.octets(encodeWildcards(wildcards)));
  return into.written();
}

const RECURSION: readonly ZoneSettings['recursionAvailable'][] = ['forwarding', 'always', 'never'];

/**
 * Reads a body. `origin` is the root's. Throws `FormatError`, also for a critical section or a feature that this
 * version does not know: what it can't read right it must not answer from.
 */
export function decodeBody(octets: Uint8Array, origin: OwnerName): HeadBody {
  const reader = createReader(octets, 'head body');
  let zone: Zone | undefined;
  let settings: ZoneSettings | undefined;
  let levels: LevelTable | undefined;
  let overlay: Uint8Array = new Uint8Array();
  let held: HeldNames | undefined;
  let pin: Serial | undefined;
  let superseded: Superseded[] | undefined;
  let churn: Churn | undefined;
  let wildcards: Wildcards | undefined;
  while (reader.left() > 0) {
    const at = reader.offset();
    const type = reader.u16();
    const flags = reader.u16();
    const section = reader.octets(reader.u32());
    const inside = createReader(section, `head section ${type}`);
    if (type === SECTION.zone) zone = readZone(inside, origin);
    else if (type === SECTION.settings) settings = readSettings(inside);
    else if (type === SECTION.levels) levels = readLevels(inside);
    else if (type === SECTION.overlay) overlay = section;
    else if (type === SECTION.guard) held = readHeld(inside);
    else if (type === SECTION.pin) pin = inside.u32();
    else if (type === SECTION.superseded) superseded = readSuperseded(inside);
    else if (type === SECTION.churn) churn = readChurn(section);
    else if (type === SECTION.wildcards) wildcards = decodeWildcards(section);
    else if (type === SECTION.unlistedWildcards) wildcards = 'unlisted';
    else if (type === SECTION.features) refuseUnknownFeatures(inside.u32());
    else if ((flags & CRITICAL) !== 0) {
      throw new FormatError('head body', `needs section ${type}, which this version does not know`, at);
    }
  }
  if (!zone || !settings || !levels) throw new FormatError('head body', 'lacks a section', octets.length);
  return {
    zone,
    settings,
    levels,
    overlay,
    ...(held && { held }),
    ...(pin !== undefined && { pin }),
    ...(superseded && { superseded }),
    ...(churn && { churn }),
    ...(wildcards && { wildcards }),
  };
}

/** No answer depends on it: what can't be read is as if it were not there. */
function readChurn(section: Uint8Array): Churn | undefined {
  try {
    return decodeChurn(section);
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

function refuseUnknownFeatures(features: number): void {
  const unknown = features & ~FEATURES;
  if (unknown === 0) return;
  const bits = (unknown >>> 0).toString(16);
  throw new FormatError('head body', `needs features 0x${bits}, which this version does not know`);
}

function readHeld(reader: OctetReader): HeldNames {
  const [names, sinceSeconds] = [reader.u32(), reader.u32()];
  return { names, sinceSeconds, memory: reader.octets(reader.left()) };
}

function readSuperseded(reader: OctetReader): Superseded[] {
  const superseded: Superseded[] = [];
  while (reader.left() > 0) {
    const kind = SUPERSEDED_KINDS[reader.u8()];
    const [from, upTo, sinceSeconds] = [reader.u32(), reader.u32(), reader.u32()];
    if (kind) superseded.push({ kind, from, upTo, sinceSeconds });
  }
  return superseded;
}

function readZone(reader: OctetReader, origin: OwnerName): Zone {
  const mname = readName(reader);
  const rname = readName(reader);
  const [refresh, retry, expire] = [reader.u32(), reader.u32(), reader.u32()];
  const [minimum, ttl, nsTtl] = [reader.u32(), reader.u32(), reader.u32()];
  const nameServers = Array.from({ length: reader.u8() }, () => readName(reader));
  return { origin, soa: { mname, rname, refresh, retry, expire, minimum, ttl }, nameServers, nsTtl };
}

function readSettings(reader: OctetReader): ZoneSettings {
  const staleAfterSeconds = reader.u32();
  const expireAfterSeconds = reader.u32();
  const recursionAvailable = RECURSION[reader.u8()];
  if (!recursionAvailable) throw new FormatError('head settings', 'has an unknown recursion flag', 8);
  return { staleAfterSeconds, expireAfterSeconds, recursionAvailable };
}

function readLevels(reader: OctetReader): LevelTable {
  const seed = reader.octets(HASH_SEED_OCTETS);
  const run =
    reader.u8() === 0
      ? undefined
      : { serial: reader.u32(), hash: reader.octets(CONTENT_HASH_OCTETS), octets: reader.u32() };
  return { seed, run, shards: reader.u8() === 0 ? undefined : readShards(reader) };
}

function readShards(reader: OctetReader): ShardTable {
  const cutSerial = reader.u32();
  const bits = reader.u8();
  if (bits > 16) throw new FormatError('level table', `has 2^${bits} shards`, reader.offset() - 1);
  return {
    cutSerial,
    bits,
    hashes: Array.from({ length: 2 ** bits }, () => reader.octets(CONTENT_HASH_OCTETS)),
  };
}

function readName(reader: OctetReader): OwnerName {
  const labels: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const size = reader.u8();
    labels.push(Uint8Array.of(size), reader.octets(size));
    length += 1 + size;
    if (size === 0 || length > 255) break;
  }
  return nameFromWire(Uint8Array.from(labels.flatMap((label) => [...label])));
}

/** A head's octets: signed root, then body. */
export async function encodeHead(
  root: Omit<Root, 'format' | 'bodyOctets' | 'bodyHash' | 'keyId'>,
  body: Uint8Array,
  key: SigningKey,
): Promise<Uint8Array> {
  const signed = await signRoot({ ...root, bodyOctets: body.length, bodyHash: await sha256(body) }, key);
  const head = createWriter(signed.length + body.length);
  head.octets(signed);
  head.octets(body);
  return head.written();
}

/** The root's octets with its signature, from the start of a head. */
export function rootOctets(head: Uint8Array): Uint8Array {
  return head.subarray(0, decodeRoot(head).rootOctets);
}

/** Verifies a whole head: root by signature, body by the root's hash. Throws `FormatError`. */
export async function decodeHead(octets: Uint8Array, keys: VerifyKeys | 'none'): Promise<Head> {
  const root = await verifyRoot(octets, keys);
  const body = octets.subarray(decodeRoot(octets).rootOctets);
  if (body.length !== root.bodyOctets || !sameOctets(await sha256(body), root.bodyHash)) {
    throw new FormatError('head', 'has a body other than the one its root vouches for');
  }
  return { root, body: decodeBody(body, root.origin) };
}
