/** As much of Prometheus's language as our alarms use, over what a test has scraped. */
export type Expression = (history: readonly Scrape[]) => readonly Sample[];

/** What all agents told at one moment. */
export type Scrape = readonly Sample[];

export type Sample = {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
};

const TOKEN = /\s*(?:([a-z_][a-z0-9_]*)|(\d+(?:\.\d+)?)|"([^"]*)"|\[(\d+[smhd])\]|([<>=!]=|[()<>{},=]))/iy;
type Token = { readonly kind: 'word' | 'number' | 'text' | 'range' | 'sign'; readonly text: string };

/** The text format 0.0.4. `instance` becomes a label, as Prometheus does it. */
export function parseMetrics(text: string, instance: string): Sample[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => {
    const [, name, labels = '', value] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined) throw new SyntaxError(`no sample: ${line}`);
    const pairs = [...labels.matchAll(/([a-z_]+)="([^"]*)"/g)].map(
      ([, key = '', of = '']) => [key, of] as const,
    );
    return { name, labels: new Map([...pairs, ['instance', instance]]), value: Number(value) };
  });
}

/** Throws `SyntaxError` for what it does not know. A range is the whole history. */
export function parseExpression(text: string): Expression {
  const tokens = tokensOf(text);
  let at = 0;
  const isNext = (word: string): boolean => tokens[at]?.text === word && tokens[at]?.kind !== 'text';
  const take = (kind: Token['kind'], wanted?: string): string => {
    const token = tokens[at++];
    if (token?.kind !== kind || (wanted !== undefined && token.text !== wanted))
      throw new SyntaxError(`${text}: ${wanted ?? kind} expected in place of ${token?.text ?? 'the end'}`);
    return token.text;
  };
  const inBrackets = <T>(read: () => T): T => {
    take('sign', '(');
    const inside = read();
    take('sign', ')');
    return inside;
  };
  const anyOf = (): Expression => {
    let left = allOf();
    while (isNext('or')) {
      at++;
      const [first, second] = [left, allOf()];
      left = (history) => {
        const found = first(history);
        const has = new Set(found.map((sample) => keyOf(sample)));
        return [...found, ...second(history).filter((sample) => !has.has(keyOf(sample)))];
      };
    }
    return left;
  };
  const allOf = (): Expression => {
    let left = comparison();
    while (isNext('and')) {
      at++;
      let ignored: string | undefined;
      if (isNext('ignoring')) {
        at++;
        ignored = inBrackets(() => take('word'));
      }
      const [first, second] = [left, comparison()];
      left = (history) => {
        const has = new Set(second(history).map((sample) => keyOf(sample, ignored)));
        return first(history).filter((sample) => has.has(keyOf(sample, ignored)));
      };
    }
    return left;
  };
  const comparison = (): Expression => {
    const left = term();
    const compare = COMPARISONS.get(tokens[at]?.text ?? '');
    if (!compare) return left;
    at++;
    const limit = Number(take('number'));
    return (history) => left(history).filter(({ value }) => compare(value, limit));
  };
  const term = (): Expression => {
    if (isNext('(')) return inBrackets(anyOf);
    const word = take('word');
    if (!isNext('(')) return selector(word);
    switch (word) {
      case 'sum': {
        const all = inBrackets(anyOf);
        return (history) => sum(all(history));
      }
      case 'abs': {
        const all = inBrackets(anyOf);
        return (history) => all(history).map((sample) => ({ ...sample, value: Math.abs(sample.value) }));
      }
      case 'vector': {
        const value = Number(inBrackets(() => take('number')));
        return () => [{ name: '', labels: new Map(), value }];
      }
      case 'increase': {
        const series = inBrackets(() => {
          const of = selector(take('word'));
          take('range');
          return of;
        });
        return (history) => increase(history.map((scrape) => series([scrape])));
      }
      default:
        throw new SyntaxError(`${text}: no function ${word} here`);
    }
  };
  const selector = (name: string): Expression => {
    const wanted: (readonly [string, string])[] = [];
    if (isNext('{')) {
      take('sign', '{');
      const label = take('word');
      take('sign', '=');
      wanted.push([label, take('text')]);
      take('sign', '}');
    }
    return (history) =>
      (history.at(-1) ?? []).filter(
        (sample) => sample.name === name && wanted.every(([label, of]) => sample.labels.get(label) === of),
      );
  };
  const whole = anyOf();
  if (at < tokens.length) throw new SyntaxError(`${text}: ${tokens[at]?.text} is too much`);
  return whole;
}

/** The metrics that an expression asks for. */
export function metricsIn(text: string): string[] {
  return tokensOf(text)
    .map((token) => token.text)
    .filter((word) => word.startsWith('mesos_doh_'));
}

const COMPARISONS: ReadonlyMap<string, (a: number, b: number) => boolean> = new Map([
  ['>', (a, b) => a > b],
  ['<', (a, b) => a < b],
  ['==', (a, b) => a === b],
]);

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  const pattern = new RegExp(TOKEN);
  while (pattern.lastIndex < text.trimEnd().length) {
    const from = pattern.lastIndex;
    const [, word, number, quoted, range, sign] = pattern.exec(text) ?? [];
    if (word !== undefined) tokens.push({ kind: 'word', text: word });
    else if (number !== undefined) tokens.push({ kind: 'number', text: number });
    else if (quoted !== undefined) tokens.push({ kind: 'text', text: quoted });
    else if (range !== undefined) tokens.push({ kind: 'range', text: range });
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign });
    else throw new SyntaxError(`${text}: can't read ${text.slice(from)}`);
  }
  return tokens;
}

/** Labels but for an ignored one: what `and` and `or` match by. */
function keyOf({ labels }: Sample, ignored?: string): string {
  const pairs = [...labels].filter(([label]) => label !== ignored).map((pair) => pair.join('='));
  return pairs.toSorted().join();
}

function sum(samples: readonly Sample[]): Sample[] {
  if (samples.length === 0) return [];
  return [{ name: '', labels: new Map(), value: samples.reduce((all, { value }) => all + value, 0) }];
}

/** Of each series that the last scrape has; what it has fallen to after a restart counts as well. */
function increase(scrapes: readonly (readonly Sample[])[]): Sample[] {
  return (scrapes.at(-1) ?? []).map((sample) => {
    const values = scrapes.flatMap((scrape) => scrape.filter((one) => keyOf(one) === keyOf(sample)));
    const steps = values.slice(1).map(({ value }, i) => {
      const before = values[i]?.value ?? 0;
      return value >= before ? value - before : value;
    });
    return { ...sample, name: '', value: steps.reduce((all, step) => all + step, 0) };
  });
}
