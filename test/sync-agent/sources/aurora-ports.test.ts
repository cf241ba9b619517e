import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../../../zone/format-error.ts';
import { resolvePorts } from '../../../sync-agent/sources/aurora-ports.ts';

const resolve = (announce: unknown, assigned: Record<string, number> = {}): unknown => {
  const { primary, byAlias } = resolvePorts(JSON.stringify({ announce }), assigned);
  return { primary, ports: Object.fromEntries(byAlias) };
};

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

  it('are those assigned without a configuration', () => {
    expect(resolvePorts(undefined, { a: 1 })).toEqual({ primary: 0, byAlias: new Map([['a', 1]]) });
  });

  it.each<[string, unknown]>([
    ['aliases in a circle', { portmap: { a: 'b', b: 'c', c: 'a' } }],
    ['an alias of itself', { portmap: { a: 'a' } }],
    ['a port above 65535', { portmap: { a: 65536 } }],
    ['a port below 0', { portmap: { a: '-1' } }],
    ['half a port', { portmap: { a: 1.5 } }],
    ['a port that is a list', { portmap: { a: [] } }],
    ['a map that is a list', { portmap: [] }],
    ['an announcer that is a text', 'yes'],
  ])('refuse %s', (_, announce) => {
    expect(() => resolve(announce)).toThrow(FormatError);
    expect(() => resolve(announce)).toThrow(/portmap|port a|announce/);
  });

  it('refuse a configuration that is no JSON', () => {
    expect(() => resolvePorts('{', {})).toThrow('executorConfig.data: is not valid JSON');
  });

  it('come to the same as port_resolver.py, whatever the map', () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd');
    const maps = fc.dictionary(name, fc.oneof(name, fc.nat(9), fc.nat(9).map(String)));
    const assigned = fc.dictionary(name, fc.nat(9));
    fc.assert(
      fc.property(maps, assigned, (portmap, ports) => {
        const expected = reference({ ...portmap, ...ports });
        if (expected === 'cycle') expect(() => resolve({ portmap }, ports)).toThrow('circle');
        else expect(resolve({ portmap }, ports)).toMatchObject({ ports: expected });
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
