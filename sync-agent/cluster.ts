/**
 * What sources saw of a cluster, already parsed: facts, no record names. Texts stand as the cluster wrote
 * them; what a name or an address becomes of them is decided in `records/`.
 */
export type ClusterState = {
  /** The leading master; undefined where the state names none. */
  readonly leader: Endpoint | undefined;
  readonly agents: readonly MesosAgent[];
  readonly frameworks: readonly MesosFramework[];
  /** What the cluster says of things that are gone: evidence that their names may go too. */
  readonly ended: Ended;
  /** Agents of the last leader that have not come back to this one yet: their tasks are not in the state. */
  readonly recoveringAgents: number;
  /** All masters, in the order that gives `master0` and so on; undefined: those of the settings. */
  readonly masters?: readonly Endpoint[] | undefined;
  /** When the facts were taken, Unix seconds; undefined for a saved state. */
  readonly asOfSeconds?: number;
};

export type Ended = {
  readonly tasks: readonly EndedTask[];
  /** Names of completed frameworks, less those that a registered one has too. */
  readonly frameworks: readonly string[];
  /** Names of completed frameworks that may be older ones of the same name. */
  readonly namesakes?: readonly string[];
  /** Ids of completed frameworks by name. */
  readonly frameworkIds?: ReadonlyMap<string, readonly string[]>;
};

/** A task in a terminal state, by what tells its names from any other task's. */
export type EndedTask = {
  readonly id: string;
  readonly agentId: string;
  readonly frameworkName: string;
};

/** Host and port as texts: a port may be empty or a service's name. An IPv6 host stands without brackets. */
export type Endpoint = { readonly host: string; readonly port: string };

export type MesosAgent = {
  readonly id: string;
  /** From its pid; undefined where that can't be read: the agent is known, its address is not. */
  readonly endpoint: Endpoint | undefined;
  /** Undefined for an agent that is connected and takes tasks. */
  readonly standing?: AgentStanding | undefined;
  /** Its text attributes, such as `rack` or `public_ip`. */
  readonly attributes?: Readonly<Record<string, string>> | undefined;
};

/** `drained` as well counts as draining; an agent that is draining is deactivated too. */
export type AgentStanding = 'disconnected' | 'deactivated' | 'draining';

export type MesosFramework = {
  readonly id: string;
  readonly name: string;
  /** From its pid, or its hostname without a port; undefined where there is neither. */
  readonly endpoint: Endpoint | undefined;
  readonly tasks: readonly MesosTask[];
};

export type MesosTask = {
  readonly id: string;
  readonly name: string;
  readonly agentId: string;
  /** `TASK_RUNNING` and so on. */
  readonly state: string;
  readonly ports: readonly PortRange[];
  /** The statuses that say TASK_RUNNING, in the order the cluster gave them. */
  readonly running: readonly RunningStatus[];
  /** Its newest status says TASK_KILLING, be its state still TASK_RUNNING. */
  readonly killing?: boolean | undefined;
  /** Only with a name: without one, mesos takes it as not there. */
  readonly discovery: Discovery | undefined;
};

/** Both ends included. */
export type PortRange = { readonly begin: number; readonly end: number };

/** Address texts by where the status has them; any of them may be no address at all. */
export type RunningStatus = {
  /** Seconds; missing is 0. */
  readonly timestamp: number;
  readonly netinfo: readonly string[];
  readonly docker: readonly string[];
  readonly mesos: readonly string[];
  /** What its health check says; undefined without one. */
  readonly healthy?: boolean | undefined;
};

export type Discovery = {
  readonly name: string;
  readonly ports: readonly DiscoveryPort[];
  /** `FRAMEWORK`, `CLUSTER` or `EXTERNAL`; undefined where the state has none. */
  readonly visibility?: string | undefined;
};

/** Empty texts for what is missing, 0 for a missing number. */
export type DiscoveryPort = {
  readonly number: number;
  readonly name: string;
  readonly protocol: string;
  readonly visibility?: string | undefined;
};

/** An element that was left out of a state or of the records, so that the rest could go on. */
export type Skipped = {
  /** Countable: `agent-pid`, `task-field`, `name-not-askable`, … */
  readonly reason: SkipReason;
  /** For people: which element, and what is wrong with it. */
  readonly detail: string;
};

export type SkipReason =
  | 'agent-field'
  | 'agent-pid'
  | 'framework-field'
  | 'framework-pid'
  | 'leader'
  | 'task-field'
  | 'task-ports'
  | 'status-field'
  | 'discovery-port'
  | 'host-unresolved'
  | 'unknown-agent'
  | 'reserved-name'
  | 'name-not-askable'
  | 'value-not-answerable'
  | 'too-many-ports';

/** Takes each skipped element as it is met. */
export type ReportSkipped = (skipped: Skipped) => void;
