import { canonicalAddress } from '../../zone/address.ts';
import type { ClusterState, Endpoint, MesosFramework, MesosTask } from '../cluster.ts';
import { excludedAddresses, taskAddresses } from './address.ts';
import type { HiddenBy } from './eligible.ts';
import { sayWhyHidden } from './hidden.ts';
import { partsOf } from './framework-alias.ts';
import { instanceTail } from './instance.ts';
import { toFrameworkPart } from './label.ts';
import { type LabelFinding, whyNotByLabel } from './label-why-not.ts';
import { refusedBy } from './reserved.ts';
import type { AddressesOfHost, RecordSettings } from './settings.ts';
import { createShaper } from './shape.ts';
import { addShape, shapedTask } from './shape-records.ts';
import { type ShapeReason, whyNotByShape } from './shape-why-not.ts';
import { whyNotOfSets } from './server-set-why-not.ts';
import { addTask, createSharedNames } from './task.ts';
import { type Contribution, NOWHERE, traceName } from './trace.ts';
import { withVisiblePorts } from './visibility.ts';

/** Something that would give a name values, or once did, and why it does not. */
export type WhyNot = {
  readonly reason:
    | 'task-not-running'
    | 'task-ended'
    | 'unknown-agent'
    | 'no-address'
    | 'no-port'
    | 'no-discovery-port'
    | 'reserved-name'
    | 'name-not-askable'
    | 'framework-completed'
    | 'no-leader'
    | 'no-such-master'
    | 'not-configured'
    | 'address-excluded'
    | 'port-hidden'
    | ShapeReason
    | LabelFinding['reason']
    | `hidden-${HiddenBy['reason']}`;
  readonly detail: string;
};

export type WhyNotOptions = {
  readonly settings: RecordSettings;
  readonly addressesOfHost: AddressesOfHost;
  /** Running tasks that a rule leaves out. */
  readonly hidden: ReadonlyMap<MesosTask, HiddenBy>;
};

const ANYWHERE = ['0.0.0.0'];
/** What the task's own addresses are given by. */
const OWN_ADDRESS_RULES = [
  'task-shared-name',
  'task-instance-name',
  'task-tag',
  'task-numbered-port',
  'task-alias',
] as const;
/** Stands for ports that a task does not have, to see which names they would make. */
const ANY_PORT = { number: 1, name: '', protocol: '' };

/** Everything in a state that would give `name` (lower case, with its final dot) and does not. Pure. */
export function whyNot(state: ClusterState, name: string, options: WhyNotOptions): WhyNot[] {
  const { settings } = options;
  const found = clusterNames(state, name, options);
  for (const framework of state.frameworks) {
    for (const part of partsOf(toFrameworkPart(framework.name, settings.labelRules), settings)) {
      // Labels may give a task any name, and ask for any.
      if (!settings.shape && !isOfFramework(name, part, settings.domain)) {
        for (const task of framework.tasks)
          found.push(...whyNotByLabel(task, { name, part, settings, who: describe({ framework, task }) }));
        continue;
      }
      found.push(...frameworkName(framework, name, { part, ...options }));
      const probe = createProbe(name, { part, settings });
      const plain = createProbe(name, { part, settings: { ...settings, shape: undefined } });
      const exact = createProbe(name, { part, settings, portsLeftOut: true });
      for (const task of framework.tasks)
        found.push(...taskNames(state, { framework, task }, { name, part, probe, plain, exact, ...options }));
    }
  }
  found.push(...whyNotOfSets(state, name, options));
  for (const completed of state.ended.frameworks) {
    if (isOfFramework(name, toFrameworkPart(completed, settings.labelRules), settings.domain))
      found.push({ reason: 'framework-completed', detail: `framework ${quote(completed)} has completed` });
  }
  for (const { id, agentId, frameworkName: of } of state.ended.tasks) {
    if (!name.includes(`${instanceTail(id, agentId)}.`)) continue;
    if (isOfFramework(name, toFrameworkPart(of, settings.labelRules), settings.domain))
      found.push({ reason: 'task-ended', detail: `task ${id} of framework ${quote(of)} has ended` });
  }
  return found;
}

/** All names of a framework end in one of two ways. */
function isOfFramework(name: string, part: string, domain: string): boolean {
  const dotted = `.${name}`;
  return dotted.endsWith(`.${part}.${domain}.`) || dotted.endsWith(`.${part}.slave.${domain}.`);
}

type Probe = (task: MesosTask) => readonly Contribution[];

/** Tells what a task would give the name if it ran, had addresses and ports, and no rule left it out. */
function createProbe(
  name: string,
  {
    part,
    settings,
    portsLeftOut = false,
  }: { part: string; settings: RecordSettings; portsLeftOut?: boolean },
): Probe {
  const shaper = settings.shape && createShaper(settings.shape);
  const trace = traceName(name);
  const into = trace.around(NOWHERE);
  const inDomain = `${part}.${settings.domain}.`;
  const onAgent = `${part}.slave.${settings.domain}.`;
  const names = createSharedNames(into, { inDomain, onAgent });
  const every = { ...settings, maxPortsPerTask: 1, tasks: undefined };
  const place = { inDomain, onAgent, names, addresses: ANYWHERE, agentAddresses: ANYWHERE };
  return (task) => {
    const before = trace.contributions.length;
    const whole = shaper?.(task, part);
    const shape = whole && (portsLeftOut ? whole : { ...whole, leftOutPorts: undefined });
    const shaped = shape ? shapedTask(task, shape) : task;
    addTask(into, shaped, { place, settings: every, report: () => undefined });
    if (shape && settings.shape)
      addShape(into, { task: shaped, shape, rules: settings.shape, place, settings: every });
    return trace.contributions.slice(before);
  };
}

type OfTask = { readonly framework: MesosFramework; readonly task: MesosTask };

function describe({ framework, task }: OfTask): string {
  return `task ${task.id} of framework ${quote(framework.name)}`;
}

function taskNames(
  state: ClusterState,
  { framework, task }: OfTask,
  {
    name,
    part,
    probe,
    plain,
    exact,
    settings,
    addressesOfHost,
    hidden,
  }: WhyNotOptions & Record<'name' | 'part', string> & Record<'probe' | 'plain' | 'exact', Probe>,
): WhyNot[] {
  const who = describe({ framework, task });
  const withPorts = { ...task, ports: [{ begin: 1, end: 1 }] };
  const given = probe(withPorts);
  const byShape = (): WhyNot[] =>
    whyNotByShape(task, { who, frameworkName: framework.name, settings, plain, exact });
  if (given.length === 0)
    return [
      ...byShape(),
      ...whyNotByLabel(task, { name, who, part, settings }),
      ...discoveryPorts(task, { who, probe }),
    ];
  const made = given.find((each) => each.made === each.made.toLowerCase())?.made ?? given[0]?.made ?? '';
  if (refusedBy(settings)?.(made) === true)
    return [{ reason: 'reserved-name', detail: `${who} may not add itself to ${made}` }];
  if (made !== made.toLowerCase())
    return [{ reason: 'name-not-askable', detail: `${who} makes ${made}, which no question can reach` }];
  if (task.state !== 'TASK_RUNNING')
    return [{ reason: 'task-not-running', detail: `${who} is ${task.state || 'in no state'}` }];
  const agent = state.agents.find(({ id }) => id === task.agentId);
  if (!agent)
    return [{ reason: 'unknown-agent', detail: `${who} runs on agent ${task.agentId}, which is not listed` }];
  const why = hidden.get(task);
  if (why)
    return [{ reason: `hidden-${why.reason}`, detail: `${who} is hidden: ${sayWhyHidden({ task, why })}` }];
  const agentAddresses = addressesOf(agent.endpoint, addressesOfHost);
  const found: WhyNot[] = [];
  const rules = new Set(given.map(({ rule }) => rule));
  const needsOwn = OWN_ADDRESS_RULES.some((rule) => rules.has(rule));
  if (needsOwn) {
    for (const { address, source, prefix } of excludedAddresses(task, settings))
      found.push({
        reason: 'address-excluded',
        detail: `${who} reports ${address} (${source}), which is in ${prefix} (records.addresses.exclude)`,
      });
  }
  if (needsOwn && taskAddresses(task, settings, agentAddresses).length === 0) {
    const sources = settings.ipSources.join(', ');
    found.push({
      reason: 'no-address',
      detail: `${who} has no address in any of ${sources} (records.ipSources)`,
    });
  }
  const needsAgent = rules.has('task-shared-name-on-agent') || rules.has('task-instance-name-on-agent');
  if (needsAgent && agentAddresses.length === 0)
    found.push({
      reason: 'no-address',
      detail: `agent ${agent.id}, which runs ${who}, ${noAddress(agent.endpoint)}`,
    });
  const needsPort = rules.has('task-host-port') || rules.has('task-host-port-on-agent');
  if (needsPort && !task.ports.some(({ begin, end }) => begin <= end))
    found.push({ reason: 'no-port', detail: `${who} has no host ports` });
  const least = settings.tasks?.minVisibility ?? 'framework';
  const discovery = task.discovery && withVisiblePorts(task.discovery, least);
  if (probe({ ...withPorts, discovery }).length === 0)
    found.push({
      reason: 'port-hidden',
      detail: `${who} has the port, whose visibility is below ${least.toUpperCase()} (records.minVisibility)`,
    });
  if (!task.ports.every(({ begin, end }) => begin > end) || task.discovery) found.push(...byShape());
  return found;
}

/** SRV names in the domain come of discovery ports alone where a task has discovery info. */
function discoveryPorts(task: MesosTask, { who, probe }: { who: string; probe: Probe }): WhyNot[] {
  const { discovery } = task;
  if (!discovery) return [];
  const protocols = [...new Set([...discovery.ports.map(({ protocol }) => protocol), ''])];
  const ports = protocols.map((protocol) => ({ ...ANY_PORT, protocol }));
  if (probe({ ...task, discovery: { ...discovery, ports } }).length === 0) return [];
  return [
    {
      reason: 'no-discovery-port',
      detail: `${who} has discovery info, whose ports alone count here, and none of them gives this name`,
    },
  ];
}

function frameworkName(
  framework: MesosFramework,
  name: string,
  { part, settings, addressesOfHost }: WhyNotOptions & { part: string },
): WhyNot[] {
  const own = `${part}.${settings.domain}.`;
  const isPort = name === `_framework._tcp.${own}`;
  if (name !== own && !isPort) return [];
  const who = `framework ${quote(framework.name)} (${framework.id})`;
  if (refusedBy(settings)?.(own) === true)
    return [{ reason: 'reserved-name', detail: `${who} may not add itself to ${own}` }];
  if (addressesOf(framework.endpoint, addressesOfHost).length === 0)
    return [{ reason: 'no-address', detail: `${who} ${noAddress(framework.endpoint)}` }];
  if (isPort && framework.endpoint?.port === '')
    return [{ reason: 'no-port', detail: `${who} has no pid, so its port is not known` }];
  return [];
}

/** The cluster's own names: leader, masters, agents, name server. */
function clusterNames(
  state: ClusterState,
  name: string,
  { settings, addressesOfHost }: WhyNotOptions,
): WhyNot[] {
  const { domain } = settings;
  const suffix = `.${domain}.`;
  const label = name.endsWith(suffix) ? name.slice(0, -suffix.length) : '';
  if (name === settings.nameServer.toLowerCase() && settings.nameServerAddresses.length === 0)
    return [
      { reason: 'not-configured', detail: 'records.nameServerAddresses gives the name server no address' },
    ];
  if (label === 'slave' || label === '_slave._tcp')
    return state.agents
      .filter(({ endpoint }) => addressesOf(endpoint, addressesOfHost).length === 0)
      .map(({ id, endpoint }) => ({ reason: 'no-address', detail: `agent ${id} ${noAddress(endpoint)}` }));
  if (!/^(?:leader|_leader\._(?:tcp|udp)|master\d*)$/.test(label)) return [];
  const masters = [...(state.leader ? [state.leader] : []), ...(state.masters ?? settings.masters)];
  const found: WhyNot[] = [];
  if (!state.leader) found.push({ reason: 'no-leader', detail: 'the state names no leading master' });
  for (const master of masters) {
    if (addressesOf(master, addressesOfHost).length === 0)
      found.push({ reason: 'no-address', detail: `master ${master.host} does not resolve` });
  }
  if (/^master\d+$/.test(label)) {
    const numbered = new Set(masters.map(({ host }) => host)).size;
    if (Number(label.slice('master'.length)) >= numbered)
      found.push({
        reason: 'no-such-master',
        detail: numbered === 0 ? 'no master is known' : `the last master is master${numbered - 1}`,
      });
  }
  return found;
}

function addressesOf(endpoint: Endpoint | undefined, addressesOfHost: AddressesOfHost): readonly string[] {
  if (!endpoint || endpoint.host === '') return [];
  const address = canonicalAddress(endpoint.host);
  return address === undefined ? addressesOfHost(endpoint.host) : [address];
}

function noAddress(endpoint: Endpoint | undefined): string {
  return endpoint && endpoint.host !== ''
    ? `has no address: its host ${endpoint.host} does not resolve`
    : 'has no address: there is no pid or host name, or it could not be read';
}

function quote(text: string): string {
  return JSON.stringify(text);
}
