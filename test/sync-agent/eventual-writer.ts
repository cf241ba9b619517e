import { openTerm } from '../../sync-agent/election/term.ts';
import type { KeyPair } from '../../sync-agent/keys.ts';
import type { Sink } from '../../sync-agent/sinks/sink.ts';
import type { VirtualClock } from '../fakes/virtual-clock.ts';
import type { Writer } from './eventual-run.ts';
import { contentOf, publisherOf, pushOf } from './publish/published-zone.ts';

/** Everywhere after 60 s, and half a minute more for what was cached until then. */
const SPREAD_MS = 90_000;
/** Small enough that merges and cuts happen all the time. */
const LIMITS = { overlayOctets: 700, runOctets: 3_500, shardOctets: 1_500 };
const NEVER = new AbortController().signal;

/** The agent's own publisher over an eventual store, on its clock. */
export function openWriter(
  sink: Sink,
  clock: VirtualClock,
  { key, random, spreadMs = SPREAD_MS }: { key: KeyPair; random: () => number; spreadMs?: number },
): Writer {
  const publisher = publisherOf(sink, {
    key,
    clock: {
      get ms() {
        return clock.now();
      },
    },
    randomOctets: (length) => Uint8Array.from({ length }, () => random() * 256),
    ...{ limits: LIMITS, spreadMs },
    term: openTerm({ epoch: undefined, why: 'a test', leftMs: () => Number.POSITIVE_INFINITY }).term,
  });
  return {
    publish: (names) => {
      const absolute = Object.fromEntries(Object.entries(names).map(([name, set]) => [`${name}.`, set]));
      return publisher.publish(pushOf(contentOf(absolute), clock.now()), NEVER);
    },
    check: () => publisher.check(NEVER),
  };
}
