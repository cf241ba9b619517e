import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A package of which something is in a bundle. */
export type Bundled = {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly text: string;
};

/** Directories of the packages that source files are from: `node_modules/@scope/name` for one below it. */
export function packagesOf(paths: readonly string[]): string[] {
  const directories = paths.flatMap((path) => {
    const [, directory] = /(node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+)\//.exec(path) ?? [];
    return directory === undefined ? [] : [directory];
  });
  return [...new Set(directories)].toSorted();
}

/** What a package says of its licence. Throws where it has no licence text: then it may not be passed on like this. */
export async function readBundled(directory: string): Promise<Bundled> {
  const json: { name: string; version: string; license?: string } = JSON.parse(
    await readFile(join(directory, 'package.json'), 'utf8'),
  );
  const { name, version, license = 'see below' } = json;
  const files = (await readdir(directory)).filter((file) => /^(licen[cs]e|notice|copying)(\.|$)/i.test(file));
  if (files.length === 0)
    throw new Error(`${name} has no licence file in ${directory}: look for one by hand`);
  const texts = await Promise.all(files.toSorted().map((file) => readFile(join(directory, file), 'utf8')));
  return { name, version, license, text: texts.map((text) => text.trim()).join('\n\n') };
}

/** The notices that their licences ask for, as one text. */
export function noticesText(bundled: readonly Bundled[]): string {
  const rule = '-'.repeat(79);
  const parts = bundled.map(
    ({ name, version, license, text }) => `${rule}\n${name} ${version} (${license})\n\n${text}\n`,
  );
  const first =
    'mesos-doh is under the Apache License 2.0 (LICENSE). Its bundles hold code of these packages, under these terms.';
  return `${first}\n\n${parts.join('\n')}`;
}
