import type { ClusterState, Endpoint, MesosFramework } from '../cluster.ts';
import type { FrameworkFacts } from './mesos-v0.ts';
import { sameFacts, sameLists } from '../same-facts.ts';
import type { Tables } from './tables.ts';

/** Shows tables as a state; what did not change since it was last shown is the same object again. */
export type TablesView = (tables: Tables) => Omit<ClusterState, 'leader' | 'asOfSeconds'>;

export function createTablesView(): TablesView {
  let shown = new Map<string, MesosFramework>();
  let list: readonly MesosFramework[] = [];

  return (tables) => {
    const before = shown;
    shown = new Map();
    for (const facts of tables.frameworks.values()) {
      const framework = { ...facts, endpoint: endpointOf(tables, facts), tasks: tables.tasks.list(facts.id) };
      const old = before.get(facts.id);
      shown.set(facts.id, old && sameFramework(old, framework) ? old : framework);
    }
    const frameworks = [...shown.values()];
    if (!sameLists(list, frameworks)) list = frameworks;
    tables.agentList ??= [...tables.agents.values()];
    return {
      agents: tables.agentList,
      frameworks: list,
      ended: tables.ended.ended(new Map(list.map(({ id, name }) => [id, name]))),
      recoveringAgents: tables.recovering.size,
    };
  };
}

/** A scheduler's pid, which `/state` knows; for one that has none, what the stream says of its host. */
function endpointOf({ learned }: Tables, { id, endpoint }: FrameworkFacts): Endpoint | undefined {
  if (!learned.has(id)) return endpoint;
  const known = learned.get(id);
  return known?.port === '' ? endpoint : known;
}

function sameFramework(a: MesosFramework, b: MesosFramework): boolean {
  const { tasks, ...facts } = a;
  const { tasks: others, ...same } = b;
  return sameFacts(facts, same) && sameLists(tasks, others);
}
