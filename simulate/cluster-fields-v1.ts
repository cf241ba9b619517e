import { authority } from './address.ts';
import { AGENT_CAPABILITIES, drainInfo, isDeactivated } from './agent-fields.ts';
import type { AgentStanding, FrameworkSnapshot, SimulatedAgent } from './cluster-snapshot.ts';
import { resourcesV1 } from './resource-fields-v1.ts';
import { timeV1 } from './task-fields-v1.ts';

type AgentOptions = {
  readonly standing: AgentStanding | undefined;
  readonly version: string;
  /** Does this release know of draining? */
  readonly draining: boolean;
};

/** An agent as the operator API has it. */
export function agentV1(agent: SimulatedAgent, { standing, version, draining }: AgentOptions) {
  return {
    agent_info: agentInfoV1(agent),
    active: standing === undefined,
    deactivated: draining ? isDeactivated(standing) : undefined,
    version,
    pid: `slave(1)@${authority(agent.ip, agent.port)}`,
    registered_time: timeV1(agent.registeredSeconds),
    reregistered_time: timeV1(agent.registeredSeconds),
    total_resources: resourcesV1({ ...agent, ports: agent.portRanges }, { role: '*' }),
    capabilities: AGENT_CAPABILITIES.map((type) => ({ type })),
    drain_info: draining ? drainInfo(standing) : undefined,
  };
}

/** What an agent says of itself; all that a registry keeps of it. */
export function agentInfoV1(agent: SimulatedAgent) {
  const { hostname, port, region, zone } = agent;
  const attributes = Object.entries(agent.attributes).map(([name, value]) => ({
    name,
    type: 'TEXT',
    text: { value },
  }));
  return {
    hostname,
    port,
    resources: resourcesV1({ ...agent, ports: agent.portRanges }, {}),
    attributes: attributes.length === 0 ? undefined : attributes,
    id: { value: agent.id },
    domain: { fault_domain: { region: { name: region }, zone: { name: zone } } },
  };
}

/** A framework as the operator API has it. There is no PID anywhere. */
export function frameworkV1({ framework, connected, unregisteredSeconds }: FrameworkSnapshot) {
  const isThere = unregisteredSeconds === undefined && connected !== false;
  return {
    framework_info: {
      user: 'root',
      name: framework.name,
      id: { value: framework.id },
      failover_timeout: 604_800,
      checkpoint: true,
      role: framework.role,
      hostname: framework.hostname,
      principal: framework.principal,
      webui_url: framework.webuiUrl,
      capabilities: framework.capabilities.map((type) => ({ type })),
    },
    active: isThere,
    connected: isThere,
    recovered: false,
    registered_time: timeV1(framework.registeredSeconds),
    reregistered_time: timeV1(framework.registeredSeconds),
    unregistered_time: unregisteredSeconds === undefined ? undefined : timeV1(unregisteredSeconds),
  };
}
