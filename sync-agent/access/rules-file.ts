import { accessJson, type AccessDocument, readAccessJson, type Team } from '../../zone/access-document.ts';
import { FormatError } from '../../zone/format-error.ts';
import { ConfigError } from '../config.ts';
import { nearest } from '../nearest.ts';
import { EMPTY_DOCUMENT, type Rules } from './edits.ts';

/** What `access apply` takes and `access show` prints: `{ "views": { … }, "teams": { … } }`. */
const KEYS = ['views', 'teams'];

/** Parses a rules file's content; `place` names the file in the message. Throws `ConfigError`. */
export function readRules(value: unknown, place: string): Rules {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ConfigError(`${place}: should be a JSON object with "views" and "teams"`);
  for (const key of Object.keys(value)) {
    if (KEYS.includes(key)) continue;
    const hint = key === 'tokens' ? '; tokens are made by mesos-doh token create' : nearest(key, KEYS);
    throw new ConfigError(`${place}: unknown key ${key}${hint}`);
  }
  const given = new Map<string, unknown>(Object.entries(value));
  const [views, teams] = KEYS.map((key) => given.get(key) ?? {});
  try {
    const read = readAccessJson({ format: 1, serial: 0, issuedAtMs: 0, views, teams, tokens: [] });
    for (const [name, { ratePerMinute }] of read.views)
      if (ratePerMinute === 0)
        throw new ConfigError(`${place}: views.${name}.ratePerMinute: should be 1 or more`);
    const normal = [...read.teams].map(([name, team]) => [name, withPlainFingerprints(team, name)] as const);
    return { views: read.views, teams: new Map(normal) };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new ConfigError(`${place}: ${error.message.replace(/^access document\.?/, '')}`, { cause: error });
  }
}

/** Fingerprints as `openssl x509 -fingerprint -sha256` prints them, with colons and in capitals, are fine too. */
function withPlainFingerprints(team: Team, name: string): Team {
  const { certificates } = team;
  if (!certificates?.fingerprintsSha256) return team;
  const fingerprintsSha256 = certificates.fingerprintsSha256.map((text, i) => {
    const plain = text.replaceAll(':', '').toLowerCase();
    if (/^[0-9a-f]{64}$/.test(plain)) return plain;
    throw new FormatError(
      `teams.${name}.certificates.fingerprintsSha256[${i}]`,
      'is no SHA-256 fingerprint: 64 hexadecimal digits, as openssl x509 -noout -fingerprint -sha256 prints them',
    );
  });
  return { ...team, certificates: { ...certificates, fingerprintsSha256 } };
}

/** The rules of a document as the file would say them: indented JSON, with its final newline. */
export function rulesText({ views, teams }: Rules): string {
  const { views: shownViews, teams: shownTeams } = plain({ views, teams });
  return `${JSON.stringify({ views: shownViews, teams: shownTeams }, undefined, 2)}\n`;
}

/** Each view and team as a text, the same for the same rules whatever the order of their keys; by `view x`, `team y`. */
export function ruleTexts(rules: Rules): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const [name, view] of rules.views) texts.set(`view ${name}`, sortedText(view));
  for (const [name, team] of rules.teams) texts.set(`team ${name}`, sortedText(team));
  return texts;
}

function plain(rules: Rules): { readonly views: unknown; readonly teams: unknown } {
  const document: AccessDocument = { ...EMPTY_DOCUMENT, ...rules };
  const fields = new Map(Object.entries(accessJson(document) as object));
  return { views: fields.get('views'), teams: fields.get('teams') };
}

function sortedText(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}

/** A file to begin with, for a zone: one team that sees all of it, one that sees one framework. */
export function exampleRules(origin: string): string {
  const rules = {
    views: {
      everything: { zones: [{ origin }], forwarding: false, enumeration: true },
      payments: {
        zones: [{ origin, frameworks: ['marathon'] }],
        forwarding: false,
        ratePerMinute: 600,
      },
    },
    teams: { operators: { view: 'everything' }, payments: { view: 'payments' } },
  };
  return `${JSON.stringify(rules, undefined, 2)}\n`;
}
