const TRY_IT = `## Try it

Node 22 or later and npm. No account and no cluster needed.

\`\`\`sh
npm install -g mesos-doh
mesos-doh up
\`\`\`

brings up a simulated cluster, the agent, and the Worker in workerd (the real Workers runtime) on loopback, and
prints the DoH URL and three commands to try. Ctrl-C stops everything. All else runs from Node 20.12 on:
[install](docs/install.md).

`;

/** The project's README.md for who has the package and no clone. Throws if it no longer is what this was written for. */
export function packagedReadme(text: string): string {
  const [before, ...parts] = text.split(/^(?=## )/m);
  if (before === undefined || parts.filter((part) => part.startsWith('## Try it\n')).length !== 1)
    throw new Error('README.md has no section "Try it", which the package has its own of');
  const sections = parts.map((part) => (part.startsWith('## Try it\n') ? TRY_IT : withoutClone(part)));
  const readme = [before, ...sections].join('');
  const [left] = /\bnpm (?:ci|start|test|run)\b|\bclone\b/.exec(readme) ?? [];
  if (left !== undefined)
    throw new Error(`README.md says "${left}", which has no meaning in the package: see packaging/readme.ts`);
  return readme;
}

function withoutClone(text: string): string {
  return (
    text
      // As wide as before: it stands in a table.
      .replace(' (`npm start`)', (said) => ' '.repeat(said.length))
      .replaceAll('npx mesos-doh', 'mesos-doh')
      .replaceAll('npm start --', 'mesos-doh up')
      .replaceAll('npm start', 'mesos-doh up')
      .replace(/ In a clone say\s+`mesos-doh`\./, '')
  );
}
