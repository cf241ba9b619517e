import { nearest } from '../nearest.ts';
import type { Explanation } from '../records/explain.ts';
import type { PublishedRRset } from '../records/published-name.ts';
import type { Source } from '../records/source-of.ts';

/** What a published snapshot says of the name beside what the cluster says now. */
export type PublishedView = {
  readonly sink: string;
  readonly serial: number;
  readonly ageSeconds: number;
  readonly confirmedSecondsAgo: number;
  readonly rrsets: readonly PublishedRRset[];
  readonly differences: readonly string[];
};

/** How much a person is shown; --json has all. */
const MAX_VALUES = 20;
const MAX_SOURCES = 3;
const MAX_MISSING = 10;

export function asJson({ alike, ...explanation }: Explanation, view: PublishedView | undefined): string {
  const shown = { ...explanation, nearest: nearestName(explanation.name, alike), published: view };
  return `${JSON.stringify(shown, undefined, 1)}\n`;
}

export function asText(explanation: Explanation, view: PublishedView | undefined): string {
  const lines = [...render(explanation), ...(view ? renderPublished(view) : [])];
  return `${lines.map((line) => plain(line)).join('\n')}\n`;
}

/** The name that looks most like it, if one does: beside it, or of the same beginning elsewhere. */
function nearestName(name: string, alike: readonly string[]): string | undefined {
  const cut = name.indexOf('.');
  const [label, parent] = [name.slice(0, cut), name.slice(cut)];
  const beside = alike.filter((each) => each.endsWith(parent)).map((each) => each.slice(0, -parent.length));
  const found = suggestion(label, beside);
  if (found !== undefined) return `${found}${parent}`;
  const elsewhere = alike.filter((each) => each.startsWith(`${label}.`)).map((each) => each.slice(cut));
  const place = suggestion(parent, elsewhere);
  return place === undefined ? undefined : `${label}${place}`;
}

function suggestion(word: string, known: readonly string[]): string | undefined {
  return /did you mean (.*)\?/.exec(nearest(word, known))?.[1];
}

function render({ name, verdict, rrsets, ...rest }: Explanation): string[] {
  const lines = [`${name} ${verdict.text}`];
  for (const { type, ttl, values } of rrsets) {
    lines.push('', `${type}, TTL ${ttl} s, ${values.length} ${values.length === 1 ? 'value' : 'values'}`);
    for (const { value, notAnswered, from } of values.slice(0, MAX_VALUES)) {
      lines.push(`  ${value}${notAnswered === undefined ? '' : `  (in no answer: ${notAnswered})`}`);
      lines.push(...from.slice(0, MAX_SOURCES).map((source) => `    ${sourceText(source)}`));
      if (from.length > MAX_SOURCES) lines.push(`    and ${from.length - MAX_SOURCES} more give it`);
    }
    if (values.length > MAX_VALUES)
      lines.push(`  and ${values.length - MAX_VALUES} more values (--json has all)`);
    const rules = new Map(values.flatMap(({ from }) => from).map(({ rule, sentence }) => [rule, sentence]));
    for (const [rule, sentence] of rules) lines.push(`  rule ${rule ?? 'none'}: ${sentence}`);
  }
  lines.push(
    ...list(
      'Would give it, and does not:',
      rest.missing.map(({ reason, detail }) => `${reason}: ${detail}`),
    ),
  );
  lines.push(...list('Shown all the same, as nothing else of its name would be left:', rest.spared));
  lines.push(
    ...list(
      'Left out, and may have to do with it:',
      rest.skipped.map(({ reason, detail }) => `${reason}: ${detail}`),
    ),
  );
  if (rest.otherSkipped > 0)
    lines.push('', `${rest.otherSkipped} other elements were left out; mesos-doh records names them`);
  if (verdict.kind !== 'answered') lines.push(...list('Below it:', rest.below));
  if (rest.above !== undefined) lines.push('', `The nearest name above it that exists: ${rest.above}`);
  const alike = nearestName(name, rest.alike);
  if (alike !== undefined) lines.push('', `Did you mean ${alike}?`);
  return lines;
}

function list(title: string, items: readonly string[]): string[] {
  if (items.length === 0) return [];
  const more = items.length - MAX_MISSING;
  return [
    '',
    title,
    ...items.slice(0, MAX_MISSING).map((item) => `  ${item}`),
    ...(more > 0 ? [`  and ${more} more (--json has all)`] : []),
  ];
}

function sourceText({ rule, by, addressFrom }: Source): string {
  return `${rule ?? 'none'}: ${by}${addressFrom === undefined ? '' : `; address from ${addressFrom}`}`;
}

function renderPublished({
  sink,
  serial,
  ageSeconds,
  confirmedSecondsAgo,
  ...view
}: PublishedView): string[] {
  const lines = [
    '',
    `Published in ${sink}: serial ${serial}, ${ageSeconds} s old, confirmed ${confirmedSecondsAgo} s ago`,
  ];
  for (const { type, values } of view.rrsets) lines.push(`  ${type} ${values.join(' ')}`);
  if (view.rrsets.length === 0) lines.push('  no such records');
  if (view.differences.length === 0) return [...lines, '  the same as the cluster says now'];
  return [...lines, ...view.differences.map((difference) => `  ${difference}`)];
}

/** Names and ids are chosen by whoever may register a framework: none of them may steer the terminal. */
function plain(line: string): string {
  return line.replaceAll(/\p{C}/gu, '\uFFFD');
}
