import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, type MockInstance, vi } from 'vitest';
import { kindOf, mutated, outcomeOf, requests, SEED, systematic } from './hostile.ts';
import type { Sent } from './row.ts';
import { byGet, byPost } from './send.ts';
import { startZoneEdge, type ZoneEdge } from './zone-edge.ts';

/** The built Worker over HTTP: nothing that is sent breaks a connection, an isolate, or the rules. */

const CAPTURES = new URL('../../../shared/captures/dns/', import.meta.url);
const there = existsSync(CAPTURES);
/** Requests under way at a time. */
const AT_ONCE = 8;
const HEADER_OCTETS = 12;
/** On a machine that does much else besides. */
const TIMEOUT_MS = 60_000;
let edge: ZoneEdge;
let log: MockInstance<typeof process.stderr.write>;

beforeAll(async () => {
  edge = await startZoneEdge();
  log = vi.spyOn(process.stderr, 'write');
});
afterAll(async () => {
  const lines = log.mock.calls.map(([line]) => String(line)).filter((line) => line.startsWith('worker:'));
  log.mockRestore();
  await edge.close();
  expect(lines).toEqual([]);
});

/** Sends all; gives how many came to what. */
async function outcomes(all: readonly Sent[]): Promise<Map<string, number>> {
  const kinds = new Map<string, number>();
  const queue = all.values();
  const worker = async (): Promise<void> => {
    for (const sent of queue) {
      const started = performance.now();
      const reply = await edge.exchange(sent);
      const octets = Buffer.from(sent.message ?? []);
      try {
        const kind = kindOf(outcomeOf(reply, performance.now() - started));
        kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      } catch (cause) {
        throw new Error(`${sent.method} of ${octets.toString('hex', 0, 200)} (${octets.length})`, { cause });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return kinds;
}

it('queries changed at random', async () => {
  const messages = fc.sample(mutated, { seed: SEED + 1, numRuns: 1_500 });
  const kinds = await outcomes(messages.flatMap((octets) => requests(octets)));
  for (const kind of ['400', '200 0', '200 1', '200 3', '200 4', '200 5']) {
    expect(kinds.get(kind) ?? 0, kind).toBeGreaterThan(3);
  }
});

it('queries cut, flipped, counted wrong, or as long as can be', async () => {
  const sent = systematic().flatMap((octets, i) => (i % 2 === 0 ? byGet(octets) : byPost(octets)));
  const kinds = await outcomes(sent);
  expect(kinds.get('200 1')).toBeGreaterThan(300);
});

describe.skipIf(!there)('messages that broke others', { timeout: TIMEOUT_MS }, () => {
  it.each([
    ['bind9-message-parse-seeds.hex.tsv', 151],
    ['knot-afl-seed-packets.hex.tsv', 4_877],
  ])('%s', async (file, count) => {
    const lines = readFileSync(new URL(file, CAPTURES), 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(count);
    const messages = lines.map((line) => Buffer.from(line.split('\t')[1] ?? '', 'hex'));
    // Responses are 400 unread; as queries they are read.
    const sent = messages.flatMap((octets, i) => [
      i % 2 === 0 ? byGet(asQuery(octets)) : byPost(asQuery(octets)),
      ...(i % 10 === 0 ? [byPost(octets)] : []),
    ]);
    const kinds = await outcomes(sent);
    for (const kind of ['400', '200 1', '200 5']) expect(kinds.get(kind) ?? 0, kind).toBeGreaterThan(3);
  });

  it('captures and raw messages', async () => {
    const files = readdirSync(CAPTURES).filter((file) => /\.(?:pcap|raw)$/.test(file));
    const messages = files.flatMap((file) => {
      const octets = readFileSync(new URL(file, CAPTURES));
      return file.endsWith('.raw') ? [octets] : payloads(octets);
    });
    expect(messages.length).toBeGreaterThan(100);
    await outcomes(messages.flatMap((octets) => [byPost(octets), byGet(asQuery(octets))]));
  });
});

it.skipIf(there)(
  'captures are not beside this repository: the messages that broke others are skipped',
  () => {
    expect(there).toBe(false);
  },
);

function asQuery(octets: Buffer): Buffer {
  const query = Buffer.from(octets);
  if (query.length >= HEADER_OCTETS) query[2] = (query[2] ?? 0) & 0x7f;
  return query;
}

/** What is in a capture's packets behind the lengths that UDP and TCP headers over IPv4 usually have. */
function payloads(pcap: Buffer): Buffer[] {
  const little = pcap.readUInt32LE(0) === 0xa1b2c3d4;
  const found: Buffer[] = [];
  for (let at = 24; at + 16 <= pcap.length;) {
    const length = little ? pcap.readUInt32LE(at + 8) : pcap.readUInt32BE(at + 8);
    const packet = pcap.subarray(at + 16, at + 16 + length);
    for (const headers of [28, 42, 56]) if (packet.length > headers) found.push(packet.subarray(headers));
    at += 16 + length;
  }
  return found;
}
