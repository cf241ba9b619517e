import { expect, it } from 'vitest';
import { createListFinder } from '../../../sync-agent/masters/list-finder.ts';
import { SourceError } from '../../../sync-agent/sources/source.ts';

const never = new AbortController().signal;

it('gives the masters in their order, always, and knows no leader', async () => {
  const masters = [new URL('http://10.0.0.2:5050'), new URL('https://mesos.example/base')];
  const finder = createListFinder(masters);
  expect(await finder.candidates(never)).toEqual(masters);
  expect(finder.name).toBe('http://10.0.0.2:5050, https://mesos.example');
  expect(finder.state()).toEqual({ by: 'list', leader: undefined, problem: undefined });
  finder.onChange(() => expect.unreachable('nothing changes'))();
  await finder.close();
});

it('says what to do where the list is empty, and stops with its signal', async () => {
  await expect(createListFinder([]).candidates(never)).rejects.toThrow(SourceError);
  await expect(createListFinder([]).candidates(never)).rejects.toThrow(/give --master .* or mesos\.masters/);
  const reason = new Error('enough');
  const finder = createListFinder([new URL('http://10.0.0.2:5050')]);
  await expect(finder.candidates(AbortSignal.abort(reason))).rejects.toBe(reason);
});
