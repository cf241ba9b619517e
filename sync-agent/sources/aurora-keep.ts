import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as v from 'valibot';
import type { Announced } from './aurora-stabilizer.ts';

/** The members given last, kept over a restart of the agent: ZooKeeper may be out of reach just then. */
export type MemberKeep = {
  /** Undefined where nothing usable is kept, or it is of another place. */
  readonly load: () => Promise<readonly Announced[] | undefined>;
  /** Replaces what is kept, in one step. Throws what the file system says. */
  readonly save: (announced: readonly Announced[]) => Promise<void>;
};

const port = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65535));
const endpoint = {
  host: v.string(),
  port,
  addresses: v.array(v.string()),
  srv: v.optional(v.object({ priority: port, weight: port })),
};
const keptSchema = v.object({
  version: v.literal(1),
  place: v.string(),
  announced: v.array(
    v.object({
      id: v.string(),
      key: v.object({ role: v.string(), environment: v.string(), job: v.string() }),
      member: v.object({
        name: v.string(),
        shard: v.optional(v.number()),
        primary: v.object(endpoint),
        additional: v.array(v.object({ ...endpoint, alias: v.string() })),
        task: v.optional(v.object({ taskId: v.string(), agentId: v.string() })),
      }),
    }),
  ),
});

/** `place` tells one ensemble, or scheduler, from another. */
export function createMemberKeep(path: string, place: string): MemberKeep {
  return {
    load: async () => {
      try {
        const kept = v.safeParse(keptSchema, JSON.parse(await readFile(path, 'utf8')));
        if (!kept.success || kept.output.place !== place) return undefined;
        return kept.output.announced.map(({ member, ...each }) => ({
          ...each,
          member: { ...member, shard: member.shard },
        }));
      } catch {
        // None yet, or not ours: the next save makes it good.
        return undefined;
      }
    },
    save: async (announced) => {
      await mkdir(dirname(path), { recursive: true });
      const made = `${path}.${process.pid}.new`;
      await writeFile(made, `${JSON.stringify({ version: 1, place, announced })}\n`, { flush: true });
      await rename(made, path);
    },
  };
}
