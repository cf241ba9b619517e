import { FormatError } from '../../zone/format-error.ts';
import { toHex } from '../../zone/hash.ts';
import { lowerOctet } from '../../zone/name.ts';
import { u16At } from '../../zone/octets.ts';
import { typeName } from '../../zone/record.ts';
import type { WaitUntil } from '../snapshot/share.ts';

export type QueryLogBindings = { readonly QUERY_LOG?: string; readonly QUERY_LOG_KEY?: string };

/** Logs what a reply was about, or not. `team` is undefined where anybody may ask. */
export type QueryLog = (reply: Uint8Array, team: string | undefined, waitUntil: WaitUntil) => void;

export type QueryLogOptions = {
  readonly random: () => number;
  readonly write: (line: string) => void;
};

const MIN_KEY_CHARACTERS = 32;
/** Octets of a name's hash in the log: the same name is the same text, and two of them are not. */
const HASH_OCTETS = 8;

/**
 * The query log, or undefined where it is off, as it is unless `QUERY_LOG` is a share of the replies. A line has
 * type, code, team, and the name as a hash with a key that only the operator has: who holds the log alone can't
 * try names out. Never an address, a token or an answer. Throws `FormatError` naming the variable.
 */
export async function createQueryLog(
  { QUERY_LOG = '', QUERY_LOG_KEY = '' }: QueryLogBindings,
  { random, write }: QueryLogOptions,
): Promise<QueryLog | undefined> {
  const text = QUERY_LOG.trim();
  if (text === '' || text === 'off') return undefined;
  const share = Number(text);
  if (!(share > 0 && share <= 1))
    throw new FormatError('QUERY_LOG', 'is neither off nor a share of the queries, such as 0.01');
  if (QUERY_LOG_KEY.length < MIN_KEY_CHARACTERS)
    throw new FormatError('QUERY_LOG_KEY', `has to be a secret of ${MIN_KEY_CHARACTERS} characters or more`);
  const secret = new TextEncoder().encode(QUERY_LOG_KEY);
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', secret, algorithm, false, ['sign']);
  const log = async (name: Uint8Array<ArrayBuffer>, facts: object): Promise<void> => {
    const hash = new Uint8Array(await crypto.subtle.sign('HMAC', key, name));
    write(JSON.stringify({ name: toHex(hash.subarray(0, HASH_OCTETS)), ...facts }));
  };
  return (reply, team, waitUntil) => {
    if (random() >= share) return;
    const end = endOfName(reply);
    if (end === undefined) return;
    const type = typeName(u16At(reply, end));
    // No length is the code of a letter.
    waitUntil(
      log(Uint8Array.from(reply.subarray(12, end), lowerOctet), {
        type,
        rcode: (reply[3] ?? 0) & 0x0f,
        team,
      }),
    );
  };
}

/** Where the question's name ends; undefined for a reply without a question. */
function endOfName(reply: Uint8Array): number | undefined {
  if (u16At(reply, 4) !== 1) return undefined;
  for (let at = 12; at < reply.length; at += 1 + (reply[at] ?? 0)) if (reply[at] === 0) return at + 1;
  return undefined;
}
