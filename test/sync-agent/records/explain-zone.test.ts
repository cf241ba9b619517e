import { describe, expect, it } from 'vitest';
import { asJson, asText } from '../../../sync-agent/commands/explain-text.ts';
import { type Explanation, explainName } from '../../../sync-agent/records/explain.ts';
import type { StaticRecord } from '../../../sync-agent/cluster.ts';
import { parseName } from '../../../zone/name.ts';
import { agentAt, frameworkWith, settingsWith, stateWith, statusWith, taskWith } from '../states.ts';

/** `name TYPE value`, names relative to the zone. */
const LINES = [
  '*.apps A 10.9.9.9',
  '*.apps MORE TXT "wild"',
  'x.y.apps A 10.9.9.8',
  '*.deep.apps MORE TXT "deeper"',
  'www MORE CNAME web.f.mesos.',
  'second MORE CNAME www.mesos.',
  'dangle MORE CNAME nothing.mesos.',
  'wild MORE CNAME any.apps.mesos.',
  'loop1 MORE CNAME loop2.mesos.',
  'loop2 MORE CNAME loop1.mesos.',
  'self MORE CNAME self.mesos.',
  'out MORE CNAME www.example.com.',
  'empty MORE CNAME apps.mesos.',
  'both A 10.1.1.1',
  'both MORE CNAME www.mesos.',
  'two MORE CNAME www.mesos.',
  'two MORE CNAME dangle.mesos.',
  'short MORE TXT "five"',
  'short MORE TTL 5',
  'short MORE TTL 60',
  'odd SRV web.f.mesos.:080 0 1',
  'odd SRV web.f.mesos.:70000',
  'odd MORE HTTPS nothing',
  'odd MORE HTTPS 1 . alpn=h2',
  ...Array.from({ length: 9 }, (_, i) => `c${i} MORE CNAME c${i + 1}.mesos.`),
  'c9 A 10.1.1.9',
];
const STATIC = LINES.map((line): StaticRecord => {
  const [, name = '', type, value = ''] = /^(\S+) (A|SRV|MORE) (.*)$/.exec(line) ?? [];
  return { name: `${name}.mesos.`, type: type as StaticRecord['type'], value };
});
const STATE = stateWith({
  agents: [agentAt('x-S0', '10.0.0.1:5051')],
  frameworks: [
    frameworkWith({
      id: 'F-1',
      name: 'f',
      roles: ['prod'],
      tasks: [taskWith({ id: 'web.1', running: [statusWith({ netinfo: ['9.0.0.1'] })] })],
    }),
  ],
  staticRecords: STATIC,
});

function explain(name: string, type?: string, wildcards?: 'none'): Explanation {
  return explainName(STATE, name, {
    settings: settingsWith(),
    rrsets: { origin: parseName('mesos'), ttl: 30, srvWeight: 1, sources: 1 },
    addressesOfHost: () => [],
    skipped: [],
    type,
    wildcards,
  });
}

describe('a wildcard', () => {
  it('answers for names below its parent that do not exist', () => {
    const told = explain('foo.apps.mesos');
    expect(told).toMatchObject({
      name: 'foo.apps.mesos.',
      wildcard: '*.apps.mesos.',
      verdict: { kind: 'answered', text: 'answered by the wildcard *.apps.mesos.: A, TXT' },
    });
    expect(told.rrsets.map(({ type, values }) => [type, values[0]?.value, values[0]?.from[0]?.rule])).toEqual(
      [
        ['A', '10.9.9.9', 'static-record'],
        ['TXT', '"wild"', 'static-record'],
      ],
    );
  });

  it.each([
    ['a.b.apps.mesos', 'A', 'answered', 'answered by the wildcard *.apps.mesos.: A, TXT'],
    ['foo.apps.mesos', 'AAAA', 'no-data', 'it has A, TXT, and no AAAA'],
    ['*.apps.mesos', 'A', 'answered', 'answered: A, TXT'],
    ['x.*.apps.mesos', 'A', 'nxdomain', 'does not answer for it, as *.apps.mesos. exists'],
    ['apps.mesos', 'A', 'no-data', 'nothing is at this name itself'],
    ['y.apps.mesos', 'A', 'no-data', 'nothing is at this name itself'],
    [
      'z.y.apps.mesos',
      'A',
      'nxdomain',
      'the wildcard *.apps.mesos. does not answer for it, as y.apps.mesos. exists (RFC 4592)',
    ],
    ['q.deep.apps.mesos', 'TXT', 'answered', 'answered by the wildcard *.deep.apps.mesos.: TXT'],
    ['q.deep.apps.mesos', 'A', 'no-data', 'it has TXT, and no A'],
    ['foo.mesos', 'A', 'nxdomain', 'no such name in zone mesos (NXDOMAIN)'],
  ])('%s %s: %s', (name, type, kind, text) => {
    const { verdict } = explain(name, type);
    expect(verdict.kind).toBe(kind);
    expect(verdict.text).toContain(text);
  });

  it('answers for no other name where no operator wrote any', () => {
    expect(explain('foo.apps.mesos', 'A', 'none').verdict.kind).toBe('nxdomain');
    expect(explain('*.apps.mesos', 'A', 'none').verdict.kind).toBe('answered');
  });
});

describe('a CNAME', () => {
  it.each([
    [
      'www',
      undefined,
      'answered',
      ['web.f.mesos.'],
      'answered',
      'CNAME to web.f.mesos., and the records of web',
    ],
    ['second', 'A', 'answered', ['www.mesos.', 'web.f.mesos.'], 'answered', 'and the A of web.f.mesos.'],
    ['second', 'SRV', 'no-data', ['www.mesos.', 'web.f.mesos.'], 'no-data', 'and web.f.mesos. has no SRV'],
    ['dangle', 'A', 'dangling', ['nothing.mesos.'], 'nxdomain', 'there is no name nothing.mesos. (NXDOMAIN)'],
    ['wild', 'A', 'answered', ['any.apps.mesos.'], 'answered', 'and the A of any.apps.mesos.'],
    ['loop1', undefined, 'dangling', ['loop2.mesos.', 'loop1.mesos.'], 'loop', '(SERVFAIL)'],
    ['self', 'A', 'dangling', ['self.mesos.'], 'loop', '(SERVFAIL)'],
    ['out', 'A', 'answered', ['www.example.com.'], 'outside-zone', 'www.example.com. is in another zone'],
    ['empty', 'A', 'no-data', ['apps.mesos.'], 'no-data', 'apps.mesos. has no A'],
    ['loop1', 'CNAME', 'answered', ['loop2.mesos.', 'loop1.mesos.'], 'loop', 'answered: CNAME'],
  ] as const)('%s %s: %s', (name, type, kind, names, end, text) => {
    const told = explain(`${name}.mesos`, type);
    expect(told.verdict.kind).toBe(kind);
    expect(told.chain).toEqual({ names, end });
    expect(told.verdict.text).toContain(text);
  });

  it('is followed as often as the Worker does', () => {
    expect(explain('c1.mesos', 'A').chain).toMatchObject({ end: 'answered' });
    const told = explain('c0.mesos', 'A');
    expect(told.chain?.end).toBe('too-long');
    expect(told.chain?.names).toHaveLength(9);
    expect(told.verdict.text).toContain('more than 8 CNAMEs');
  });

  it('beside other data is in no answer, and neither is a second one', () => {
    const both = explain('both.mesos');
    expect(both.verdict).toEqual({ kind: 'answered', text: 'answered: A' });
    expect(both.chain).toBeUndefined();
    const refused = ({ rrsets }: Explanation): unknown[] =>
      rrsets.flatMap(({ type, values }) =>
        values.map(({ value, notAnswered }) => [type, value, notAnswered]),
      );
    expect(refused(both)).toEqual([
      ['A', '10.1.1.1', undefined],
      ['CNAME', 'www.mesos.', expect.stringContaining('an alias has no other records')],
    ]);
    expect(refused(explain('two.mesos'))).toEqual([
      ['CNAME', 'dangle.mesos.', expect.stringContaining('an alias leads to one name')],
      ['CNAME', 'www.mesos.', undefined],
    ]);
  });
});

describe('types', () => {
  it('are told by their own names, and TTLs as what they are', () => {
    const told = explain('short.mesos');
    expect(told.rrsets.map(({ type, ttl, values }) => [type, ttl, values.length])).toEqual([['TXT', 5, 1]]);
    expect(told.ttls.map(({ seconds, counts, from }) => [seconds, counts, from[0]?.rule])).toEqual([
      [5, true, 'static-record'],
      [60, false, 'static-record'],
    ]);
    for (const text of [asText(told, undefined), asJson(told, undefined)]) expect(text).not.toContain('MORE');
    expect(asText(told, undefined)).toContain('TTL of its own: 60 s (not used: another is less)');
  });

  it('that no answer carries say why, however they are written', () => {
    const values = explain('odd.mesos').rrsets.flatMap(({ type, values: all }) =>
      all.map(({ value, notAnswered }) => [type, value, notAnswered]),
    );
    expect(values).toEqual([
      ['SRV', 'web.f.mesos.:080 0 1', undefined],
      ['SRV', 'web.f.mesos.:70000', 'port "70000" is none'],
      ['HTTPS', '1 . alpn=h2', undefined],
      ['HTTPS', 'nothing', expect.any(String)],
    ]);
  });
});

it('says of a value the framework by its id and roles', () => {
  const told = explain('web.f.mesos');
  expect(told.rrsets[0]?.values[0]?.from[0]).toMatchObject({
    framework: 'f',
    frameworkId: 'F-1',
    roles: ['prod'],
  });
  expect(asText(told, undefined)).toContain('; framework id F-1; role prod; address from netinfo');
});

it('prints as JSON nothing that steers a terminal', () => {
  const state = stateWith({
    agents: [agentAt('x-S0', '10.0.0.1:5051')],
    frameworks: [
      frameworkWith({ name: 'f', roles: ['\u009b31m'], tasks: [taskWith({ id: 'web\u0085\u202e1' })] }),
    ],
  });
  const told = explainName(state, 'web.f.mesos', {
    settings: settingsWith(),
    rrsets: { origin: parseName('mesos'), ttl: 30, srvWeight: 1, sources: 1 },
    addressesOfHost: () => [],
    skipped: [],
  });
  const json = asJson(told, undefined);
  expect(json).not.toMatch(/[\u0080-\u009f\u202e]/);
  expect(JSON.parse(json).rrsets[0].values[0].from[0]).toMatchObject({
    taskId: 'web\u0085\u202e1',
    roles: ['\u009b31m'],
  });
});
