import type { ClusterConflict, ClusterConflicts, HeldName } from '../cluster-conflicts.ts';

const MOST_GROUPS = 40;
const MOST_VALUES = 6;

const WHY = {
  wildcard: 'the first has a wildcard over it',
  alias: 'an alias (CNAME) on one side alone',
  types: 'the first has not all types of the others',
};

/** Groups with their counts, names with who has what, and a last line on what is hidden. */
export function renderConflicts({ counts, groups, names, moreNames }: ClusterConflicts): string {
  if (groups.length === 0) return 'no name is in several of these zones\n';
  const rows = [
    ['below', 'names', 'agree', 'differ', 'hidden'],
    ...groups
      .slice(0, MOST_GROUPS)
      .map(({ group, agree, differ, hidden }) => [
        group,
        ...[agree + differ + hidden, agree, differ, hidden].map(String),
      ]),
  ];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '),
  );
  if (groups.length > MOST_GROUPS) lines.push(`… and ${groups.length - MOST_GROUPS} more (--json has them)`);
  for (const each of names) lines.push('', ...linesOf(each));
  if (moreNames > 0) lines.push('', `… and ${moreNames} more names (--limit, --under)`);
  const { agree, differ, hidden } = counts;
  lines.push(
    '',
    `${agree + differ + hidden} names are in several zones: ${agree} agree, ${differ} differ, ${hidden} hide records of another`,
  );
  return `${lines.join('\n')}\n`;
}

function linesOf({ name, kind, behind, held }: ClusterConflict): string[] {
  return [`${name}: ${kind}${behind ? `: ${WHY[behind]}` : ''}`, ...held.flatMap(heldLines)];
}

function heldLines({ zone, wildcard, rrsets }: HeldName): string[] {
  const from = wildcard === undefined ? zone : `${zone} (${wildcard})`;
  if (rrsets.length === 0) return [`  ${from}  has names below it alone`];
  return rrsets.map(({ type, values }) => {
    const more = values.length > MOST_VALUES ? ` and ${values.length - MOST_VALUES} more` : '';
    return `  ${from}  ${type} ${values.slice(0, MOST_VALUES).join(', ')}${more}`;
  });
}
