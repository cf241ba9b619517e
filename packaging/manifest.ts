/** What the project's `package.json` says, as far as the package repeats it. */
export type ProjectManifest = {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly repository?: string | { readonly type: string; readonly url: string } | undefined;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
};

export type PackageManifest = Readonly<Record<string, unknown>> & {
  readonly version: string;
  readonly files: readonly string[];
};

/** The oldest Node that the bundles run on: the first with `crypto.hash`. What else it lacks: node20.ts. */
export const OLDEST_NODE = '20.12';

/**
 * `package.json` of the npm package. It depends on nothing at run time: all is bundled, and Miniflare, which only `up`
 * needs, is optional. `githubRepository` is `owner/name`, for a project whose own manifest names no repository.
 */
export function packageManifest(
  project: ProjectManifest,
  {
    files,
    githubRepository,
  }: { readonly files: readonly string[]; readonly githubRepository?: string | undefined },
): PackageManifest {
  const { name, version, description, license } = project;
  const repository = project.repository ?? repositoryOf(githubRepository);
  const miniflare = project.devDependencies['miniflare'];
  if (miniflare === undefined) throw new Error('package.json has no devDependency miniflare, which up needs');
  return {
    name,
    version,
    description,
    keywords: [
      'mesos',
      'mesos-dns',
      'dns',
      'doh',
      'dns-over-https',
      'cloudflare-workers',
      'service-discovery',
    ],
    license,
    ...(repository !== undefined && { repository }),
    type: 'module',
    bin: { 'mesos-doh': 'mesos-doh.js' },
    man: ['man/mesos-doh.1'],
    engines: { node: `>=${OLDEST_NODE}` },
    files,
    optionalDependencies: { miniflare },
    publishConfig: { access: 'public', provenance: true },
  };
}

function repositoryOf(githubRepository: string | undefined): ProjectManifest['repository'] {
  if (githubRepository === undefined || githubRepository === '') return undefined;
  return { type: 'git', url: `git+https://github.com/${githubRepository}.git` };
}
