import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as v from 'valibot';
import type { ConsulKeep } from '../sources/consul-catalog.ts';
import type { ConsulFacts } from '../sources/consul-view.ts';

const texts = v.record(v.string(), v.string());
const port = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65535));
const place = { name: v.string(), address: v.string(), tagged: texts };
const keptSchema = v.object({
  version: v.literal(1),
  place: v.string(),
  datacenters: v.array(
    v.object({
      key: v.string(),
      asOfMs: v.number(),
      facts: v.object({
        name: v.string(),
        nodes: v.array(v.object({ ...place, meta: texts })),
        services: v.array(
          v.object({
            name: v.string(),
            instances: v.array(
              v.object({
                id: v.string(),
                node: v.object(place),
                tags: v.array(v.string()),
                address: v.string(),
                port,
                tagged: v.record(v.string(), v.object({ address: v.string(), port })),
                weights: v.object({ passing: port, warning: port }),
                health: v.picklist(['passing', 'warning', 'unknown', 'critical']),
              }),
            ),
          }),
        ),
      }),
    }),
  ),
});

export type KeepOptions = {
  /** Tells one Consul from another. */
  readonly place: string;
  /** Writes are at least so far apart. */
  readonly apartMs: number;
  readonly monotonicMs: () => number;
  readonly onProblem: (problem: string) => void;
};

/** The last good facts in a file, replaced in one step. One that can't be read is none. */
export function createConsulKeep(path: string, options: KeepOptions): ConsulKeep {
  const { place: where, apartMs, monotonicMs, onProblem } = options;
  let waiting: ReadonlyMap<string, ConsulFacts> | undefined;
  let writtenMs = Number.NEGATIVE_INFINITY;
  let writing: Promise<void> = Promise.resolve();

  const write = async (): Promise<void> => {
    if (!waiting) return;
    const datacenters = Array.from(waiting, ([key, facts]) => ({ key, ...facts }));
    waiting = undefined;
    writtenMs = monotonicMs();
    const made = `${path}.${process.pid}.new`;
    try {
      await mkdir(dirname(path), { recursive: true });
      const text = `${JSON.stringify({ version: 1, place: where, datacenters })}\n`;
      await writeFile(made, text, { flush: true, mode: 0o600 });
      await rename(made, path);
    } catch (error) {
      onProblem(`${path} can not be written: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const flush = (): Promise<void> => (writing = writing.then(write));
  return {
    load: async () => {
      try {
        const kept = v.safeParse(keptSchema, JSON.parse(await readFile(path, 'utf8')));
        if (!kept.success || kept.output.place !== where) return new Map();
        return new Map(kept.output.datacenters.map(({ key, ...facts }) => [key, facts]));
      } catch {
        // None yet, or not ours: the next write makes it good.
        return new Map();
      }
    },
    note: (all) => {
      waiting = new Map(all);
      if (monotonicMs() - writtenMs >= apartMs) void flush();
    },
    flush,
  };
}
