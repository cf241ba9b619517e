/** Records that mesos-dns has not, each kind by a switch of its own. Undefined in the settings: none of them. */
export type FurtherRecords = {
  /** `_master._tcp` and `_udp`: every master and its port. */
  readonly masterServices: boolean;
  /** `<host name>.agent.<domain>` for each agent. */
  readonly agentNames: boolean;
  /** `_port0._<task>._tcp.<framework>`, by the order of the ports. */
  readonly numberedPorts: boolean;
  /** `_web._tcp.<group>.<framework>` for a task called `web.group`. */
  readonly groupServices: boolean;
  /** HTTPS and SVCB records: for what labels say, or for named ports too. */
  readonly serviceBindings: 'none' | 'labels' | 'named-ports';
  /** What TXT records tell of tasks; empty: there are none. */
  readonly txt: readonly TaskFact[];
};

/** `label:KEY` is the task's label of that key. */
export type TaskFact = (typeof TASK_FACTS)[number] | `label:${string}`;

/** What a task's TXT records can tell, labels aside. */
const TASK_FACTS = ['framework', 'name', 'task-id', 'agent'] as const;

/** Throws for what is neither one of `TASK_FACTS` nor `label:KEY`. */
export function parseTaskFact(text: string): TaskFact {
  const known = TASK_FACTS.find((fact) => fact === text);
  if (known) return known;
  const key = /^label:(.+)$/su.exec(text)?.[1];
  if (key !== undefined) return `label:${key}`;
  throw new TypeError(`should be one of ${TASK_FACTS.join(', ')}, or label:KEY`);
}
