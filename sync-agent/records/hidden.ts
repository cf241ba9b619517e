import type { HiddenBy, HiddenTask } from './eligible.ts';
import type { PublishRule } from './shape-publish.ts';

/** The key of the configuration that leaves such tasks out. */
const SETTING: Readonly<Record<Exclude<HiddenBy, PublishRule>['reason'], string>> = {
  unhealthy: 'records.health.unhealthyTasks',
  killing: 'records.killingTasks',
  'agent-draining': 'records.drainingAgents',
  'agent-deactivated': 'records.deactivatedAgents',
  visibility: 'records.minVisibility',
};

/** For people: `unhealthy since 2016-03-22T05:39:51Z (records.health.unhealthyTasks)`. */
export function sayWhyHidden({ why }: HiddenTask): string {
  return 'by' in why ? `${why.what} (${why.by})` : `${sayWhat(why)} (${SETTING[why.reason]})`;
}

function sayWhat(why: Exclude<HiddenBy, PublishRule>): string {
  switch (why.reason) {
    case 'unhealthy':
      return `unhealthy since ${sayTime(why.sinceSeconds)}`;
    case 'killing':
      return 'being killed';
    case 'agent-draining':
      return `agent ${why.agentId}, which runs it, is draining`;
    case 'agent-deactivated':
      return `agent ${why.agentId}, which runs it, is deactivated`;
    case 'visibility':
      return `its visibility is ${why.visibility.toUpperCase()}`;
  }
}

/** To the second; as a number where it is no time that a calendar has. */
function sayTime(seconds: number): string {
  const date = new Date(Math.floor(seconds) * 1000);
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString().replace('.000Z', 'Z');
}
