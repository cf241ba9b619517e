import type { Endpoint } from '../cluster.ts';
import type { AddressSettings } from './address.ts';
import type { TaskRules } from './eligible.ts';
import type { LabelRules } from './label.ts';

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
  readonly maxPortsPerTask: number;
  /**
   * The agents' attribute that has the address they are reached by, in the place of their pid's; an agent without it
   * has none. Undefined: the pid's.
   */
  readonly agentAddressAttribute?: string | undefined;
  /** `left-out`: no `leader`, `master`, `masterN`, `slave` and their services. */
  readonly clusterNames?: 'published' | 'left-out' | undefined;
  /** Which running tasks are left out; undefined: none, as with mesos-dns. */
  readonly tasks?: TaskRules | undefined;
};

/** The addresses a host name resolves to, canonical; empty for one that does not resolve. */
export type AddressesOfHost = (host: string) => readonly string[];
