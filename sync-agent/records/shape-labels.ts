import type { Labels, Skipped } from '../cluster.ts';

/** Labels of a task as values. What is wrong with one is told, and it is as if it were not there. */
export type LabelReader = {
  /** All that there are. */
  readonly keys: readonly string[];
  readonly text: (label: string) => string | undefined;
  readonly list: (label: string) => readonly string[];
  readonly number: (label: string, most: number) => number | undefined;
  readonly flag: (label: string) => boolean | undefined;
  readonly oneOf: <Word extends string>(label: string, words: readonly Word[]) => Word | undefined;
  readonly refuse: (label: string, why: string, reason?: Skipped['reason']) => void;
  /** What was refused so far, each once: the first of them, and in one line how many more there were. */
  readonly problems: () => readonly Skipped[];
};

/** Told of one task: whoever starts it writes its labels, and could fill the log of all. */
const MAX_PROBLEMS = 16;

/** `task` says whose labels they are: all instances of a task tell the same. */
export function createLabelReader(labels: Labels | undefined, task: string): LabelReader {
  const problems = new Map<string, Skipped>();
  let further = 0;
  const text = (label: string): string | undefined => {
    const value = labels && Object.hasOwn(labels, label) ? labels[label]?.trim() : undefined;
    return value === '' ? undefined : value;
  };
  const refuse: LabelReader['refuse'] = (label, why, reason = 'task-label') => {
    const detail = `${task}: label ${label}: ${why}`;
    if (problems.has(detail)) return;
    if (problems.size < MAX_PROBLEMS) problems.set(detail, { reason, detail });
    else further++;
  };
  return {
    keys: labels ? Object.keys(labels) : [],
    text,
    refuse,
    problems: () => {
      const told = [...problems.values()];
      if (further === 0) return told;
      return [...told, { reason: 'task-label', detail: `${task}: ${further} more problems with its labels` }];
    },
    list: (label) => listOf(text(label)),
    number: (label, most) => {
      const value = text(label);
      if (value === undefined) return undefined;
      if (/^\d{1,10}$/.test(value) && Number(value) <= most) return Number(value);
      refuse(label, `${quote(value)} is no number from 0 to ${most}`);
      return undefined;
    },
    flag: (label) => {
      const value = text(label)?.toLowerCase();
      if (value === undefined) return undefined;
      if (['true', '1', 'yes'].includes(value)) return true;
      if (['false', '0', 'no'].includes(value)) return false;
      refuse(label, `${quote(value)} is neither true nor false`);
      return undefined;
    },
    oneOf: (label, words) => {
      const value = text(label);
      const found = words.find((word) => word === value);
      if (value !== undefined && found === undefined)
        refuse(label, `${quote(value)} is none of ${words.join(', ')}`);
      return found;
    },
  };
}

export function listOf(text: string | undefined): readonly string[] {
  return (text ?? '').split(',').flatMap((each) => (each.trim() === '' ? [] : [each.trim()]));
}

/** For reports; a label's value may be long. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
