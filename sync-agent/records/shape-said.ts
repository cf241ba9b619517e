import { toFrameworkPart } from './label.ts';
import type { RecordSettings } from './settings.ts';
import { OWN, shapeOf, type TaskShape } from './shape.ts';
import type { Contribution } from './trace.ts';

/** For people: which labels and rules had a say in a value that a task gives; empty where none had. */
export function sayShape(contribution: Contribution, settings: RecordSettings): string {
  const { giver, rule, type } = contribution;
  if (giver.kind !== 'task' || !settings.shape) return '';
  const part = toFrameworkPart(giver.framework.name, settings.labelRules);
  const shape = shapeOf(giver.task, part, settings.shape);
  const said: string[] = [];
  if (shape.name) said.push(`called ${shape.name.label} by ${shape.name.by}`);
  if (rule === 'task-alias') said.push(`named so by ${aliasGiver(contribution.made, shape)}`);
  if (rule === 'task-tag' || rule === 'task-tag-port')
    said.push(`tagged by ${tagGiver(contribution.made, shape)}`);
  if (rule === 'task-ttl') said.push(`by label ${OWN.ttl}`);
  if (type === 'SRV' && shape.srv)
    said.push(`priority ${shape.srv.priority} and weight ${shape.srv.weight} by label`);
  return said.map((each) => `, ${each}`).join('');
}

function aliasGiver(made: string, { aliases }: TaskShape): string {
  const found = aliases.find(({ name, isLabel }) => (isLabel ? made.startsWith(`${name}.`) : made === name));
  return found?.by ?? 'a label';
}

function tagGiver(made: string, { tags, portTags }: TaskShape): string {
  const tag = made.slice(0, made.indexOf('.')).replace(/^_/, '');
  const all = [...tags, ...[...portTags.values()].flat()];
  return all.find(({ label }) => label === tag)?.by ?? 'a label';
}
