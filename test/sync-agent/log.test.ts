import { describe, expect, it } from 'vitest';
import type { SyncEvent } from '../../sync-agent/events.ts';
import { createConsole, createLog, newsOnly } from '../../sync-agent/log.ts';
import { SourceError } from '../../sync-agent/sources/source.ts';

const PUSH = { serial: 7, epoch: 1, changes: 3, writes: 2, octets: 999 };
const EVENTS: readonly SyncEvent[] = [
  {
    kind: 'read',
    source: 'mesos-state http://10.0.0.1:5050',
    agents: 1,
    frameworks: 2,
    tasks: 3,
    names: { A: 6, AAAA: 0, SRV: 3, MORE: 0 },
    hidden: {},
    spared: {},
    elapsedMs: 12.6,
  },
  {
    kind: 'skipped',
    reasons: [
      { reason: 'task-field', count: 7, examples: ['task 1', 'task 2'] },
      { reason: 'leader', count: 1, examples: ['leader: is not given'] },
    ],
  },
  { kind: 'pushed', sink: 'memory', elapsedMs: 3.4, push: { kind: 'changed', ...PUSH } },
  { kind: 'unusable', reason: 'block x: is missing' },
  { kind: 'key', made: true, path: '/a/signing.pem', publicKeyBase64: 'AAAA' },
  { kind: 'key', made: false, path: '/b/signing.pem', publicKeyBase64: 'BBBB' },
  {
    kind: 'failed',
    error: new SourceError('no master gave a state', { cause: new Error('hunter2') }),
    retryInMs: 2_000,
  },
];

describe('the log', () => {
  it('is one JSON line an event, and one a reason of what was left out', () => {
    expect(EVENTS.map((event) => logged(event))).toEqual([
      [
        {
          level: 20,
          kind: 'read',
          source: 'mesos-state http://10.0.0.1:5050',
          agents: 1,
          frameworks: 2,
          tasks: 3,
          names: { A: 6, AAAA: 0, SRV: 3, MORE: 0 },
          hidden: {},
          spared: {},
          elapsedMs: 13,
          msg: 'read the cluster',
        },
      ],
      [
        { level: 40, reason: 'task-field', count: 7, examples: ['task 1', 'task 2'], msg: 'left out' },
        { level: 40, reason: 'leader', count: 1, examples: ['leader: is not given'], msg: 'left out' },
      ],
      [{ level: 30, sink: 'memory', elapsedMs: 3, ...PUSH, msg: 'published' }],
      [
        {
          level: 40,
          reason: 'block x: is missing',
          msg: 'what was published can not be used: publishing anew',
        },
      ],
      [{ level: 30, path: '/a/signing.pem', VERIFY_KEYS: 'AAAA', msg: 'made a signing key' }],
      [{ level: 30, path: '/b/signing.pem', VERIFY_KEYS: 'BBBB', msg: 'signing' }],
      [
        {
          level: 50,
          error: 'no master gave a state',
          retryInMs: 2000,
          msg: 'failed; what is published stays',
        },
      ],
    ]);
  });

  it.each([
    ['changed', 'published'],
    ['confirmed', 'renewed'],
    ['unchanged', 'unchanged'],
  ] as const)('of a push that is %s says %s', (kind, msg) => {
    expect(logged({ kind: 'pushed', sink: 's', elapsedMs: 0, push: { kind, ...PUSH } })).toMatchObject([
      { msg },
    ]);
  });

  it.each<[SyncEvent, Record<string, unknown>, string | undefined]>([
    [
      {
        kind: 'held',
        names: 120,
        scopes: [{ scope: 'framework marathon', missing: 100, of: 300, why: 'removed' }],
      },
      {
        level: 40,
        names: 120,
        scopes: [{ scope: 'framework marathon', missing: 100, of: 300, why: 'removed' }],
      },
      '120 names are missing from the cluster and held back',
    ],
    [
      { kind: 'released', names: 120, why: 'settled' },
      { level: 40, names: 120, why: 'settled' },
      '120 names that were held back are gone now (settled)',
    ],
    [{ kind: 'pinned', serial: 7 }, { level: 40, serial: 7 }, 'serial 7 was rolled back to and stays'],
    [
      { kind: 'role', role: 'writer', epoch: 3, why: 'it leads' },
      { level: 30, role: 'writer', epoch: 3, why: 'it leads' },
      undefined,
    ],
    [
      { kind: 'role', role: 'standby', why: 'b writes' },
      { level: 30, role: 'standby', why: 'b writes' },
      'waiting: b writes',
    ],
    [
      { kind: 'cut', blocks: 4, octets: 900, namedInMs: 90_000 },
      { level: 30, blocks: 4, octets: 900, namedInMs: 90_000 },
      'stored 4 new blocks, to be named in 90 s',
    ],
    [
      { kind: 'republished', reason: 'an older head had come back' },
      { level: 40, reason: 'an older head had come back' },
      'wrote the head again: an older head had come back',
    ],
    [
      { kind: 'held', names: 2, scopes: [], zone: 'apps.example', variant: 'outside' },
      { level: 40, names: 2, zone: 'apps.example', variant: 'outside' },
      '2 names of zone apps.example, variant outside are missing from the cluster and held back',
    ],
    [
      { kind: 'unusable', reason: 'block x: is missing', variant: 'outside' },
      { level: 40, reason: 'block x: is missing', variant: 'outside' },
      'what is published of variant outside can not be used',
    ],
    [{ kind: 'swept', keys: 3 }, { level: 30, keys: 3 }, undefined],
    [
      { kind: 'monitor', url: 'http://127.0.0.1:40001' },
      { level: 30, url: 'http://127.0.0.1:40001' },
      undefined,
    ],
    [
      { kind: 'clock', offsetMs: -45_000.4, isOff: true },
      { level: 50, offsetMs: -45_000 },
      "this machine's clock is 45 s off",
    ],
    [
      { kind: 'quota', operation: 'writes', written: 800, perDay: 1000, emptyAtMs: Date.UTC(2026, 0, 1) },
      { level: 40, operation: 'writes', written: 800, perDay: 1000, emptyAt: '2026-01-01T00:00:00.000Z' },
      "800 of the free plan's 1000 writes of this day are used",
    ],
  ])('and the console tell %o', (event, fields, words) => {
    expect(logged(event)).toMatchObject([fields]);
    if (words === undefined) expect(shown(event)).toEqual([]);
    else expect(shown(event)[0]).toContain(words);
  });

  it('has the time of day, and neither host nor process', () => {
    const [line = ''] = linesOf(EVENTS[0]);
    const { time, ...rest }: Record<string, unknown> = JSON.parse(line);
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(rest).not.toHaveProperty('pid');
    expect(rest).not.toHaveProperty('hostname');
  });

  it('stays one line each, whatever texts are in it', () => {
    const text = 'a\nb\r\u2028"}\u001b[31m\u0000';
    const event: SyncEvent = {
      kind: 'skipped',
      reasons: [{ reason: 'task-field', count: 1, examples: [text] }],
    };
    const lines = linesOf(event);
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toMatch(/\p{Cc}/u);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ examples: [text] });
  });

  it('has neither the cause nor other members of an error', () => {
    const error = Object.assign(new Error('refused'), {
      authorization: 'hunter2',
      cause: new Error('hunter2'),
    });
    expect(linesOf({ kind: 'failed', error, retryInMs: 1 }).join('')).not.toContain('hunter2');
    expect(EVENTS.flatMap((event) => linesOf(event)).join('')).not.toContain('hunter2');
  });
});

it('tells only what is new of each zone and variant by itself', () => {
  const told: SyncEvent[] = [];
  const tell = newsOnly((event) => void told.push(event));
  const held = { kind: 'held', names: 2, scopes: [] } as const;
  const ofZone = { ...held, zone: 'consul' };
  const ofVariant = { ...held, zone: 'consul', variant: 'outside' };
  for (const event of [held, ofZone, ofVariant, held, ofZone, ofVariant]) tell(event);
  expect(told).toEqual([held, ofZone, ofVariant]);
  tell({ ...ofZone, names: 3 });
  expect(told).toHaveLength(4);
});

it('says of a rollback what still follows the cluster', () => {
  expect(logged({ kind: 'pinned', serial: 7 })).toMatchObject([
    { msg: expect.stringContaining('other variants follow the cluster') },
  ]);
});

describe('the console', () => {
  it('has what a person should know, in plain lines', () => {
    expect(EVENTS.map((event) => shown(event))).toEqual([
      [],
      [
        'skipped (task-field): task 1',
        'skipped (task-field): task 2',
        'skipped (task-field): and 5 more (mesos-doh records --skipped names all)',
        'skipped (leader): leader: is not given',
      ],
      [],
      ['what is published can not be used (block x: is missing): publishing anew'],
      ['made a signing key in /a/signing.pem; the Worker verifies with VERIFY_KEYS=AAAA'],
      [],
      ['no master gave a state (tried again in 2 s)'],
    ]);
  });

  it('lets no text steer the terminal or look like a line of its own', () => {
    const text = 'a\u001b]0;title\u0007\u001b[2Jb\nskipped (leader): c\r\u009bd\u202ee\u0000';
    const events: SyncEvent[] = [
      { kind: 'skipped', reasons: [{ reason: 'host-unresolved', count: 1, examples: [text] }] },
      { kind: 'failed', error: new Error(text), retryInMs: 1 },
      { kind: 'unusable', reason: text },
    ];
    for (const line of events.flatMap((event) => shown(event))) {
      expect(line).not.toMatch(/\p{C}/u);
      expect(line).toContain(
        'a\ufffd]0;title\ufffd\ufffd[2Jb\ufffdskipped (leader): c\ufffd\ufffdd\ufffde\ufffd',
      );
    }
  });

  it('leaves other languages alone', () => {
    const example = 'täsk 日本 🦊 e\u0301';
    expect(
      shown({ kind: 'skipped', reasons: [{ reason: 'leader', count: 1, examples: [example] }] }),
    ).toEqual([`skipped (leader): ${example}`]);
  });
});

function linesOf(event: SyncEvent | undefined): string[] {
  let written = '';
  const log = createLog({ write: (text) => void (written += text) }, 'debug');
  if (event) log(event);
  expect(written.endsWith('\n')).toBe(true);
  return written.slice(0, -1).split('\n');
}

/** What an event logs, without the time. */
describe('news only', () => {
  const skipped = (count: number): SyncEvent => ({
    kind: 'skipped',
    reasons: [{ reason: 'leader', count, examples: [] }],
  });
  const read = EVENTS[0] as SyncEvent;

  it('is what is left out when that changed, and again after it was well', () => {
    const told: SyncEvent[] = [];
    const onEvent = newsOnly((event) => void told.push(event));
    for (const event of [read, skipped(1), read, skipped(1), read, skipped(2), read, read, skipped(2)])
      onEvent(event);
    expect(told.filter(({ kind }) => kind === 'skipped')).toEqual([skipped(1), skipped(2), skipped(2)]);
    expect(told.filter(({ kind }) => kind === 'read')).toHaveLength(5);
  });
});

function logged(event: SyncEvent): unknown[] {
  return linesOf(event).map((line) => {
    const { time: _, ...rest }: Record<string, unknown> = JSON.parse(line);
    return rest;
  });
}

function shown(event: SyncEvent): string[] {
  const lines: string[] = [];
  createConsole((line) => void lines.push(line))(event);
  return lines;
}
