import * as v from 'valibot';
import { parseAddress } from '../zone/address.ts';
import { FormatError } from '../zone/format-error.ts';

/** A whole number of seconds. */
export const seconds = (least: number, most = 0x7fffffff): v.GenericSchema<number> =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));

/** Seconds for a timer: those take 31 bits of milliseconds, and fire at once for more. */
export const timerSeconds = (): v.GenericSchema<number> => seconds(1, 2_147_483);

/** Valid by `read`, which throws `FormatError` with the reason. */
export const readable = (read: (text: string) => unknown): v.GenericSchema<string> =>
  v.pipe(
    v.string(),
    v.rawCheck(({ dataset, addIssue }) => {
      try {
        if (dataset.typed) read(dataset.value);
      } catch (error) {
        if (!(error instanceof FormatError || error instanceof TypeError)) throw error;
        addIssue({ message: error.message });
      }
    }),
  );

export const address = v.pipe(
  v.string(),
  v.check((text) => parseAddress(text) !== undefined, 'should be an IP address'),
);
export const filePath = v.pipe(v.string(), v.nonEmpty());
export const portNumber = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65535));

/** Throws `FormatError` or, by `URL`, `TypeError`. */
export function parseHttpUrl(text: string): URL {
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new FormatError(JSON.stringify(text), 'is no http or https URL');
  if (url.username === '' && url.password === '') return url;
  throw new FormatError('the URL', 'holds a name or password (before an @), which is never sent');
}
