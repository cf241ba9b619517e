import type { OwnerName } from '../zone/name.ts';
import { type Place, placeOf, sharedNameOf } from './v1/places.ts';

/** What runs of one framework. */
export type Framework = {
  readonly name: string;
  /** By name. */
  readonly services: readonly Service[];
  /** How many were seen, those that are not listed included. */
  readonly seen: number;
};

/** Tasks of one name. */
export type Service = {
  readonly name: string;
  /** What to look up for its addresses: `search.marathon.mesos`. Tasks without an address do not have it. */
  readonly owner: string;
  /** Of the same tasks: discovery names as frameworks wrote them, `app.group` for `app-group` (mesos-dns gives both). */
  readonly otherNames: readonly string[];
  /** How many run, as far as names tell. */
  readonly instances: number;
  /** Its SRV names: that of all ports first, then by port and protocol. None for tasks without ports. */
  readonly ports: readonly ServicePort[];
};

export type ServicePort = {
  /** `http`; empty for all ports of the service. */
  readonly name: string;
  /** `tcp`. */
  readonly protocol: string;
  /** What to look up: `_http._search._tcp.marathon.mesos`. */
  readonly owner: string;
  /** Different ones, ascending; of more than 8 the first. */
  readonly ports: readonly number[];
  readonly distinctPorts: number;
};

/** What is read of a name that has addresses, or SRV values. */
export type SeenName = { readonly owner: OwnerName } & (
  | { readonly kind: 'addresses'; readonly count: number }
  | {
      readonly kind: 'services';
      readonly values: number;
      readonly targets: number;
      readonly ports: readonly number[];
    }
);

type Gathered = {
  addresses: number;
  /** Names of the form of an instance's. */
  instances: number;
  targets: number;
  readonly ports: ServicePort[];
};
/** By framework and name. */
type Groups = Map<string, Map<string, Gathered>>;

const MOST_PORTS = 8;

type GroupOptions = {
  readonly origin: OwnerName;
  /** Names of frameworks, as far as services tell them. */
  readonly frameworks: ReadonlySet<string>;
  /** Not all names were seen: one of the form of an instance's is not taken for a task's then. */
  readonly isPart: boolean;
};

/** A framework's services in order of names; never none. */
export type GatheredFramework = { readonly name: string; readonly services: readonly Named[] };

/** Names as a person looks for them: whose a name is, is read from it alone. Names on agents (`.slave`) are to be left out. */
export function groupServices(seen: readonly SeenName[], options: GroupOptions): GatheredFramework[] {
  return inOrder(groupsOf(seen, options)).map(([name, all]) => ({ name, services: withOtherNames(all) }));
}

type ListOptions = {
  readonly origin: OwnerName;
  /** Part of the name of a service or framework, in lower case; empty for all. */
  readonly filter: string;
  /** So many services are listed, of each framework a fair share. */
  readonly most: number;
};

/** Those of the groups that are wanted, ready to be shown. */
export function listServices(
  groups: readonly GatheredFramework[],
  { origin, filter, most }: ListOptions,
): Framework[] {
  const wanted = groups.flatMap(({ name, services }) => {
    const matching =
      filter === '' || name.includes(filter)
        ? services
        : services.filter(({ names }) => names.some((each) => each.includes(filter)));
    return matching.length > 0 ? [{ name, services: matching }] : [];
  });
  const share = fairShare(
    wanted.map(({ services }) => services.length),
    most,
  );
  return wanted.map(({ name, services }) => ({
    name,
    services: services.slice(0, share).map(({ names: [task, ...otherNames], gathered }) => ({
      name: task,
      otherNames,
      owner: `${task}.${name}.${origin}`,
      instances: Math.max(gathered.targets, gathered.instances) || gathered.addresses,
      ports: gathered.ports.toSorted(byNameAndProtocol),
    })),
    seen: services.length,
  }));
}

type Named = { readonly names: readonly [string, ...string[]]; readonly gathered: Gathered };

/** In order of names. What has been given a label's form as well is told by that. */
function withOtherNames(services: ReadonlyMap<string, Gathered>): Named[] {
  const others = new Map<string, string[]>();
  const own: [string, Gathered][] = [];
  for (const [name, gathered] of inOrder(services)) {
    const label = name.replaceAll(/[._]/g, '-');
    if (label === name || !services.has(label)) own.push([name, gathered]);
    else others.set(label, [...(others.get(label) ?? []), name]);
  }
  return own.map(([name, gathered]) => ({ names: [name, ...(others.get(name) ?? [])], gathered }));
}

function groupsOf(seen: readonly SeenName[], { origin, frameworks, isPart }: GroupOptions): Groups {
  const groups: Groups = new Map();
  const of = (framework: string, task: string): Gathered => {
    const services = groups.get(framework) ?? new Map<string, Gathered>();
    groups.set(framework, services);
    const gathered = services.get(task) ?? { addresses: 0, instances: 0, targets: 0, ports: [] };
    services.set(task, gathered);
    return gathered;
  };
  const has = (framework: string, task: string): boolean => groups.get(framework)?.has(task) === true;
  const tasks: (SeenName & { readonly kind: 'addresses'; readonly place: Place })[] = [];
  for (const name of seen) {
    const place = placeOf(name.owner, origin, frameworks);
    if (!place) continue;
    if (name.kind === 'addresses' && !place.service) tasks.push({ ...name, place });
    if (name.kind === 'services' && place.service)
      addPort(of(place.framework, place.task), name, place.service);
  }
  // The shortest first: the longer one of two may be an instance of the other.
  for (const { count, place } of tasks.toSorted((a, b) => a.place.task.length - b.place.task.length)) {
    const { framework, task } = place;
    const shared = has(framework, task) ? undefined : sharedNameOf(task);
    if (shared !== undefined && has(framework, shared)) of(framework, shared).instances++;
    else if (shared === undefined || !isPart) of(framework, task).addresses = count;
  }
  return groups;
}

function addPort(
  into: Gathered,
  { owner, targets, ports }: SeenName & { readonly kind: 'services' },
  { port, protocol }: NonNullable<Place['service']>,
): void {
  into.targets = Math.max(into.targets, targets);
  into.ports.push({
    name: port,
    protocol,
    owner,
    ports: ports.slice(0, MOST_PORTS),
    distinctPorts: ports.length,
  });
}

/** The most that each may have, so that all together have no more than `most` where that can be. */
function fairShare(sizes: readonly number[], most: number): number {
  let left = most;
  for (const [i, size] of sizes.toSorted((a, b) => a - b).entries()) {
    const share = Math.floor(left / (sizes.length - i));
    if (size > share) return Math.max(1, share);
    left -= size;
  }
  return most;
}

function inOrder<Value>(map: ReadonlyMap<string, Value>): [string, Value][] {
  return [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function byNameAndProtocol(a: ServicePort, b: ServicePort): number {
  const [left, right] = [a, b].map(({ name, protocol }) => `${name} ${protocol}`);
  return (left ?? '') < (right ?? '') ? -1 : 1;
}
