import type { Rates } from './access/rate.ts';
import type { View } from './access/views.ts';
import type { Access } from './env.ts';
import type { Listings } from './listings.ts';
import type { WaitUntil } from './snapshot/share.ts';
import type { LoadShard } from './v1/entries.ts';

/** A request below `/dns-query`'s: its path behind the token that may stand before it, and what its asker sees. */
export type PageRequest = {
  readonly path: string;
  /** What stands before `path` in the URL: `/t/<token>`, or nothing. */
  readonly base: string;
  /** From its `?` on. */
  readonly search: string;
  readonly view: View;
  readonly access: Access['kind'];
  /** Which are bound; undefined where none may be. */
  readonly limits: Rates['limited'] | undefined;
  readonly loadShard: LoadShard;
  readonly listings: Listings;
  /** Is told each reply to a look-up; undefined where none is logged. */
  readonly log: ((reply: Uint8Array) => void) | undefined;
  readonly waitUntil: WaitUntil;
};

export const DOH_PATH = '/dns-query';
