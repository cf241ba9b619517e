/** What a value is, as far as a shell can help with it. `file` may also be a URL; `any` is anything else. */
export type ValueKind = 'file' | 'directory' | 'choice' | 'any';

export type ValueDefinition = {
  /** As help shows it: `file`, `file|url`, `name`. */
  readonly name: string;
  readonly kind: ValueKind;
  /** Empty but for `choice`. */
  readonly choices: readonly string[];
};

export type FlagDefinition = {
  /** `--json`; the short one first where there is one: `-h`, `--help`. */
  readonly names: readonly string[];
  readonly value: ValueDefinition | undefined;
  readonly description: string;
  /** As help shows it; undefined: none, or said in the description. */
  readonly fallback: string | undefined;
  readonly isRequired: boolean;
};

export type ArgumentDefinition = ValueDefinition & {
  readonly description: string;
  readonly isRequired: boolean;
  readonly isRepeatable: boolean;
};

/** A command and all below it: what completion and the man page are made of. Plain data. */
export type CommandDefinition = {
  readonly name: string;
  readonly description: string;
  readonly flags: readonly FlagDefinition[];
  readonly arguments: readonly ArgumentDefinition[];
  readonly commands: readonly CommandDefinition[];
  /** Lines of the Examples of its help, as they are there. */
  readonly examples: readonly string[];
};

/** By the word that help shows for it: `file` is a file in every command of ours, `dir` a directory. */
export function valueOf(name: string, choices: readonly string[]): ValueDefinition {
  if (choices.length > 0) return { name, kind: 'choice', choices };
  if (name.startsWith('dir')) return { name, kind: 'directory', choices: [] };
  return { name, kind: /^file\b/.test(name) ? 'file' : 'any', choices: [] };
}
