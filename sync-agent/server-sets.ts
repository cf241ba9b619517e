import { canonicalAddress } from '../zone/address.ts';
import type {
  ClusterState,
  DiscoveryPort,
  MesosAgent,
  MesosFramework,
  MesosTask,
  ServerSet,
  ServerSetEndpoint,
  ServerSetMember,
  SrvNumbers,
} from './cluster.ts';

/**
 * A cluster with the ServerSets of its Aurora: what they say of hosts and ports is joined to the agents and tasks
 * that Mesos knows, so that one instance has one name. Pure.
 *
 * A member's host is an agent by its host name or address. A port is a task's where a running one of that agent, with
 * the DiscoveryInfo name `<job>.<environment>.<role>`, has it. What vectors say of such a port goes to the task's own.
 */
export function joinServerSets(state: ClusterState, sets: readonly ServerSet[]): ClusterState {
  const agentsOf = hostIndex(state.agents);
  const known = new Set(state.agents.map(({ id }) => id));
  const tasksOf = taskIndex(state.frameworks, { sets, known });
  const weights = new Map<MesosTask, Map<number, SrvNumbers>>();

  const joinSet = (set: ServerSet): ServerSet => {
    const { named, tasks } = tasksOf(set);
    const join = <E extends ServerSetEndpoint>(endpoint: E, { task: placed }: ServerSetMember): E => {
      const agentIds = placed && known.has(placed.agentId) ? [placed.agentId] : agentsOf(endpoint.host);
      // A task that is named is the one, has it a port there or not.
      const isIt = (each: MesosTask): boolean =>
        placed === undefined
          ? hasPort(each, endpoint.port)
          : placed.taskId === each.id && (endpoint.port === 0 || hasPort(each, endpoint.port));
      const task = tasks.find((each) => agentIds.includes(each.agentId) && isIt(each));
      if (task && endpoint.srv) {
        const ports = weights.get(task) ?? new Map<number, SrvNumbers>();
        weights.set(task, ports.set(endpoint.port, endpoint.srv));
      }
      const agentId = task?.agentId ?? agentIds[0];
      return {
        ...endpoint,
        ...(agentId !== undefined && { agentId }),
        ...(task && { taskId: task.id }),
      };
    };
    return {
      ...set,
      frameworkName: named ?? set.frameworkName,
      members: set.members.map((member) => ({
        ...member,
        primary: join(member.primary, member),
        additional: member.additional.map((endpoint) => join(endpoint, member)),
      })),
    };
  };
  const serverSets = sets.map((set) => joinSet(set));
  return { ...state, serverSets, frameworks: weighed(state.frameworks, weights) };
}

/** The name that Aurora gives a job's tasks in their DiscoveryInfo (`MesosTaskFactory.java`). */
function discoveryName({ role, environment, job }: Pick<ServerSet, 'role' | 'environment' | 'job'>): string {
  return `${job}.${environment}.${role}`;
}

/** Is a framework the one that a set is of? Its name is written in several ways: `aurora`, `Aurora`. */
function isOf({ name }: MesosFramework, { frameworkName }: ServerSet): boolean {
  return name.toLowerCase() === frameworkName.toLowerCase();
}

type TasksOfSet = { readonly named: string | undefined; readonly tasks: readonly MesosTask[] };

function taskIndex(
  frameworks: readonly MesosFramework[],
  { sets, known }: { sets: readonly ServerSet[]; known: ReadonlySet<string> },
): (set: ServerSet) => TasksOfSet {
  const wanted = new Set(sets.map((set) => discoveryName(set)));
  const byFramework = new Map<MesosFramework, Map<string, MesosTask[]>>();
  for (const framework of frameworks) {
    if (!sets.some((set) => isOf(framework, set))) continue;
    const byName = new Map<string, MesosTask[]>();
    for (const task of framework.tasks) {
      const name = task.discovery?.name;
      if (name === undefined || !wanted.has(name)) continue;
      if (task.state !== 'TASK_RUNNING' || !known.has(task.agentId)) continue;
      byName.set(name, [...(byName.get(name) ?? []), task]);
    }
    byFramework.set(framework, byName);
  }
  return (set) => {
    const name = discoveryName(set);
    const own = [...byFramework].filter(([framework]) => isOf(framework, set));
    return { named: own[0]?.[0].name, tasks: own.flatMap(([, byName]) => byName.get(name) ?? []) };
  };
}

/** Agents' ids by their host names, and by their addresses. */
function hostIndex(agents: readonly MesosAgent[]): (host: string) => readonly string[] {
  const byHost = new Map<string, string[]>();
  const add = (host: string | undefined, id: string): void => {
    if (host === undefined || host === '') return;
    const key = hostKey(host);
    const ids = byHost.get(key);
    if (!ids) byHost.set(key, [id]);
    else if (!ids.includes(id)) ids.push(id);
  };
  for (const { id, hostname } of agents) add(hostname, id);
  for (const { id, endpoint } of agents) add(endpoint?.host, id);
  return (host) => byHost.get(hostKey(host)) ?? [];
}

function hostKey(host: string): string {
  return canonicalAddress(host) ?? host.toLowerCase().replace(/\.$/, '');
}

function hasPort({ ports, discovery }: MesosTask, port: number): boolean {
  if (port === 0) return false;
  return (
    discovery?.ports.some(({ number }) => number === port) === true ||
    ports.some(({ begin, end }) => begin <= port && port <= end)
  );
}

function weighed(
  frameworks: readonly MesosFramework[],
  weights: ReadonlyMap<MesosTask, ReadonlyMap<number, SrvNumbers>>,
): readonly MesosFramework[] {
  if (weights.size === 0) return frameworks;
  return frameworks.map((framework) =>
    framework.tasks.some((task) => weights.has(task))
      ? { ...framework, tasks: framework.tasks.map((task) => weighTask(task, weights.get(task))) }
      : framework,
  );
}

function weighTask(task: MesosTask, ports: ReadonlyMap<number, SrvNumbers> | undefined): MesosTask {
  if (!ports || !task.discovery) return task;
  const weigh = (port: DiscoveryPort): DiscoveryPort => {
    const srv = ports.get(port.number);
    return srv ? { ...port, srv } : port;
  };
  return {
    ...task,
    discovery: { ...task.discovery, ports: task.discovery.ports.map((port) => weigh(port)) },
  };
}
