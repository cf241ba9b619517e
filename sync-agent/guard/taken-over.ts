import { type Instance, instanceName, readInstance } from '../records/instance.ts';
import { type RecordSet, srvTarget } from '../records/record-set.ts';
import { hasName, type Missing } from './missing.ts';
import type { ReadSource } from './source-read.ts';

/** One of a task's own names, and whose it is. */
type OwnName = { readonly task: Missing; readonly onAgent: boolean };

/**
 * Those whose place is another's now: what was read leads to the same address and port, and not to them. An
 * agent's address is one place wherever it is named; a task's own may be used anew on each agent, as Docker's are.
 * Ports of discovery info are what a task says of itself, and so may be its address: an agent's ports have to be given
 * to it, and an address apart from its agent's is believed where it was a task's of the same framework, of which there is
 * no other.
 */
export function takenOver(
  missing: readonly Missing[],
  { published, next, ended }: ReadSource,
  domain: string,
): ReadonlySet<Missing> {
  const taken = new Set<Missing>();
  const ownNames = new Map<string, OwnName>();
  for (const task of missing) {
    if (!task.instance) continue;
    for (const name of task.names) ownNames.set(name, { task, onAgent: name !== task.key });
  }
  if (ownNames.size === 0) return taken;
  const places = new Map<string, OwnName[]>();
  for (const place of placesIn(published, (target) => ownNames.has(target))) {
    const own = ownNames.get(place.target);
    const owners = places.get(place.key);
    if (own && owners) owners.push(own);
    else if (own) places.set(place.key, [own]);
  }
  if (places.size === 0) return taken;
  for (const { key, address, target } of placesIn(next, () => true)) {
    const owners = places.get(key);
    const other = owners && readInstance(target, domain);
    if (!other) continue;
    const isGiven = isGivenPort(next, other, domain);
    const isApart =
      !other.onAgent &&
      ended.contested?.has(other.framework) !== true &&
      isApartFromAgent(address, next, other, domain);
    for (const { task, onAgent } of owners) {
      const isSameAgent = task.instance?.tail === other.tail;
      const isSuccessors = !onAgent && isApart && isSameAgent && task.instance?.framework === other.framework;
      if (isSuccessors || (isGiven && (onAgent || isSameAgent))) taken.add(task);
    }
  }
  return taken;
}

/**
 * Host ports alone lead to a name of the agent's address (`task.ts`). A framework `evil.slave` gives its tasks' own
 * names that form; they are told by their names below `evil.slave.slave`.
 */
function isGivenPort(next: RecordSet, { onAgent, ...other }: Instance, domain: string): boolean {
  const framework = `${other.framework}.slave`;
  return onAgent && !hasName(next, instanceName({ ...other, framework, onAgent }, { domain, onAgent }));
}

/** Has the task an address of its own, beside its agent's? */
function isApartFromAgent(address: string, next: RecordSet, instance: Instance, domain: string): boolean {
  const ofAgent = addressesOf(next, instanceName(instance, { domain, onAgent: true }));
  return ofAgent.length > 0 && !ofAgent.includes(address);
}

/** Where SRV values lead: address and port. */
function* placesIn(
  records: RecordSet,
  isWanted: (target: string) => boolean,
): Generator<{ readonly key: string; readonly address: string; readonly target: string }> {
  for (const values of records.SRV.values()) {
    for (const value of values) {
      const target = srvTarget(value);
      if (!isWanted(target)) continue;
      // Priority and weight, behind a space, are no part of the place.
      const [port = ''] = value.slice(target.length).split(' ', 1);
      for (const address of addressesOf(records, target)) yield { key: `${address}${port}`, address, target };
    }
  }
}

function addressesOf({ A, AAAA }: RecordSet, name: string): readonly string[] {
  const six = AAAA.get(name);
  const four = A.get(name) ?? [];
  return six ? [...four, ...six] : four;
}
