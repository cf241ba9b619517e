import type { Ended } from '../cluster.ts';
import type { RecordSet } from '../records/record-set.ts';

/** What one source's names are now, and what it says of those that are gone. */
export type SourceRead = {
  readonly name: string;
  /** What the snapshot says, held values included. */
  readonly published: RecordSet;
  /** What was read since the last call; undefined where nothing was: the source's published values stay. */
  readonly next: RecordSet | undefined;
  readonly ended: Ended;
  readonly recoveringAgents: number;
  /** The cluster's own names (leader, masters, name server): they follow at once, whatever is held. */
  readonly isClusterRecord: (name: string) => boolean;
  /** In what was read: at none of either, and names that are gone, something is wrong. */
  readonly frameworks: number;
  readonly tasks: number;
  /** Tasks may have names here that do not show whose they are: aliases, tags, names of ports. */
  readonly hasFurtherNames?: boolean | undefined;
  /** Names that ServerSets have or had, and whether it is known of those that are gone that their members ended. */
  readonly announced?: ReadonlyMap<string, boolean> | undefined;
};

/** A source that was read. */
export type ReadSource = SourceRead & { readonly next: RecordSet };
