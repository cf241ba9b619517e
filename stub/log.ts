/** One line a change of state, on stderr. Nothing in it is secret, and no name that somebody asked for. */
export type Log = (level: 'info' | 'warn' | 'error', message: string, facts?: LogFacts) => void;

export type LogFacts = Readonly<Record<string, string | number | boolean | undefined>>;

/** As the agent's log has them (pino). */
const LEVELS = { info: 30, warn: 40, error: 50 } as const;

export type LogOptions = {
  readonly write: (line: string) => void;
  /** Lines for a person at a terminal, instead of JSON. */
  readonly isPlain: boolean;
  readonly now: () => number;
};

export function createLog({ write, isPlain, now }: LogOptions): Log {
  return (level, message, facts = {}) => {
    if (!isPlain) {
      const time = new Date(now()).toISOString();
      return write(`${JSON.stringify({ level: LEVELS[level], time, ...facts, msg: message })}\n`);
    }
    const known = Object.entries(facts).filter(([, value]) => value !== undefined);
    const text = known.length > 0 ? ` (${known.map(([key, value]) => `${key} ${value}`).join(', ')})` : '';
    write(`${message}${text}\n`.replaceAll(/[^\P{C}\n]/gu, '\uFFFD'));
  };
}
