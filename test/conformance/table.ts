import { ALIAS_ROWS } from './alias-rows.ts';
import { HTTP_ROWS } from './http-rows.ts';
import { MESSAGE_ROWS } from './message-rows.ts';
import type { Exchange, Level, Row } from './row.ts';
import { ZONE_ROWS } from './zone-rows.ts';

/** What DNS over HTTPS asks of us, case by case. It is run in workerd, and over HTTP against the built Worker. */
export const TABLE: readonly Row[] = [...HTTP_ROWS, ...MESSAGE_ROWS, ...ZONE_ROWS, ...ALIAS_ROWS];

/** Sends what a row sends and throws if what comes back is not right. */
export async function runRow({ send, holds }: Row, exchange: Exchange): Promise<void> {
  const replies = [];
  for (const sent of send) replies.push(await exchange(sent));
  holds(replies);
}

/** `MUST 70/70, SHOULD 66/66, EXTRA 4/4`, from the rows that passed. */
export function summary(passed: ReadonlySet<string>): string {
  const levels: readonly Level[] = ['MUST', 'SHOULD', 'EXTRA'];
  return levels
    .map((level) => {
      const rows = TABLE.filter((row) => row.level === level);
      return `${level} ${rows.filter(({ id }) => passed.has(id)).length}/${rows.length}`;
    })
    .join(', ');
}
