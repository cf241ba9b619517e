/**
 * The `wrangler.toml` that deploys the built Worker: the project's own, but for what concerns building.
 * Throws where a line it has to change is not there, so that the two do not drift apart.
 */
export function packagedWranglerToml(text: string): string {
  let changed = replaced(
    text,
    /^main = .*$/m,
    'main = "index.js"\n# Built already: it is deployed as it is.\nno_bundle = true',
  );
  for (const line of [/^minify = .*\n/m, /^keep_names = .*\n/m, /^# The tests want Buffer.*\n/m])
    changed = replaced(changed, line, '');
  return changed;
}

function replaced(text: string, line: RegExp, by: string): string {
  if (!line.test(text))
    throw new Error(`wrangler.toml has no line ${line}: bring packaging/worker-config.ts up to date`);
  return text.replace(line, by);
}
