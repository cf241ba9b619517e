import type { Ended } from '../cluster.ts';

/** Completed and registered frameworks, both by id, as evidence. Several may have one name. */
export function endedFrameworks(
  completed: Iterable<readonly [id: string, name: string]>,
  registered: ReadonlyMap<string, string>,
): Omit<Ended, 'tasks'> {
  const frameworkIds = new Map<string, string[]>();
  for (const [id, name] of completed) {
    const ids = frameworkIds.get(name);
    if (ids) ids.push(id);
    else frameworkIds.set(name, [id]);
  }
  const taken = new Set(registered.values());
  return {
    frameworks: [...frameworkIds.keys()].filter((name) => !taken.has(name)),
    ...(frameworkIds.size > 0 && { frameworkIds }),
    ...(registered.size > 0 && { registered }),
  };
}
