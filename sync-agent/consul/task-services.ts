import { type NameValues, type RecordValue, valuesAt } from '../records/difference.ts';
import { readInstance } from '../records/instance.ts';
import {
  createRecordSet,
  RECORD_SET_TYPES,
  type RecordSet,
  type RecordSetType,
} from '../records/record-set.ts';

export type TaskServiceOptions = {
  /** Where the tasks are published, and where they are to be services; lower case, without a final dot. */
  readonly domain: string;
  readonly consulDomain: string;
  /** Is told of each value, and of the one it follows from. For `explain`. */
  readonly onMade?: (made: RecordValue, from: RecordValue) => void;
};

const NUMBERED = /^(.+)-port\d+$/;
const PORT_NAME = /^(?:_([^.]+)\.)?_([^.]+)\._(?:tcp|udp)\.(.+)$/;
const ADDRESS_TYPES = ['A', 'AAAA'] as const;
const NONE: readonly string[] = [];
const NOBODY: ReadonlySet<string> = new Set();
const ignore = (): void => undefined;

/**
 * Mesos's tasks as mesos-consul's users asked for them: `<task>.service.<domain>` whatever the framework, by tag too,
 * and in RFC 2782 form. From what is published: tasks are known by the names that they alone have. Pure.
 */
export function taskServices(records: RecordSet, options: TaskServiceOptions): RecordSet {
  return createTaskServiceKeeper(options).all(records);
}

/** The same, brought up to date: looked at are the names that changed, and the services that they give values. */
export type TaskServiceKeeper = {
  readonly all: (records: RecordSet) => RecordSet;
  /** Services that may differ from the call before, with what they hold now; `changed` are names in `records`. */
  readonly changes: (
    records: RecordSet,
    changed: Iterable<string>,
  ) => Iterable<{ readonly name: string; readonly values: NameValues }>;
};

export function createTaskServiceKeeper(options: TaskServiceOptions): TaskServiceKeeper {
  const { domain, consulDomain, onMade } = options;
  const zone = `${consulDomain}.`;
  /** Names that one task alone has, by the name it shares: that makes the shared one a task's. */
  const tasksOf = createSets();
  /** Names that follow from a shared name, be it one of a task or not. */
  const followersOf = createSets();
  /** Names that give a service its values, and which services those are. */
  const giversOf = createSets();
  const servicesOf = new Map<string, readonly string[]>();

  const isShared = (name: string): boolean => tasksOf.at(name).size > 0;
  /** `web`, `v1.web` or `web-port2` for a name that is a task's by its form; undefined for another. */
  const serviceOf = (name: string): string | undefined => {
    const { first, rest } = atDot(name);
    if (isShared(name)) return first;
    if (isShared(rest) && !first.startsWith('_')) return `${first}.${atDot(rest).first}`;
    return numberedOf(name).some(isShared) ? first : undefined;
  };
  const addressService = (name: string): string | undefined => {
    const service = serviceOf(name);
    return service === undefined ? undefined : `${service}.service.${zone}`;
  };
  const portServices = (name: string): readonly string[] => {
    const port = readPort(name);
    const service = port && serviceOf(port.of);
    if (service === undefined || service.includes('.')) return NONE;
    const owners =
      port?.tag === undefined
        ? [`${service}.service`, `_${service}._tcp.service`, `_${service}._tcp`]
        : [`${port.tag}.${service}.service`, `_${service}._${port.tag}.service`, `_${service}._${port.tag}`];
    return owners.map((owner) => `${owner}.${zone}`);
  };
  const servicesNow = (records: RecordSet, name: string): readonly string[] => {
    const address = hasAddressValues(records, name) ? addressService(name) : undefined;
    const ports = records.SRV.has(name) ? portServices(name) : NONE;
    return address === undefined ? ports : [address, ...ports];
  };
  /** Takes note of a name that is there, or is not any more. Gives the shared name that is one, or none, from now. */
  const noteTask = (records: RecordSet, name: string): string | undefined => {
    const shared = sharedOf(name, domain);
    if (shared === undefined) return undefined;
    const was = isShared(shared);
    if (records.A.has(name) || records.AAAA.has(name)) tasksOf.add(shared, name);
    else tasksOf.remove(shared, name);
    return was === isShared(shared) ? undefined : shared;
  };
  const noteFollower = (records: RecordSet, name: string): void => {
    const isThere = RECORD_SET_TYPES.some((type) => records[type].has(name));
    for (const shared of mayFollow(name)) {
      if (isThere) followersOf.add(shared, name);
      else followersOf.remove(shared, name);
    }
  };
  /** Gives the services that had or have values of this name. */
  const noteGiver = (records: RecordSet, name: string): readonly string[] => {
    const before = servicesOf.get(name) ?? NONE;
    const now = servicesNow(records, name);
    for (const service of before) giversOf.remove(service, name);
    for (const service of now) giversOf.add(service, name);
    if (now.length > 0) servicesOf.set(name, now);
    else servicesOf.delete(name);
    return [...before, ...now];
  };
  const make = (records: RecordSet, services: Iterable<string>): RecordSet => {
    const { records: made, add } = createRecordSet(ignore);
    for (const name of services) {
      for (const giver of giversOf.at(name)) {
        const give = (type: RecordSetType, isTaken = (_value: string): boolean => true): void => {
          for (const value of records[type].get(giver) ?? NONE) {
            if (!isTaken(value)) continue;
            add(type, name, value);
            onMade?.({ type, name, value }, { type, name: giver, value });
          }
        };
        if (addressService(giver) === name) {
          for (const type of ADDRESS_TYPES) give(type);
          give('MORE', isTtl);
        }
        if (portServices(giver).includes(name)) give('SRV');
      }
    }
    return made;
  };

  return {
    all: (records) => {
      for (const sets of [tasksOf, followersOf, giversOf]) sets.clear();
      servicesOf.clear();
      for (const type of ADDRESS_TYPES) for (const name of records[type].keys()) noteTask(records, name);
      for (const type of RECORD_SET_TYPES) {
        for (const name of records[type].keys()) {
          noteFollower(records, name);
          noteGiver(records, name);
        }
      }
      return make(records, giversOf.keys());
    },
    changes: (records, changed) => {
      const names = new Set(changed);
      const begunOrEnded = new Set<string>();
      for (const name of names) {
        const shared = noteTask(records, name);
        if (shared !== undefined) begunOrEnded.add(shared);
        noteFollower(records, name);
      }
      for (const shared of begunOrEnded) for (const name of followersOf.at(shared)) names.add(name);
      const services = new Set<string>();
      for (const name of names) for (const service of noteGiver(records, name)) services.add(service);
      const made = make(records, services);
      return Array.from(services, (name) => ({ name, values: valuesAt(made, name) }));
    },
  };
}

/** The name that tasks share, of the name that one has alone; those with dots have a cleaned form beside. */
function sharedOf(name: string, domain: string): string | undefined {
  const instance = readInstance(name, domain);
  if (!instance || instance.label.includes('.')) return undefined;
  return `${instance.label}.${instance.framework}.${domain}.`;
}

/** Shared names that a name would be a service by. */
function mayFollow(name: string): readonly string[] {
  const { rest } = atDot(name);
  const port = readPort(name);
  const further = port ? [port.of, atDot(port.of).rest, ...numberedOf(port.of)] : NONE;
  return [name, rest, ...numberedOf(name), ...further];
}

/** `web.marathon.mesos.` of `web-port2.marathon.mesos.`. */
function numberedOf(name: string): readonly string[] {
  const { first, rest } = atDot(name);
  const [, numbered] = NUMBERED.exec(first) ?? [];
  return numbered === undefined ? NONE : [`${numbered}.${rest}`];
}

/** The tag and the address name of `_tag._web._tcp.marathon.mesos.`. */
function readPort(name: string): { readonly tag: string | undefined; readonly of: string } | undefined {
  const [, tag, label, rest] = PORT_NAME.exec(name) ?? [];
  return label === undefined ? undefined : { tag, of: `${label}.${rest}` };
}

function atDot(name: string): { readonly first: string; readonly rest: string } {
  const dot = name.indexOf('.');
  return { first: name.slice(0, dot), rest: name.slice(dot + 1) };
}

function isTtl(value: string): boolean {
  return value.startsWith('TTL ');
}

/** Has it values that a service takes over with its addresses? */
function hasAddressValues({ A, AAAA, MORE }: RecordSet, name: string): boolean {
  return A.has(name) || AAAA.has(name) || MORE.get(name)?.some(isTtl) === true;
}

/** Sets by key; one that is empty is not there. */
function createSets() {
  const sets = new Map<string, Set<string>>();
  return {
    at: (key: string): ReadonlySet<string> => sets.get(key) ?? NOBODY,
    keys: () => sets.keys(),
    add: (key: string, member: string): void => {
      const members = sets.get(key);
      if (members) members.add(member);
      else sets.set(key, new Set([member]));
    },
    remove: (key: string, member: string): void => {
      const members = sets.get(key);
      members?.delete(member);
      if (members?.size === 0) sets.delete(key);
    },
    clear: () => sets.clear(),
  };
}
