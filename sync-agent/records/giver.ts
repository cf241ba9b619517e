import type { MesosAgent, MesosFramework, MesosTask, ServerSet } from '../cluster.ts';
import type { RecordSink } from './record-set.ts';

/** Listens while records are made: `begin` tells what the records that follow come from. Only `explain` does. */
export type Trace = {
  readonly begin: (giver: Giver) => void;
  /** A sink that hands everything on to `into`. */
  readonly around: (into: RecordSink) => RecordSink;
};

/** What gives records. */
export type Giver =
  | { readonly kind: 'masters' | 'name-server' | 'static-records' }
  | { readonly kind: 'agent'; readonly agent: MesosAgent }
  | { readonly kind: 'server-set'; readonly set: ServerSet; readonly member: string }
  | { readonly kind: 'framework'; readonly framework: MesosFramework }
  | {
      readonly kind: 'task';
      readonly task: MesosTask;
      readonly framework: MesosFramework;
      readonly agentAddresses: readonly string[];
    };
