/** Is a text one of these? `*` stands for any part of it. */
export function globs(patterns: readonly string[]): (text: string) => boolean {
  if (patterns.length === 0) return () => false;
  const parts = patterns.map((pattern) =>
    pattern.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll('*', '.*'),
  );
  const any = new RegExp(`^(?:${parts.join('|')})$`, 's');
  return (text) => any.test(text);
}
