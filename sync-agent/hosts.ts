import { lookup } from 'node:dns/promises';
import { canonicalAddress } from '../zone/address.ts';
import { ConfigError, readJsonFile } from './config.ts';

/**
 * Host names to addresses, canonical and sorted; a name that does not resolve is left out. Never throws for a
 * name. Asked before records are made, so that making them is pure.
 */
export type HostResolver = {
  readonly resolve: (
    names: ReadonlySet<string>,
    signal: AbortSignal,
  ) => Promise<ReadonlyMap<string, readonly string[]>>;
};

export type LookupAddresses = (name: string) => Promise<readonly string[]>;

/** How long a resolved name is used before it is asked again. */
const FRESH_MS = 60_000;
const AT_ONCE = 16;

/**
 * Resolves by the system. A name is asked again after a minute; one that then fails keeps its last addresses,
 * so that a passing DNS problem takes nothing out of the zone. `timeoutMs` bounds all look-ups of one call.
 */
export function createHostResolver({
  timeoutMs,
  now,
  lookupAddresses = systemLookup,
}: {
  readonly timeoutMs: number;
  readonly now: () => number;
  readonly lookupAddresses?: LookupAddresses;
}): HostResolver {
  const cache = new Map<string, { addresses: readonly string[]; at: number }>();
  const triedAt = new Map<string, number>();
  return {
    resolve: async (names, signal) => {
      // Those not tried for longest first: names whose look-up never ends must not keep others from theirs.
      const stale = [...names]
        .filter((name) => now() - (cache.get(name)?.at ?? -Infinity) >= FRESH_MS)
        .toSorted((a, b) => (triedAt.get(a) ?? 0) - (triedAt.get(b) ?? 0));
      const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      await forEachLimited(stale, AT_ONCE, async (name) => {
        if (limit.aborted) return;
        triedAt.set(name, now());
        const addresses = canonical(
          await Promise.race([lookupAddresses(name).catch(() => []), aborted(limit)]),
        );
        if (addresses.length > 0) cache.set(name, { addresses, at: now() });
      });
      signal.throwIfAborted();
      const known = new Map<string, readonly string[]>();
      for (const name of names) {
        const entry = cache.get(name);
        if (entry) known.set(name, entry.addresses);
      }
      return known;
    },
  };
}

/** Resolves only the names of a JSON file `{"name": ["address", …]}`. Throws `ConfigError`. */
export function createHostsFileResolver(path: string): HostResolver {
  const json = readJsonFile(path);
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new ConfigError(`${path}: should be an object of host names, each with a list of addresses`);
  }
  const known = new Map<string, readonly string[]>();
  for (const [name, addresses] of Object.entries(json)) {
    if (!Array.isArray(addresses)) throw new ConfigError(`${path}: ${name}: should be a list of addresses`);
    const bad = addresses.find((address) => canonicalAddress(String(address)) === undefined);
    if (bad !== undefined) throw new ConfigError(`${path}: ${name}: ${JSON.stringify(bad)} is no IP address`);
    known.set(name, canonical(addresses.map(String)));
  }
  return { resolve: () => Promise.resolve(known) };
}

async function systemLookup(name: string): Promise<string[]> {
  return (await lookup(name, { all: true, verbatim: true })).map(({ address }) => address);
}

function canonical(addresses: readonly string[]): readonly string[] {
  const texts = addresses
    .map((address) => canonicalAddress(address))
    .filter((address) => address !== undefined);
  return [...new Set(texts)].toSorted();
}

async function forEachLimited<Item>(
  items: readonly Item[],
  atOnce: number,
  run: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await run(item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
}

/** Resolves, with nothing, when the signal aborts. */
function aborted(signal: AbortSignal): Promise<readonly string[]> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve([]);
    else signal.addEventListener('abort', () => resolve([]), { once: true });
  });
}
