import type { ClusterState, MesosTask, ServerSet, ServerSetEndpoint } from '../cluster.ts';
import { clusterPart, type PlacedAgent } from './cluster-records.ts';
import type { HiddenBy } from './eligible.ts';
import { sayWhyHidden } from './hidden.ts';
import { addServerSet, describeServerSet, placeServerSet } from './server-set.ts';
import type { AddressesOfHost, RecordSettings } from './settings.ts';
import { NOWHERE, traceName } from './trace.ts';

type Options = {
  readonly settings: RecordSettings;
  readonly addressesOfHost: AddressesOfHost;
  readonly hidden: ReadonlyMap<MesosTask, HiddenBy>;
};

type WhyNotOfSet = {
  readonly reason: 'no-port' | 'no-address' | `hidden-${HiddenBy['reason']}`;
  readonly detail: string;
};

const ANYWHERE = ['0.0.0.0'];

/** What members of ServerSets would give the name and do not. */
export function whyNotOfSets(state: ClusterState, name: string, options: Options): WhyNotOfSet[] {
  if (!state.serverSets) return [];
  const { agents } = clusterPart(state, options);
  const placed = new Map(agents.map((each) => [each.agent.id, each]));
  const hidden = new Map([...options.hidden].map(([task, why]) => [task.id, { task, why }]));
  return state.serverSets.flatMap((set) =>
    set.members.flatMap((member): WhyNotOfSet[] => {
      const one: ServerSet = { ...set, members: [member] };
      if (!gives(wishful(one), name, { ...options, placed, isHidden: () => false, isWish: true })) return [];
      const isHidden = (id: string): boolean => hidden.has(id);
      const who = `${member.name} of ${describeServerSet(set)}`;
      const endpoints = [member.primary, ...member.additional];
      const hiddenTask = endpoints
        .map(({ taskId }) => taskId !== undefined && hidden.get(taskId))
        .find(Boolean);
      if (hiddenTask)
        return [
          {
            reason: `hidden-${hiddenTask.why.reason}`,
            detail: `${who} is task ${hiddenTask.task.id}, which is hidden: ${sayWhyHidden(hiddenTask)}`,
          },
        ];
      if (gives(one, name, { ...options, placed, isHidden, isWish: false })) return [];
      if (gives(withPorts(one), name, { ...options, placed, isHidden, isWish: false }))
        return [{ reason: 'no-port', detail: `${who} announces port 0 there: it was assigned none` }];
      return [
        {
          reason: 'no-address',
          detail: `${who} has no address: its host ${member.primary.host} is no agent and does not resolve`,
        },
      ];
    }),
  );
}

function gives(
  set: ServerSet,
  name: string,
  {
    settings,
    placed: agents,
    isHidden,
    isWish,
    addressesOfHost,
  }: Options & {
    readonly placed: ReadonlyMap<string, PlacedAgent>;
    readonly isHidden: (id: string) => boolean;
    readonly isWish: boolean;
  },
): boolean {
  const trace = traceName(name);
  const every = isWish ? { ...settings, addresses: undefined, agentAddressAttribute: undefined } : settings;
  const placed = placeServerSet(set, { settings: every, agents, addressesOfHost, isHidden });
  addServerSet(trace.around(NOWHERE), placed, { settings, report: () => undefined });
  return trace.contributions.length > 0;
}

/** As if every host had an address and every port a number. */
function wishful(set: ServerSet): ServerSet {
  return mapEndpoints(withPorts(set), (endpoint) => ({ ...endpoint, addresses: ANYWHERE }));
}

function withPorts(set: ServerSet): ServerSet {
  return mapEndpoints(set, (endpoint) => ({ ...endpoint, port: endpoint.port || 1 }));
}

function mapEndpoints(set: ServerSet, map: <E extends ServerSetEndpoint>(endpoint: E) => E): ServerSet {
  return {
    ...set,
    members: set.members.map((member) => ({
      ...member,
      primary: map(member.primary),
      additional: member.additional.map((endpoint) => map(endpoint)),
    })),
  };
}
