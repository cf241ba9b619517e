import type { ClusterSnapshot, PortRange, SimulatedAgent, SimulatedFramework } from './cluster-snapshot.ts';

type Used = {
  readonly cpus: number;
  readonly memMiB: number;
  readonly diskMiB: number;
  readonly ports: readonly number[];
};
type Sum = { cpus: number; memMiB: number; diskMiB: number; readonly ports: number[] };
type Owner = SimulatedAgent | SimulatedFramework;

/** What is used of each agent, and by each framework; those without tasks are not in it. */
export type UsedBy = ReadonlyMap<Owner, Used>;

/** For owners that no task runs on or for. */
export const NOTHING_USED: Used = { cpus: 0, memMiB: 0, diskMiB: 0, ports: [] };

/** What the living tasks take of each agent, and each framework in all. */
export function usedBy(snapshot: ClusterSnapshot): UsedBy {
  const sums = new Map<Owner, Sum>();
  const sumOf = (owner: Owner): Sum => {
    const sum = sums.get(owner) ?? { cpus: 0, memMiB: 0, diskMiB: 0, ports: [] };
    sums.set(owner, sum);
    return sum;
  };
  for (const { framework, tasks } of snapshot.frameworks) {
    for (const { app, agent, hostPorts } of tasks) {
      for (const sum of [sumOf(framework), sumOf(agent)]) {
        sum.cpus += app.cpus;
        sum.memMiB += app.memMiB;
        sum.diskMiB += app.diskMiB;
        sum.ports.push(...hostPorts);
      }
    }
  }
  return sums;
}

/** As `common/http.cpp` writes resources: four numbers always, ports only where there are any. */
export function resourceFields({ cpus, memMiB, diskMiB, ports }: Used) {
  return {
    disk: diskMiB,
    mem: memMiB,
    gpus: 0,
    // Mesos counts in thousandths; sums of floats would show more.
    cpus: Math.round(cpus * 1_000) / 1_000,
    ports: ports.length === 0 ? undefined : rangesText(joinNeighbours(ports)),
  };
}

/** `[31000-31001, 31005-31005]`: one port is a range of its own. */
export function rangesText(ranges: readonly PortRange[]): string {
  return `[${ranges.map(([first, last]) => `${first}-${last}`).join(', ')}]`;
}

/** Ports in order, neighbours as one range. */
export function joinNeighbours(ports: readonly number[]): readonly PortRange[] {
  const ranges: [first: number, last: number][] = [];
  for (const port of ports.toSorted((a, b) => a - b)) {
    const range = ranges.at(-1);
    if (range !== undefined && port <= range[1] + 1) range[1] = port;
    else ranges.push([port, port]);
  }
  return ranges;
}
