import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { OnEvent } from './events.ts';
import { noteWrites, readQuota, type QuotaState } from './quota.ts';
import type { Operation } from './sinks/counted.ts';

/**
 * Counts operations of the day over restarts, in a small file, and warns before the free plan's are used up. A
 * file that can't be read or written costs the count, not the push.
 */
export function createQuotaFile(
  path: string,
  { now, onEvent }: { readonly now: () => number; readonly onEvent: OnEvent },
): (operation: Operation, count: number) => void {
  const states = new Map<Operation, QuotaState>();
  const kept = readKept(path);
  return (operation, count) => {
    const before = states.get(operation) ?? readQuota(kept[operation], now());
    const { state, warn } = noteWrites(before, count, now());
    states.set(operation, state);
    if (warn) onEvent({ kind: 'quota', operation, ...warn });
    try {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(`${path}.new`, JSON.stringify({ ...kept, ...Object.fromEntries(states) }));
      renameSync(`${path}.new`, path);
    } catch {
      // Counted in memory until it can be written again.
    }
  };
}

function readKept(path: string): Readonly<Record<string, unknown>> {
  try {
    const json: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return typeof json === 'object' && json !== null ? { ...json } : {};
  } catch {
    return {};
  }
}
