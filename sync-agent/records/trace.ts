import type { Giver, Trace } from './giver.ts';
import {
  type OwnerSink,
  type RecordRule,
  type RecordSetType,
  type RecordSink,
  typeOf,
} from './record-set.ts';

/** One value that something gives, or tries to give, to a name. */
export type Contribution = {
  readonly type: RecordSetType;
  readonly value: string;
  /** The name as it was made: it may have capitals. */
  readonly made: string;
  readonly rule: RecordRule | undefined;
  readonly giver: Giver;
};

type NameTrace = Trace & { readonly contributions: readonly Contribution[] };

/** Notes who adds what to one name (lower case, with its final dot), and lets all else pass. */
export function traceName(name: string): NameTrace {
  return traced((made) => made.length === name.length && made.toLowerCase() === name);
}

/** The same of several names. */
export function traceNames(names: ReadonlySet<string>): NameTrace {
  return traced((made) => names.has(made.toLowerCase()));
}

function traced(isAsked: (made: string) => boolean): NameTrace {
  const contributions: Contribution[] = [];
  let giver: Giver = { kind: 'masters' };
  const noteIt = (
    type: RecordSetType,
    made: string,
    { value, rule }: { value: string; rule: RecordRule | undefined },
  ): void => {
    contributions.push({ type, value, made, rule, giver });
  };
  const around = (into: RecordSink): RecordSink => ({
    add: (type, made, value, rule) => {
      if (isAsked(made)) noteIt(type, made, { value, rule });
      into.add(type, made, value, rule);
    },
    addAddress: (made, value, rule) => {
      if (isAsked(made)) noteIt(typeOf(value), made, { value, rule });
      into.addAddress(made, value, rule);
    },
    at: (made, rule) => {
      const inner = into.at(made, rule);
      if (!isAsked(made)) return inner;
      const noted: OwnerSink = {
        add: (type, value) => {
          noteIt(type, made, { value, rule });
          inner.add(type, value);
        },
        addAddress: (value) => {
          noteIt(typeOf(value), made, { value, rule });
          inner.addAddress(value);
        },
      };
      return noted;
    },
  });
  return { contributions, around, begin: (next) => void (giver = next) };
}

/** A sink that keeps nothing: for `traceName` alone. */
export const NOWHERE: RecordSink = {
  add: () => undefined,
  addAddress: () => undefined,
  at: () => ({ add: () => undefined, addAddress: () => undefined }),
};
