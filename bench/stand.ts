import { randomBytes } from 'node:crypto';
import { makeSigningKey } from '../sync-agent/keys.ts';
import { createPublisher } from '../sync-agent/publish/publisher.ts';
import type { Published } from '../sync-agent/publish/published.ts';
import { zoneOf, zoneSettings } from '../sync-agent/record-settings.ts';
import { encodeEntries, tableChanges, type ZoneContent } from '../zone/entries.ts';
import { CONFIG, type Followed } from './simulated-zone.ts';
import { between, createTallySink, type Tally } from './tally.ts';

/** The real publisher over a counting memory sink and a clock of its own: what KV would get, at KV's pace. */
export type Stand = {
  /** Ten seconds later, this is published. */
  readonly push: (changed: Followed) => Promise<{ readonly push: Published; readonly tally: Tally }>;
  readonly total: () => Tally;
  /** Octets of the run as it is read, 0 where there is none. */
  readonly runOctets: () => Promise<number>;
  /** Throws if what is published is not what the content says. */
  readonly verify: () => Promise<void>;
};

const STARTED_MS = 1_800_000_000_000;
const PUSH_EVERY_MS = 10_000;
/** As the agent gives KV (`commands/outputs.ts`). */
const SPREAD_MS = 90_000;
const never = new AbortController().signal;

/** Publishes the content whole; then it is ready for changes. */
export async function createStand(content: ZoneContent): Promise<Stand> {
  const { sink, total } = createTallySink();
  let nowMs = STARTED_MS;
  const zone = zoneOf(CONFIG);
  const publisher = createPublisher({
    sink,
    zone,
    settings: zoneSettings(CONFIG),
    key: await makeSigningKey(),
    livenessSeconds: CONFIG.livenessSeconds,
    now: () => nowMs,
    monotonicMs: () => nowMs,
    spreadMs: SPREAD_MS,
    writerId: randomBytes(16),
    // The same seed each run, or shards would differ.
    randomOctets: (length) => new Uint8Array(length).fill(7),
  });
  const publish = (changed: Followed | 'all'): Promise<Published> => {
    nowMs += PUSH_EVERY_MS;
    return publisher.publish({ wanted: { kind: 'content', content, changed }, confirmedAtMs: nowMs }, never);
  };
  await publish('all');
  return {
    total,
    push: async (changed) => {
      const before = total();
      const push = await publish(changed);
      return { push, tally: between(before, total()) };
    },
    runOctets: async () => (await publisher.standing(never))?.levels.run?.octets.length ?? 0,
    verify: async () => {
      const levels = (await publisher.standing(never))?.levels;
      if (!levels) throw new Error('nothing is published');
      const { seed } = levels.table;
      const wrong = tableChanges(levels, encodeEntries(content, { origin: zone.origin, seed }));
      if (wrong.length > 0)
        throw new Error(`${wrong.length} names are published otherwise than the content says`);
    },
  };
}
