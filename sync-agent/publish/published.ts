import type { Levels } from '../../zone/levels.ts';
import type { OwnerName } from '../../zone/name.ts';
import type { Serial } from '../../zone/zone.ts';

/** What a push did. */
export type Published = {
  /** `unchanged`: nothing was written; `confirmed`: only the head's times, term or layout were renewed. */
  readonly kind: 'changed' | 'confirmed' | 'unchanged';
  readonly serial: Serial;
  readonly epoch: number;
  /** Owner names that came, changed or went. */
  readonly changes: number;
  /** Keys written. */
  readonly writes: number;
  readonly octets: number;
  /** The first of those names, for people; none where everything is new. */
  readonly names?: readonly OwnerName[];
};

/** From what to what a push went; `changed`: owner names in wire form, none where there was nothing before. */
export type Change = {
  readonly serial: Serial;
  readonly before: Levels | undefined;
  readonly after: Levels;
  /** How many; more than `changed` where everything is new. */
  readonly changes: number;
  readonly changed: readonly Uint8Array[];
};
