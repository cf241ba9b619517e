import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resolvePorts } from '../../../sync-agent/sources/aurora-ports.ts';

const resolve = (announce: unknown, assigned: Record<string, number> = {}): unknown => {
  const { primary, byAlias } = resolvePorts(JSON.stringify({ announce }), assigned);
  return { primary, ports: Object.fromEntries(byAlias) };
};
const faultsOf = (announce: unknown, assigned: Record<string, number> = {}): readonly string[] =>
  resolvePorts(JSON.stringify({ announce }), assigned).faults;
const NO_PORT = 'it announces no port: "http", its primary one, was not assigned';

describe("an Aurora instance's ports", () => {
  it.each<[string, unknown, Record<string, number>, unknown]>([
    [
      'an alias of an assigned port',
      { primary_port: 'http', portmap: { alias: 'http' } },
      { http: 31000, tcp: 31001 },
      { primary: 31000, ports: { alias: 31000, http: 31000, tcp: 31001 } },
    ],
    [
      'static ports, as number and as text',
      { primary_port: 'admin', portmap: { admin: 8080, health: ' 8081 ' } },
      {},
      { primary: 8080, ports: { admin: 8080, health: 8081 } },
    ],
    [
      'an alias of an alias',
      { portmap: { http: 80, aurora: 'http', https: 'aurora', thrift: 'service' } },
      {},
      { primary: 80, ports: { http: 80, aurora: 80, https: 80 } },
    ],
    [
      'assigned ports over those of the map',
      { portmap: { http: 80 } },
      { http: 31000 },
      { primary: 31000, ports: { http: 31000 } },
    ],
    [
      'a primary port that nobody has',
      { primary_port: 'http', portmap: { aurora: '{{primary_port}}' } },
      { admin: 31001 },
      { primary: 0, ports: { admin: 31001 } },
    ],
    [
      'the schema’s own map and primary port',
      {},
      { http: 31000 },
      { primary: 31000, ports: { aurora: 31000, http: 31000 } },
    ],
    [
      'a reference to the primary port',
      { primary_port: 'web', portmap: { aurora: '{{primary_port}}' } },
      { web: 31002 },
      { primary: 31002, ports: { aurora: 31002, web: 31002 } },
    ],
    ['no announcer', undefined, { http: 31000 }, { primary: 31000, ports: { http: 31000 } }],
  ])('%s', (_, announce, assigned, expected) => {
    expect(resolve(announce, assigned)).toEqual(expected);
  });

  it.each([undefined, '', '{}', '{"announce": null}'])(
    'are those assigned with the configuration %j',
    (data) => {
      expect(resolvePorts(data, { a: 1 })).toEqual({
        primary: 0,
        byAlias: new Map([['a', 1]]),
        isAnnounced: false,
        faults: [],
      });
    },
  );

  it.each<[string, unknown, Record<string, number>, string[]]>([
    ['a port above 65535', 65_536, {}, ['portmap x is 65536, which is no port']],
    ['one as text', '999999', {}, ['portmap x is 999999, which is no port']],
    ['a port below 0', '-1', {}, ['portmap x is -1, which is no port']],
    ['half a port', 1.5, {}, ['portmap x is number 1.5, and should be a port or the name of one']],
    ['a list', [], {}, ['portmap x is a list, and should be a port or the name of one']],
    ['nothing', null, {}, ['portmap x is null, and should be a port or the name of one']],
    ['an alias of itself', 'x', {}, ['portmap x leads in a circle']],
    ['a name that nobody has', 'service', {}, ['portmap x leads to "service", which is no port of it']],
    [
      'a bad one',
      'bad',
      { bad: 70_000 },
      ['assigned port bad is 70000, which is no port', 'portmap x is 70000, which is no port'],
    ],
    ['a bad one that an assigned port replaces', 999_999, { x: 31_002 }, []],
    ['a list that an assigned port replaces', [], { x: 31_002 }, []],
    ['the primary port, which was not assigned', '{{primary_port}}', {}, []],
  ])('leave out %s alone, and say so', (_, x, assigned, faults) => {
    const announce = { primary_port: 'web', portmap: { admin: 8080, ok: 'http', x } };
    const ports = { http: 31_000, ...assigned };
    expect(faultsOf(announce, ports)).toEqual(faults);
    expect(resolve(announce, ports)).toEqual({
      primary: 0,
      ports: { admin: 8080, http: 31_000, ok: 31_000, ...('x' in assigned && { x: 31_002 }) },
    });
  });

  it('leave out all that lead into a circle, and no other', () => {
    const announce = { portmap: { a: 'b', b: 'c', c: 'b', http: 80, aurora: 'http' } };
    expect(resolve(announce)).toEqual({ primary: 80, ports: { http: 80, aurora: 80 } });
    expect(faultsOf(announce)).toEqual(['a', 'b', 'c'].map((alias) => `portmap ${alias} leads in a circle`));
  });

  it('are told of where a job that announces itself has none', () => {
    const none = { primary: 0, byAlias: new Map(), isAnnounced: true };
    const data = (announce: unknown): string => JSON.stringify({ announce });
    expect(resolvePorts(data({}), {})).toEqual({ ...none, faults: [NO_PORT] });
    expect(resolvePorts(data({ portmap: {} }), {})).toEqual({ ...none, faults: [NO_PORT] });
    expect(resolvePorts(data({ portmap: { a: 'b' } }), {})).toEqual({
      ...none,
      faults: ['portmap a leads to "b", which is no port of it'],
    });
  });

  it.each<[string, string, string]>([
    ['that is no JSON', '{', 'executorConfig.data: is not valid JSON'],
    ['that is a list', '[]', 'executorConfig.data: is a list instead of an object'],
    [
      'with an announcer that is a text',
      '{"announce": "yes"}',
      'announce: is string "yes" instead of an object',
    ],
    ['with a map that is a list', '{"announce": {"portmap": []}}', 'announce.portmap: is a list'],
    [
      'with a primary port that is a number',
      '{"announce": {"primary_port": 80}}',
      'primary_port: is number 80',
    ],
    [
      'with more aliases than anybody has',
      JSON.stringify({
        announce: { portmap: Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [i, `${i + 1}`])) },
      }),
      'announce.portmap: has more than 1000 aliases',
    ],
  ])('are those assigned, and it is told, with a configuration %s', (_, data, why) => {
    const { primary, byAlias, isAnnounced, faults } = resolvePorts(data, { http: 31_000 });
    expect([primary, [...byAlias], isAnnounced]).toEqual([31_000, [['http', 31_000]], false]);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(why);
    expect(faults[0]).toContain('only the ports it was assigned are used');
  });

  it('come to the same as port_resolver.py, whatever the map', () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd');
    const maps = fc.dictionary(name, fc.oneof(name, fc.nat(9), fc.nat(9).map(String)));
    const assigned = fc.dictionary(name, fc.nat(9));
    fc.assert(
      fc.property(maps, assigned, (portmap, ports) => {
        const expected = reference({ ...portmap, ...ports });
        const faults = faultsOf({ portmap }, ports).join();
        expect(faults.includes('circle')).toBe(expected === 'cycle');
        if (expected !== 'cycle') expect(resolve({ portmap }, ports)).toMatchObject({ ports: expected });
      }),
      { numRuns: 500 },
    );
  });
});

/** Aurora's rule, in its words: each name is followed from the port it stands for. */
function reference(map: Record<string, string | number>): Record<string, number> | 'cycle' {
  const ports = new Map(
    Object.entries(map).map(([name, port]) => [name, /^\d+$/.test(String(port)) ? Number(port) : port]),
  );
  const resolved: Record<string, number> = {};
  for (const name of ports.keys()) {
    let root: string | number = ports.get(name) ?? '';
    const visited = new Set<string | number>();
    while (typeof root === 'string' && ports.has(root)) {
      visited.add(root);
      const next: string | number = ports.get(root) ?? '';
      if (visited.has(next)) return 'cycle';
      root = next;
    }
    if (typeof root === 'number') resolved[name] = root;
  }
  return resolved;
}
