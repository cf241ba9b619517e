import { describe, expect, it, onTestFinished } from 'vitest';
import type { LiveEvent, LiveSource } from '../../../sync-agent/sources/live.ts';
import { createMesosLive, type MesosLiveOptions } from '../../../sync-agent/sources/mesos-live.ts';
import type { ClusterState } from '../../../sync-agent/cluster.ts';
import { createFakeClock, type FakeClock } from '../election/clock.ts';
import {
  createFakeFinder,
  createFakeMasters,
  createFakePoll,
  type FakeFinder,
  type FakeMasters,
  getState,
  HEARTBEAT,
  ignore,
  subscribed,
  taskAdded,
  taskNames,
} from './fake-masters.ts';

const M1 = 'http://10.0.0.1:5050';
const M2 = 'http://10.0.0.2:5050';

type Followed = {
  readonly clock: FakeClock;
  readonly live: LiveSource<ClusterState>;
  readonly masters: FakeMasters;
  readonly finder: FakeFinder;
  readonly poll: ReturnType<typeof createFakePoll>;
  readonly events: LiveEvent[];
  readonly changes: () => number;
  readonly asleep: () => number;
  readonly read: () => Promise<string[]>;
  readonly stop: () => Promise<void>;
};

async function follow({
  masters = createFakeMasters(),
  finder = createFakeFinder([M1, M2]),
  ...more
}: Partial<MesosLiveOptions> & { masters?: FakeMasters; finder?: FakeFinder } = {}): Promise<Followed> {
  const clock = createFakeClock();
  const poll = createFakePoll();
  const events: LiveEvent[] = [];
  const stopping = new AbortController();
  let changes = 0;
  let asleep = 0;
  const live = createMesosLive({
    finder,
    http: masters.http,
    poll,
    mode: 'auto',
    pollMs: 60_000,
    reconcileMs: 300_000,
    timeoutMs: 300_000,
    maxOctets: 8 * 1024 * 1024,
    now: () => 1_700_000_000_000 + clock.monotonicMs(),
    monotonicMs: clock.monotonicMs,
    sleep: async (ms, signal) => {
      asleep++;
      try {
        await clock.sleep(ms, signal);
      } finally {
        asleep--;
      }
    },
    random: () => 0.5,
    onEvent: (event) => void events.push(event),
    ...more,
  });
  const following = live.follow(() => void changes++, stopping.signal);
  const stop = async (): Promise<void> => {
    stopping.abort(new Error('stopped'));
    await following;
  };
  onTestFinished(stop);
  await clock.passMs(0);
  const signal = new AbortController().signal;
  const read = async (): Promise<string[]> => taskNames(await live.read(ignore, signal));
  return {
    clock,
    live,
    masters,
    finder,
    poll,
    events,
    changes: () => changes,
    asleep: () => asleep,
    read,
    stop,
  };
}

/** With a stream that is up. */
async function followStream(options: Parameters<typeof follow>[0] = {}): Promise<Followed> {
  const followed = await follow(options);
  followed.masters.last().say(subscribed(), HEARTBEAT);
  await followed.clock.passMs(0);
  expect(followed.live.status().mode).toBe('stream');
  return followed;
}

/** Lets time pass with a heartbeat every 15 s. */
async function beat({ clock, masters }: Followed, seconds: number): Promise<void> {
  for (let passed = 0; passed < seconds; passed += 15) {
    await clock.passMs(15_000);
    masters.last().say(HEARTBEAT);
    await clock.passMs(0);
  }
}

const calls = ({ masters }: Followed, call: string): number =>
  masters.asked.filter((asked) => asked.startsWith(`${call} `)).length;

describe('the stream', () => {
  it('is asked of the leader once, and read without asking again', async () => {
    const followed = await followStream();
    const { masters, poll, live, read } = followed;
    expect(masters.asked).toEqual([
      `GET_VERSION ${M1}`,
      `GET_MASTER ${M1}`,
      `SUBSCRIBE ${M1}`,
      `/master/state-summary ${M1}`,
    ]);
    expect(await read()).toEqual(['web']);
    await beat(followed, 60);
    expect(await read()).toEqual(['web']);
    expect(masters.asked).toHaveLength(4);
    expect(poll.reads()).toBe(0);
    expect(live.status()).toMatchObject({
      mode: 'stream',
      why: `subscribed to ${M1}, Mesos 1.9.0`,
      streamFrom: M1,
      streamAgeSeconds: 60,
      lastEventAgeSeconds: 0,
      events: 6,
      reconnects: 0,
    });
  });

  it('is asked for as JSON, without an end to its time or size', async () => {
    const { masters } = await followStream();
    const request = masters.requests.find(({ body }) => String(body).includes('SUBSCRIBE'));
    expect(request).toMatchObject({
      method: 'POST',
      url: `${M1}/api/v1`,
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      timeoutMs: Infinity,
      maxOctets: Infinity,
    });
    expect(request?.idleTimeoutMs).toBeGreaterThan(45_000);
  });

  it('tells who leads, where schedulers listen, and as of when', async () => {
    const { live } = await followStream();
    const state = await live.read(ignore, new AbortController().signal);
    expect(state.leader).toEqual({ host: '10.0.0.1', port: '5050' });
    expect(state.frameworks[0]?.endpoint).toEqual({ host: '10.0.0.9', port: '9090' });
    expect(state.asOfSeconds).toBe(1_700_001_000);
  });

  it('goes on without schedulers where they are not told, and says so', async () => {
    const masters = createFakeMasters();
    masters.answer = (call) => (call.startsWith('/') ? { status: 403, body: 'no' } : undefined);
    const { live, read } = await followStream({ masters });
    expect(await read()).toEqual(['web']);
    expect(live.status().why).toContain('without schedulers');
    expect(live.status().why).toContain('403');
  });

  it('tells of changes as they come, and only of these', async () => {
    const { masters, clock, changes, read } = await followStream();
    const before = changes();
    masters.last().say(taskAdded('db'), taskAdded('mail'));
    await clock.passMs(0);
    expect(changes()).toBe(before + 1);
    expect(await read()).toEqual(['db', 'mail', 'web']);
    masters.last().say(HEARTBEAT, { type: 'NEWS_FROM_THE_FUTURE' });
    await clock.passMs(0);
    expect(changes()).toBe(before + 1);
  });

  it('may beat before it begins', async () => {
    const { masters, clock, read } = await follow();
    masters.last().say(HEARTBEAT, subscribed());
    await clock.passMs(0);
    expect(await read()).toEqual(['web']);
  });

  it('hands elements that can not be read to the next read, once', async () => {
    const { masters, clock, live } = await followStream();
    const bad = { type: 'TASK_ADDED', task_added: { task: { name: 7, task_id: { value: 'x' } } } };
    masters.last().say(bad);
    await clock.passMs(0);
    const skipped: string[] = [];
    const { signal } = new AbortController();
    await live.read(({ reason }) => void skipped.push(reason), signal);
    await live.read(({ reason }) => void skipped.push(reason), signal);
    expect(skipped).toEqual(['task-field']);
  });
});

describe('a read', () => {
  it('waits for the stream that is about to be there instead of asking for the state twice', async () => {
    const { masters, clock, poll, read } = await follow();
    const reading = read();
    await clock.passMs(4_000);
    masters.last().say(subscribed());
    await clock.passMs(0);
    expect(await reading).toEqual(['web']);
    expect(poll.reads()).toBe(0);
  });

  it('polls once the stream was waited for 5 s', async () => {
    const { clock, poll, read, live, events } = await follow();
    const reading = read();
    await clock.passMs(4_999);
    expect(poll.reads()).toBe(0);
    await clock.passMs(1);
    await reading;
    expect(poll.reads()).toBe(1);
    expect(live.status().mode).toBe('poll');
    expect(events).toEqual([{ kind: 'mode', mode: 'poll', why: expect.stringContaining('no stream') }]);
  });

  it('waits up to 30 s for a state that is arriving', async () => {
    const { masters, clock, poll, read } = await follow();
    const reading = read();
    masters.last().sayOctets('900000\n{"type":"SUBSCRIBED"');
    for (let seconds = 0; seconds < 29; seconds++) {
      masters.last().sayOctets(' ');
      await clock.passMs(1_000);
    }
    expect(poll.reads()).toBe(0);
    await clock.passMs(2_000);
    await reading;
    expect(poll.reads()).toBe(1);
  });

  it('ends with its signal while it waits', async () => {
    const { live } = await follow();
    const leaving = new AbortController();
    const reading = live.read(ignore, leaving.signal);
    leaving.abort(new Error('left'));
    await expect(reading).rejects.toThrow('left');
  });

  it('that polls a master that hangs is given what the stream tells as soon as one is up', async () => {
    let given: unknown;
    const hanging: MesosLiveOptions['poll'] = {
      name: 'a master that hangs',
      read: (_, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            given = signal.reason;
            reject(new Error('given up'));
          });
        }),
    };
    const { masters, clock, read } = await follow({ poll: hanging });
    const reading = read();
    await clock.passMs(60_000);
    masters.last().say(subscribed());
    await clock.passMs(0);
    expect(await reading).toEqual(['web']);
    expect(given).toMatchObject({ message: 'the stream is up' });
  });

  it('polls where nobody follows', async () => {
    const { live, poll, stop, read } = await followStream();
    await stop();
    await read();
    expect(poll.reads()).toBe(1);
    expect(live.status().streamFrom).toBeUndefined();
  });

  it('fails without a stream where polling is not wanted', async () => {
    const { clock, read, poll, live } = await follow({ mode: 'stream' });
    const reading = expect(read()).rejects.toThrow('no stream');
    await clock.passMs(5_000);
    await reading;
    expect(poll.reads()).toBe(0);
    expect(live.status().mode).toBe('none');
  });
});

describe('a silent stream', () => {
  it('is dead after three heartbeats, and begun anew', async () => {
    const followed = await followStream();
    const { masters, clock, live, events, read } = followed;
    await clock.passMs(44_999);
    expect(live.status().mode).toBe('stream');
    await clock.passMs(1);
    expect(masters.last().isOpen()).toBe(false);
    expect(live.status()).toMatchObject({ mode: 'none', reconnects: 1, streamFrom: undefined });
    const why = `${M1} sent nothing on the stream for 45 s`;
    expect(events.at(-1)).toEqual({ kind: 'stream-lost', why, retryInMs: 3_000 });
    await clock.passMs(2_999);
    expect(masters.streams).toHaveLength(1);
    await clock.passMs(1);
    expect(masters.streams).toHaveLength(2);
    masters.last().say(subscribed(getState({ tasks: ['new'] })));
    await clock.passMs(0);
    expect(await read()).toEqual(['new']);
    expect(events.at(-1)).toMatchObject({ kind: 'mode', mode: 'stream' });
    expect(masters.mostOpen()).toBe(1);
  });

  it('is judged by the interval that it stated', async () => {
    const { masters, clock } = await follow();
    masters.last().say(subscribed(getState(), 2));
    await clock.passMs(5_999);
    expect(masters.last().isOpen()).toBe(true);
    await clock.passMs(1);
    expect(masters.last().isOpen()).toBe(false);
  });

  it('lives as long as it beats', async () => {
    const followed = await followStream();
    await beat(followed, 3_600 * 2);
    expect(followed.masters.streams).toHaveLength(1);
    expect(followed.live.status().mode).toBe('stream');
  });

  it('is not kept alive by octets that are no records', async () => {
    const { masters, clock } = await followStream();
    masters.last().sayOctets('99999\n');
    for (let seconds = 0; seconds < 46; seconds++) {
      masters.last().sayOctets('{');
      await clock.passMs(1_000);
    }
    expect(masters.streams[0]?.isOpen()).toBe(false);
  });

  it.each([
    ['nothing at all', []],
    ['only heartbeats', [HEARTBEAT]],
    ['other events', [taskAdded('x')]],
  ])('that begins with %s instead of a state is dead after the same time', async (_, said) => {
    const { masters, clock, events } = await follow();
    for (let seconds = 0; seconds < 44; seconds++) {
      masters.last().say(...said);
      await clock.passMs(1_000);
    }
    expect(masters.last().isOpen()).toBe(true);
    await clock.passMs(1_000);
    expect(masters.last().isOpen()).toBe(false);
    expect(events.at(-1)).toMatchObject({
      kind: 'stream-lost',
      why: expect.stringContaining('no whole state'),
    });
  });

  it.each(['end', 'fail'] as const)('is one that %ss', async (how) => {
    const { masters, clock, events } = await followStream();
    masters.last()[how]();
    await clock.passMs(0);
    expect(events.at(-1)).toMatchObject({ kind: 'stream-lost', retryInMs: 3_000 });
    await clock.passMs(3_000);
    expect(masters.streams).toHaveLength(2);
  });

  it('is one that is no RecordIO', async () => {
    const { masters, clock, events } = await followStream();
    masters.last().sayOctets('<html>');
    await clock.passMs(0);
    expect(events.at(-1)).toMatchObject({ kind: 'stream-lost', why: expect.stringContaining(M1) });
    expect(masters.last().isOpen()).toBe(false);
  });
});

describe('between two streams', () => {
  it('the last state is given for 5 s, then the cluster is polled, then the stream is back', async () => {
    const random = () => 0.999;
    const masters = createFakeMasters();
    const { clock, read, poll, live, events, changes } = await followStream({ masters, random });
    masters.answer = (call) => (call === 'GET_VERSION' ? { fails: true } : undefined);
    masters.last().end();
    await clock.passMs(4_999);
    expect(await read()).toEqual(['web']);
    expect(poll.reads()).toBe(0);
    const before = changes();
    await clock.passMs(1);
    expect(changes()).toBe(before + 1);
    expect(await read()).toEqual([]);
    expect(poll.reads()).toBe(1);
    expect(live.status().mode).toBe('poll');
    masters.answer = () => undefined;
    await clock.passMs(30_000);
    masters.last().say(subscribed());
    await clock.passMs(0);
    expect(await read()).toEqual(['web']);
    expect(poll.reads()).toBe(1);
    expect(
      events.filter(({ kind }) => kind === 'mode').map((event) => 'mode' in event && event.mode),
    ).toEqual(['stream', 'poll', 'stream']);
    const polled = changes();
    await clock.passMs(40_000);
    expect(changes()).toBe(polled);
  });

  it('polls are due every pollMs', async () => {
    const masters = createFakeMasters();
    masters.answer = () => ({ fails: true });
    const { clock, changes } = await follow({ masters });
    await clock.passMs(5_000);
    expect(changes()).toBe(1);
    await clock.passMs(59_999);
    expect(changes()).toBe(1);
    await clock.passMs(1);
    expect(changes()).toBe(2);
  });

  it.each([
    ['most', 0.999_999, [4_000, 8_000, 16_000, 30_000, 30_000]],
    ['least', 0, [2_000, 2_000, 2_000, 2_000, 2_000]],
  ])('the pauses are at %s', async (_, random, pauses) => {
    const masters = createFakeMasters();
    masters.answer = () => ({ status: 500, body: 'It broke' });
    const { clock, events } = await follow({ masters, random: () => random });
    await clock.passMs(pauses.reduce((sum, ms) => sum + ms, 0));
    const lost = events.filter(({ kind }) => kind === 'stream-lost');
    expect(lost.slice(0, 5).map((event) => 'retryInMs' in event && event.retryInMs)).toEqual(pauses);
  });

  it('a master that recovers is asked again within two seconds, for a minute or so, then as any other', async () => {
    const masters = createFakeMasters();
    masters.answer = () => ({ status: 503, body: 'Master has not finished recovery' });
    const { clock, events } = await follow({ masters, random: () => 0.999_999 });
    await clock.passMs(110_000);
    const lost = events.filter(({ kind }) => kind === 'stream-lost');
    const pauses = lost.map((event) => ('retryInMs' in event ? Math.round(event.retryInMs) : 0));
    expect(new Set(pauses.slice(0, 60))).toEqual(new Set([1_500]));
    expect(pauses.slice(60, 63)).toEqual([4_000, 8_000, 16_000].slice(0, pauses.length - 60));
    expect(pauses.length).toBeGreaterThan(60);
    expect(lost[0]).toMatchObject({ why: expect.stringContaining('still be recovering') });
  });

  it('a stream that lived long is taken up as quickly as the first time', async () => {
    const masters = createFakeMasters();
    const followed = await follow({ masters, random: () => 0.999_999 });
    for (let i = 0; i < 3; i++) {
      masters.last().end();
      await followed.clock.passMs(16_000);
    }
    masters.last().say(subscribed());
    await beat(followed, 45);
    masters.last().end();
    await followed.clock.passMs(0);
    expect(followed.events.at(-1)).toMatchObject({ kind: 'stream-lost', retryInMs: 4_000 });
  });
});

describe('where the stream is refused', () => {
  it.each([401, 403, 404, 405, 406, 415])(
    'with %i the cluster is polled, and it is asked again',
    async (status) => {
      const masters = createFakeMasters();
      masters.answer = (call) => (call === 'SUBSCRIBE' ? { status, body: 'No.' } : undefined);
      const followed = await follow({ masters });
      const { clock, live, events, poll, read, changes } = followed;
      expect(live.status()).toMatchObject({ mode: 'poll', why: expect.stringContaining(String(status)) });
      expect(events).toEqual([{ kind: 'mode', mode: 'poll', why: live.status().why }]);
      expect(changes()).toBe(1);
      await read();
      expect(poll.reads()).toBe(1);
      await clock.passMs(299_000);
      expect(calls(followed, 'SUBSCRIBE')).toBe(1);
      expect(changes()).toBe(5);
      await clock.passMs(1_000);
      expect(calls(followed, 'SUBSCRIBE')).toBe(2);
      expect(events).toHaveLength(1);
      masters.answer = () => undefined;
      await clock.passMs(300_000);
      masters.last().say(subscribed());
      await clock.passMs(0);
      expect(live.status().mode).toBe('stream');
      expect(await read()).toEqual(['web']);
    },
  );

  it('is told with its reason after one that could not be reached', async () => {
    const masters = createFakeMasters();
    masters.answer = () => ({ fails: true });
    const { clock, live, events } = await follow({ masters });
    await clock.passMs(6_000);
    expect(live.status()).toMatchObject({ mode: 'poll', why: expect.stringContaining('connection refused') });
    masters.answer = () => ({ status: 503, body: 'recovering' });
    await clock.passMs(30_000);
    expect(live.status().why).toContain('503');
    masters.answer = (call) => (call === 'SUBSCRIBE' ? { status: 401 } : undefined);
    await clock.passMs(30_000);
    expect(live.status().why).toMatch(/the stream is refused: .* 401/);
    expect(events.at(-1)).toEqual({ kind: 'mode', mode: 'poll', why: live.status().why });
  });

  it('reads do not wait while it is asked for again', async () => {
    const masters = createFakeMasters();
    masters.answer = (call) => (call === 'SUBSCRIBE' ? { status: 401 } : undefined);
    const { clock, read, poll } = await follow({ masters });
    masters.answer = () => undefined;
    await clock.passMs(300_000);
    expect(masters.streams).toHaveLength(1);
    await read();
    expect(poll.reads()).toBe(1);
    masters.last().end();
    await clock.passMs(0);
    await read();
    expect(poll.reads()).toBe(2);
  });

  it.each(['0.28.2', '1.0.1', '1.4.3'])('by a master of version %s', async (version) => {
    const masters = createFakeMasters();
    masters.answer = (call) =>
      call === 'GET_VERSION' ? { body: { get_version: { version_info: { version } } } } : undefined;
    const followed = await follow({ masters });
    expect(followed.live.status().mode).toBe('poll');
    expect(followed.live.status().why).toContain(`Mesos ${version}`);
    expect(calls(followed, 'SUBSCRIBE')).toBe(0);
  });

  it.each(['1.5.0', '1.10.0', '1.11.0-dcos', '2.0.0', 'unknown'])(
    'not by one of version %s',
    async (version) => {
      const masters = createFakeMasters();
      masters.answer = (call) =>
        call === 'GET_VERSION' ? { body: { get_version: { version_info: { version } } } } : undefined;
      expect(calls(await follow({ masters }), 'SUBSCRIBE')).toBe(1);
    },
  );

  it('because something else than a master is there', async () => {
    const masters = createFakeMasters();
    masters.answer = () => ({ body: '<html>Log in</html>' });
    const { live } = await follow({ masters });
    expect(live.status()).toMatchObject({
      mode: 'poll',
      why: expect.stringContaining('does not speak as Mesos'),
    });
  });

  it('because its state is too large', async () => {
    const masters = createFakeMasters();
    const { clock, live } = await follow({ masters, maxOctets: 1024 * 1024 });
    masters.last().sayOctets(`2000000\n${' '.repeat(1_100_000)}`);
    await clock.passMs(0);
    expect(live.status()).toMatchObject({ mode: 'poll', why: expect.stringContaining('larger than 1 MiB') });
    expect(masters.last().isOpen()).toBe(false);
  });

  it('by a no that polling is told of, not when only the stream is wanted', async () => {
    const masters = createFakeMasters();
    masters.answer = (call) => (call === 'SUBSCRIBE' ? { status: 401 } : undefined);
    const followed = await follow({ masters, mode: 'stream' });
    await followed.clock.passMs(3_000);
    expect(calls(followed, 'SUBSCRIBE')).toBe(2);
    expect(followed.live.status().mode).toBe('none');
  });

  it('and where polling is configured it is not asked for at all', async () => {
    const { masters, clock, live, changes, read, poll } = await follow({ mode: 'poll' });
    expect(live.status()).toMatchObject({ mode: 'poll', why: expect.stringContaining('poll') });
    await clock.passMs(3_600_000);
    expect(masters.asked).toEqual([]);
    expect(changes()).toBe(61);
    await read();
    expect(poll.reads()).toBe(1);
  });
});

describe('another leader', () => {
  it('is subscribed to at once when ZooKeeper names it, and told as leader', async () => {
    const followed = await followStream();
    const { masters, finder, clock, live, events, read } = followed;
    await beat(followed, 30);
    finder.lead(M2);
    await clock.passMs(0);
    expect(masters.streams.map(({ origin }) => origin)).toEqual([M1, M2]);
    expect(masters.streams[0]?.isOpen()).toBe(false);
    expect(masters.mostOpen()).toBe(1);
    expect(events.at(-1)).toEqual({ kind: 'stream-lost', why: `${M2} leads now`, retryInMs: 0 });
    expect(await read()).toEqual(['web']);
    masters.last().say(subscribed(getState({ tasks: ['web'], recovered: ['a2', 'a3'] })));
    await clock.passMs(0);
    const state = await live.read(ignore, new AbortController().signal);
    expect(state.leader).toEqual({ host: '10.0.0.2', port: '5050' });
    expect(state.recoveringAgents).toBe(2);
  });

  it('is not looked for when it is the one that is followed', async () => {
    const { masters, finder, clock } = await followStream();
    finder.lead(M1);
    finder.lead(undefined);
    await clock.passMs(10_000);
    expect(masters.streams).toHaveLength(1);
    expect(masters.last().isOpen()).toBe(true);
  });

  it.each([
    ['the last one is lost', (masters: FakeMasters) => masters.last().end()],
    [
      'streams are refused',
      (masters: FakeMasters) => {
        masters.answer = (call, origin) =>
          call === 'SUBSCRIBE' && origin === M1 ? { status: 403 } : undefined;
        masters.last().end();
      },
    ],
  ])('ends the pause after which %s', async (_, lose) => {
    const { masters, finder, clock } = await followStream();
    finder.lead(undefined);
    lose(masters);
    await clock.passMs(20_000);
    finder.lead(M2);
    await clock.passMs(1_000);
    expect(masters.last().origin).toBe(M2);
  });

  it('that changes all the time is not run after without a pause', async () => {
    const { masters, finder, clock } = await followStream();
    for (let i = 0; i < 100; i++) {
      finder.lead(i % 2 === 0 ? M2 : M1);
      await clock.passMs(100);
    }
    expect(masters.streams.length).toBeGreaterThan(5);
    expect(masters.streams.length).toBeLessThan(15);
    expect(masters.mostOpen()).toBe(1);
  });

  it('is found by redirects, and trusted on the word of who sends there', async () => {
    const masters = createFakeMasters();
    masters.answer = (_, origin) =>
      origin === M1 ? { status: 307, location: '//10.0.0.2:5050/api/v1' } : undefined;
    const followed = await follow({ masters, finder: createFakeFinder([M1], 'list') });
    expect(masters.last().origin).toBe(M2);
    expect(masters.trusted).toEqual([M1, M2]);
    expect(calls(followed, 'GET_VERSION')).toBe(2);
  });

  it('is not sought in a circle of redirects', async () => {
    const masters = createFakeMasters();
    masters.answer = () => ({ status: 307, location: '//10.0.0.1:5050/api/v1' });
    const { events } = await follow({ masters, finder: createFakeFinder([M1], 'list') });
    expect(masters.asked).toHaveLength(4);
    expect(events.at(-1)).toMatchObject({
      kind: 'stream-lost',
      why: expect.stringContaining('more than 3 times'),
    });
  });

  it('is asked for at the masters of the list that are left, the lost one at last', async () => {
    const followed = await followStream({ finder: createFakeFinder([M1, M2], 'list') });
    followed.masters.last().end();
    await followed.clock.passMs(3_000);
    expect(followed.masters.last().origin).toBe(M2);
  });

  it('is asked for again where the one that was found leads no longer', async () => {
    const masters = createFakeMasters();
    masters.answer = (call) =>
      call === 'SUBSCRIBE' ? { status: 307, location: '//10.0.0.2:5050/api/v1' } : undefined;
    const { events } = await follow({ masters });
    expect(events.at(-1)).toMatchObject({
      kind: 'stream-lost',
      why: `${M1} leads no longer`,
      retryInMs: 1_000,
    });
  });

  it('is not looked for over HTTP where a master is asked over HTTPS', async () => {
    const masters = createFakeMasters();
    masters.answer = () => ({ status: 307, location: 'http://10.0.0.66:5050/api/v1' });
    const { live } = await follow({ masters, finder: createFakeFinder(['https://10.0.0.1:5050']) });
    expect(masters.asked).toEqual(['GET_VERSION https://10.0.0.1:5050']);
    expect(live.status().why).toContain('https://10.0.0.1:5050 redirects to http://10.0.0.66:5050');
  });

  it('that none of several masters can name is told with what each said', async () => {
    const masters = createFakeMasters();
    masters.answer = (_, origin) => (origin === M1 ? { fails: true } : { status: 503, body: 'no leader' });
    const { events } = await follow({ masters });
    const [lost] = events;
    expect(lost).toMatchObject({ kind: 'stream-lost', why: expect.stringContaining('connection refused') });
    expect(lost).toMatchObject({ why: expect.stringContaining('503') });
  });
});

describe('following', () => {
  it.each([
    ['a stream is up', async (followed: Followed) => void followed.masters.last().say(subscribed())],
    ['a state is awaited', async () => undefined],
    ['a retry is awaited', async ({ masters }: Followed) => masters.last().end()],
    [
      'polling',
      async ({ masters, clock }: Followed) => {
        masters.answer = () => ({ status: 401 });
        masters.last().end();
        await clock.passMs(10_000);
      },
    ],
    [
      'a master does not answer',
      async ({ masters, clock }: Followed) => {
        masters.answer = () => ({ waits: new Promise(() => undefined) });
        masters.last().end();
        await clock.passMs(4_000);
      },
    ],
  ])('ends at once while %s, and leaves nothing behind', async (_, bring) => {
    const followed = await follow();
    await bring(followed);
    await followed.clock.passMs(0);
    await followed.stop();
    await followed.clock.passMs(0);
    expect(followed.asleep()).toBe(0);
    expect(followed.masters.streams.filter((stream) => stream.isOpen())).toEqual([]);
    expect(followed.finder.listeners()).toBe(0);
    const asked = followed.masters.asked.length;
    const changes = followed.changes();
    await followed.clock.passMs(1_000_000);
    expect(followed.masters.asked).toHaveLength(asked);
    expect(followed.changes()).toBe(changes);
  });

  it('can be taken up again', async () => {
    const { live, stop, masters, clock } = await followStream();
    await stop();
    const again = new AbortController();
    const following = live.follow(() => undefined, again.signal);
    await clock.passMs(0);
    masters.last().say(subscribed());
    await clock.passMs(0);
    expect(live.status().mode).toBe('stream');
    again.abort();
    await following;
  });

  it('outlives a finder that finds nobody', async () => {
    const finder = createFakeFinder([]);
    const { clock, events, masters } = await follow({ finder });
    expect(events.at(-1)).toMatchObject({
      kind: 'stream-lost',
      why: expect.stringContaining('no leading master'),
    });
    finder.lead(M1);
    await clock.passMs(1_000);
    expect(masters.streams).toHaveLength(1);
  });
});
