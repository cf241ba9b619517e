import { describe, expect, it } from 'vitest';
import type { Ended } from '../../sync-agent/cluster.ts';
import { createFrameworksSeen } from '../../sync-agent/frameworks-seen.ts';

const completed = (names: Readonly<Record<string, readonly string[]>>): Ended => ({
  tasks: [],
  frameworks: Object.keys(names),
  frameworkIds: new Map(Object.entries(names)),
});

describe('frameworks that were seen registered', () => {
  it('are told from namesakes of theirs', () => {
    const seen = createFrameworksSeen();
    seen.add(['m-1']);
    const ended = completed({ marathon: ['m-0', 'm-1'], chronos: ['c-1'] });
    expect(seen.withNamesakes(ended)).toEqual({ ...ended, frameworks: ['marathon'], namesakes: ['chronos'] });
  });

  it('of the same part of names that have not completed may be whose the names are', () => {
    const seen = createFrameworksSeen();
    const judge = (registered: Readonly<Record<string, string>>, names = {}) => {
      const { frameworks, namesakes, contested } = seen.withNamesakes({
        ...completed(names),
        registered: new Map(Object.entries(registered)),
      });
      seen.add(Object.keys(registered));
      return [frameworks, namesakes, [...(contested ?? [])]];
    };
    expect(judge({ 'm-1': 'marathon', 'e-1': 'Marathon' })).toEqual([[], [], ['marathon']]);
    // What the state shows no longer has not completed.
    expect(judge({}, { Marathon: ['e-1'] })).toEqual([[], [], []]);
    expect(judge({}, { MARATHON: ['e-0'] })).toEqual([[], [], []]);
    expect(judge({ 'm-2': 'marathon' }, { other: ['o'] })).toEqual([[], ['other'], ['marathon']]);
    // Once it has, too, nothing else may be.
    expect(judge({}, { marathon: ['m-1', 'm-2'], Marathon: ['e-1'] })).toEqual([
      ['marathon', 'Marathon'],
      [],
      [],
    ]);
  });

  it('have parts of names by either rule', () => {
    const seen = createFrameworksSeen();
    const long = 'a-framework-with-a-long-name';
    seen.withNamesakes({ tasks: [], frameworks: [], registered: new Map([['f', `${long}-1`]]) });
    expect(seen.withNamesakes(completed({ [`${long}-2`]: ['e'], b: ['b'] })).namesakes).toEqual(['b']);
  });

  it('are forgotten, oldest first, where there are too many', () => {
    const seen = createFrameworksSeen(3);
    for (const ids of [['a', 'b'], ['c'], ['a', 'd']]) seen.add(ids);
    const ended = completed({ a: ['a'], b: ['b'], c: ['c'], d: ['d'] });
    expect(seen.withNamesakes(ended).frameworks).toEqual(['a', 'c', 'd']);
  });
});
