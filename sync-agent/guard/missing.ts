import { type Instance, instanceName, readInstance, sharedName } from '../records/instance.ts';
import type { RecordSet } from '../records/record-set.ts';
import type { ReadSource } from './source-read.ts';

/** Something that is published and was not read: one task, one name no task accounts for, one agent's address. */
export type Missing = {
  /** What memory knows it by. */
  readonly key: string;
  /** Undefined for what is no task. */
  readonly instance: Instance | undefined;
  /** Its own names: a task's, the name; `slave.<domain>.` for an agent's address. */
  readonly names: readonly string[];
  /** An agent's address; undefined for names, all of whose values go together. */
  readonly value: string | undefined;
};

/** All that is missing of a source, and the names that went with tasks: shared by them, or given by their labels. */
export type Absences = {
  readonly missing: readonly Missing[];
  readonly sharedNames: ReadonlyMap<string, readonly Missing[]>;
};

export const ADDRESS_TYPES = ['A', 'AAAA'] as const;

/** Has any address, which is what makes it a name to the guard. */
export function hasName({ A, AAAA }: RecordSet, name: string): boolean {
  return A.has(name) || AAAA.has(name);
}

/** The name that all agents share. */
export function agentsName(domain: string): string {
  return `slave.${domain}.`;
}

/**
 * What is published and was not read. A name is missing when it has no address any more: what has one still gives
 * its new values only. A task of which one of its own names is left is still seen; names that only seen tasks
 * account for, and SRV records, which lead to names, are not missing for themselves.
 */
export function findMissing(source: ReadSource, domain: string): Absences {
  const gone = goneNames(source, domain);
  const agents = missingAgentAddresses(source, domain);
  if (gone.length === 0) return { missing: agents, sharedNames: new Map() };
  const { tasks, sharedBy, others } = sortByTask(gone, { source, domain });
  const missing: Missing[] = [];
  const sharedNames = new Map<string, readonly Missing[]>();
  const isShared = (name: string): boolean => {
    const among = sharedBy.get(name);
    if (among) sharedNames.set(name, among);
    return among !== undefined;
  };
  // A task may be called what others' own names look like; then its name is one that its own instances share.
  for (const task of tasks) if (!task.names.some((name) => isShared(name))) missing.push(task);
  for (const name of others) {
    if (!isShared(name)) missing.push({ key: name, instance: undefined, names: [name], value: undefined });
  }
  return { missing: [...missing, ...agents], sharedNames };
}

type ByTask = {
  readonly tasks: readonly Missing[];
  /** Shared names that tasks account for, with those of them that are missing. */
  readonly sharedBy: ReadonlyMap<string, readonly Missing[]>;
  readonly others: readonly string[];
};

function sortByTask(
  gone: readonly string[],
  { source, domain }: { readonly source: ReadSource; readonly domain: string },
): ByTask {
  const tasks = new Map<string, Missing & { readonly names: string[] }>();
  const sharedBy = new Map<string, Missing[]>();
  const others: string[] = [];
  for (const name of gone) {
    const instance = readInstance(name, domain);
    const shared = instance && sharedName(instance, domain);
    if (!instance || !shared) {
      others.push(name);
      continue;
    }
    const among = sharedBy.get(shared) ?? [];
    if (among.length === 0) sharedBy.set(shared, among);
    const key = instanceName(instance, { domain, onAgent: false });
    let task = tasks.get(key);
    if (task) task.names.push(name);
    else {
      if (hasName(source.next, instanceName(instance, { domain, onAgent: !instance.onAgent }))) continue;
      tasks.set(key, (task = { key, instance, names: [name], value: undefined }));
    }
    among.push(task);
  }
  return { tasks: [...tasks.values()], sharedBy, others };
}

/** Address names of the domain of which no address was read. Those of other zones go with the tasks that have them. */
function goneNames({ published, next, isClusterRecord }: ReadSource, domain: string): string[] {
  const agents = agentsName(domain);
  const suffix = `.${domain}.`;
  const gone: string[] = [];
  const look = (name: string): void => {
    if (name !== agents && name.endsWith(suffix) && !isClusterRecord(name)) gone.push(name);
  };
  if (published === next) return gone;
  for (const name of published.A.keys()) if (!hasName(next, name)) look(name);
  for (const name of published.AAAA.keys()) {
    if (!published.A.has(name) && !hasName(next, name)) look(name);
  }
  return gone;
}

function missingAgentAddresses({ published, next }: ReadSource, domain: string): Missing[] {
  const name = agentsName(domain);
  return ADDRESS_TYPES.flatMap((type) => {
    const here = new Set(next[type].get(name));
    const values = (published[type].get(name) ?? []).filter((value) => !here.has(value));
    return values.map((value) => ({ key: `${name} ${value}`, instance: undefined, names: [name], value }));
  });
}
