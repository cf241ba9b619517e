import { reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import fc from 'fast-check';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  type MockInstance,
  vi,
} from 'vitest';
import { kindOf, mutated, outcomeOf, random, requests, SEED, systematic } from '../conformance/hostile.ts';
import { rrsetsOf } from '../conformance/zones.ts';
import { createEdge, type Edge } from './edge.ts';
import { exchangeWith } from './exchange.ts';
import { createSigningKey, publishToKv } from './publish-to-kv.ts';

/** By far more than any request takes, by far less than one that hangs. */
const SLOW_MS = 1_000;
const edge = createEdge();
const exchange = exchangeWith(edge);

beforeAll(async () => {
  await publishToKv(env.SNAPSHOTS, { key: await createSigningKey(), rrsets: rrsetsOf('mesos') });
});
afterAll(async () => {
  await reset();
});

// Nothing that anybody sends is worth a line in the log.
let logs: MockInstance[] = [];
beforeEach(() => {
  logs = [vi.spyOn(console, 'error'), vi.spyOn(console, 'warn')];
});
afterEach(() => {
  for (const log of logs) expect(log.mock.calls).toEqual([]);
  vi.restoreAllMocks();
});

/** Sends a message both ways, which have to come to the same. */
async function outcome(octets: Uint8Array): Promise<string> {
  const outcomes: string[] = [];
  for (const sent of requests(octets)) {
    const started = Date.now();
    const reply = await exchange(sent);
    outcomes.push(outcomeOf(reply, Date.now() - started));
  }
  expect(outcomes[1]).toBe(outcomes[0]);
  return outcomes[0] ?? '';
}

describe('any octets', () => {
  it('get a well-formed HTTP response, and in it a reply to read', async () => {
    const kinds = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(mutated, async (octets) => {
        const kind = kindOf(await outcome(octets));
        kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      }),
      { seed: SEED, numRuns: 2_500 },
    );
    // What was sent was not all of one kind, or this would prove little: FORMERR, NXDOMAIN, NOTIMP, REFUSED.
    for (const kind of ['400', '200 0', '200 1', '200 3', '200 4', '200 5']) {
      expect(kinds.get(kind) ?? 0, kind).toBeGreaterThan(3);
    }
  });

  it('of no kind at all neither', async () => {
    await fc.assert(
      fc.asyncProperty(random, async (octets) => {
        expect(await outcome(octets)).toMatch(/^400|^200/);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  it('cut, flipped, counted wrong, or as long as can be', async () => {
    const messages = systematic();
    expect(messages.length).toBeGreaterThan(1_400);
    for (const octets of messages) await outcome(octets);
  });
});

describe('any URL', () => {
  it('is answered with a status below 500', async () => {
    const character = fc.constantFrom(...'AZaz09-_=&?%+/.#;<>"\'\\ é');
    const piece = fc.oneof(
      fc.constantFrom(
        'dns=',
        'name=',
        'type=',
        '&',
        '%',
        '%00',
        '%ff',
        'AAABAAABAAAAAAAAAAABAAE',
        'web.mesos',
      ),
      fc.string({ unit: character, maxLength: 8 }),
    );
    const url = fc.tuple(
      fc.constantFrom('/dns-query', '/', '/health', '/dns-query/', '/x'),
      fc.array(piece, { maxLength: 6 }),
    );
    await fc.assert(
      fc.asyncProperty(url, async ([path, pieces]) => {
        const response = await timed(edge, `${path}?${pieces.join('')}`);
        expect(response.status).toBeLessThan(500);
        expect(response.headers.get('content-type')).toMatch(/^(?:text\/|application\/)/);
        if (path === '/') expect(await response.text()).toMatch(/^<!doctype html>.*<\/html>$/s);
        else await response.arrayBuffer();
      }),
      { seed: SEED, numRuns: 500 },
    );
  });
});

async function timed(from: Edge, path: string, init?: RequestInit): Promise<Response> {
  const started = Date.now();
  const response = await from.fetch(path, init);
  expect(Date.now() - started).toBeLessThan(SLOW_MS);
  return response;
}
