import { PATIENCE_MS } from './share.ts';
import { sinceMs, type StartTimer, within } from './timer.ts';

/** At most so much work at once; the rest waits in line. */
export type Slots = { readonly run: <Value>(work: () => Promise<Value>) => Promise<Value> };

/** Whoever waits looks for itself this often: the one who should call it may be gone with its request. */
const LOOK_MS = 250;

/**
 * Slots over all requests of an isolate. Work that takes longer than anybody waits for it no longer counts:
 * its request may be gone. Throws where no slot comes free in that time.
 */
export function createSlots(
  count: number,
  { now, startTimer }: { now: () => number; startTimer: StartTimer },
): Slots {
  const taken = new Set<{ readonly atMs: number }>();
  const line: (() => void)[] = [];
  const isFree = (): boolean => {
    for (const slot of taken) if (sinceMs(slot.atMs, now()) >= PATIENCE_MS) taken.delete(slot);
    return taken.size < count;
  };
  /** Until called, or until it is time to look; gives how long that took at most. */
  const waitInLine = async (): Promise<number> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    line.push(resolve);
    if (await within(promise, LOOK_MS, startTimer)) return 0;
    line.splice(line.indexOf(resolve), 1);
    return LOOK_MS;
  };
  return {
    run: async (work) => {
      let leftMs = PATIENCE_MS;
      for (let first = true; (first && line.length > 0) || !isFree(); first = false) {
        if (leftMs <= 0) throw new Error('too many blocks are being read at once');
        leftMs -= await waitInLine();
      }
      const slot = { atMs: now() };
      taken.add(slot);
      try {
        return await work();
      } finally {
        taken.delete(slot);
        line.shift()?.();
      }
    },
  };
}
