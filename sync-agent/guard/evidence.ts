import { frameworkParts, type Instance, instanceTail } from '../records/instance.ts';
import { agentTail } from '../records/label.ts';
import type { Missing } from './missing.ts';
import type { SourceRead } from './source-read.ts';

/**
 * Is it known of what is missing that it ended? Of a task by a task in a terminal state that has its hash, agent
 * and framework; of all in a framework by its completion, which of a namesake has to show in one of them. Which of
 * several namesakes they ran in nobody knows: then each task has to show. Costs a hash for each ended task that could
 * be one of those missing. Of names that ServerSets had the source knows itself.
 */
export function endedAmong(
  missing: readonly Missing[],
  { ended, announced }: Pick<SourceRead, 'ended' | 'announced'>,
  domain: string,
): ReadonlySet<Missing> {
  const explained = new Set<Missing>();
  if (missing.length === 0) return explained;
  const partsOf = rememberParts();
  const tails = new Set<string>();
  const byIdentity = new Map<string, Missing[]>();
  const byFramework = new Map<string, Missing[]>();
  for (const each of missing) {
    if (!each.instance) {
      if (each.value === undefined && announced?.get(each.key) === true) explained.add(each);
      continue;
    }
    tails.add(each.instance.tail);
    append(byFramework, each.instance.framework, each);
    append(byIdentity, identityOf(each.instance), each);
  }

  /** Frameworks whose ended tasks are listed. */
  const listed = new Set<string>();
  for (const { id, agentId, frameworkName } of ended.tasks) {
    const parts = partsOf(frameworkName).filter((part) => byFramework.has(part));
    for (const part of parts) listed.add(part);
    if (parts.length === 0 || !tails.has(agentTail(agentId))) continue;
    const tail = instanceTail(id, agentId);
    for (const part of parts) for (const task of byIdentity.get(`${tail}.${part}`) ?? []) explained.add(task);
  }

  const names = missing.filter(({ instance, value }) => !instance && value === undefined);
  const several = ended.namesakes ? partsOfSeveral(ended.frameworkIds, partsOf) : undefined;
  const explainAll = (name: string, isCertain: boolean): void => {
    for (const part of new Set(partsOf(name))) {
      const tasks = byFramework.get(part) ?? [];
      // One of that name that completed before these tasks ran has none of them among its own.
      const isNamesake = tasks.length > 0 && !tasks.some((task) => explained.has(task));
      if (isNamesake && (!isCertain || listed.has(part))) continue;
      if (!isCertain && several?.has(part) === true) continue;
      for (const task of tasks) explained.add(task);
      for (const each of names) if (isOf(each, part, domain)) explained.add(each);
    }
  };
  for (const name of ended.frameworks) explainAll(name, true);
  for (const name of ended.namesakes ?? []) explainAll(name, false);
  return explained;
}

/** Parts of names that more than one completed framework has. */
function partsOfSeveral(
  frameworkIds: ReadonlyMap<string, readonly string[]> | undefined,
  partsOf: (name: string) => readonly string[],
): ReadonlySet<string> {
  const several = new Set<string>();
  const once = new Set<string>();
  for (const [name, ids] of frameworkIds ?? []) {
    for (const part of partsOf(name)) {
      if (once.has(part) || ids.length > 1) several.add(part);
      once.add(part);
    }
  }
  return several;
}

function identityOf({ hash, tail, framework }: Instance): string {
  return `-${hash}-${tail}.${framework}`;
}

/** Is it the framework's own name, or one below it? */
function isOf({ key }: Missing, part: string, domain: string): boolean {
  const own = `${part}.${domain}.`;
  return key === own || key.endsWith(`.${own}`) || key.endsWith(`.${part}.slave.${domain}.`);
}

function rememberParts(): (name: string) => readonly string[] {
  const known = new Map<string, readonly string[]>();
  return (name) => {
    const parts = known.get(name) ?? frameworkParts(name);
    known.set(name, parts);
    return parts;
  };
}

function append<Key, Value>(lists: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}
