import { join } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';
import { OLDEST_NODE } from './manifest.ts';

/** Paths of all source files that are in a bundle, as esbuild names them. */
export type Sources = readonly string[];

type To = { readonly outdir: string; readonly version: string };

const REQUIRE = `import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);`;

/** The program and all its commands as ES modules in `outdir`: `mesos-doh.js` and the chunks it loads. */
export async function bundleCli(project: string, { outdir, version }: To): Promise<Sources> {
  const { metafile } = await build({
    ...COMMON,
    absWorkingDir: project,
    define: { MESOS_DOH_VERSION: JSON.stringify(version) },
    entryPoints: { 'mesos-doh': 'packaging/cli-entry.ts' },
    outdir,
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    external: ['miniflare'],
    plugins: [onlyTheClient],
    banner: { js: REQUIRE },
  });
  return sourcesIn(metafile);
}

/** The stub as `stub.mjs`, one file that needs only Node; `.mjs`, so that it is a module wherever it is put. Throws if it should come to need a package. */
export async function bundleStub(project: string, { outdir, version }: To): Promise<void> {
  const { metafile } = await build({
    ...COMMON,
    absWorkingDir: project,
    define: { MESOS_DOH_VERSION: JSON.stringify(version) },
    entryPoints: ['packaging/stub-entry.ts'],
    outfile: join(outdir, 'stub.mjs'),
  });
  const foreign = sourcesIn(metafile).filter((path) => path.includes('node_modules'));
  if (foreign.length > 0)
    throw new Error(`the stub should need nothing but Node; it has ${foreign.join(', ')}`);
}

const COMMON = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: `node${OLDEST_NODE}`,
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
} as const;

/**
 * Undici without its `fetch`, caches and interceptors: those want Node 22.19, its clients run on Node 20
 * (`test/slow/package.test.ts`). A name that is not in here fails the build.
 */
const onlyTheClient: Plugin = {
  name: 'only-the-client',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^undici$/ }, ({ resolveDir }) => ({
      path: 'undici',
      namespace: 'only-the-client',
      pluginData: resolveDir,
    }));
    onLoad(
      { filter: /.*/, namespace: 'only-the-client' },
      ({ pluginData }: { readonly pluginData: string }) => ({
        resolveDir: pluginData,
        contents: `import Dispatcher from 'undici/lib/dispatcher/dispatcher.js';
import api from 'undici/lib/api/index.js';
import Agent from 'undici/lib/dispatcher/agent.js';
import Pool from 'undici/lib/dispatcher/pool.js';
import errors from 'undici/lib/core/errors.js';
Object.assign(Dispatcher.prototype, api);
export { Agent, Pool, errors };`,
      }),
    );
  },
};

function sourcesIn({ outputs }: Metafile): string[] {
  return Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [join(path)] : [])),
  );
}
