import { isIP } from 'node:net';
import { join } from 'node:path';
import { rememberAddresses, rememberedAddresses, usableAddresses } from './address-file.ts';
import { UpstreamError } from './upstream-error.ts';

/** Where the DoH server is: found without waiting for ourselves, who may be the system's resolver. */
export type Addresses = {
  /**
   * The last good ones at once where there are any, else those a look-up gives. Rejects with `UpstreamError` where
   * there is none in time.
   */
  readonly get: () => Promise<readonly string[]>;
  /** None of them could be reached: they are looked up again behind the back of whoever asks. */
  readonly doubt: () => void;
};

export type AddressesOptions = {
  readonly hostname: string;
  /** Used as they are, and never looked up. */
  readonly pinned: readonly string[];
  /** The system's resolver. */
  readonly lookup: (hostname: string) => Promise<readonly string[]>;
  /** A directory to remember them in over restarts. */
  readonly stateDir: string | undefined;
  readonly now: () => number;
  readonly warn: (message: string) => void;
};

const FRESH_MS = 300_000;
const DOUBT_EVERY_MS = 5_000;
/** Of what the first asker may wait; the system's own limits are longer. */
const LOOKUP_MS = 3_000;
const FILE = 'addresses.json';

/** Addresses that were good once are kept for ever: a look-up that fails takes nothing away. */
export async function createAddresses(options: AddressesOptions): Promise<Addresses> {
  const { hostname, pinned, lookup, stateDir, now, warn } = options;
  const fixed = isIP(hostname) === 0 ? pinned : [hostname];
  if (fixed.length > 0) return { get: () => Promise.resolve(fixed), doubt: () => undefined };

  const file = stateDir === undefined ? undefined : join(stateDir, FILE);
  let known = file === undefined ? [] : await rememberedAddresses(file, hostname);
  let foundAt = Number.NEGATIVE_INFINITY;
  let askedAt = Number.NEGATIVE_INFINITY;
  let running: Promise<readonly string[]> | undefined;
  /** One at a time: each takes a thread, and may take long. */
  const refresh = (): Promise<readonly string[]> => {
    askedAt = now();
    running ??= lookup(hostname)
      .then(async (found) => {
        const usable = usableAddresses(found);
        if (usable.length === 0) throw new Error('it has no address');
        foundAt = now();
        const isNew = usable.join() !== known.join();
        known = usable;
        if (isNew && file !== undefined) await rememberAddresses(file, { hostname, addresses: usable }, warn);
        return usable;
      })
      .finally(() => {
        running = undefined;
      });
    return running;
  };
  const refreshBehind = (): void => {
    refresh().catch(() => undefined);
  };
  return {
    get: async () => {
      if (known.length > 0) {
        if (now() - foundAt > FRESH_MS && now() - askedAt > FRESH_MS / 10) refreshBehind();
        return known;
      }
      return withinLimit(refresh());
    },
    doubt: () => {
      if (now() - askedAt > DOUBT_EVERY_MS) refreshBehind();
    },
  };
}

async function withinLimit(found: Promise<readonly string[]>): Promise<readonly string[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('that took too long')), LOOKUP_MS);
  });
  try {
    return await Promise.race([found, late]);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UpstreamError('connect', `the DoH server's name can not be looked up (${why})`, { cause });
  } finally {
    clearTimeout(timer);
  }
}
