import type { ClusterState, DiscoveryPort, MesosTask } from '../cluster.ts';
import { clusterPart, type PlacedAgent } from './cluster-records.ts';
import { portsOfAgent } from './dcos.ts';
import { type DcosReach, reachOf } from './dcos-reach.ts';
import { sayWhyHidden } from './hidden.ts';
import { createShaper } from './shape.ts';
import { shapedTask } from './shape-records.ts';
import { partsOf } from './framework-alias.ts';
import { visibilityOf, withVisiblePorts } from './visibility.ts';
import type { WhyNot, WhyNotOptions } from './why-not.ts';

/** A task under one name of its framework's, with what its names in DC/OS's zone hang on. */
export type DcosPlacedTask = {
  readonly task: MesosTask;
  /** For people. */
  readonly who: string;
  /** The framework's part of names. */
  readonly part: string;
  /** Why none of its names are there; undefined where that is not so. */
  readonly absent: WhyNot | undefined;
  /** Undefined where its agent is not known. */
  readonly reach: DcosReach | undefined;
  /** Ports, seen or not. */
  readonly ports: readonly DiscoveryPort[];
  readonly isVisible: (port: DiscoveryPort) => boolean;
};

/** All tasks of a state, each once for every name that its framework has. For `explain`. */
export function* dcosPlacedTasks(state: ClusterState, options: WhyNotOptions): Generator<DcosPlacedTask> {
  const { settings, hidden } = options;
  const least = settings.tasks?.minVisibility ?? 'framework';
  const { agents, frameworks } = clusterPart(state, options);
  const placed = new Map(agents.map((each) => [each.agent.id, each]));
  const shaper = settings.shape && createShaper(settings.shape);
  for (const { framework, part: own } of frameworks) {
    for (const part of partsOf(own, settings)) {
      for (const unshaped of framework.tasks) {
        const who = `task ${unshaped.id} of framework ${JSON.stringify(framework.name)}`;
        const shape = shaper?.(unshaped, own);
        const task = shape ? shapedTask(unshaped, shape) : unshaped;
        const at = placed.get(task.agentId);
        const visible = new Set(task.discovery && withVisiblePorts(task.discovery, least).ports);
        const why = hidden.get(unshaped);
        yield {
          task,
          who,
          part,
          absent: why
            ? {
                reason: `hidden-${why.reason}`,
                detail: `${who} is hidden: ${sayWhyHidden({ task: unshaped, why })}`,
              }
            : absentBy(task, { who, at, isOutside: settings.agentAddressAttribute !== undefined }),
          reach: at && reachOf(task, { part, settings, agent: at.agent, agentAddresses: at.addresses }),
          ports: task.discovery?.ports ?? portsOfAgent(task, settings.maxPortsPerTask),
          isVisible: (port) => !task.discovery || visible.has(port),
        };
      }
    }
  }
}

function absentBy(
  task: MesosTask,
  {
    who,
    at,
    isOutside,
  }: { readonly who: string; readonly at: PlacedAgent | undefined; readonly isOutside: boolean },
): WhyNot | undefined {
  if (task.state !== 'TASK_RUNNING')
    return { reason: 'task-not-running', detail: `${who} is ${task.state || 'in no state'}` };
  if (!at)
    return { reason: 'unknown-agent', detail: `${who} runs on agent ${task.agentId}, which is not listed` };
  if (isOutside && at.addresses.length === 0)
    return {
      reason: 'no-address',
      detail: `${who} runs on agent ${task.agentId}, which has no address by the variant's agentAddressAttribute`,
    };
  return undefined;
}

export type PortOfTask = {
  readonly placed: DcosPlacedTask;
  readonly port: Pick<DiscoveryPort, 'number' | 'labels'>;
  /** How the port comes into it: `label VIP_0`. */
  readonly what: string;
};

/** Why a port of a task whose names are there is at none of them; undefined for one that is. */
export function portWhyNot({ placed: { task, who, reach }, port, what }: PortOfTask): WhyNot | undefined {
  if (!reach) return undefined;
  if (port.number < 1 || port.number > 65_535)
    return {
      reason: 'no-port',
      detail: `${who}: ${what} is at port ${port.number}, which is none that anybody reaches`,
    };
  const site = reach.siteOf(port);
  if (!site)
    return {
      reason: 'no-address',
      detail: `${who}: ${what} is at port ${port.number} of its container, whose address is not told (network infos)`,
    };
  if (reach.addresses[site].length > 0) return undefined;
  const whose = site === 'agentip' ? `agent ${task.agentId}` : 'its container';
  return {
    reason: 'no-address',
    detail: `${who}: ${what} is at port ${port.number} of ${whose}, which has no address that is published`,
  };
}

/** Of a port that is not meant to be seen so far. */
export function hiddenPort({
  placed: { who },
  port,
  what,
}: PortOfTask & { readonly port: DiscoveryPort }): WhyNot {
  return {
    reason: 'port-hidden',
    detail: `${who}: ${what} is at port ${port.number}, whose visibility is ${visibilityOf(port.visibility).toUpperCase()} and too low (records.minVisibility)`,
  };
}
