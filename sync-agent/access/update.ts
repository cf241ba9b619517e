import { type AccessDocument, nextAccessSerial, signAccessDocument } from '../../zone/access-document.ts';
import { FormatError } from '../../zone/format-error.ts';
import { sameOctets } from '../../zone/hash.ts';
import type { SigningKey } from '../../zone/root.ts';
import { ConfigError } from '../config.ts';
import type { Sleep } from '../retry.ts';
import { SinkError } from '../sinks/sink.ts';
import { type Edit, EMPTY_DOCUMENT, hasChange } from './edits.ts';
import { type AccessStore, claimedSerial, readAccess, type StoredAccess } from './store.ts';

/** A change that may not be in force: what was asked, where, and what to do. */
export class AccessError extends Error {
  override readonly name = 'AccessError';
}

export type UpdateOptions = {
  readonly store: AccessStore;
  readonly key: SigningKey;
  /** Public keys (base64) whose documents are ours. */
  readonly trusted: readonly string[];
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly sleep: Sleep;
  /** Begin anew where what is stored is not ours: all its tokens are gone then. */
  readonly replaceUnusable?: boolean;
  /** The highest serial that was written or seen from here; a lower one in the store was put back. */
  readonly leastSerial?: number | undefined;
  /** Told the serial that is in force. */
  readonly remember?: ((serial: number) => Promise<void>) | undefined;
  /**
   * Where somebody else changed the document meanwhile: the edit is made again on theirs (a token more or less is
   * as right there), or given up (whole sets of rules are not).
   */
  readonly onOther: 'again' | 'give up';
};

export type Updated = {
  readonly before: AccessDocument;
  readonly after: AccessDocument;
  /** `after` signed, as stored. */
  readonly octets: Uint8Array;
};

const MOST_TRIES = 4;
/** Reads until a store that shows the old document is taken for one that lost ours: 1 + 2 + 4 + 8 + 16 times `settleMs`. */
const MOST_READS = 5;

/**
 * Reads the document, changes it, writes it under the next serial, and reads it back: the store has no
 * compare-and-set, so two people at once are noticed by that, and by a second read right before the write. Gives
 * what is in force then. Throws what the edit throws (nothing is written), `ConfigError` for a document that is not
 * ours, `AccessError` where the change may not be in force, and `SinkError`.
 */
export async function updateAccess(
  edit: Edit,
  options: UpdateOptions,
  signal: AbortSignal,
): Promise<Updated> {
  const { store, onOther } = options;
  let floor = 0;
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const planned = await planUpdate(edit, options, { floor, signal });
    // Whoever wrote in between is not written over.
    if (!isSame(await store.read(signal), planned.replaced)) {
      if (onOther === 'give up') throw changedMeanwhile(store, 'nothing was written');
      continue;
    }
    const unsure = await write(store, planned.octets, signal);
    const found = await readBack(planned, options, signal);
    if (found === 'ours' || (found === 'other' && (await isWithin(planned, options, signal)))) {
      await options.remember?.(planned.after.serial);
      return planned;
    }
    if (found === 'old') {
      throw new AccessError(
        `${store.name}: the access document was written, and reading it back still gives the one before; ` +
          'it is not known whether the change is in force: look in a minute with mesos-doh access show',
        unsure && { cause: unsure },
      );
    }
    if (onOther === 'give up') throw changedMeanwhile(store, 'and their change took the place of yours');
    floor = planned.after.serial;
  }
  throw changedMeanwhile(store, `${MOST_TRIES} times in a row, and this change is not in force`);
}

/** Is the change in what somebody else made of the document, on top of it? */
async function isWithin(
  planned: Planned,
  { store, trusted }: UpdateOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const stored = await readAccess(store, trusted, signal);
  if (stored.kind !== 'document' || stored.document.serial <= planned.after.serial) return false;
  return hasChange(planned, stored.document);
}

type Planned = Updated & { readonly replaced: Uint8Array | undefined };

/** The change made and signed, and nothing written: what `--dry-run` and `--print` go by. */
export async function planUpdate(
  edit: Edit,
  options: Pick<UpdateOptions, 'store' | 'key' | 'trusted' | 'now' | 'replaceUnusable' | 'leastSerial'>,
  { floor = 0, signal }: { readonly floor?: number; readonly signal: AbortSignal },
): Promise<Planned> {
  const { store, key, trusted, now } = options;
  const stored = await readAccess(store, trusted, signal);
  const before = await usable(stored, options);
  const nowMs = now();
  const serial = nextAccessSerial(Math.max(before.serial, floor), nowMs);
  const after = { ...edit(before), serial, issuedAtMs: nowMs };
  try {
    const octets = await signAccessDocument(after, key);
    return { before, after, octets, replaced: stored.kind === 'nothing' ? undefined : stored.octets };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new ConfigError(
      `no Worker would take the access document with that change: ${error.message} ` +
        '(mesos-doh token revoke --ended takes out tokens that ended)',
      { cause: error },
    );
  }
}

async function usable(
  stored: StoredAccess,
  {
    store,
    replaceUnusable,
    leastSerial = 0,
  }: Pick<UpdateOptions, 'store' | 'replaceUnusable' | 'leastSerial'>,
): Promise<AccessDocument> {
  const serial = stored.kind === 'document' ? stored.document.serial : 0;
  if (stored.kind !== 'unusable' && serial < leastSerial) {
    if (replaceUnusable === true) return { ...EMPTY_DOCUMENT, serial: leastSerial };
    throw putBack(store, { serial, leastSerial });
  }
  if (stored.kind === 'document') return stored.document;
  if (stored.kind === 'nothing') return EMPTY_DOCUMENT;
  if (replaceUnusable !== true) throw notOurs(store, stored.reason);
  // One above any that a Worker can hold: unless somebody had the key, what it claims is true.
  return { ...EMPTY_DOCUMENT, serial: (await claimedSerial(stored.octets)) ?? 0 };
}

/** Signing on top of an old document would bring back the tokens that were revoked since. */
function putBack(
  { name }: Pick<AccessStore, 'name'>,
  { serial, leastSerial }: { readonly serial: number; readonly leastSerial: number },
): ConfigError {
  const what = serial === 0 ? 'has no access document' : `has an access document of serial ${serial}`;
  return new ConfigError(
    `${name} ${what}, and serial ${leastSerial} was in force when it was last changed from here. Nothing was changed. ` +
      'A store may be a minute behind: say it again then. If it stays, somebody put an old document back, which ' +
      'takes a token of the store: replace that, and begin anew from your file, by which all tokens go: ' +
      'mesos-doh access apply FILE --replace (docs/security.md)',
  );
}

/** Says what to do: nothing is written over a document that somebody else may have made. */
export function notOurs(store: Pick<AccessStore, 'name'>, reason: string): ConfigError {
  return new ConfigError(
    `${store.name}: ${reason}. Nothing was changed. If the signing key was replaced, give the old public key ` +
      '(mesos-doh access renew --trust-key KEY); if it may be forged or damaged, begin anew from your file, by which all ' +
      'tokens go: mesos-doh access apply FILE --replace (docs/access.md)',
  );
}

/** A write of unknown outcome is settled by reading back; its error is given for the case that it is not. */
async function write(
  store: AccessStore,
  octets: Uint8Array,
  signal: AbortSignal,
): Promise<SinkError | undefined> {
  try {
    await store.write(octets, signal);
    return undefined;
  } catch (error) {
    if (error instanceof SinkError && error.outcome === 'unknown') return error;
    throw error;
  }
}

/** Whose document the store holds once it has settled: ours, still the one before, or somebody else's. */
async function readBack(
  { octets, replaced }: Planned,
  { store, sleep }: UpdateOptions,
  signal: AbortSignal,
): Promise<'ours' | 'old' | 'other'> {
  for (let reads = 0; reads < MOST_READS; reads++) {
    if (store.settleMs > 0) await sleep(store.settleMs * 2 ** reads, signal);
    const found = await store.read(signal);
    if (isSame(found, octets)) return 'ours';
    if (!isSame(found, replaced)) return 'other';
  }
  return 'old';
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : sameOctets(a, b);
}

function changedMeanwhile({ name }: AccessStore, what: string): AccessError {
  return new AccessError(
    `${name}: somebody else changed the access document at the same time, ${what}; ` +
      'see what holds now with mesos-doh access show, and say it again',
  );
}
