import type { MesosFramework } from '../cluster.ts';
import { sameFacts, sameLists } from '../same-facts.ts';
import { listed, type NamedFramework } from './conflict.ts';
import { describeFramework } from './framework.ts';
import { partsOf } from './framework-alias.ts';
import { refusedBy } from './reserved.ts';
import { sharedLabel, type TaskNames } from './role-conflict.ts';
import type { Alias } from './shape-aliases.ts';

/** What gives a name: a task and its instances, which share a label, or something that is no task. */
type Claim = {
  readonly framework: MesosFramework | undefined;
  readonly label: string;
  readonly text: string;
};

/** By an alias first; then whoever else gives the name. */
type Claims = [Claim, ...Claim[]];

const MAX_CLAIMS = 16;

type Options = TaskNames & {
  /** Owners of static records, with their final dots. */
  readonly staticNames: () => Iterable<string>;
};

/**
 * Aliases that are the name of another task or framework, of a static record, or another task's alias too; one that is
 * refused (`reserved.ts`) is in no answer. Names are
 * looked at only where there are aliases, and tasks' names only in frameworks that an alias is below of. Tasks count
 * from when they run, healthy or not, so that health does not make reports come and go.
 */
export function aliasConflicts(frameworks: readonly NamedFramework[], options: Options): string[] {
  const { settings, staticNames } = options;
  const rules = settings.shape;
  if (!rules || !(rules.ownLabels || rules.haproxy)) return [];
  const aliases = claimedByAliases(frameworks, options);
  if (aliases.size === 0) return [];
  const disputed = new Set<string>();
  const dispute = (name: string, claim: Claim): void => {
    const claims = aliases.get(name);
    if (claims && addClaim(claims, claim)) disputed.add(name);
  };
  for (const [name, { length }] of aliases) if (length > 1) disputed.add(name);
  for (const { framework, part } of frameworks)
    for (const each of partsOf(part, settings))
      dispute(`${each}.${settings.domain}.`, { framework, label: '', text: describeFramework(framework) });
  if (settings.clusterNames !== 'left-out')
    for (const name of staticNames())
      dispute(name, { framework: undefined, label: 'static', text: 'a static record' });
  for (const { name, claim } of sharedNames(frameworks, aliases, options)) dispute(name, claim);
  return Array.from(disputed, (name) => {
    const [first, ...others] = aliases.get(name) ?? [];
    const isCut = others.length + 1 >= MAX_CLAIMS;
    const who = listed(
      others.map(({ text }) => text),
      { isCut },
    );
    return `${name.slice(0, -1)} is given by ${first?.text}, and by ${who}: its answers are mixed`;
  });
}

/** Tasks whose shared names are aliases too. */
function* sharedNames(
  frameworks: readonly NamedFramework[],
  aliases: ReadonlyMap<string, Claims>,
  options: TaskNames,
): Generator<{ readonly name: string; readonly claim: Claim }> {
  const { settings } = options;
  const labelsIn = new Map<string, Set<string>>();
  for (const name of aliases.keys()) {
    const dot = name.indexOf('.');
    const place = name.slice(dot + 1);
    const labels = labelsIn.get(place);
    if (labels) labels.add(name.slice(0, dot));
    else labelsIn.set(place, new Set([name.slice(0, dot)]));
  }
  for (const { framework, part } of frameworks) {
    const places = partsOf(part, settings)
      .flatMap((each) => [`${each}.${settings.domain}.`, `${each}.slave.${settings.domain}.`])
      .filter((place) => labelsIn.has(place));
    for (const task of places.length > 0 ? framework.tasks : []) {
      const label = sharedLabel(task, part, options);
      if (label === undefined) continue;
      for (const place of places) {
        if (labelsIn.get(place)?.has(label) !== true) continue;
        const text = `task ${task.id} of ${describeFramework(framework)}`;
        yield { name: `${label}.${place}`, claim: { framework, label, text } };
      }
    }
  }
}

/** Alias names with who gives them, each task with its instances once. */
function claimedByAliases(
  frameworks: readonly NamedFramework[],
  options: TaskNames,
): ReadonlyMap<string, Claims> {
  const { settings, shaper } = options;
  const aliases = new Map<string, Claims>();
  const isRefused = refusedBy(settings);
  for (const { framework, part } of frameworks) {
    const places = partsOf(part, settings).map((each) => `${each}.${settings.domain}.`);
    /** What the instance before of each gave: as a rule the same. */
    const before = new Map<string, readonly Alias[]>();
    for (const task of framework.tasks) {
      const given = task.labels && task.state === 'TASK_RUNNING' ? shaper?.(task, part).aliases : undefined;
      if (!given || given.length === 0) continue;
      const label = sharedLabel(task, part, options);
      if (label === undefined || sameLists(before.get(label) ?? [], given, sameFacts)) continue;
      before.set(label, given);
      for (const { name, isLabel, by } of given) {
        for (const alias of isLabel ? places.map((place) => `${name}.${place}`) : [name]) {
          if (isRefused?.(alias)) continue;
          const claims = aliases.get(alias);
          if (claims?.some((each) => isSame(each, framework, label))) continue;
          const text = `task ${task.id} of ${describeFramework(framework)} by ${by}`;
          const claim = { framework, label, text };
          if (claims) addClaim(claims, claim);
          else aliases.set(alias, [claim]);
        }
      }
    }
  }
  return aliases;
}

/** Was it another's than those before? */
function addClaim(claims: Claims, claim: Claim): boolean {
  if (claims.some((each) => isSame(each, claim.framework, claim.label))) return false;
  if (claims.length < MAX_CLAIMS) claims.push(claim);
  return true;
}

function isSame(claim: Claim, framework: MesosFramework | undefined, label: string): boolean {
  return claim.label === label && claim.framework?.id === framework?.id;
}
