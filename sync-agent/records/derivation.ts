import type { ClusterState, MesosTask } from '../cluster.ts';
import type { RecordValue } from './difference.ts';
import type { HiddenBy } from './eligible.ts';
import type { RecordSet } from './record-set.ts';
import type { AddressesOfHost, RecordSettings } from './settings.ts';

/** How the names of a zone follow from the records that are made of a cluster. For `explain`. */
export type Derivation = {
  /** For people: what the zone has. */
  readonly sentence: string;
  readonly derive: (records: RecordSet) => RecordSet;
  /** Values made of the cluster that give one of the zone's. */
  readonly from: (value: RecordValue, records: RecordSet) => readonly RecordValue[];
  /** Names of the cluster that would give the zone's name values, each with the part of the state that is asked for it. */
  readonly wouldGive: (name: string, state: ClusterState) => readonly MadeName[];
  /** What else speaks against the name. */
  readonly whyNot?: (name: string, facts: DerivationFacts) => readonly Reason[];
};

export type MadeName = { readonly name: string; readonly state: ClusterState };

/** Why something does not give a name values: a word to look up, and a sentence. */
export type Reason = { readonly reason: string; readonly detail: string };

export type DerivationFacts = {
  readonly state: ClusterState;
  readonly records: RecordSet;
  readonly settings: RecordSettings;
  readonly addressesOfHost: AddressesOfHost;
  /** Running tasks that a rule leaves out. */
  readonly hidden: ReadonlyMap<MesosTask, HiddenBy>;
};
