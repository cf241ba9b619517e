import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { packageManifest, type ProjectManifest } from '../../packaging/manifest.ts';
import { groupByValue, installMissing, withResolvers } from '../../packaging/node20.ts';
import { noticesText, packagesOf } from '../../packaging/third-party.ts';
import { packagedWranglerToml } from '../../packaging/worker-config.ts';

async function projectFile(name: string): Promise<string> {
  return readFile(new URL(`../../${name}`, import.meta.url), 'utf8');
}

describe('package.json of the package', () => {
  const files = ['mesos-doh.js'];

  it('depends on nothing but, optionally, the Miniflare that wrangler brings', async () => {
    const project: ProjectManifest = JSON.parse(await projectFile('package.json'));
    const manifest = packageManifest(project, { files });
    expect(manifest['dependencies']).toBeUndefined();
    expect(manifest['devDependencies']).toBeUndefined();
    expect(manifest['scripts']).toBeUndefined();
    expect(manifest['private']).toBeUndefined();
    const lock: { packages: Record<string, { dependencies?: Record<string, string> }> } = JSON.parse(
      await projectFile('package-lock.json'),
    );
    const miniflare = lock.packages['node_modules/wrangler']?.dependencies?.['miniflare'];
    expect(manifest['optionalDependencies']).toEqual({ miniflare });
    expect(manifest).toMatchObject({
      version: project.version,
      license: 'Apache-2.0',
      type: 'module',
      files,
    });
  });

  it('names the repository that provenance is checked against, where one is known', async () => {
    const project: ProjectManifest = JSON.parse(await projectFile('package.json'));
    const unnamed = { ...project, repository: undefined };
    const url = 'git+https://github.com/someone/mesos-doh.git';
    expect(packageManifest(unnamed, { files, githubRepository: 'someone/mesos-doh' })).toMatchObject({
      repository: { type: 'git', url },
      publishConfig: { access: 'public', provenance: true },
    });
    expect(packageManifest(unnamed, { files })).not.toHaveProperty('repository');
    expect(packageManifest(unnamed, { files, githubRepository: '' })).not.toHaveProperty('repository');
    const own = { type: 'git', url: 'git+https://example.com/own.git' };
    const named = { ...unnamed, repository: own };
    expect(packageManifest(named, { files, githubRepository: 'someone/else' })).toMatchObject({
      repository: own,
    });
  });
});

describe('wrangler.toml of the package', () => {
  it('is the project’s, with the built Worker', async () => {
    const own = (await projectFile('wrangler.toml')).split('\n');
    const packaged = packagedWranglerToml(own.join('\n')).split('\n');
    expect(packaged).toContain('main = "index.js"');
    expect(packaged).toContain('no_bundle = true');
    const gone = own.filter((line) => !packaged.includes(line));
    expect(gone.map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
      'main =',
      '# The',
      'minify =',
      'keep_names =',
    ]);
  });

  it('is not made of one that it no longer understands', () => {
    expect(() => packagedWranglerToml('name = "x"\n')).toThrow(/has no line .*main/);
  });
});

describe('notices of what is bundled', () => {
  it('are of the packages that its files are from', () => {
    expect(
      packagesOf([
        'sync-agent/cli.ts',
        'node_modules/undici/lib/core/errors.js',
        'node_modules/undici/lib/api/index.js',
        'node_modules/@scope/name/x.js',
        'node_modules/a/node_modules/b/x.js',
        '../../elsewhere/node_modules/hono/dist/hono.js',
      ]),
    ).toEqual([
      'node_modules/@scope/name',
      'node_modules/a/node_modules/b',
      'node_modules/hono',
      'node_modules/undici',
    ]);
  });

  it('have name, version, licence and its whole text', () => {
    const text = noticesText([
      { name: 'a', version: '1.0.0', license: 'MIT', text: 'Permission is\ngranted' },
    ]);
    expect(text).toContain('a 1.0.0 (MIT)\n\nPermission is\ngranted\n');
  });
});

describe('what Node 20 lacks', () => {
  it('is put where it is missing, and only there', () => {
    const on = { there: 1 };
    const shims = [
      { on, name: 'there', value: 2 },
      { on, name: 'missing', value: 3 },
    ];
    expect(installMissing(shims)).toEqual(['missing']);
    expect(on).toEqual({ there: 1 });
    expect(Object.getOwnPropertyDescriptor(on, 'missing')).toMatchObject({ value: 3, enumerable: false });
    expect(installMissing(shims)).toEqual([]);
  });

  it('does as Node’s own: Map.groupBy', () => {
    const items = ['a', 'bb', 'c', 'dd', ''];
    const byLength = (item: string, index: number): number => item.length + Math.floor(index / 4);
    expect([...groupByValue(items, byLength)]).toEqual([...Map.groupBy(items, byLength)]);
    expect([...groupByValue([Number.NaN, Number.NaN], (n) => n)]).toEqual([
      [Number.NaN, [Number.NaN, Number.NaN]],
    ]);
  });

  it('does as Node’s own: Promise.withResolvers', async () => {
    const one = withResolvers<number>();
    one.resolve(1);
    one.resolve(2);
    await expect(one.promise).resolves.toBe(1);
    const other = withResolvers<number>();
    other.reject(new Error('no'));
    await expect(other.promise).rejects.toThrow('no');
  });
});
