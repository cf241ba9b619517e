import { appendFile, mkdir, readFile, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as v from 'valibot';
import { nameFromWire } from '../zone/name.ts';
import type { Change } from './publish/published.ts';

/** One push that changed something: when, under which serial, and which names; a JSON line in the log. */
export type LoggedChange = v.InferOutput<typeof LoggedChange>;
const LoggedChange = v.object({
  at: v.string(),
  serial: v.number(),
  changes: v.number(),
  /** The first of them, in presentation form without the final dot. */
  names: v.array(v.string()),
});

const MAX_NAMES = 200;
const MAX_OCTETS = 8 * 1024 * 1024;

/** The log of pushes in the agent's data directory; the one before stays as `….1` when it has grown too large. */
export function createChangeLog(path: string): {
  readonly note: (change: Change, nowMs: number) => Promise<void>;
  /** Oldest first; a line that can't be read, as one that a crash cut off, is passed over. */
  readonly read: () => Promise<readonly LoggedChange[]>;
} {
  let made = false;
  return {
    note: async ({ serial, changes, changed }, nowMs) => {
      if (!made) await mkdir(dirname(path), { recursive: true });
      made = true;
      const octets = await stat(path).then(
        ({ size }) => size,
        () => 0,
      );
      if (octets > MAX_OCTETS) await rename(path, `${path}.1`);
      const names = changed.slice(0, MAX_NAMES).map((name) => nameFromWire(name));
      const line: LoggedChange = {
        at: new Date(nowMs).toISOString(),
        serial,
        changes,
        names,
      };
      await appendFile(path, `${JSON.stringify(line)}\n`, { mode: 0o600 });
    },
    read: async () => {
      const texts = await Promise.all(
        [`${path}.1`, path].map((file) => readFile(file, 'utf8').catch(() => '')),
      );
      return texts
        .join('')
        .split('\n')
        .map((line) => v.safeParse(v.pipe(v.string(), v.parseJson(), LoggedChange), line))
        .flatMap((parsed) => (parsed.success ? [parsed.output] : []));
    },
  };
}
