import type { ReportSkipped } from '../cluster.ts';

/**
 * A cluster's records as mesos-dns holds them: name (with its final dot) → values, each once. Addresses are
 * texts; SRV values are `target:port`, the target with its own final dot, the port as the cluster wrote it.
 */
export type RecordSet = {
  readonly A: ReadonlyMap<string, readonly string[]>;
  readonly AAAA: ReadonlyMap<string, readonly string[]>;
  readonly SRV: ReadonlyMap<string, readonly string[]>;
};

export type RecordSetType = keyof RecordSet;

/** Takes records one by one while a set is made. */
export type RecordSink = {
  readonly add: (type: RecordSetType, name: string, value: string) => void;
  /** A or AAAA, by the address's form. */
  readonly addAddress: (name: string, address: string) => void;
};

/** Above this many values a name's repeats are found through a set instead of by looking. */
const MANY_VALUES = 16;

/** A set to fill. Names nobody can ask for are left out and reported, each once. */
export function createRecordSet(report: ReportSkipped): RecordSink & { readonly records: RecordSet } {
  const records = {
    A: new Map<string, string[]>(),
    AAAA: new Map<string, string[]>(),
    SRV: new Map<string, string[]>(),
  };
  const large = new Map<readonly string[], Set<string>>();
  const dropped = new Set<string>();

  const add = (type: RecordSetType, name: string, value: string): void => {
    const values = records[type].get(name);
    if (values === undefined) {
      if (isAskable(name)) records[type].set(name, [value]);
      else if (!dropped.has(name)) {
        dropped.add(name);
        report({ reason: 'name-not-askable', detail: `${JSON.stringify(name)} can't be asked for` });
      }
      return;
    }
    if (values.length < MANY_VALUES) {
      if (!values.includes(value)) values.push(value);
      return;
    }
    let known = large.get(values);
    if (known === undefined) large.set(values, (known = new Set(values)));
    if (known.has(value)) return;
    known.add(value);
    values.push(value);
  };
  return {
    records,
    add,
    addAddress: (name, address) => add(address.includes(':') ? 'AAAA' : 'A', name, address),
  };
}

const ASKABLE = /^(?:[!#-'*+,/-9:<-?[\]^_`a-z{|}~-]{1,63}\.)+$/;
const MAX_NAME_CHARACTERS = 254;

/**
 * Can a DNS question for this name find it? Not with an empty label, one over 63 octets, a name over 255,
 * capitals, an octet that presentation form escapes, or `.*`, which mesos-dns takes out of questions.
 */
function isAskable(name: string): boolean {
  return (
    name.length <= MAX_NAME_CHARACTERS && ASKABLE.test(name) && !name.includes('.*')
  );
}
