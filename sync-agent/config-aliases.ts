import { type LabelRules, toFrameworkPart } from './records/label.ts';

/** Of a configuration, what names frameworks have beside their own. */
export type AliasConfig = {
  readonly frameworkAliases?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly labelRules: LabelRules;
};

/**
 * What is wrong with `records.frameworkAliases`; undefined where nothing is. Frameworks are compared by their part of
 * names: `Aurora` and `aurora` are one.
 */
export function frameworkAliasProblem({
  frameworkAliases = {},
  labelRules,
}: AliasConfig): string | undefined {
  const ofFramework = new Map<string, string>();
  const ofAlias = new Map<string, string>();
  for (const [name, aliases] of Object.entries(frameworkAliases)) {
    const about = `records.frameworkAliases.${name}`;
    const empty = [name, ...aliases].find((each) => toFrameworkPart(each, labelRules) === '');
    if (empty !== undefined)
      return `${about}: ${JSON.stringify(empty)} has nothing that a name may have (records.labelRules)`;
    const ofAgents = aliases.find((each) => /(?:^|\.)slave$/i.test(each));
    if (ofAgents !== undefined)
      return `${about}: ${JSON.stringify(ofAgents)} ends in slave, where tasks have their agents' addresses`;
    const wrong = [name, ...aliases].find((each) => /^\.|\.\.|\.$/.test(each));
    if (wrong !== undefined)
      return `${about}: ${JSON.stringify(wrong)} has a dot too many: names go without one at their ends`;
    const part = toFrameworkPart(name, labelRules);
    const same = ofFramework.get(part);
    if (same !== undefined)
      return `${about}: is the framework ${JSON.stringify(same)} too: give all aliases of ${part} in one list`;
    ofFramework.set(part, name);
    for (const alias of aliases) {
      const other = toFrameworkPart(alias, labelRules);
      if (other === part) return `${about}: ${JSON.stringify(alias)} is its own name`;
      const holder = ofAlias.get(other);
      if (holder === name) return `${about}: ${JSON.stringify(alias)} is there twice`;
      if (holder !== undefined)
        return `${about}: ${JSON.stringify(alias)} is an alias of ${JSON.stringify(holder)} too: one name leads to one framework`;
      ofAlias.set(other, name);
    }
  }
  for (const [alias, name] of ofAlias) {
    const framework = ofFramework.get(alias);
    if (framework !== undefined)
      return (
        `records.frameworkAliases.${name}: ${alias} has aliases itself: an alias does not lead on to others, ` +
        `name all under the framework's own name`
      );
  }
  return undefined;
}
