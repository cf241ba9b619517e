import type { OwnerName } from '../../zone/name.ts';

/** What a name says of whose it is: the framework, and the task's name with or without its instance. */
export type Place = {
  readonly framework: string;
  readonly task: string;
  /** The port, if it has a name, and protocol of a task's service; undefined for the task itself. */
  readonly service: { readonly port: string; readonly protocol: string } | undefined;
};

/** `part-hash-tail`: the hash in z-base-32, the tail without a hyphen (mesos-dns's canonical names). */
const INSTANCE = /^(.+)-[13-9a-km-uw-z]{5}-[^-]*$/;

/**
 * The framework in the name of a service; undefined for other names. A framework's name may have dots in it: it is
 * what stands behind the protocol of its services and of its tasks' services, whose labels are the only ones that
 * begin with an underscore.
 */
export function frameworkIn(owner: OwnerName, origin: OwnerName): string | undefined {
  return /^_.*\._[^.]+\.(.+?)(?:\.slave)?$/.exec(below(owner, origin))?.[1];
}

/** Whose name this is; undefined for the cluster's own names and the frameworks' own. */
export function placeOf(
  owner: OwnerName,
  origin: OwnerName,
  frameworks: ReadonlySet<string>,
): Place | undefined {
  const [, onAgent] = /^(.+\.[^_.][^.]*)\.slave$/.exec(below(owner, origin)) ?? [];
  const inFramework = onAgent ?? below(owner, origin);
  const framework = frameworkOf(inFramework, frameworks);
  if (framework === undefined) return undefined;
  const rest = inFramework.slice(0, -framework.length - 1);
  if (!rest.startsWith('_')) return { framework, task: rest, service: undefined };
  if (rest === '_framework._tcp') return undefined;
  // A task's services are `_task._protocol` and, of named ports, `_port._task._protocol`.
  const [, port = '', task, protocol = ''] = /^(?:_([^.]+)\.)?_([^_.].*|)\._([^.]+)$/.exec(rest) ?? [];
  return task === undefined ? undefined : { framework, task, service: { port, protocol } };
}

/** The name of the task that a name of this form is an instance of, if it is one: `web` for `web-abcde-s0`. */
export function sharedNameOf(task: string): string | undefined {
  return INSTANCE.exec(task)?.[1];
}

/** Is it a name on an agent, as `placeOf` tells by its text? Most names of a zone are, and few care for them. */
export function isOnAgent(name: Uint8Array, originWire: Uint8Array): boolean {
  let [before, last] = [-1, -1];
  let labels = 0;
  for (let at = 0; at < name.length - originWire.length; at += 1 + (name[at] ?? 0)) {
    [before, last] = [last, at];
    labels++;
  }
  if (labels < 3 || name[last] !== SLAVE.length || name[before + 1] === UNDERSCORE) return false;
  return SLAVE.every((octet, i) => name[last + 1 + i] === octet);
}

const SLAVE = [...'slave'].map((letter) => letter.charCodeAt(0));
const UNDERSCORE = 0x5f;

function below(name: OwnerName, origin: OwnerName): string {
  return name.slice(0, Math.max(0, name.length - origin.length - 1));
}

/** The longest framework name that ends a name but is not all of it; where none is known, its last label. */
function frameworkOf(name: string, frameworks: ReadonlySet<string>): string | undefined {
  if (frameworks.has(name)) return undefined;
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
    const suffix = name.slice(dot + 1);
    if (frameworks.has(suffix) || !suffix.includes('.')) return suffix;
  }
  return undefined;
}
