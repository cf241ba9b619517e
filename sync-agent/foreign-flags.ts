import { ConfigError } from './config.ts';
import { nearest } from './nearest.ts';

/** A flag of another program: what follows it, and why it has no meaning here where it has none. */
export type ForeignFlag = {
  /** `texts` takes all that follow up to the next flag. */
  readonly takes: 'nothing' | 'text' | 'texts';
  readonly noMeaning?: string;
  readonly short?: string;
};

export type ForeignFlags = {
  /** In the order they were given; `true` for a flag that takes nothing. */
  readonly texts: (flag: string) => readonly string[];
  /** The last one given. */
  readonly text: (flag: string) => string | undefined;
  readonly isSet: (flag: string) => boolean;
  /** Flags given that have no meaning here, each once. Never their values: those may be secrets. */
  readonly ignored: readonly { readonly flag: string; readonly why: string }[];
};

/**
 * Reads flags as Go's pflag and Python's argparse take them: `--flag value`, `--flag=value`, `-flag` too, flags that
 * take nothing alone or `=true` and `=false`. Throws `ConfigError` for what is no flag of theirs, with the nearest.
 */
export function readForeignFlags(
  args: readonly string[],
  { program, flags }: { readonly program: string; readonly flags: Readonly<Record<string, ForeignFlag>> },
): ForeignFlags {
  const given = new Map<string, string[]>();
  const ignored = new Map<string, string>();
  const refuse = (what: string): never => {
    throw new ConfigError(`${program}: ${what}`);
  };
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const [, name, inline] = /^--?([^=-][^=]*)(?:=(.*))?$/s.exec(arg) ?? [];
    if (name === undefined) return refuse(`${JSON.stringify(arg)} is no flag`);
    const flag =
      flagCalled(name, flags) ??
      refuse(`it has no flag ${flagText(name)}${nearest(name, Object.keys(flags))}`);
    const { takes, noMeaning } = flags[flag] ?? { takes: 'nothing' };
    const values = inline === undefined ? takeValues(rest, takes) : [inline];
    if (values.length === 0) refuse(`${flagText(flag)} takes a value`);
    if (takes === 'nothing' && !/^(?:true|false|1|0|t|f)$/i.test(values[0] ?? ''))
      refuse(`${flagText(flag)} is true or false`);
    given.set(flag, [...(given.get(flag) ?? []), ...values]);
    if (noMeaning !== undefined) ignored.set(flag, noMeaning);
  }
  const texts = (flag: string): readonly string[] => given.get(flag) ?? [];
  const text = (flag: string): string | undefined => texts(flag).at(-1);
  return {
    texts,
    text,
    isSet: (flag) => /^(?:true|1|t)$/i.test(text(flag) ?? 'false'),
    ignored: Array.from(ignored, ([flag, why]) => ({ flag: flagText(flag), why })),
  };
}

function flagText(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}

function flagCalled(name: string, flags: Readonly<Record<string, ForeignFlag>>): string | undefined {
  if (Object.hasOwn(flags, name)) return name;
  return Object.keys(flags).find((flag) => flags[flag]?.short === name);
}

function takeValues(rest: string[], takes: ForeignFlag['takes']): string[] {
  if (takes === 'nothing') return ['true'];
  // A value may begin with a dash where one has to follow.
  const values = rest.splice(0, 1);
  if (takes === 'text' || values.length === 0) return values;
  const end = rest.findIndex((text) => text.startsWith('-'));
  return [...values, ...rest.splice(0, end < 0 ? rest.length : end)];
}
