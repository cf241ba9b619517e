import { FormatError } from '../../zone/format-error.ts';
import type { PortRange } from '../cluster.ts';

/** What nearly all tasks have. */
const SINGLE_RANGE = /^\[(\d{1,15})-(\d{1,15})\]$/;

/**
 * The text form of Mesos ranges, `[31000-31001, 31005-31005]`: what stands between the first `[` and the next
 * `]`, in items `a-b`; an item that is not two numbers goes to `onBad` and is passed over. Empty text is no
 * ports. Throws `FormatError` for text without brackets.
 */
export function parsePortRanges(text: string, onBad: (item: string) => void): readonly PortRange[] {
  if (text === '') return [];
  const single = SINGLE_RANGE.exec(text);
  if (single && Number(single[1]) <= Number(single[2]))
    return [{ begin: Number(single[1]), end: Number(single[2]) }];
  const open = text.indexOf('[');
  const close = text.indexOf(']', open);
  if (open < 0 || close < 0)
    throw new FormatError(`ports ${JSON.stringify(text)}`, 'is not a list of ranges in [ ]');
  const ranges: PortRange[] = [];
  for (const item of text.slice(open + 1, close).split(',')) {
    const trimmed = item.trim();
    // A third part, as in "1-2-3", is passed over without a word, as mesos-dns does.
    const [begin = '', end = ''] = trimmed.split('-');
    if (/^\+?\d{1,15}$/.test(begin) && /^\+?\d{1,15}$/.test(end)) {
      if (Number(begin) <= Number(end)) ranges.push({ begin: Number(begin), end: Number(end) });
    } else if (trimmed !== '') onBad(trimmed);
  }
  return ranges;
}
