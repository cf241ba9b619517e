import { parseAddress, reverseName } from '../../zone/address.ts';
import { FormatError } from '../../zone/format-error.ts';
import type { OwnerName } from '../../zone/name.ts';
import { remember } from '../../zone/remember.ts';
import { agentDomain } from './agent.ts';
import { type Instance, instanceName, readInstance, sharedName } from './instance.ts';
import { toLabel } from './label.ts';
import { emptyRecords, type RecordSet } from './record-set.ts';
import type { RecordSettings } from './settings.ts';

/** Which names an address leads to that several have: none, the agent's among them, or all. */
export type Ambiguous = (typeof AMBIGUOUS)[number];
export const AMBIGUOUS = ['leave-out', 'agent', 'all'] as const;

export type ReverseOptions = {
  readonly origin: OwnerName;
  readonly ambiguous: Ambiguous;
  readonly settings: Pick<RecordSettings, 'domain' | 'labelRules' | 'nameServer' | 'frameworkAliases'>;
};

/** Labels of a reverse zone in front of its suffix. A whole address is no zone, and neither is all there are. */
const ZONES = [
  { suffix: '.in-addr.arpa', label: /^(?:0|[1-9]\d{0,2})$/, most: 255, base: 10, labels: 3 },
  { suffix: '.ip6.arpa', label: /^[0-9a-f]$/, most: 15, base: 16, labels: 31 },
] as const;

/** Throws `FormatError` for what is no zone of addresses by octets (RFC 1035 §3.5) or nibbles (RFC 3596 §2.5). */
export function parseReverseZone(text: string): string {
  const name = text.toLowerCase().replace(/\.$/, '');
  for (const { suffix, label, most, base, labels } of ZONES) {
    if (!name.endsWith(suffix)) continue;
    const parts = name.slice(0, -suffix.length).split('.');
    const isGood = parts.every((part) => label.test(part) && Number.parseInt(part, base) <= most);
    if (isGood && parts.length <= labels) return name;
  }
  throw new FormatError(
    JSON.stringify(text),
    'should be a reverse zone such as 10.in-addr.arpa or d.f.ip6.arpa',
  );
}

/**
 * PTR records of a reverse zone, from what is published under names of the domain. An address leads to the one name
 * that has it. Names that stand for many hosts (`slave`, `leader`, `master`, what is below `slave`, wildcards) do not
 * count. Of a task it is the shared name that counts: it lives on when an instance is replaced, it is what certificates
 * and rights are written for, and asked for, it gives the address back among its others.
 */
export function reverseRecords(records: RecordSet, options: ReverseOptions): RecordSet {
  return createReverseKeeper(options).all(records);
}

/** The same, brought up to date: looked at are the names that changed, and the addresses that they lost or gained. */
export type ReverseKeeper = {
  readonly all: (records: RecordSet) => RecordSet;
  /** Reverse names that differ from the call before, with what they hold now; `changed` do so in `records`. */
  readonly changes: (records: RecordSet, changed: Iterable<string>) => Iterable<PointersOfOne>;
};

/** What a reverse name holds; without values it is not there. */
export type PointersOfOne = {
  readonly name: string;
  readonly values: { readonly MORE?: readonly string[] | undefined };
};

const REMEMBERED_ADDRESSES = 100_000;
const NO_OWNERS: readonly string[] = [];

export function createReverseKeeper(options: ReverseOptions): ReverseKeeper {
  const { origin, settings } = options;
  const suffix = `.${origin}.`;
  const isCounted = isOneHost(settings.domain, settings.nameServer);
  /** Names that count, by the reverse name of their addresses in the zone; and the other way round. */
  const namesAt = new Map<string, Set<string>>();
  const ownersOf = new Map<string, readonly string[]>();
  /** Reverse names of agents' addresses. */
  const agents = `slave.${settings.domain}.`;
  let ofAgents: ReadonlySet<string> = NOBODY;
  const ownerAt = remember((address: string): string => {
    const octets = parseAddress(address);
    const owner = octets ? reverseName(octets) : '';
    return owner.endsWith(suffix) ? owner : '';
  }, REMEMBERED_ADDRESSES);

  const ownersFor = ({ A, AAAA }: RecordSet, name: string): readonly string[] => {
    const addresses = [...(A.get(name) ?? NO_OWNERS), ...(AAAA.get(name) ?? NO_OWNERS)];
    return addresses.map((address) => ownerAt(address)).filter((owner) => owner !== '');
  };
  const ownersNow = (records: RecordSet, name: string): readonly string[] => {
    const owners = ownersFor(records, name);
    return owners.length > 0 && isCounted(name) ? owners : NO_OWNERS;
  };
  const join = (name: string, owners: readonly string[]): void => {
    if (owners.length > 0) ownersOf.set(name, owners);
    for (const owner of owners) {
      const names = namesAt.get(owner);
      if (names) names.add(name);
      else namesAt.set(owner, new Set([name]));
    }
  };
  const leave = (name: string, owners: readonly string[]): void => {
    ownersOf.delete(name);
    for (const owner of owners) {
      const names = namesAt.get(owner);
      names?.delete(name);
      if (names?.size === 0) namesAt.delete(owner);
    }
  };
  const pointersOf = (records: RecordSet, owner: string): readonly string[] | undefined => {
    const at = { isOfAgent: ofAgents.has(owner), isFramework: isFrameworkIn(records) };
    const targets = targetsOf(namesAt.get(owner) ?? NOBODY, { ...options, at });
    return targets.length > 0 ? targets.map((name) => `PTR ${name}`) : undefined;
  };

  return {
    all: (records) => {
      namesAt.clear();
      ownersOf.clear();
      ofAgents = new Set(ownersFor(records, agents));
      for (const name of records.A.keys()) join(name, ownersNow(records, name));
      for (const name of records.AAAA.keys()) if (!records.A.has(name)) join(name, ownersNow(records, name));
      const made = emptyRecords();
      for (const owner of namesAt.keys()) {
        const pointers = pointersOf(records, owner);
        if (pointers) made.MORE.set(owner, [...pointers]);
      }
      return made;
    },
    changes: (records, changed) => {
      const touched = new Set<string>();
      for (const name of changed) {
        const before = new Set(ownersOf.get(name));
        const now = new Set(ownersNow(records, name));
        const gone = [...before].filter((owner) => !now.has(owner));
        for (const owner of gone) touched.add(owner);
        for (const owner of now) if (!before.has(owner)) touched.add(owner);
        leave(name, gone);
        join(name, [...now]);
        if (name === agents) {
          const earlier = ofAgents;
          ofAgents = new Set(ownersFor(records, agents));
          for (const owner of new Set([...earlier, ...ofAgents]))
            if (earlier.has(owner) !== ofAgents.has(owner)) touched.add(owner);
        }
        if (name.startsWith(FRAMEWORK_PORT))
          for (const owner of ownersOf.get(name.slice(FRAMEWORK_PORT.length)) ?? NO_OWNERS)
            touched.add(owner);
      }
      return Array.from(touched, (name) => ({ name, values: { MORE: pointersOf(records, name) } }));
    },
  };
}

const NOBODY: ReadonlySet<string> = new Set();
const FRAMEWORK_PORT = '_framework._tcp.';

/** What an address and the names that have it are, besides what the names say. */
export type AddressFacts = {
  /** Tasks may run on its network, each beside the others. */
  readonly isOfAgent: boolean;
  readonly isFramework: (name: string) => boolean;
};

/** The facts of an address, as `reverseName` has it. */
export function addressFacts(owner: string, records: RecordSet, domain: string): AddressFacts {
  const agents = `slave.${domain}.`;
  const addresses = [...(records.A.get(agents) ?? []), ...(records.AAAA.get(agents) ?? [])];
  const isIt = (address: string): boolean => {
    const octets = parseAddress(address);
    return octets !== undefined && reverseName(octets) === owner;
  };
  return { isOfAgent: addresses.some((each) => isIt(each)), isFramework: isFrameworkIn(records) };
}

/** A scheduler's name has its port. */
function isFrameworkIn({ SRV }: RecordSet): (name: string) => boolean {
  return (name) => SRV.has(`${FRAMEWORK_PORT}${name}`);
}

/** Does a name stand for one host, or one thing that runs on several, and not for all hosts of a kind? */
export function isOneHost(domain: string, nameServer: string): (name: string) => boolean {
  const suffix = `.${domain}.`;
  const roles = new RegExp(String.raw`^(?:slave|leader|master\d*)$`);
  return (name) => {
    if (!name.endsWith(suffix) || name === nameServer || name.startsWith('*.')) return false;
    const rest = name.slice(0, -suffix.length);
    return !rest.endsWith('.slave') && !roles.test(rest);
  };
}

function targetsOf(
  all: ReadonlySet<string>,
  { ambiguous, settings, at }: Pick<ReverseOptions, 'ambiguous' | 'settings'> & { at: AddressFacts },
): readonly string[] {
  const names = withoutOtherNames(all, settings, at);
  if (names.length <= 1 || ambiguous === 'all') return names.toSorted();
  const ofAgents = `.${agentDomain(settings.domain)}`;
  const agents = ambiguous === 'agent' ? names.filter((name) => name.endsWith(ofAgents)) : [];
  return agents.length === 1 ? agents : [];
}

/**
 * One name for each thing: a task's instances are its shared name, which has the address too; a discovery name as it
 * stands and an alias of a framework are the label and the framework; a ServerSet's member is its set; what is below a
 * shared name (tags, numbered ports) or beside it (`-portN`) is the task that has it. An address that one task alone has
 * is that task's, whatever else it is called there (aliases, vhosts): but not an agent's, and no scheduler is a task.
 */
export function withoutOtherNames(
  all: ReadonlySet<string>,
  { domain, labelRules, frameworkAliases }: ReverseOptions['settings'],
  { isOfAgent, isFramework }: AddressFacts,
): readonly string[] {
  const others = new Set<string>();
  const mainPart = new Map<string, string>();
  for (const [part, aliases] of frameworkAliases ?? [])
    for (const alias of aliases) mainPart.set(alias, part);
  const has = (instance: Instance): boolean => all.has(instanceName(instance, { domain, onAgent: false }));
  const tasks = new Set<string>();
  for (const name of all) {
    const instance = readInstance(name, domain);
    const shared = instance && sharedName(instance, domain);
    if (shared !== undefined && all.has(shared)) tasks.add(shared);
  }
  for (const name of all) {
    if (
      !tasks.has(name) &&
      [name.slice(name.indexOf('.') + 1), name.replace(/^([^.]+)-port\d+\./, '$1.')].some((each) =>
        tasks.has(each),
      )
    )
      others.add(name);
    if (/^(?:\d+|member-\d+)\./.test(name) && all.has(name.slice(name.indexOf('.') + 1))) others.add(name);
    const instance = readInstance(name, domain);
    const shared = instance && sharedName(instance, domain);
    if (!instance || shared === undefined || !all.has(shared)) continue;
    others.add(name);
    const label = toLabel(instance.label, labelRules);
    if (label !== instance.label && has({ ...instance, label })) others.add(shared);
    const framework = mainPart.get(instance.framework);
    if (framework !== undefined && has({ ...instance, framework })) others.add(shared);
  }
  const names = [...all].filter((name) => !others.has(name));
  const [task, another] = names.filter((name) => tasks.has(name));
  // A variant may have agents' names without `slave`.
  const ofAgents = `.${agentDomain(domain)}`;
  if (
    task === undefined ||
    another !== undefined ||
    isOfAgent ||
    names.some((name) => name.endsWith(ofAgents))
  )
    return names;
  return names.filter((name) => name === task || isFramework(name) || readInstance(name, domain));
}
