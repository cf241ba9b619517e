import { describe, expect, it } from 'vitest';
import { createJobs, type Jobs, type Office, runAgent } from '../../sync-agent/agent.ts';
import type { Election, Term } from '../../sync-agent/election/election.ts';
import { openTerm } from '../../sync-agent/election/term.ts';
import type { SyncEvent } from '../../sync-agent/events.ts';
import type { Publisher } from '../../sync-agent/publish/publisher.ts';
import { DeposedError } from '../../sync-agent/publish/sight.ts';
import type { Sleep } from '../../sync-agent/retry.ts';
import { SourceError } from '../../sync-agent/sources/source.ts';
import type { Outcome } from '../../sync-agent/sync.ts';

const DONE: Outcome = {
  kind: 'unchanged',
  serial: 1,
  epoch: 1,
  changes: 0,
  writes: 0,
  octets: 0,
  heldNames: 0,
};
const PUSHED: Outcome = { ...DONE, kind: 'changed', changes: 1, writes: 1 };

describe('an agent that may write', () => {
  it('syncs at every interval, looks at its head 5 s after a push and every minute, and sweeps every hour', async () => {
    let syncs = 0;
    const agent = open({ intervalMs: 600_000, once: async () => (++syncs === 1 ? PUSHED : DONE) });
    await agent.runFor(3 * 3_600_000);
    expect(agent.at('sync').slice(0, 4)).toEqual([0, 600, 1200, 1800]);
    expect(agent.at('check').slice(0, 3)).toEqual([5, 65, 125]);
    expect(agent.at('sweep')).toEqual([60, 3660, 7260]);
  });

  it('reads again when what is held may have been missing for long enough, not only at the interval', async () => {
    let syncs = 0;
    const once = async (): Promise<Outcome> => ({ ...DONE, heldNames: syncs++ % 3 === 0 ? 30 : 0 });
    const agent = open({ intervalMs: 60_000, settleMs: 8_000, once });
    await agent.runFor(200_000);
    expect(agent.at('sync')).toEqual([0, 8, 68, 128, 136, 196]);
    const sooner = open({
      intervalMs: 5_000,
      settleMs: 8_000,
      once: async () => ({ ...DONE, heldNames: 30 }),
    });
    await sooner.runFor(14_000);
    expect(sooner.at('sync')).toEqual([0, 5, 10]);
  });

  it('looks at its head every 5 s while it pushes all the time', async () => {
    const agent = open({ intervalMs: 1000, once: async () => PUSHED });
    await agent.runFor(20_000);
    expect(agent.at('check')).toEqual([5, 11, 17]);
  });

  it('tries again after a failure, sooner than the interval and ever later, then at the interval again', async () => {
    let syncs = 0;
    const agent = open({
      intervalMs: 30_000,
      once: async () => {
        if (++syncs > 1 && syncs < 8) throw new SourceError(`failure ${syncs}`);
        return DONE;
      },
    });
    await agent.runFor(200_000);
    expect(agent.at('sync').slice(0, 9)).toEqual([0, 30, 32, 36, 44, 60, 90, 120, 150]);
    const failed = agent.events.flatMap((event) => (event.kind === 'failed' ? [event.retryInMs] : []));
    expect(failed).toEqual([2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  });

  it('tells no failure when it is stopped, and gives its office up', async () => {
    const agent = open({
      once: (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(new Error('stopped')));
          setImmediate(() => agent.stop.abort());
        }),
    });
    await agent.runFor(1000);
    expect(agent.events.map(({ kind }) => kind)).toEqual(['role']);
    expect(agent.resigned()).toBe(1);
  });
});

describe('an agent that may write no more', () => {
  it.each<[string, (term: Term) => Promise<Outcome>]>([
    ['because another has written', () => Promise.reject(new DeposedError('another agent has written'))],
    ['because its term has ended', (term) => term.resign().then(() => Promise.reject(new Error('aborted')))],
  ])('%s, says so, and stands again', async (_, act) => {
    let syncs = 0;
    const agent = open({ once: (_signal, term) => (++syncs === 1 ? act(term) : Promise.resolve(DONE)) });
    await agent.runFor(30_000);
    expect(agent.events.map((event) => (event.kind === 'role' ? event.role : event.kind))).toEqual([
      'writer',
      'standby',
      'writer',
    ]);
    expect(agent.terms()).toBe(2);
    expect(agent.at('sync')[1]).toBe(5);
  });

  it('because nothing could be published for too long, lets another try', async () => {
    const agent = open({ intervalMs: 60_000, once: () => Promise.reject(new SourceError('no master')) });
    await agent.runFor(1_000_000);
    expect(agent.events.flatMap((event) => (event.kind === 'role' ? [event.role] : []))).toEqual([
      'writer',
      'standby',
      'writer',
    ]);
    expect(agent.resigned()).toBe(2);
  });

  it('tells an election that fails, and stands again', async () => {
    let stands = 0;
    const agent = open({
      stand: () => {
        if (++stands === 1) throw new Error('no ZooKeeper answers');
      },
    });
    await agent.runFor(10_000);
    expect(agent.events.map(({ kind }) => kind)).toEqual(['failed', 'role']);
  });
});

describe('what people order', () => {
  it('is done at once, between two syncs, and answered', async () => {
    const agent = open({ intervalMs: 600_000 });
    agent.atSecond(10, () => {
      void agent.jobs
        .run((office) => office.sync.once(agent.stop.signal, { force: true }), agent.stop.signal)
        .then((outcome) => agent.noted.push(outcome.kind));
    });
    await agent.runFor(60_000);
    expect(agent.at('sync')).toEqual([0, 10]);
    expect(agent.noted).toEqual(['unchanged']);
  });

  it('is refused with the reason where its turn does not come', async () => {
    const jobs = createJobs();
    const stop = new AbortController();
    const done = jobs.run(async () => 1, stop.signal);
    stop.abort(new Error('the agent has stopped'));
    await expect(done).rejects.toThrow('the agent has stopped');
    expect(jobs.take()).toBeUndefined();
  });

  it('that fails fails alone', async () => {
    const agent = open({ intervalMs: 10_000 });
    agent.atSecond(3, () => {
      agent.jobs
        .run(() => Promise.reject(new Error('not kept')), agent.stop.signal)
        .catch((error: unknown) => agent.noted.push(String(error)));
    });
    await agent.runFor(25_000);
    expect(agent.noted).toEqual(['Error: not kept']);
    expect(agent.at('sync')).toEqual([0, 10, 20]);
  });
});

describe('what is heard of the cluster', () => {
  it('is read a moment later, together with what comes in that moment', async () => {
    const agent = open({ intervalMs: 60_000 });
    for (const second of [10, 10.05, 10.1]) agent.atSecond(second, agent.ring);
    await agent.runFor(59_000);
    expect(agent.at('sync')).toEqual([0, 10.2]);
  });

  it('waits for minPushSeconds after the end of a push', async () => {
    const agent = open({ intervalMs: 60_000, minPushMs: 10_000, once: async () => PUSHED });
    for (const second of [3, 4, 15, 30]) agent.atSecond(second, agent.ring);
    await agent.runFor(59_000);
    expect(agent.at('sync')).toEqual([0, 10, 20, 30.2]);
  });

  it('waits a second where the last read led to no push', async () => {
    const agent = open({ intervalMs: 60_000, minPushMs: 10_000 });
    for (const second of [0.3, 1.1]) agent.atSecond(second, agent.ring);
    await agent.runFor(59_000);
    expect(agent.at('sync')).toEqual([0, 1, 2]);
  });

  it('does not hurry what failed, and is not lost by it', async () => {
    let syncs = 0;
    const agent = open({
      intervalMs: 60_000,
      once: async () => {
        if (++syncs === 2) throw new SourceError('a failure');
        return DONE;
      },
    });
    for (const second of [10, 10.5]) agent.atSecond(second, agent.ring);
    await agent.runFor(59_000);
    expect(agent.at('sync')).toEqual([0, 10.2, 12.2]);
  });

  it('is listened to for the length of a term', async () => {
    const agent = open({});
    await agent.runFor(5_000);
    expect(agent.followed).toEqual(['begun', 'ended']);
  });
});

type Parts = {
  readonly intervalMs?: number;
  readonly settleMs?: number;
  readonly once?: (signal: AbortSignal, term: Term) => Promise<Outcome>;
  readonly stand?: () => void;
  readonly minPushMs?: number;
};

/** An agent in virtual time: what it does is noted with its second. */
function open(parts: Parts): {
  readonly events: SyncEvent[];
  readonly jobs: Jobs;
  readonly stop: AbortController;
  readonly noted: string[];
  readonly at: (act: 'sync' | 'check' | 'sweep') => number[];
  readonly terms: () => number;
  readonly resigned: () => number;
  readonly atSecond: (second: number, act: () => void) => void;
  /** Something was heard of the cluster. */
  readonly ring: () => void;
  readonly followed: string[];
  readonly runFor: (ms: number) => Promise<void>;
} {
  const {
    intervalMs = 1000,
    once = () => Promise.resolve(DONE),
    stand,
    minPushMs = 0,
    settleMs = 60_000,
  } = parts;
  const done: { act: string; atMs: number }[] = [];
  const events: SyncEvent[] = [];
  const later: { atMs: number; act: () => void }[] = [];
  const stop = new AbortController();
  const jobs = createJobs();
  let [nowMs, untilMs, terms, resigned] = [0, 0, 0, 0];
  let ring = (): void => undefined;
  const followed: string[] = [];
  const follow = async (onChange: () => void, signal: AbortSignal): Promise<void> => {
    followed.push('begun');
    ring = onChange;
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    followed.push('ended');
  };
  const sleep: Sleep = async (ms, signal) => {
    const wakeMs = nowMs + ms;
    for (;;) {
      const next = later.filter(({ atMs }) => atMs <= wakeMs).toSorted((a, b) => a.atMs - b.atMs)[0];
      if (!next) break;
      later.splice(later.indexOf(next), 1);
      nowMs = next.atMs;
      next.act();
      if (signal.aborted) return;
    }
    nowMs = wakeMs;
    if (nowMs >= untilMs) stop.abort(new Error('the time is over'));
  };
  const note = (act: string): void => void done.push({ act, atMs: nowMs });
  const election: Election = {
    name: 'a test',
    stand: async () => {
      stand?.();
      terms++;
      return openTerm({ epoch: undefined, why: 'a test', leftMs: () => 60_000 }, async () => void resigned++)
        .term;
    },
    close: async () => undefined,
  };
  const publisher = {
    check: async () => {
      note('check');
      return 'ours';
    },
    sweep: async () => {
      note('sweep');
      return 0;
    },
  } as Partial<Publisher> as Publisher;
  const openOffice = (term: Term): Office => ({
    publisher,
    sync: {
      once: async (signal) => {
        note('sync');
        return once(signal, term);
      },
      rollback: () => expect.unreachable(),
      held: () => ({ scopes: [], values: [] }),
      content: () => undefined,
    },
  });
  return {
    events,
    jobs,
    stop,
    noted: [],
    at: (act) => done.filter((each) => each.act === act).map(({ atMs }) => atMs / 1000),
    terms: () => terms,
    resigned: () => resigned,
    ring: () => ring(),
    followed,
    atSecond: (second, act) => void later.push({ atMs: second * 1000, act }),
    runFor: async (ms) => {
      untilMs = ms;
      const candidate = { writerId: '', readRoot: async () => undefined, onStandby: () => undefined };
      const onEvent = (event: SyncEvent): void => void events.push(event);
      const monotonicMs = (): number => nowMs;
      await runAgent(
        {
          election,
          candidate,
          openOffice,
          jobs,
          intervalMs,
          settleMs,
          minPushMs,
          follow,
          resignAfterMs: 900_000,
          onEvent,
          sleep,
          monotonicMs,
        },
        stop.signal,
      );
    },
  };
}
