import type { Endpoint } from '../cluster.ts';
import type { AddressSettings } from './address.ts';
import type { TaskRules } from './eligible.ts';
import type { FurtherRecords } from './further.ts';
import type { LabelRules } from './label.ts';
import type { ShapeRules } from './shape-settings.ts';

/** What names and addresses a cluster's tasks get. Defaults and config names: `config.ts`. */
export type RecordSettings = AddressSettings & {
  /** Lower case, without its final dot. */
  readonly domain: string;
  readonly labelRules: LabelRules;
  /** The masters asked, in order: gives `master0`, `master1`, … */
  readonly masters: readonly Endpoint[];
  /** The name server's name with its final dot; in capitals it can't be asked for, as with mesos-dns. */
  readonly nameServer: string;
  readonly nameServerAddresses: readonly string[];
  /** `as-is`: as mesos-dns, capitals included (and then not askable); the name server's name likewise. */
  readonly rawDiscoveryNames: 'lower-case' | 'as-is';
  /** May a framework or task add itself to `leader`, `master`, `masterN`, `slave` or the name server's name? */
  readonly reservedNames: 'kept-apart' | 'mixed';
  /** May the operator's records have wildcards? Then names of tasks that look like some are left out even if `mixed`. */
  readonly staticWildcards?: boolean | undefined;
  readonly maxPortsPerTask: number;
  /**
   * The agents' attribute that has the address they are reached by, in the place of their pid's; an agent without it
   * has none. Undefined: the pid's.
   */
  readonly agentAddressAttribute?: string | undefined;
  /** `left-out`: no `leader`, `master`, `masterN`, `slave` and their services. */
  readonly clusterNames?: 'published' | 'left-out' | undefined;
  /** `published`: the names of DC/OS too, in `thisdcos.directory`. */
  readonly dcosNames?: 'published' | 'left-out' | undefined;
  /** Further parts that a framework's names are made with, by its own: `aurora` → `twitterscheduler`. */
  readonly frameworkAliases?: ReadonlyMap<string, readonly string[]> | undefined;
  /** What labels and rules make of tasks; undefined: nothing, as with mesos-dns. */
  readonly shape?: ShapeRules | undefined;
  /** Undefined: none. */
  readonly further?: FurtherRecords | undefined;
  /** Which running tasks are left out; undefined: none, as with mesos-dns. */
  readonly tasks?: TaskRules | undefined;
};

/** The addresses a host name resolves to, canonical; empty for one that does not resolve. */
export type AddressesOfHost = (host: string) => readonly string[];
