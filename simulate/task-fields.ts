import type { AppPort, SimulatedStatus, SimulatedTask } from './cluster-snapshot.ts';
import { resourceFields } from './resource-fields.ts';

/** A task as `/state` has it. Keys that Mesos leaves out are undefined, as JSON leaves them out. */
export function taskFields(task: SimulatedTask) {
  const { app } = task;
  const { cpus, memMiB, diskMiB } = app;
  return {
    id: task.id,
    name: app.name,
    framework_id: app.framework.id,
    executor_id: task.executorId,
    slave_id: task.agent.id,
    state: task.state,
    resources: resourceFields({ cpus, memMiB, diskMiB, ports: task.hostPorts }),
    role: app.framework.role,
    statuses: task.statuses.map((status) => statusFields(status, task)),
    // A plain list here; in `discovery` an object around the list (raw protobuf).
    labels: app.labels.length === 0 ? undefined : app.labels,
    discovery: discoveryFields(task),
    container: containerFields(task),
    health_check: healthCheckFields(task),
  };
}

/** Addresses and the address of the bridge stand in statuses of tasks that are up, as executors report them. */
function statusFields(status: SimulatedStatus, task: SimulatedTask) {
  return {
    state: status.state,
    timestamp: status.timestampSeconds,
    labels: bridgeLabels(status, task),
    container_status: isUp(status) && task.addresses.length > 0 ? containerStatusFields(task) : undefined,
    healthy: status.healthy,
  };
}

export function isUp({ state }: SimulatedStatus): boolean {
  return state === 'TASK_RUNNING' || state === 'TASK_KILLING';
}

/** The label in which old Docker executors report the address; undefined for others. */
export function bridgeLabels(status: SimulatedStatus, { app, addresses: [value] }: SimulatedTask) {
  if (app.network !== 'bridge' || !isUp(status)) return undefined;
  return [{ key: 'Docker.NetworkSettings.IPAddress', value }];
}

export function containerStatusFields(task: SimulatedTask) {
  const ip_addresses = task.addresses.map((ip_address) => ({
    protocol: ip_address.includes(':') ? 'IPv6' : 'IPv4',
    ip_address,
  }));
  const name = task.app.network === 'container' ? 'overlay' : undefined;
  return { container_id: { value: task.containerId }, network_infos: [{ ip_addresses, name }] };
}

/** An app without ports has the key `ports` all the same, with nothing in it. */
export function discoveryFields(task: SimulatedTask) {
  const { discovery, ports } = task.app;
  if (discovery === undefined) return undefined;
  const { visibility, name, environment, location, labels } = discovery;
  const numbered = ports.map((port, index) => ({
    number: portNumber(task, { port, index }),
    name: port.name,
    protocol: port.protocol,
  }));
  return {
    visibility,
    name,
    environment,
    location,
    ports: numbered.length === 0 ? {} : { ports: numbered },
    labels: labels.length === 0 ? undefined : { labels },
  };
}

type PortParts = { readonly port: AppPort; readonly index: number };

/** Where a port is reached: on the host, or in a container that has an address of its own. */
function portNumber(task: SimulatedTask, { port, index }: PortParts): number {
  return task.hostPorts[index] ?? port.containerPort;
}

/** How the task was asked to be contained; undefined where that was left to the agent. */
export function containerFields(task: SimulatedTask) {
  const { network, image, ports } = task.app;
  if (network === 'container') {
    const docker = { type: 'DOCKER', docker: { name: image }, cached: true };
    // What was asked for, not what was given: addresses stand in the statuses alone.
    const network_infos = [{ ip_addresses: [{ protocol: 'IPv4' }], name: 'overlay', labels: {} }];
    return { type: 'MESOS', mesos: image === undefined ? {} : { image: docker }, network_infos };
  }
  if (image === undefined) return undefined;
  if (network === 'host') return { type: 'DOCKER', docker: { image, network: 'HOST', privileged: false } };
  const port_mappings = ports.map((port, index) => ({
    host_port: portNumber(task, { port, index }),
    container_port: port.containerPort,
    protocol: port.protocol ?? 'tcp',
  }));
  return { type: 'DOCKER', docker: { image, network: 'BRIDGE', port_mappings, privileged: false } };
}

/** Raw protobuf, as these two, in both shapes. */
export function healthCheckFields(task: SimulatedTask) {
  const { healthCheckPath: path, ports } = task.app;
  const [port] = ports;
  if (path === undefined || port === undefined) return undefined;
  const http = { scheme: 'http', port: portNumber(task, { port, index: 0 }), path };
  return { type: 'HTTP', interval_seconds: 10, timeout_seconds: 20, consecutive_failures: 3, http };
}
