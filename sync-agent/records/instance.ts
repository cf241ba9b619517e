import { agentTail, taskHash, toFrameworkPart } from './label.ts';

/**
 * The name one task alone has: `<label>-<hash of its id>-<tail of its agent's id>.<framework>.<domain>.`, and
 * `….<framework>.slave.<domain>.` for its agent's address (mesos-dns `records/generator.go`, taskRecord).
 */
export type Instance = {
  /** What the task shares with its likes: a label, or a discovery name with dots. */
  readonly label: string;
  readonly hash: string;
  readonly tail: string;
  /** May have dots: `chronos-2.4.0`. */
  readonly framework: string;
  readonly onAgent: boolean;
};

/** What sets a task's own name off from those of its likes: `-5eh48-s0`, behind the label. */
export function instanceTail(taskId: string, agentId: string): string {
  return `-${taskHash(taskId)}-${agentTail(agentId)}`;
}

const INSTANCE = /^(.*)-([ybndrfg8ejkmcpqxot1uwisza345h769]{5})-([^-.]+)\.(.+)$/;

/**
 * An address name as a task's own name; undefined for one that is none by its form. A task may be called what
 * others' own names look like: then it is its instances' shared name all the same.
 */
export function readInstance(name: string, domain: string): Instance | undefined {
  const suffix = `.${domain}.`;
  if (!name.endsWith(suffix)) return undefined;
  const [, label, hash, tail, rest] = INSTANCE.exec(name.slice(0, -suffix.length)) ?? [];
  if (label === undefined || hash === undefined || tail === undefined || rest === undefined) return undefined;
  const onAgent = rest.endsWith('.slave');
  return { label, hash, tail, framework: onAgent ? rest.slice(0, -'.slave'.length) : rest, onAgent };
}

/** The name all tasks of that label share, for the kind of address that the instance's name has. */
export function sharedName({ label, framework, onAgent }: Instance, domain: string): string {
  return `${label}.${framework}.${onAgent ? 'slave.' : ''}${domain}.`;
}

/** The instance's name for its own address, or for its agent's. */
export function instanceName(
  { label, hash, tail, framework }: Instance,
  { domain, onAgent }: { readonly domain: string; readonly onAgent: boolean },
): string {
  return `${label}-${hash}-${tail}.${framework}.${onAgent ? 'slave.' : ''}${domain}.`;
}

/** A framework's part of a name, by either rule: which of them names were made with they do not tell. */
export function frameworkParts(name: string): readonly string[] {
  const part = toFrameworkPart(name, 'rfc1123');
  const short = toFrameworkPart(name, 'rfc952');
  return part === short ? [part] : [part, short];
}
