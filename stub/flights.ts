/** Work that several askers want at once, done once. */
export type Flights<Value> = {
  /** What the work under way under `key` gives, or `work` begun now; undefined where there is no room for either. */
  readonly join: (key: string, work: () => Promise<Value>) => Promise<Value> | undefined;
  readonly isRunning: (key: string) => boolean;
  readonly running: () => number;
  readonly waiting: () => number;
};

export type FlightLimits = {
  /** Different questions under way. */
  readonly questions: number;
  /** Askers of all of them. */
  readonly askers: number;
};

export function createFlights<Value>(limits: FlightLimits): Flights<Value> {
  const running = new Map<string, Promise<Value>>();
  let askers = 0;
  const counted = (work: Promise<Value>): Promise<Value> => {
    askers++;
    return work.finally(() => {
      askers--;
    });
  };
  return {
    join: (key, work) => {
      if (askers >= limits.askers) return undefined;
      const other = running.get(key);
      if (other) return counted(other);
      if (running.size >= limits.questions) return undefined;
      const mine = work().finally(() => {
        running.delete(key);
      });
      running.set(key, mine);
      return counted(mine);
    },
    isRunning: (key) => running.has(key),
    running: () => running.size,
    waiting: () => askers,
  };
}
