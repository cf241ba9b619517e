import type { ClientAbout } from './client-finding.ts';
import type { EdgeAbout } from './edge-finding.ts';

/** What a check found: one line for a person, and what to do about it. */
export type Finding = {
  readonly about: About | EdgeAbout | ClientAbout;
  /** `advice`: it works, and could be better or is worth knowing. `skipped`: could not be checked, says why. */
  readonly verdict: 'well' | 'advice' | 'wrong' | 'skipped';
  readonly says: string;
  /** For `wrong` and mostly for `advice`: what a person can do. */
  readonly mend?: string;
};

export type About =
  | 'node'
  | 'configuration'
  | 'data directory'
  | 'signing key'
  | 'ZooKeeper'
  | 'masters'
  | 'leader'
  | 'state'
  | 'stream'
  | 'Aurora'
  | 'Consul'
  | 'store'
  | 'zone'
  | 'clock'
  | 'agent'
  | 'peers';

const SHOWN: Readonly<Record<Finding['verdict'], string>> = {
  well: 'well   ',
  advice: 'advice ',
  wrong: 'WRONG  ',
  skipped: 'skipped',
};
const ABOUT_WIDTH = 'data directory'.length;

/** One line without its end. What servers said is in it: none of it may steer the terminal. */
export function renderFinding({ about, verdict, says, mend }: Finding): string {
  const words = mend === undefined ? says : `${says}. ${mend}`;
  return `${SHOWN[verdict]}  ${about.padEnd(ABOUT_WIDTH)}  ${words.replaceAll(/[\p{C}\s]+/gu, ' ')}`;
}

/** The sum under the lines, such as `1 wrong, 2 to consider, 9 well`. */
export function renderSum(findings: readonly Finding[]): string {
  const count = (verdict: Finding['verdict']): number =>
    findings.filter((finding) => finding.verdict === verdict).length;
  const parts = [
    `${count('wrong')} wrong`,
    `${count('advice')} to consider`,
    `${count('well')} well`,
    ...(count('skipped') > 0 ? [`${count('skipped')} not checked`] : []),
  ];
  return parts.join(', ');
}

export function isAllWell(findings: readonly Finding[]): boolean {
  return findings.every(({ verdict }) => verdict !== 'wrong');
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
