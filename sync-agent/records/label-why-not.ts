import type { MesosTask } from '../cluster.ts';
import type { RecordSettings } from './settings.ts';
import { OWN, shapeOf } from './shape.ts';
import { readAliases } from './shape-aliases.ts';
import { GROUP, haproxyPorts, type HaproxyPort, inGroups } from './shape-haproxy.ts';
import { createLabelReader, type LabelReader, quote } from './shape-labels.ts';
import type { HaproxyRules, ShapeRules } from './shape-settings.ts';

type Asked = {
  /** Lower case, with its final dot. */
  readonly name: string;
  /** The task, for people. */
  readonly who: string;
  /** Of the names of its framework. */
  readonly part: string;
  readonly settings: RecordSettings;
};

export type LabelFinding = { readonly reason: 'alias-not-given'; readonly detail: string };

const NO_LABELS = createLabelReader(undefined, '');

/** Why a task does not have a name that its labels ask for: an alias, or a vhost of Marathon-LB's. Pure. */
export function whyNotByLabel(task: MesosTask, { name, who, part, settings }: Asked): LabelFinding[] {
  if (!task.labels) return [];
  const labels = createLabelReader(task.labels, '');
  const { shape, domain } = settings;
  const asks = (text: string): boolean => isSaidBy(text, name, `${part}.${domain}`);
  const found: LabelFinding[] = [];
  const add = (label: string, why: string | undefined): void => {
    if (why === undefined) return;
    found.push({ reason: 'alias-not-given', detail: `${who} asks for it by label ${label}: ${why}` });
  };
  const unusable = (text: string, rules: ShapeRules): string | undefined =>
    whyUnusable(text, part, rules) ?? whyBeyond(task, { name, part, rules });
  for (const text of labels.list(OWN.alias).filter((each) => asks(each)))
    add(OWN.alias, shape?.ownLabels ? unusable(text, shape) : 'labels are not read (records.labels)');
  for (const port of haproxyPorts(labels)) {
    const text = port.vhosts.find((each) => asks(each));
    if (text === undefined) continue;
    const why = shape?.haproxy
      ? (whyPortIsOff(port, shape.haproxy, labels) ?? unusable(text, shape))
      : "Marathon-LB's labels are not read (records.haproxy)";
    add(port.vhostLabel, why);
  }
  return found;
}

/** One without a dot stands below the framework's names. */
function isSaidBy(text: string, name: string, ofFramework: string): boolean {
  const said = text.toLowerCase().replace(/\.$/, '');
  if (name === `${said}.`) return true;
  return !text.includes('.') && name === `${said}.${ofFramework}.`;
}

function whyPortIsOff(
  { enabled, enabledLabel, groups, index }: HaproxyPort,
  { strict, groups: counted }: HaproxyRules,
  labels: LabelReader,
): string | undefined {
  const said = labels.text(enabledLabel);
  if (enabled === false) return `${enabledLabel} is ${quote(said ?? '')}`;
  if (enabled === undefined && strict)
    return `${enabledLabel} is ${said === undefined ? 'not set' : quote(said)}, and has to be true (records.haproxy.strict)`;
  if (!counted || inGroups(groups, counted)) return undefined;
  const those = `${counted.join(', ')} (records.haproxy.groups)`;
  return groups.length === 0
    ? `there is no ${GROUP} and no HAPROXY_${index}_GROUP, and only these groups count: ${those}`
    : `none of its groups ${quote(groups.join(', '))} is among those that count: ${those}`;
}

/** Why a text can be no alias of a task of the framework. */
function whyUnusable(text: string, part: string, rules: ShapeRules): string | undefined {
  let refusal: string | undefined;
  const own: LabelReader = {
    ...NO_LABELS,
    list: () => [text],
    refuse: (_, why) => void (refusal = why),
  };
  readAliases({ part, labels: own, own, rules: { ...rules, haproxy: undefined } });
  return refusal;
}

/** A task may have so many names by labels; this is one too many. */
function whyBeyond(
  task: MesosTask,
  { name, part, rules }: { readonly name: string; readonly part: string; readonly rules: ShapeRules },
): string | undefined {
  const { aliases } = shapeOf(task, part, rules);
  const isGiven = aliases.some((alias) => alias.name === (alias.isLabel ? name.split('.', 1)[0] : name));
  return isGiven ? undefined : 'the task has more names by labels than count';
}
