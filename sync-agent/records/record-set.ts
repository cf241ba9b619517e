import { parseAddress } from '../../zone/address.ts';
import type { ReportSkipped, SrvNumbers } from '../cluster.ts';

/**
 * A cluster's records as mesos-dns holds them: name (with its final dot) → values, each once. Addresses are
 * texts; SRV values are `target:port`, the target with its own final dot, the port as the cluster wrote it, and
 * behind a space priority and weight where they are not the zone's. `MORE` has what mesos-dns has not: a type and
 * RDATA in presentation form (RFC 1035 §5.1), such as `TXT "a=b"`, or `TTL 5` for all that the name holds.
 */
export type RecordSet = Readonly<Record<RecordSetType, ReadonlyMap<string, readonly string[]>>>;

export const RECORD_SET_TYPES = ['A', 'AAAA', 'SRV', 'MORE'] as const;
export type RecordSetType = (typeof RECORD_SET_TYPES)[number];

/** Lists to fill. */
export type RecordLists = Record<RecordSetType, Map<string, string[]>>;

export function emptyRecords(): RecordLists {
  return { A: new Map(), AAAA: new Map(), SRV: new Map(), MORE: new Map() };
}

/** An SRV value; `numbers` where they are not the zone's. */
export function srvValue(target: string, port: number, numbers?: SrvNumbers): string {
  return `${target}:${port}${numbers ? ` ${numbers.priority} ${numbers.weight}` : ''}`;
}

/** The name that an SRV value leads to, with its final dot. */
export function srvTarget(value: string): string {
  return value.slice(0, value.lastIndexOf(':'));
}

/** Which rule a record is made by, for `explain`. One sentence on each: `records/rule.ts`. */
export type RecordRule =
  | 'leader'
  | 'leader-port'
  | 'master'
  | 'master-number'
  | 'name-server'
  | 'agent'
  | 'agent-port'
  | 'framework'
  | 'framework-port'
  | 'task-shared-name'
  | 'task-shared-name-on-agent'
  | 'task-instance-name'
  | 'task-instance-name-on-agent'
  | 'task-host-port'
  | 'task-host-port-on-agent'
  | 'discovery-port'
  | 'named-discovery-port'
  | 'master-port'
  | 'agent-host-name'
  | 'numbered-port'
  | 'group-service'
  | 'service-binding'
  | 'task-metadata'
  | 'static-record'
  | 'task-tag'
  | 'task-tag-port'
  | 'task-numbered-port'
  | 'task-alias'
  | 'task-ttl'
  | 'dcos-agentip'
  | 'dcos-containerip'
  | 'dcos-autoip'
  | 'dcos-instance'
  | 'dcos-port'
  | 'dcos-named-port'
  | 'dcos-vip'
  | 'dcos-vip-port'
  | 'dcos-leader'
  | 'dcos-master'
  | 'server-set-shared-name'
  | 'server-set-instance'
  | 'server-set-port'
  | 'server-set-alias';

/** Takes records one by one while a set is made. Rules are told for those who listen: a set has no use for them. */
export type RecordSink = {
  readonly add: (type: RecordSetType, name: string, value: string, rule?: RecordRule) => void;
  /** A or AAAA, by the address's form. */
  readonly addAddress: (name: string, address: string, rule?: RecordRule) => void;
  /** The same for one name, found once: for names that many tasks share. */
  readonly at: (name: string, rule?: RecordRule) => OwnerSink;
};

export type OwnerSink = {
  readonly add: (type: RecordSetType, value: string) => void;
  readonly addAddress: (address: string) => void;
};

/** Above this many values a name's repeats are found through a set instead of by looking. */
const MANY_VALUES = 16;

/** A set to fill. Names nobody can ask for are left out and reported, each once. */
export function createRecordSet(report: ReportSkipped): RecordSink & { readonly records: RecordSet } {
  const records = emptyRecords();
  const dropped = new Set<string>();
  /** The values of lists that are long. */
  const known = new Map<readonly string[], Set<string>>();

  /** The list of a name's values, begun with `first`; undefined for a name nobody can ask for. */
  const begin = (type: RecordSetType, name: string, first: string): string[] | undefined => {
    if (isAskable(name)) {
      const values = [first];
      records[type].set(name, values);
      return values;
    }
    if (!dropped.has(name))
      report({ reason: 'name-not-askable', detail: `${JSON.stringify(name)} can't be asked for` });
    dropped.add(name);
    return undefined;
  };
  const append = (values: string[], value: string): void => {
    if (values.length < MANY_VALUES) {
      if (!values.includes(value)) values.push(value);
      return;
    }
    let all = known.get(values);
    if (!all) known.set(values, (all = new Set(values)));
    if (all.has(value)) return;
    all.add(value);
    values.push(value);
  };
  const add = (type: RecordSetType, name: string, value: string): void => {
    const values = records[type].get(name);
    if (values) append(values, value);
    else begin(type, name, value);
  };
  const at = (name: string): OwnerSink => {
    const lists: { [type in RecordSetType]?: string[] | undefined } = {};
    const addHere = (type: RecordSetType, value: string): void => {
      const values = (lists[type] ??= records[type].get(name));
      if (values) append(values, value);
      else lists[type] = begin(type, name, value);
    };
    return { add: addHere, addAddress: (address) => addHere(typeOf(address), address) };
  };
  return { records, add, addAddress: (name, address) => add(typeOf(address), name, address), at };
}

/** An IPv4-mapped IPv6 address is the IPv4 address. */
export function typeOf(address: string): 'A' | 'AAAA' {
  return address.includes(':') && parseAddress(address)?.length !== 4 ? 'AAAA' : 'A';
}

const ASKABLE = /^(?:[!#-'*+,/-9:<-?[\]^_`a-z{|}~-]{1,63}\.)+$/;
/** With the final dot: 255 octets (RFC 1035 §2.3.4). */
export const MAX_NAME_CHARACTERS = 254;

/**
 * Can a DNS question for this name find it? Not with an empty label, one over 63 octets, a name over 255,
 * capitals, an octet that presentation form escapes, or `.*`, which mesos-dns takes out of questions.
 */
export function isAskable(name: string): boolean {
  return name.length <= MAX_NAME_CHARACTERS && ASKABLE.test(name) && !name.includes('.*');
}
