import type { Case } from './examine.ts';
import { succeeded } from './keep.ts';
import type { Missing } from './missing.ts';
import { takenOver } from './taken-over.ts';

/** A case, and what becomes of what is missing in it. */
export type Judged = Case & {
  readonly held: readonly Missing[];
  /** Had been held, or was to be, and goes now. */
  readonly released: readonly Missing[];
  /** Goes as it came: too little to be held. */
  readonly letGo: readonly Missing[];
  readonly why: 'removed' | 'nothing-left' | 'recovering-agents';
};

export type JudgeOptions = {
  /** Did the scope lose too much? */
  readonly isTripped: (scopeKey: string) => boolean;
  readonly nowMs: number;
  readonly settleSeconds: number;
  readonly forced: boolean;
  readonly domain: string;
};

export function judge(each: Case, options: JudgeOptions): Judged {
  const { isTripped, nowMs, settleSeconds, forced } = options;
  const { source, scopes, clocks, unexplained } = each;
  const isEmpty = source.frameworks === 0 || source.tasks === 0;
  const nothingLeft = isEmpty && unexplained.some(({ value }) => value === undefined);
  const all = clocks.awaitsAgents || nothingLeft;
  const isSettled = (sinceMs: number): boolean =>
    !clocks.awaitsAgents && sinceMs < nowMs && sinceMs + settleSeconds * 1000 <= nowMs;

  const wanted: Missing[] = [];
  const released: Missing[] = [];
  const letGo: Missing[] = [];
  for (const missing of unexplained) {
    const sinceMs = clocks.sinceOf(missing);
    const isHeld = sinceMs !== undefined || all || scopes.ofMissing(missing).some((key) => isTripped(key));
    if (!isHeld) letGo.push(missing);
    else if (forced || (sinceMs !== undefined && isSettled(sinceMs))) released.push(missing);
    else wanted.push(missing);
  }
  const replaced = replacedAmong(wanted, each, options.domain);
  const why = clocks.awaitsAgents ? 'recovering-agents' : nothingLeft ? 'nothing-left' : 'removed';
  return {
    ...each,
    held: wanted.filter((missing) => !replaced.has(missing)),
    released,
    letGo: [...letGo, ...replaced],
    why,
  };
}

/** Those whose last values would lead to another, or beside their successor. */
function replacedAmong(
  missing: readonly Missing[],
  { source, newcomers, clocks }: Case,
  domain: string,
): ReadonlySet<Missing> {
  if (missing.length === 0) return new Set();
  const { published, ended } = source;
  const { contested } = ended;
  return new Set([
    ...takenOver(missing, source, domain),
    // While agents are on their way to a new leader, what is missing most likely still runs, successor or not.
    ...(clocks.awaitsAgents ? [] : succeeded(missing, { published, newcomers, domain, contested })),
  ]);
}
