import { agentDomain } from '../records/agent.ts';
import type { RecordSet } from '../records/record-set.ts';
import type { Absences, Missing } from './missing.ts';
import type { ReadSource } from './source-read.ts';

/** A task's own names are longer than others: with such a label they may be too long to be asked for. */
const LONG_LABEL = /[^.]{51}/;
const MAX_TRACED_NAME = 200;

export type GiversOptions = {
  readonly source: ReadSource;
  readonly domain: string;
  /** What is missing and known to have ended. */
  readonly explained: ReadonlySet<Missing>;
};

/**
 * Names that are no task's by their form, and that labels or rules gave to missing tasks (aliases, tags, ports' names):
 * they are those tasks'. Who gave one had its addresses as its own; a task's labels never change, so one that is still
 * seen gave nothing that is gone. A name stays for itself where an address of it is no missing task's, where it may be
 * something else's, and where its task may have no name of its own. With the others stands one task that has not ended,
 * if any: many may have one address.
 */
export function withGivers(
  { missing, sharedNames }: Absences,
  { source, domain, explained }: GiversOptions,
): Absences {
  if (source.hasFurtherNames !== true) return { missing, sharedNames };
  const { published } = source;
  let unexplainedAt: ReadonlyMap<string, Missing | undefined> | undefined;
  const giversOf = (name: string): readonly Missing[] | undefined => {
    if (!mayBeFurther(name, source, domain) || isUntraced(name)) return undefined;
    unexplainedAt ??= unexplainedByAddress(missing, { published, explained });
    let unexplained: Missing | undefined;
    for (const address of addressesAt(name, published)) {
      if (!unexplainedAt.has(address)) return undefined;
      unexplained ??= unexplainedAt.get(address);
    }
    return unexplained ? [unexplained] : [];
  };
  const given = new Map(sharedNames);
  const left = missing.filter((each) => {
    const isName = !each.instance && each.value === undefined;
    const givers = isName && !explained.has(each) ? giversOf(each.key) : undefined;
    if (givers) given.set(each.key, givers);
    return !givers;
  });
  return { missing: left, sharedNames: given };
}

/** May tasks have given the name, if it is none of their own and none that they share by being called the same? */
export function mayBeFurther(
  name: string,
  { published, isClusterRecord, hasFurtherNames, announced }: ReadSource,
  domain: string,
): boolean {
  return (
    hasFurtherNames === true &&
    announced?.has(name) !== true &&
    !isClusterRecord(name) &&
    !published.SRV.has(`_framework._tcp.${name}`) &&
    !name.endsWith(`.${agentDomain(domain)}`)
  );
}

/** The addresses that a task has itself, wherever its agent is. */
export function ownAddresses({ instance, key }: Missing, published: RecordSet): readonly string[] {
  return instance ? addressesAt(key, published) : [];
}

/** Of each address that missing tasks had as their own, one of them that has not ended. */
function unexplainedByAddress(
  missing: readonly Missing[],
  { published, explained }: { readonly published: RecordSet; readonly explained: ReadonlySet<Missing> },
): ReadonlyMap<string, Missing | undefined> {
  const byAddress = new Map<string, Missing | undefined>();
  for (const task of missing) {
    const unexplained = explained.has(task) ? undefined : task;
    for (const address of ownAddresses(task, published))
      if (byAddress.get(address) === undefined) byAddress.set(address, unexplained);
  }
  return byAddress;
}

function addressesAt(name: string, { A, AAAA }: RecordSet): readonly string[] {
  const six = AAAA.get(name);
  const four = A.get(name) ?? [];
  return six ? [...four, ...six] : four;
}

function isUntraced(name: string): boolean {
  return name.length > MAX_TRACED_NAME || LONG_LABEL.test(name);
}
