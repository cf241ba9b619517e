import { FormatError } from '../../zone/format-error.ts';
import { createReader, createWriter, type OctetReader } from '../../zone/octets.ts';

/**
 * What the guard has to know of earlier reads. It goes with the record set it was made for: both are written by
 * one push and read back together, so a restarted agent, and a run from cron, go on where the last one was.
 * Times are Unix milliseconds of when something began, never of now: a cluster in which nothing happens leaves
 * it as it is, and one that lost nothing leaves it empty.
 */
export type GuardMemory = {
  /** What is held back, by the time it was first missing; in order of source and time. */
  readonly held: readonly HeldSince[];
  /** What was let go without evidence, by scope; in order of source and scope. */
  readonly losses: readonly ScopeLosses[];
  /** Sources whose agents are coming back to a new leader; in order of source. */
  readonly failovers: readonly Failover[];
};

export type HeldSince = {
  readonly source: string;
  readonly sinceMs: number;
  /** `hashOfKey` of what is missing, ascending, each once. */
  readonly keys: readonly number[];
};

export type ScopeLosses = {
  /** Empty for the zone as a whole. */
  readonly source: string;
  /** `source mesos`, `framework marathon`, `agent s12`. */
  readonly scope: string;
  /** In order of time: how many names fewer there were afterwards. */
  readonly losses: readonly Loss[];
};

export type Loss = { readonly atMs: number; readonly names: number };

export type Failover = { readonly source: string; readonly sinceMs: number };

export const EMPTY_MEMORY: GuardMemory = { held: [], losses: [], failovers: [] };

const FORMAT = 1;
const WHAT = 'guard memory';

/** As octets, the same for the same memory; none for an empty one. */
export function encodeGuardMemory({ held, losses, failovers }: GuardMemory): Uint8Array {
  if (held.length + losses.length + failovers.length === 0) return new Uint8Array();
  const writer = createWriter(1024);
  const text = (value: string): void => {
    const octets = new TextEncoder().encode(value);
    writer.u16(octets.length);
    writer.octets(octets);
  };
  writer.u8(FORMAT);
  writer.u32(held.length);
  for (const { source, sinceMs, keys } of held) {
    text(source);
    writer.u64(sinceMs);
    writer.u32(keys.length);
    for (const key of keys) writer.u64(key);
  }
  writer.u32(losses.length);
  for (const { source, scope, losses: entries } of losses) {
    text(source);
    text(scope);
    writer.u16(entries.length);
    for (const { atMs, names } of entries) {
      writer.u64(atMs);
      writer.u32(names);
    }
  }
  writer.u32(failovers.length);
  for (const { source, sinceMs } of failovers) {
    text(source);
    writer.u64(sinceMs);
  }
  return writer.written();
}

/** Throws `FormatError` for octets that no guard wrote; then `EMPTY_MEMORY` is what is left. */
export function decodeGuardMemory(octets: Uint8Array): GuardMemory {
  if (octets.length === 0) return EMPTY_MEMORY;
  const reader = createReader(octets, WHAT);
  if (reader.u8() !== FORMAT) throw new FormatError(WHAT, 'is of another format', 0);
  const held = list(reader, () => ({
    source: text(reader),
    sinceMs: reader.u64(),
    keys: ascending(reader),
  }));
  const losses = list(reader, () => ({
    source: text(reader),
    scope: text(reader),
    losses: Array.from({ length: reader.u16() }, () => ({ atMs: reader.u64(), names: reader.u32() })),
  }));
  const failovers = list(reader, () => ({ source: text(reader), sinceMs: reader.u64() }));
  if (reader.left() > 0) throw new FormatError(WHAT, 'goes on behind its end', reader.offset());
  return { held, losses, failovers };
}

/** A list of elements that take octets: a count that octets can't hold ends at the last of them. */
function list<Element>(reader: OctetReader, read: () => Element): Element[] {
  const elements: Element[] = [];
  for (let left = reader.u32(); left > 0; left--) elements.push(read());
  return elements;
}

function ascending(reader: OctetReader): number[] {
  const keys = list(reader, () => reader.u64());
  const at = keys.findIndex((key, i) => i > 0 && key <= (keys[i - 1] ?? 0));
  if (at !== -1) throw new FormatError(WHAT, 'has keys out of order', reader.offset());
  return keys;
}

function text(reader: OctetReader): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(reader.octets(reader.u16()));
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw new FormatError(WHAT, 'has a text that is no UTF-8', reader.offset());
  }
}
