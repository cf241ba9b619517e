import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  frameworkParts,
  type Instance,
  instanceName,
  instanceTail,
  readInstance,
  sharedName,
} from '../../../sync-agent/records/instance.ts';
import { agentAt, frameworkWith, recordsOf, taskWith } from '../states.ts';

describe('a task’s own name', () => {
  it.each<[string, string, string]>([
    ['web-5eh48-s0.marathon.mesos.', 'web 5eh48 s0 marathon', 'web.marathon.mesos.'],
    ['web-5eh48-s12.marathon.slave.mesos.', 'web 5eh48 s12 marathon slave', 'web.marathon.slave.mesos.'],
    [
      'http_x.test.vagrant-5eh48-s0.aurora.mesos.',
      'http_x.test.vagrant 5eh48 s0 aurora',
      'http_x.test.vagrant.aurora.mesos.',
    ],
    ['web-5eh48-s0.chronos-2.4.0.mesos.', 'web 5eh48 s0 chronos-2.4.0', 'web.chronos-2.4.0.mesos.'],
    ['a-nodes-s1-5eh48-s0.f.mesos.', 'a-nodes-s1 5eh48 s0 f', 'a-nodes-s1.f.mesos.'],
    ['web-5eh48-s0.slave.mesos.', 'web 5eh48 s0 slave', 'web.slave.mesos.'],
    ['-5eh48-s0.f.mesos.', ' 5eh48 s0 f', '.f.mesos.'],
  ])('%s is read', (name, parts, shared) => {
    const instance = readInstance(name, 'mesos');
    const { label, hash, tail, framework, onAgent } = instance ?? fail(name);
    expect(`${label} ${hash} ${tail} ${framework}${onAgent ? ' slave' : ''}`).toBe(parts);
    expect(sharedName(instance ?? fail(name), 'mesos')).toBe(shared);
    expect(instanceName(instance ?? fail(name), { domain: 'mesos', onAgent })).toBe(name);
  });

  it.each([
    'web.marathon.mesos.',
    'marathon.mesos.',
    'leader.mesos.',
    'web-5eh48.marathon.mesos.',
    'web-5eh4l-s0.marathon.mesos.',
    'web-5eh48-s0.mesos.',
    'web-5eh48-s0.marathon.mesos',
    'web-5eh48-s0.marathon.example.',
    'mesos.',
    '',
  ])('%j is none', (name) => {
    expect(readInstance(name, 'mesos')).toBeUndefined();
  });

  it('is what records are made with, for any task', () => {
    const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}[a-z]$/);
    fc.assert(
      fc.property(word, word, fc.string(), fc.nat(99), (name, framework, id, agent) => {
        const agentId = `20150101-S${agent}`;
        const { records } = recordsOf({
          agents: [agentAt(agentId, '10.0.0.1:5051')],
          frameworks: [frameworkWith({ name: framework, tasks: [taskWith({ id, name, agentId })] })],
        });
        const read = Object.keys(records.A).map((owner) => readInstance(owner, 'mesos'));
        const found = read.filter((each): each is Instance => each?.label === name);
        expect(found).toHaveLength(2);
        for (const { hash, tail, framework: part } of found) {
          expect(`-${hash}-${tail}`).toBe(instanceTail(id, agentId));
          expect(frameworkParts(framework)).toContain(part);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('a framework’s part of names', () => {
  it.each([
    ['marathon', ['marathon']],
    ['chronos-2.4.0', ['chronos-2.4.0', 'chronos-2']],
    [
      'A long name, longer than 24 characters',
      ['alongnamelongerthan24characters', 'alongnamelongerthan24cha'],
    ],
  ])('%j is by either rule %j', (name, parts) => {
    expect(frameworkParts(name)).toEqual(parts);
  });
});

function fail(name: string): never {
  throw new Error(`${name} was not read`);
}
