import type { JobKey, ServerSetMember } from '../cluster.ts';

/** A member of a job, by what tells it from all others: its node's path, or its task's id. */
export type Announced = { readonly id: string; readonly key: JobKey; readonly member: ServerSetMember };

export type Stabilized = {
  /** Those that are there, and those that went too lately to be gone. */
  readonly announced: readonly Announced[];
  /** When the first of those that are held goes; undefined where none is. */
  readonly nextMs: number | undefined;
};

/** What is there by id, and the ids of those that said themselves that they go. */
export type Seen = {
  readonly present: ReadonlyMap<string, Announced>;
  readonly leaving: ReadonlySet<string>;
};

/**
 * Calm removals, as finagle has them (`serverset2/Stabilizer.scala`): a member whose node is gone stays for one
 * window, since announcers lose their sessions and come back. Not one that said it stops, and not one whose
 * instance number another member has by now.
 */
export type Stabilizer = {
  readonly update: (seen: Seen, nowMs: number) => Stabilized;
};

/** `before`: what was given when the agent ran last. */
export function createStabilizer(windowMs: number, before: readonly Announced[] = []): Stabilizer {
  let given: ReadonlyMap<string, Announced> = new Map(before.map((each) => [each.id, each]));
  const goneAtMs = new Map<string, number>();
  return {
    update: ({ present, leaving }, nowMs) => {
      const shards = new Set(Array.from(present.values(), (each) => shardOf(each)));
      const next = new Map(present);
      let nextMs: number | undefined;
      for (const [id, each] of given) {
        if (present.has(id) || leaving.has(id)) continue;
        const shard = shardOf(each);
        if (shard !== undefined && shards.has(shard)) continue;
        const since = goneAtMs.get(id) ?? nowMs;
        if (nowMs - since >= windowMs) continue;
        goneAtMs.set(id, since);
        next.set(id, each);
        nextMs = Math.min(nextMs ?? Infinity, since + windowMs);
      }
      for (const id of goneAtMs.keys()) if (!next.has(id) || present.has(id)) goneAtMs.delete(id);
      given = next;
      return { announced: [...next.values()], nextMs };
    },
  };
}

function shardOf({ key, member: { shard } }: Announced): string | undefined {
  return shard === undefined ? undefined : `${key.role}/${key.environment}/${key.job}/${shard}`;
}
