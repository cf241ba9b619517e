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

  it('are forgotten, oldest first, where there are too many', () => {
    const seen = createFrameworksSeen(3);
    for (const ids of [['a', 'b'], ['c'], ['a', 'd']]) seen.add(ids);
    const ended = completed({ a: ['a'], b: ['b'], c: ['c'], d: ['d'] });
    expect(seen.withNamesakes(ended).frameworks).toEqual(['a', 'c', 'd']);
  });
});
