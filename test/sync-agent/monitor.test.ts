import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type AgentState, createAgentState } from '../../sync-agent/agent-state.ts';
import { ConfigError } from '../../sync-agent/config.ts';
import { createPeersElection } from '../../sync-agent/election/peers.ts';
import type { SyncEvent } from '../../sync-agent/events.ts';
import { createHttp } from '../../sync-agent/http.ts';
import { createMonitor } from '../../sync-agent/monitor.ts';
import { sleepFor } from '../../sync-agent/retry.ts';

const NOON = Date.UTC(2026, 10, 20, 12);
const read: SyncEvent = {
  kind: 'read',
  source: 'a test',
  agents: 3,
  frameworks: 2,
  tasks: 40,
  names: { A: 80, AAAA: 0, SRV: 40, MORE: 0 },
  hidden: {},
  spared: {},
  elapsedMs: 5,
};
const pushed = (kind: 'changed' | 'confirmed' | 'unchanged', writes: number): SyncEvent => ({
  kind: 'pushed',
  sink: 'a test',
  elapsedMs: 1,
  push: { kind, serial: 77, epoch: 4, changes: kind === 'changed' ? 5 : 0, writes, octets: writes * 1000 },
});
const role = (as: 'writer' | 'standby', epoch?: number): SyncEvent => ({
  kind: 'role',
  role: as,
  why: `a test says ${as}`,
  ...(epoch !== undefined && { epoch }),
});

type World = AgentState & { clock: { ms: number }; tell: (...events: readonly SyncEvent[]) => void };

function createState(): World {
  const clock = { ms: 0 };
  const state = createAgentState({
    writerId: 'abcd',
    election: 'peers',
    monotonicMs: () => clock.ms,
    now: () => NOON + clock.ms,
  });
  return { ...state, clock, tell: (...events) => events.forEach((event) => state.onEvent(event)) };
}

async function open(state: AgentState): Promise<(path: string, init?: RequestInit) => Promise<Response>> {
  const monitor = await createMonitor({ host: '127.0.0.1', port: 0, state });
  onTestFinished(() => monitor.close());
  return (path, init) => fetch(`${monitor.url}${path}`, init);
}

describe('/healthz', () => {
  it('says what is not known yet as null', async () => {
    const response = await (await open(createState()))('/healthz');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toEqual({
      role: 'starting',
      why: null,
      writerId: 'abcd',
      election: 'peers',
      epoch: null,
      serial: null,
      lastReadAgeSeconds: null,
      lastPushAgeSeconds: null,
      heldNames: 0,
      mode: 'live',
    });
  });

  it('follows the events', async () => {
    const state = createState();
    const ask = await open(state);
    state.tell(role('writer', 12));
    expect(await (await ask('/healthz')).json()).toMatchObject({ role: 'writer', epoch: 12, serial: null });
    state.tell(read, { kind: 'held', names: 30, scopes: [] }, pushed('changed', 2));
    state.clock.ms += 61_250;
    expect(await (await ask('/healthz')).json()).toMatchObject({
      role: 'writer',
      why: 'a test says writer',
      epoch: 4,
      serial: 77,
      lastReadAgeSeconds: 61.3,
      lastPushAgeSeconds: 61.3,
      heldNames: 30,
      mode: 'live',
    });
    state.tell(read, { kind: 'released', names: 30, why: 'settled' }, pushed('changed', 1), role('standby'));
    expect(await (await ask('/healthz')).json()).toMatchObject({
      role: 'standby',
      heldNames: 0,
      lastPushAgeSeconds: 0,
    });
  });

  it('is pinned as long as each round says so', async () => {
    const state = createState();
    const ask = await open(state);
    state.tell(role('writer'), read, { kind: 'pinned', serial: 5 }, pushed('confirmed', 1));
    expect(await (await ask('/healthz')).json()).toMatchObject({ mode: 'pinned' });
    state.tell(read);
    expect(await (await ask('/healthz')).json()).toMatchObject({ mode: 'pinned' });
    state.tell(pushed('changed', 1));
    expect(await (await ask('/healthz')).json()).toMatchObject({ mode: 'live' });
  });
});

describe('/readyz', () => {
  it('is 200 once something was pushed, or another writes', async () => {
    const writer = createState();
    const ask = await open(writer);
    const status = async (): Promise<number> => (await ask('/readyz')).status;
    expect(await status()).toBe(503);
    writer.tell(role('writer'), read);
    expect(await status()).toBe(503);
    writer.tell(pushed('unchanged', 0));
    expect(await status()).toBe(200);
    const standby = createState();
    standby.tell(role('standby'));
    expect((await (await open(standby))('/readyz')).status).toBe(200);
  });
});

describe('/metrics', () => {
  const seriesOf = async (state: AgentState): Promise<Map<string, number>> => {
    const response = await (await open(state))('/metrics');
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const page = await response.text();
    expect(page).toMatch(/\n$/);
    const series = new Map<string, number>();
    const names = new Set<string>();
    let announced = '';
    for (const line of page.trimEnd().split('\n')) {
      const about = /^# (?:HELP|TYPE) (\S+) /.exec(line);
      if (about) {
        announced = about[1] ?? '';
        names.add(announced);
        continue;
      }
      const [, name = '', labels = '', value] = /^([a-z_]+)(\{[^}]*\})? (\S+)$/.exec(line) ?? [];
      expect(name).toBe(announced);
      expect(name).toMatch(/^mesos_doh_[a-z_]+$/);
      expect(series.has(name + labels)).toBe(false);
      series.set(name + labels, Number(value));
    }
    expect(names).toEqual(new Set([...series.keys()].map((key) => key.replace(/\{.*/, ''))));
    return series;
  };

  it('leaves out what is not known', async () => {
    const series = await seriesOf(createState());
    expect(series.get('mesos_doh_agent_info{writer_id="abcd",election="peers"}')).toBe(1);
    expect(series.get('mesos_doh_writer')).toBe(0);
    expect(series.get('mesos_doh_pushes_total{kind="changed"}')).toBe(0);
    for (const name of ['epoch', 'serial', 'last_push_age_seconds', 'clock_offset_seconds', 'writes_per_day'])
      expect(series.has(`mesos_doh_${name}`)).toBe(false);
  });

  it('counts what the events tell', async () => {
    const state = createState();
    state.tell(
      role('writer', 2 ** 40),
      read,
      pushed('changed', 2),
      { kind: 'skipped', reasons: [{ reason: 'task-field', count: 7, examples: ['x'] }] },
      { kind: 'held', names: 3, scopes: [] },
      { kind: 'cut', blocks: 4, octets: 9, namedInMs: 90_000 },
      { kind: 'republished', reason: 'older' },
      { kind: 'swept', keys: 6 },
      { kind: 'clock', offsetMs: -1500, isOff: true },
      { kind: 'unusable', reason: 'damaged' },
      { kind: 'failed', error: new Error('no'), retryInMs: 1 },
      { kind: 'released', names: 2, why: 'forced' },
      pushed('confirmed', 1),
    );
    state.clock.ms += 10_000;
    state.tell(read, pushed('unchanged', 0));
    state.clock.ms += 5_000;
    expect(Object.fromEntries(await seriesOf(state))).toEqual({
      'mesos_doh_agent_info{writer_id="abcd",election="peers"}': 1,
      mesos_doh_writer: 1,
      'mesos_doh_names{type="A"}': 80,
      'mesos_doh_names{type="AAAA"}': 0,
      'mesos_doh_names{type="other"}': 0,
      'mesos_doh_names{type="SRV"}': 40,
      mesos_doh_epoch: 4,
      mesos_doh_serial: 77,
      mesos_doh_pinned: 0,
      mesos_doh_last_read_age_seconds: 5,
      mesos_doh_last_push_age_seconds: 5,
      mesos_doh_last_write_age_seconds: 15,
      mesos_doh_agents: 3,
      mesos_doh_frameworks: 2,
      mesos_doh_tasks: 40,
      mesos_doh_held_names: 0,
      mesos_doh_clock_offset_seconds: -1.5,
      mesos_doh_writes_today: 3,
      'mesos_doh_skipped_elements{reason="task-field"}': 7,
      mesos_doh_reads_total: 2,
      'mesos_doh_pushes_total{kind="changed"}': 1,
      'mesos_doh_pushes_total{kind="confirmed"}': 1,
      'mesos_doh_pushes_total{kind="unchanged"}': 1,
      mesos_doh_writes_total: 3,
      mesos_doh_uploaded_bytes_total: 3000,
      mesos_doh_changed_names_total: 5,
      'mesos_doh_released_names_total{why="settled"}': 0,
      'mesos_doh_released_names_total{why="forced"}': 2,
      mesos_doh_failures_total: 1,
      mesos_doh_unusable_total: 1,
      mesos_doh_republished_total: 1,
      mesos_doh_cuts_total: 1,
      mesos_doh_swept_keys_total: 6,
      mesos_doh_terms_total: 1,
    });
  });

  it('forgets what the last read no longer left out', async () => {
    const state = createState();
    state.tell(read, pushed('changed', 1), {
      kind: 'skipped',
      reasons: [{ reason: 'task-field', count: 7, examples: ['x'] }],
    });
    state.tell(read, pushed('unchanged', 0));
    expect((await seriesOf(state)).get('mesos_doh_skipped_elements{reason="task-field"}')).toBe(7);
    state.tell(read);
    expect([...(await seriesOf(state)).keys()].join()).not.toContain('skipped');
  });

  it('begins the writes of a day anew at midnight UTC, and knows what the quota counted', async () => {
    const state = createState();
    state.tell(pushed('changed', 3));
    state.tell({
      kind: 'quota',
      operation: 'writes',
      written: 801,
      perDay: 1000,
      emptyAtMs: undefined,
    });
    state.tell({ kind: 'quota', operation: 'lists', written: 950, perDay: 1000, emptyAtMs: undefined });
    state.tell(pushed('changed', 2));
    const today = await seriesOf(state);
    expect([today.get('mesos_doh_writes_today'), today.get('mesos_doh_writes_per_day')]).toEqual([803, 1000]);
    state.clock.ms += 43_200_000;
    expect((await seriesOf(state)).get('mesos_doh_writes_today')).toBe(0);
    state.tell(pushed('changed', 1));
    expect((await seriesOf(state)).get('mesos_doh_writes_today')).toBe(1);
  });
});

describe('the monitor', () => {
  it('answers GET and HEAD of its three paths alone', async () => {
    const ask = await open(createState());
    expect((await ask('/healthz?x=1')).status).toBe(200);
    const head = await ask('/healthz', { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect((await ask('/')).status).toBe(404);
    expect((await ask('/healthz/x')).status).toBe(404);
    const post = await ask('/healthz', { method: 'POST', body: 'x' });
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it('says in one line why it can not listen', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void taken.close());
    const address = taken.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const state = createState();
    const refused = createMonitor({ host: '127.0.0.1', port, state });
    await expect(refused).rejects.toThrow(ConfigError);
    await expect(refused).rejects.toThrow(
      `metrics: can not listen on 127.0.0.1 port ${port}: another program has that port`,
    );
    await expect(createMonitor({ host: '192.0.2.1', port: 0, state })).rejects.toThrow(
      'metrics: can not listen on 192.0.2.1 port 0: this machine has no such address',
    );
  });

  it('is what peers ask: a writer is heard, and its end is seen', async () => {
    const state = createState();
    state.tell(role('writer'));
    const monitor = await createMonitor({ host: '127.0.0.1', port: 0, state });
    onTestFinished(() => monitor.close());
    const http = createHttp();
    onTestFinished(() => http.close());
    const election = createPeersElection({
      peers: [monitor.url],
      http,
      livenessSeconds: 300,
      sleep: (_, signal) => sleepFor(20, signal),
      monotonicMs: () => performance.now(),
    });
    onTestFinished(() => election.close());
    const why: string[] = [];
    const term = election.stand(
      {
        writerId: 'ffff',
        readRoot: async () => ({ writerId: 'abcd', epoch: 1, serial: 1, createdAtMs: 0, ageMs: 0 }),
        onStandby: (reason) => {
          why.push(reason);
          state.tell(role('standby'));
        },
      },
      new AbortController().signal,
    );
    expect((await term).why).toBe('writer abcd gave the office up');
    expect(why).toEqual([`${monitor.url} writes (abcd)`]);
  });
});

it("tells serial and held names of the first zone's main variant alone", () => {
  const state = createState();
  const [push, held] = [pushed('changed', 1), { kind: 'held', names: 2, scopes: [] } as const];
  state.tell(role('writer', 4), read, push, { ...held, zone: 'consul' }, { ...held, variant: 'outside' });
  for (const of of [{ zone: 'apps.example' }, { variant: 'outside' }])
    if (push.kind === 'pushed') state.tell({ ...push, push: { ...push.push, serial: 99 }, ...of });
  expect(state.facts()).toMatchObject({ serial: 77, heldNames: 0 });
});
