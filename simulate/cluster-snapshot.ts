type Label = { readonly key: string; readonly value: string };

/** Host ports: the first and the last, both on offer. */
export type PortRange = readonly [first: number, last: number];

export type SimulatedAgent = {
  /** `<uuid>-S<n>`, as the master numbers them. */
  readonly id: string;
  readonly hostname: string;
  readonly ip: string;
  readonly port: number;
  readonly region: string;
  readonly zone: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly registeredSeconds: number;
  readonly cpus: number;
  readonly memMiB: number;
  readonly diskMiB: number;
  readonly portRanges: readonly PortRange[];
};

export type SimulatedFramework = {
  /** `<uuid>-000<n>`. */
  readonly id: string;
  readonly name: string;
  readonly kind: 'marathon' | 'aurora' | 'chronos' | 'sdk' | 'jenkins' | 'metronome';
  /** `scheduler-<uuid>@ip:port`; undefined for a scheduler on the HTTP API, which has no PID. */
  readonly pid: string | undefined;
  readonly hostname: string;
  readonly webuiUrl: string;
  readonly role: string;
  readonly principal: string;
  readonly capabilities: readonly string[];
  readonly registeredSeconds: number;
};

/** A port that an app asks for; which host port it gets is up to its task. */
export type AppPort = {
  readonly name: string | undefined;
  /** As the scheduler wrote it: Aurora writes `TCP`. Undefined means both, to mesos-dns. */
  readonly protocol: string | undefined;
  readonly containerPort: number;
};

/** What a task says of itself for others to find it (`DiscoveryInfo` in Mesos). */
type AppDiscovery = {
  readonly name: string | undefined;
  readonly visibility: 'FRAMEWORK' | 'CLUSTER' | 'EXTERNAL';
  readonly environment?: string;
  readonly location?: string;
  readonly labels: readonly Label[];
};

/** What a framework was asked to run: everything that its tasks share. */
export type SimulatedApp = {
  /** As its framework knows it: `/prod/web` in Marathon, `role/env/job` in Aurora. */
  readonly id: string;
  readonly framework: SimulatedFramework;
  /** The name of its tasks in Mesos: `web.prod`. */
  readonly name: string;
  /** The host's own addresses, Docker's bridge with host ports, or an address for each container. */
  readonly network: 'host' | 'bridge' | 'container';
  readonly dualStack: boolean;
  readonly ports: readonly AppPort[];
  readonly discovery: AppDiscovery | undefined;
  readonly labels: readonly Label[];
  readonly healthCheckPath: string | undefined;
  readonly image: string | undefined;
  /** Runs once, such as a Kafka broker or a job. */
  readonly single: boolean;
  readonly cpus: number;
  readonly memMiB: number;
  readonly diskMiB: number;
};

export type EndState = 'TASK_FINISHED' | 'TASK_FAILED' | 'TASK_KILLED';
export type TaskState =
  | 'TASK_STAGING'
  | 'TASK_STARTING'
  | 'TASK_RUNNING'
  | 'TASK_KILLING'
  | 'TASK_UNREACHABLE'
  | 'TASK_LOST'
  | EndState;

/** What an executor reported, and when. */
export type SimulatedStatus = {
  readonly state: TaskState;
  readonly timestampSeconds: number;
  /** Undefined where nothing checks the task. */
  readonly healthy: boolean | undefined;
};

/** A task as it is now. Never changed in place: a mutation puts another in its place. */
export type SimulatedTask = {
  readonly id: string;
  readonly app: SimulatedApp;
  readonly agent: SimulatedAgent;
  /** Which of its app's instances (Aurora's shard); a restart keeps it. */
  readonly instance: number;
  /** Empty for the command executor. */
  readonly executorId: string;
  readonly containerId: string;
  readonly hostPorts: readonly number[];
  /** What the container reports as its addresses; empty if the executor reports none. */
  readonly addresses: readonly string[];
  readonly state: TaskState;
  /** Oldest first. */
  readonly statuses: readonly SimulatedStatus[];
};

/** A framework with its tasks at one instant. */
export type FrameworkSnapshot = {
  readonly framework: SimulatedFramework;
  readonly tasks: readonly SimulatedTask[];
  readonly completedTasks: readonly SimulatedTask[];
  /** Those whose agent was lost: they may still run, and nobody can tell. */
  readonly unreachableTasks?: readonly SimulatedTask[];
  /** False while its scheduler is away; its tasks run on. */
  readonly connected?: boolean;
  /** When it left; undefined while it is here. */
  readonly unregisteredSeconds: number | undefined;
};

/** What an operator did to an agent, or the network: undefined for one that takes tasks. */
export type AgentStanding = 'disconnected' | 'deactivated' | 'draining' | 'drained';

/** The cluster at one instant; later mutations don't show in it, so it can be written out at leisure. */
export type ClusterSnapshot = {
  readonly startedSeconds: number;
  readonly agents: readonly SimulatedAgent[];
  readonly frameworks: readonly FrameworkSnapshot[];
  readonly completedFrameworks: readonly FrameworkSnapshot[];
  /** Of the agents that don't take tasks, by id. */
  readonly standings?: ReadonlyMap<string, AgentStanding>;
  /** Agents a new leader knows of and has not heard from: their tasks are not in `frameworks`. */
  readonly recoveredAgents: readonly SimulatedAgent[];
};
