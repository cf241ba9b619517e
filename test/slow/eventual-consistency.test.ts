import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type KeyPair, makeSigningKey } from '../../sync-agent/keys.ts';
import { runEventually } from '../sync-agent/eventual-run.ts';
import { openWriter } from '../sync-agent/eventual-writer.ts';
import { makeCryptoInstant } from '../sync-agent/instant-crypto.ts';

/** More seeds of what test/sync-agent/eventual-consistency.test.ts runs with one, FC_SEED the first of them. */
const FIRST_SEED = Number(process.env['FC_SEED'] ?? 1);
const SEEDS = 8;
let key: KeyPair;

beforeEach(async () => {
  key = await makeSigningKey();
  makeCryptoInstant();
});
afterEach(() => {
  vi.restoreAllMocks();
});

it.each(Array.from({ length: SEEDS }, (_, i) => FIRST_SEED + i))('seed %i', async (seed) => {
  const figures = await runEventually({
    ...{ seed, steps: 12_000, key, readFaults: seed % 2 === 0 },
    openWriter: (sink, clock, random) => openWriter(sink, clock, { key, random }),
  });
  expect(figures.headsSeen).toBeGreaterThan(300);
});
