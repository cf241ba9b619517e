import type { AccessDocument, Team } from '../../zone/access-document.ts';
import { remember } from '../../zone/remember.ts';

/** Which team one of several names is of, in an access document. */
export type TeamIndex = (access: AccessDocument, names: readonly string[]) => string | undefined;

/**
 * Teams by the names that a method knows their people by. Where names lead to several teams, the first in the
 * document is taken. Made once a document; empty names are nobody's.
 */
export function createTeamIndex(namesOf: (team: Team) => readonly string[]): TeamIndex {
  const indexOf = remember((access: AccessDocument) => {
    const index = new Map<string, number>();
    for (const [at, team] of [...access.teams.values()].entries())
      for (const name of namesOf(team)) if (!index.has(name)) index.set(name, at);
    return { index, teams: [...access.teams.keys()] };
  }, 1);
  return (access, names) => {
    const { index, teams } = indexOf(access);
    return teams[Math.min(...names.map((name) => index.get(name) ?? Infinity))];
  };
}
