import { describe, expect, it } from 'vitest';
import { hasHostPorts, readLabels } from '../../../sync-agent/sources/labels.ts';

describe('labels', () => {
  const list = [
    { key: 'HAPROXY_0_VHOST', value: 'shop.example' },
    { key: 'flag' },
    { key: 'HAPROXY_0_VHOST', value: 'other.example' },
    { key: '__proto__', value: 'x' },
  ];
  it.each<[string, unknown]>([
    ['a list, as tasks in /state have them', list],
    ['a list in an object, as protobuf is written', { labels: list }],
  ])('are read from %s', (_, json) => {
    const labels = readLabels(json);
    expect(Object.entries(labels ?? {})).toEqual([
      ['HAPROXY_0_VHOST', 'shop.example'],
      ['flag', ''],
      ['__proto__', 'x'],
    ]);
  });
  it.each<[unknown]>([
    [undefined],
    [null],
    [7],
    ['x'],
    [{}],
    [[]],
    [{ labels: {} }],
    [[null, 7, { key: 7 }]],
  ])('%j has none', (json) => expect(readLabels(json)).toBeUndefined());
});

describe('ports of the agent that lead into a container', () => {
  it.each<[unknown, boolean]>([
    [{ docker: { port_mappings: [{ host_port: 31_000, container_port: 80 }] } }, true],
    [{ network_infos: [{}, { port_mappings: [{ host_port: 31_000 }] }] }, true],
    [{ docker: { port_mappings: [{ host_port: 0, container_port: 80 }] } }, false],
    [{ docker: { port_mappings: [{ container_port: 80 }] } }, false],
    [{ docker: { port_mappings: 'x' }, network_infos: 7 }, false],
    [{}, false],
    [undefined, false],
    [null, false],
  ])('%j: %s', (container, expected) => expect(hasHostPorts({ container })).toBe(expected));
});
