import type { AgentStanding } from './cluster-snapshot.ts';

/** What agents of these releases can do, by the names that both shapes have. */
export const AGENT_CAPABILITIES = [
  'MULTI_ROLE',
  'HIERARCHICAL_ROLE',
  'RESERVATION_REFINEMENT',
  'AGENT_DRAINING',
] as const;

/** Draining comes with deactivation (apache/mesos docs/maintenance.md). */
export function isDeactivated(standing: AgentStanding | undefined): boolean {
  return standing !== undefined && standing !== 'disconnected';
}

/** The same in both shapes: it is a protobuf in both. */
export function drainInfo(standing: AgentStanding | undefined) {
  if (standing !== 'draining' && standing !== 'drained') return undefined;
  return { state: standing.toUpperCase(), config: { mark_gone: false } };
}
