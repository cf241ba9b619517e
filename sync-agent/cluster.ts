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
  /** Where Aurora's jobs announce themselves, as `server-sets.ts` joins them; undefined where nobody asks. */
  readonly serverSets?: readonly ServerSet[] | undefined;
  /** Those of a zone file; undefined without one. */
  readonly staticRecords?: readonly StaticRecord[] | undefined;
};

/** A record that the operator wrote: what a name (with its final dot) holds, as a record set has it. */
export type StaticRecord = {
  readonly name: string;
  readonly type: 'A' | 'AAAA' | 'SRV' | 'MORE';
  readonly value: string;
};

export type Ended = {
  readonly tasks: readonly EndedTask[];
  /** Names of completed frameworks, less those that a registered one has too. */
  readonly frameworks: readonly string[];
  /** Names of completed frameworks that may be older ones of the same name. */
  readonly namesakes?: readonly string[];
  /** Ids of all completed frameworks by name. */
  readonly frameworkIds?: ReadonlyMap<string, readonly string[]>;
  /** Names of registered frameworks by id; undefined where there are none, or they are not known. */
  readonly registered?: ReadonlyMap<string, string>;
  /** Parts of names that several frameworks have, none of them known to have completed. */
  readonly contested?: ReadonlySet<string>;
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
  /** As the operator named it: a host name, or an address. */
  readonly hostname?: string | undefined;
};

/** Labels by key; of a key that is there twice the first value. */
export type Labels = Readonly<Record<string, string>>;

/** `drained` as well counts as draining; an agent that is draining is deactivated too. */
export type AgentStanding = 'disconnected' | 'deactivated' | 'draining';

export type MesosFramework = {
  readonly id: string;
  readonly name: string;
  /** Those it is subscribed with, but `*`; undefined where it has no other, or nobody keeps them. For `explain`. */
  readonly roles?: readonly string[] | undefined;
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
  readonly labels?: Labels | undefined;
  /** Whose resources it has; undefined for `*`. */
  readonly role?: string | undefined;
  /** A port of the agent leads into its container. */
  readonly hasHostPorts?: boolean | undefined;
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
  readonly labels?: Labels | undefined;
};

/** Empty texts for what is missing, 0 for a missing number. */
export type DiscoveryPort = {
  readonly number: number;
  readonly name: string;
  readonly protocol: string;
  readonly visibility?: string | undefined;
  readonly labels?: Labels | undefined;
  /** Of its SRV records, where something else than the zone's is wanted. */
  readonly srv?: SrvNumbers | undefined;
};

/** Priority and weight of SRV records, 0 to 65535 (RFC 2782). */
export type SrvNumbers = { readonly priority: number; readonly weight: number };

/** An Aurora job: `vagrant/test/http_example`. */
export type JobKey = { readonly role: string; readonly environment: string; readonly job: string };

/** The running instances of an Aurora job, as they announce themselves. */
export type ServerSet = JobKey & {
  /** Whose names they get: `Aurora`. */
  readonly frameworkName: string;
  /** Those that are ALIVE. */
  readonly members: readonly ServerSetMember[];
};

export type ServerSetMember = {
  /** Of its node, `member_0000000003`, or the task's id; unique in its set. */
  readonly name: string;
  /** The instance's number in its job. */
  readonly shard: number | undefined;
  readonly primary: ServerSetEndpoint;
  readonly additional: readonly NamedEndpoint[];
  /** The Mesos task it is, where that is told. */
  readonly task?: TaskPlacement | undefined;
};

export type ServerSetEndpoint = {
  /** A host name, or an address. */
  readonly host: string;
  /** 0: it has none. */
  readonly port: number;
  /** Of the host, where the member tells them. */
  readonly addresses: readonly string[];
  /** Where a vector names it. */
  readonly srv?: SrvNumbers | undefined;
  /** The agent that the host is, once joined. */
  readonly agentId?: string | undefined;
  /** The running task that has the port, once joined: its own names are used for it. */
  readonly taskId?: string | undefined;
};

export type NamedEndpoint = ServerSetEndpoint & { readonly alias: string };

export type TaskPlacement = { readonly taskId: string; readonly agentId: string };

/** A datacentre of Consul's as its catalogue and health checks tell it. */
export type ConsulDatacenter = {
  /** Lower case. */
  readonly name: string;
  readonly nodes: readonly ConsulNode[];
  readonly services: readonly ConsulService[];
};

export type ConsulNode = ConsulPlace & {
  readonly meta: Readonly<Record<string, string>>;
};

/** Where a node is. */
export type ConsulPlace = {
  readonly name: string;
  /** An address; rarely a host name. */
  readonly address: string;
  /** Further addresses by name: `lan_ipv6`, `wan`, … */
  readonly tagged: Readonly<Record<string, string>>;
};

export type ConsulService = {
  readonly name: string;
  /** Critical ones included. */
  readonly instances: readonly ConsulInstance[];
};

export type ConsulInstance = {
  /** Unique on its node. */
  readonly id: string;
  readonly node: ConsulPlace;
  readonly tags: readonly string[];
  /** Empty where it has none but its node's; may be a host name. */
  readonly address: string;
  /** 0: it has none. */
  readonly port: number;
  readonly tagged: Readonly<Record<string, { readonly address: string; readonly port: number }>>;
  /** SRV weights by health. */
  readonly weights: { readonly passing: number; readonly warning: number };
  readonly health: ConsulHealth;
};

/** The worst of an instance's own checks and its node's; `unknown` is a status that Consul does not know either. */
export type ConsulHealth = 'passing' | 'warning' | 'unknown' | 'critical';

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
  | 'name-conflict'
  | 'alias-conflict'
  | 'name-not-askable'
  | 'value-not-answerable'
  | 'too-many-ports'
  | 'static-records'
  | 'task-label'
  | 'alias-outside-zone'
  | 'server-set-member'
  | 'server-set-thrift'
  | 'server-set-vector'
  | 'server-set-node'
  | 'aurora-task'
  | 'aurora-ports'
  | 'consul-node'
  | 'consul-service'
  | 'consul-instance'
  | 'consul-tag'
  | 'consul-metadata';

/** Takes each skipped element as it is met. */
export type ReportSkipped = (skipped: Skipped) => void;
