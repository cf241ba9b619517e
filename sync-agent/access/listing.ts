import type { AccessDocument, TokenEntry } from '../../zone/access-document.ts';
import type { Rules } from './edits.ts';
import { hasEnded } from './edits.ts';
import { momentText } from './expiry.ts';
import { ruleTexts } from './rules-file.ts';

/** A token as people and scripts see it: nothing of it that could be used to ask. Times are ISO 8601. */
export type ListedToken = {
  readonly id: string;
  readonly team: string;
  readonly view: string;
  /** `ends`: within two weeks. */
  readonly state: 'valid' | 'ends' | 'ended';
  readonly created: string;
  /** Null: never. */
  readonly expires: string | null;
};

const SOON_MS = 14 * 86_400_000;

/** All tokens, by team, the newest last. */
export function listTokens(document: AccessDocument, nowMs: number): readonly ListedToken[] {
  return document.tokens
    .toSorted((a, b) => compare(a.team, b.team) || a.createdAtMs - b.createdAtMs || compare(a.id, b.id))
    .map((token) => ({
      id: token.id,
      team: token.team,
      view: token.view ?? document.teams.get(token.team)?.view ?? '',
      state: stateOf(token, nowMs),
      created: new Date(token.createdAtMs).toISOString(),
      expires: token.expiresAtMs === undefined ? null : new Date(token.expiresAtMs).toISOString(),
    }));
}

function stateOf(token: TokenEntry, nowMs: number): ListedToken['state'] {
  if (hasEnded(token, nowMs)) return 'ended';
  return hasEnded(token, nowMs + SOON_MS) ? 'ends' : 'valid';
}

/** A table for people, a line a token, with its final newline. */
export function renderTokens(tokens: readonly ListedToken[]): string {
  if (tokens.length === 0) return 'no tokens; make one with mesos-doh token create --team TEAM\n';
  const rows = [
    ['ID', 'TEAM', 'VIEW', 'CREATED', 'EXPIRES', ''],
    ...tokens.map(({ id, team, view, created, expires, state }) => [
      id,
      team,
      view,
      momentText(Date.parse(created)),
      expires === null ? 'never' : momentText(Date.parse(expires)),
      { valid: '', ends: 'ends soon', ended: 'ended' }[state],
    ]),
  ];
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

/** What rules change, a line each: `+ view x` is new, `~ team y` has other contents, `- team z` is gone. */
export function ruleChanges(before: Rules, after: Rules): readonly string[] {
  const [was, is] = [ruleTexts(before), ruleTexts(after)];
  const names = [...new Set([...was.keys(), ...is.keys()])].toSorted();
  return names.flatMap((name) => {
    if (!was.has(name)) return [`+ ${name}`];
    if (!is.has(name)) return [`- ${name}`];
    return was.get(name) === is.get(name) ? [] : [`~ ${name}`];
  });
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
