/** Time that only moves when it is told to: events run in their order, promises settle between two of them. */
export type VirtualClock = {
  /** Unix milliseconds, whole ones. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<undefined>;
  /** A wait that can be called off; it never ends then. */
  readonly startTimer: (ms: number) => { readonly elapsed: Promise<undefined>; readonly stop: () => void };
  /** Runs all that is due until then. */
  readonly runUntil: (atMs: number) => Promise<void>;
  /** Events so far. */
  readonly events: () => number;
};

type Event = { readonly atMs: number; readonly order: number; readonly run: () => void };

export function createVirtualClock(startMs: number): VirtualClock {
  let nowMs = startMs;
  let order = 0;
  let events = 0;
  /** A binary heap by time, then by the order in which they were asked for. */
  const heap: Event[] = [];
  const stopped = new Set<number>();
  const isBefore = (a: Event, b: Event): boolean =>
    a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

  const push = (event: Event): void => {
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = heap[(at - 1) >> 1];
      if (!parent || !isBefore(event, parent)) break;
      heap[at] = parent;
      at = (at - 1) >> 1;
    }
    heap[at] = event;
  };
  const pop = (): void => {
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      const [left, right] = [heap[child], heap[child + 1]];
      if (!left) break;
      if (right && isBefore(right, left)) child++;
      const least = heap[child] ?? left;
      if (!isBefore(least, last)) break;
      heap[at] = least;
      at = child;
    }
    heap[at] = last;
  };
  const startTimer: VirtualClock['startTimer'] = (ms) => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const id = order++;
    push({ atMs: nowMs + Math.max(0, Math.ceil(ms)), order: id, run: () => resolve(undefined) });
    return { elapsed: promise, stop: () => void stopped.add(id) };
  };
  return {
    now: () => nowMs,
    startTimer,
    sleep: (ms) => startTimer(ms).elapsed,
    runUntil: async (atMs) => {
      await settle();
      for (let next = heap[0]; next && next.atMs <= atMs; next = heap[0]) {
        pop();
        if (stopped.delete(next.order)) continue;
        nowMs = Math.max(nowMs, next.atMs);
        events++;
        next.run();
        await settle();
      }
      nowMs = Math.max(nowMs, Math.ceil(atMs));
    },
    events: () => events,
  };
}

/** Promises are settled before the next turn of the event loop. */
function settle(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
