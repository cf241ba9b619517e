import { findPattern, type NamePattern } from './name-pattern.ts';
import { GROUP, haproxyPorts, inGroups } from './shape-haproxy.ts';
import { type LabelReader, quote } from './shape-labels.ts';
import type { ShapeRules } from './shape-settings.ts';

/** Which rule or label keeps a task from being published. */
export type PublishRule = {
  readonly reason: 'excluded' | 'not-included' | 'not-labelled' | 'label';
  /** For people: `its name "web" has "^w" in it`. */
  readonly what: string;
  /** The key of the configuration, or the label. */
  readonly by: string;
};

const PUBLISH = 'mesos-doh.publish';

export type PublishFacts = {
  /** The task's label in names. */
  readonly label: string;
  /** Its framework's part. */
  readonly part: string;
  readonly labels: LabelReader;
  readonly rules: ShapeRules;
};

/** Why a task is not published, the framework's rules first; undefined: it is. */
export function whyUnpublished({ label, part, labels, rules }: PublishFacts): PublishRule | undefined {
  const { include, exclude, includeFrameworks, excludeFrameworks, publish, ownLabels } = rules;
  const byName =
    whyFiltered(part, { include: includeFrameworks, exclude: excludeFrameworks, kind: 'framework' }) ??
    whyFiltered(label, { include, exclude, kind: 'task' });
  if (byName) return byName;
  const isPublished = ownLabels || publish === 'labelled' ? labels.flag(PUBLISH) : undefined;
  if (isPublished === false)
    return { reason: 'label', what: 'it is not to be published', by: `label ${PUBLISH}` };
  if (publish === 'all' || isPublished === true || isEnabled(labels, rules)) return undefined;
  const value = labels.text(PUBLISH);
  const what =
    value === undefined ? `it has no label ${PUBLISH}` : `its label ${PUBLISH} is ${quote(value)}, not true`;
  return { reason: 'not-labelled', what, by: 'records.publish' };
}

/** Marathon-LB would publish it: a port of it is switched on, or it is of a group that is named. */
function isEnabled(labels: LabelReader, { haproxy }: ShapeRules): boolean {
  if (!haproxy) return false;
  if (haproxy.groups && inGroups(labels.list(GROUP), haproxy.groups)) return true;
  return haproxyPorts(labels).some(({ enabled }) => enabled === true);
}

function whyFiltered(
  name: string,
  {
    include,
    exclude,
    kind,
  }: {
    readonly include: readonly NamePattern[];
    readonly exclude: readonly NamePattern[];
    readonly kind: 'framework' | 'task';
  },
): PublishRule | undefined {
  const [subject, plural] = kind === 'task' ? ['its name', ''] : ['its framework', 'Frameworks'];
  if (include.length > 0 && !findPattern(include, name))
    return {
      reason: 'not-included',
      what: `${subject} ${quote(name)} matches none of the patterns`,
      by: `records.include${plural}`,
    };
  const found = findPattern(exclude, name);
  return (
    found && {
      reason: 'excluded',
      what: `${subject} ${quote(name)} matches ${JSON.stringify(found.text)}`,
      by: `records.exclude${plural}`,
    }
  );
}
