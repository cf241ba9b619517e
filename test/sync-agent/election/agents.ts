import {
  type Candidate,
  type Election,
  ElectionError,
  type SeenRoot,
  type Term,
} from '../../../sync-agent/election/election.ts';

/** The head in a store that all agents see at once. Its times are by `nowMs`. */
export type FakeHead = {
  root: (Omit<SeenRoot, 'ageMs'> & { readonly writtenAtMs: number }) | undefined;
  /** Reading throws this. */
  failure: Error | undefined;
  reads: number;
};

/** An agent as far as elections know it: it stands, writes heads while it may, and looks at its head's root. */
export type FakeAgent = {
  readonly writerId: string;
  readonly election: Election;
  readonly candidate: Candidate;
  readonly standby: string[];
  readonly term: () => Term | undefined;
  /** Stands until it holds a term, and writes a head then. */
  readonly stand: (signal?: AbortSignal) => Promise<Term>;
  /** The same in the background, until the election is closed. */
  readonly standBy: () => void;
  /** Renews its head; or resigns, where another wrote that is above its own. */
  readonly publish: () => 'wrote' | 'deposed' | 'idle';
};

export function createFakeHead(): FakeHead {
  return { root: undefined, failure: undefined, reads: 0 };
}

export function createFakeAgent(
  writerId: string,
  { election, head, nowMs }: { election: Election; head: FakeHead; nowMs: () => number },
): FakeAgent {
  const standby: string[] = [];
  let term: Term | undefined;
  let epoch = 0;
  const candidate: Candidate = {
    writerId,
    readRoot: async (signal) => {
      signal.throwIfAborted();
      head.reads++;
      if (head.failure) throw head.failure;
      return head.root && { ...head.root, ageMs: nowMs() - head.root.writtenAtMs };
    },
    onStandby: (why) => standby.push(why),
  };
  const write = (): void => {
    const serial = head.root?.serial ?? 1_781_000_000;
    head.root = { writerId, epoch, serial, createdAtMs: nowMs(), writtenAtMs: nowMs() };
  };
  const stand = async (signal = new AbortController().signal): Promise<Term> => {
    term = await election.stand(candidate, signal);
    const sinks = head.root?.epoch ?? 0;
    const next = head.root && head.root.writerId === writerId ? sinks : sinks + 1;
    epoch = term.epoch !== undefined && term.epoch > sinks ? term.epoch : next;
    write();
    return term;
  };
  return {
    writerId,
    election,
    candidate,
    standby,
    term: () => (term && !term.signal.aborted ? term : undefined),
    stand,
    standBy: () => {
      stand().catch((error: unknown) => {
        if (!(error instanceof ElectionError)) throw error;
      });
    },
    publish: () => {
      if (!term || term.signal.aborted) return 'idle';
      if (head.root && head.root.epoch > epoch) {
        void term.resign();
        return 'deposed';
      }
      write();
      return 'wrote';
    },
  };
}
