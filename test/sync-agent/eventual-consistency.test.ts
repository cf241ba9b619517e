import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type KeyPair, makeSigningKey } from '../../sync-agent/keys.ts';
import { runEventually } from './eventual-run.ts';
import { openWriter } from './eventual-writer.ts';
import { makeCryptoInstant } from './instant-crypto.ts';

/** FC_SEED draws another run, as for property tests; test/slow has many. */
const SEED = Number(process.env['FC_SEED'] ?? 20_261_120);
let key: KeyPair;

beforeEach(async () => {
  key = await makeSigningKey();
  makeCryptoInstant();
});
afterEach(() => {
  vi.restoreAllMocks();
});

it.each([
  ['reads that all come', false, 6_000],
  ['reads that fail and hang, and isolates that begin anew', true, 6_000],
])(
  'readers of a store that is late see nothing that was not published: %s',
  async (_, readFaults, steps) => {
    const figures = await runEventually({
      ...{ seed: SEED, steps, key, readFaults },
      openWriter: (sink, clock, random) => openWriter(sink, clock, { key, random }),
    });
    // What it is all about has to have happened.
    expect(figures.pushes).toBeGreaterThan(steps / 40);
    expect(figures.failedPushes).toBeGreaterThan(10);
    expect(figures.crashes).toBeGreaterThan(5);
    expect(figures.headsSeen).toBeGreaterThan(steps / 40);
    expect(figures.cuts).toBeGreaterThan(5);
    expect(figures.runs).toBeGreaterThan(50);
  },
  60_000,
);
