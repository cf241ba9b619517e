import { canonicalAddress } from '../../zone/address.ts';
import type { MesosTask, RunningStatus } from '../cluster.ts';

/** Where a task's address may come from, by mesos-dns's names (`IPSources`). */
export const IP_SOURCES = ['host', 'netinfo', 'docker', 'mesos'] as const;
export type IpSource = (typeof IP_SOURCES)[number];

/**
 * A task's addresses in canonical form: those of the first source that has a good one, all of them, v4 and v6
 * together. `hostAddresses` are its agent's.
 */
export function taskAddresses(
  task: MesosTask,
  ipSources: readonly IpSource[],
  hostAddresses: readonly string[],
): readonly string[] {
  const status = newestRunning(task.running);
  for (const source of ipSources) {
    if (source === 'host') {
      if (hostAddresses.length > 0) return hostAddresses;
      continue;
    }
    const texts = status?.[source] ?? [];
    const addresses = texts.map((text) => canonicalAddress(text)).filter((address) => address !== undefined);
    if (addresses.length > 0) return addresses;
  }
  return [];
}

/** The TASK_RUNNING status with the greatest timestamp above -1; of equal ones the earlier in the list. */
function newestRunning(statuses: readonly RunningStatus[]): RunningStatus | undefined {
  let newest: RunningStatus | undefined;
  for (const status of statuses) if (status.timestamp > (newest?.timestamp ?? -1)) newest = status;
  return newest;
}
