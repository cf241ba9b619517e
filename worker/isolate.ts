import { type Askers, createAskers } from './access/askers.ts';
import { createAccessSource, createKvAccessReader } from './access/document.ts';
import { methodsOf } from './access/methods.ts';
import { createQueryLog, type QueryLog } from './access/query-log.ts';
import { createRates, type Rates } from './access/rate.ts';
import { createViews, type View } from './access/views.ts';
import { type Bindings, parseEnv, type ServedZone, type Settings } from './env.ts';
import { createListings, type Listings } from './listings.ts';
import { createBlocks } from './snapshot/blocks.ts';
import { createKvBlockFetcher, createKvHeadSource, withAcceptedCacheTtl } from './snapshot/kv.ts';
import { createSnapshotReader, type SnapshotReader } from './snapshot/reader.ts';
import { startTimer } from './snapshot/timer.ts';
import { createUpstream } from './upstream/upstream.ts';
import { createShardLoader, type LoadShard } from './v1/entries.ts';

/** Settings and caches of one isolate. */
export type Isolate = {
  readonly settings: Settings;
  /** May everybody ask, and is nothing counted or logged of it? */
  readonly isPlain: boolean;
  /** What everybody sees: with `ACCESS=open` the view of all who ask, else only asked how the zones are. */
  readonly everybody: View;
  /** Undefined where nobody has to be told apart: all may ask, or none. */
  readonly askers: Askers | undefined;
  readonly rates: Rates;
  /** Undefined where it is off, as it is by default. */
  readonly queryLog: QueryLog | undefined;
  readonly loadShard: LoadShard;
  readonly listings: Listings;
};

/** Blocks kept in an isolate, over all zones: below the 128 MB limit with room for the rest, and for garbage. */
const BLOCK_CACHE_OCTETS = 32 * 1024 * 1024;

/** Throws `FormatError` naming the variable that can't be used. */
export async function startIsolate(env: Bindings): Promise<Isolate> {
  const settings = await parseEnv(env);
  const { access, verifyKeys, headRefreshMs, headMaxAgeMs } = settings;
  const now = (): number => Date.now();
  const { random } = Math;
  const onProblem = (problem: string): void => console.warn(problem);
  const kv = withAcceptedCacheTtl(env.SNAPSHOTS);
  const fetchBlock = createKvBlockFetcher(kv);
  const blocks = createBlocks({ fetchBlock, maxOctets: BLOCK_CACHE_OCTETS, now, startTimer });
  const readers = new Map<string, SnapshotReader>();
  const readerOf = ({ origin }: ServedZone, variant: string): SnapshotReader => {
    const key = `${origin}/${variant}`;
    const known = readers.get(key);
    if (known) return known;
    const source = createKvHeadSource(kv, { origin, variant, verifyKeys });
    const clocks = { now, startTimer, headRefreshMs, headMaxAgeMs };
    const reader = createSnapshotReader({ origin, variant, source, blocks, ...clocks, onProblem });
    readers.set(key, reader);
    return reader;
  };
  const fetchDirectly: typeof fetch = (...request) => fetch(...request);
  const upstream = settings.forwarding && createUpstream(settings.forwarding, { fetch: fetchDirectly, now });
  const views = createViews({ settings, readerOf, upstream, now, random, onProblem });
  if (access.kind === 'open')
    console.log('warning: ACCESS is open, so anybody who can reach this Worker may ask it');
  const askers =
    access.kind === 'credentials'
      ? createAskers({
          methods: methodsOf(access.methods, env, { fetch: fetchDirectly, now, onProblem }),
          source: createAccessSource({
            read: createKvAccessReader(kv),
            verifyKeys,
            now,
            startTimer,
            refreshMs: headRefreshMs,
            maxAgeMs: headMaxAgeMs,
            onProblem,
          }),
          views,
          now,
        })
      : undefined;
  const queryLog = await createQueryLog(env, { random, write: (line) => console.log(line) });
  const [everybody, rates] = [views.everybody(), createRates(env, now)];
  const isPlain = access.kind === 'open' && !rates.limited.open && !queryLog && !everybody.near;
  const pages = { loadShard: createShardLoader(fetchBlock), listings: createListings({ now, startTimer }) };
  return { settings, isPlain, everybody, askers, rates, queryLog, ...pages };
}
