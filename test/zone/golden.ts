import { readFileSync, writeFileSync } from 'node:fs';

const DIRECTORY = new URL('../fixtures/snapshot/', import.meta.url);

/**
 * Octets that were published once and have to stay readable. A test that fails because of them means that
 * deployed Workers and stored snapshots no longer go with this code. Where that is meant: raise the format
 * (`HEAD_FORMAT`, or the block's magic), keep the old one readable for a release, write a note in
 * `docs/snapshot-format.md`, then run the test once with `UPDATE_SNAPSHOT_FIXTURES=1` and look at the diff.
 */
export function goldenOctets(file: string, now: Uint8Array): Uint8Array {
  const url = new URL(file, DIRECTORY);
  if (process.env['UPDATE_SNAPSHOT_FIXTURES'] === '1') writeFileSync(url, now);
  return new Uint8Array(readFileSync(url));
}

export const IF_CHANGED_ON_PURPOSE = 'the stored format changed: see goldenOctets in test/zone/golden.ts';
