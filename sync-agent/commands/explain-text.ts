import { jsonText } from '../client/json-text.ts';
import { nearest } from '../nearest.ts';
import type { Explanation } from '../records/explain.ts';
import type { ExplainedTtl } from '../records/explained-rrsets.ts';
import type { AliasChain } from '../records/found-name.ts';
import type { Source } from '../records/source-of.ts';
import type { PublishedView } from './published-view.ts';

/** How much a person is shown; --json has all. */
const MAX_VALUES = 20;
const MAX_SOURCES = 3;
const MAX_MISSING = 10;

export function asJson({ alike, ...explanation }: Explanation, view: PublishedView | undefined): string {
  const shown = { ...explanation, nearest: nearestName(explanation.name, alike), published: view };
  return `${jsonText(shown)}\n`;
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

function render({ name, verdict, rrsets, zone, derived, chain, ...rest }: Explanation): string[] {
  const lines = [`${name} ${verdict.text}`];
  if (derived !== undefined) lines.push(`Zone ${zone}: ${derived}`);
  for (const { type, ttl, values } of rrsets) {
    lines.push('', `${type}, TTL ${ttl} s, ${values.length} ${values.length === 1 ? 'value' : 'values'}`);
    for (const { value, notAnswered, from } of values.slice(0, MAX_VALUES)) {
      lines.push(`  ${value}${notAnswered === undefined ? '' : `  (in no answer: ${notAnswered})`}`);
      lines.push(...sourceLines(from));
    }
    if (values.length > MAX_VALUES)
      lines.push(`  and ${values.length - MAX_VALUES} more values (--json has all)`);
    lines.push(...ruleLines(values.flatMap(({ from }) => from)));
  }
  lines.push(
    ...renderTtls(rest.ttls),
    ...(chain ? renderChain(chain) : []),
    ...list(
      'Would give it, and does not:',
      rest.missing.map(({ reason, detail }) => `${reason}: ${detail}`),
    ),
    ...list('Shown all the same, as nothing else of its name would be left:', rest.spared),
    ...list(
      'Reported (as a rule left out), and may have to do with it:',
      rest.skipped.map(({ reason, detail }) => `${reason}: ${detail}`),
    ),
  );
  if (rest.otherSkipped > 0)
    lines.push('', `Reported beside it: ${rest.otherSkipped}; mesos-doh records --skipped names them`);
  if (verdict.kind !== 'answered') lines.push(...list('Below it:', rest.below));
  if (rest.above !== undefined) lines.push('', `The nearest name above it that exists: ${rest.above}`);
  const alike = nearestName(name, rest.alike);
  if (alike !== undefined) lines.push('', `Did you mean ${alike}?`);
  return lines;
}

/** TTLs that stand in the zone's place, of which the least counts. */
function renderTtls(ttls: readonly ExplainedTtl[]): string[] {
  return ttls.flatMap(({ seconds, counts, from }) => [
    '',
    `TTL of its own: ${seconds} s${counts ? '' : ' (not used: another is less)'}`,
    ...sourceLines(from),
    ...ruleLines(from),
  ]);
}

function renderChain({ names, end }: AliasChain): string[] {
  const last = {
    answered: 'answers',
    'no-data': 'exists, and has no such records',
    nxdomain: 'does not exist',
    'outside-zone': 'is in another zone',
    loop: 'was there before: a loop',
    'too-long': 'is one too many',
  }[end];
  return [
    '',
    'Its CNAME leads to:',
    ...names.map((each, i) => `  ${each}${i === names.length - 1 ? ` (${last})` : ''}`),
  ];
}

function sourceLines(from: readonly Source[]): string[] {
  const more = from.length - MAX_SOURCES;
  return [
    ...from.slice(0, MAX_SOURCES).map((source) => `    ${sourceText(source)}`),
    ...(more > 0 ? [`    and ${more} more give it`] : []),
  ];
}

/** Each rule once. */
function ruleLines(from: readonly Source[]): string[] {
  const rules = new Map(from.map(({ rule, sentence }) => [rule, sentence]));
  return [...rules].flatMap(([rule, sentence]) =>
    rule === undefined ? [] : [`  rule ${rule}: ${sentence}`],
  );
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

function sourceText({ rule, by, of, frameworkId, roles, addressFrom }: Source): string {
  const isSaid = frameworkId !== undefined && by.includes(`(${frameworkId})`);
  const role = roles && `role${roles.length === 1 ? '' : 's'} ${roles.join(', ')}`;
  const ids = [frameworkId === undefined || isSaid ? undefined : `framework id ${frameworkId}`, role];
  const said = [
    `${rule === undefined ? '' : `${rule}: `}${by}`,
    ...ids,
    addressFrom === undefined ? undefined : `address from ${addressFrom}`,
  ];
  const text = said.filter((each) => each !== undefined).join('; ');
  return of === undefined ? text : `of ${of}, by ${text}`;
}

function renderPublished({
  sink,
  serial,
  ageSeconds,
  confirmedSecondsAgo,
  ...view
}: PublishedView): string[] {
  const by = view.wildcard === undefined ? '' : `, answered by the wildcard ${view.wildcard}`;
  const lines = [
    '',
    `Published in ${sink}: serial ${serial}, ${ageSeconds} s old, confirmed ${confirmedSecondsAgo} s ago${by}`,
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
