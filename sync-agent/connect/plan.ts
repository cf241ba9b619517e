import type { Kit, KitFile } from '../../connect/kit.ts';
import { ConfigError } from '../config.ts';
import { type FileState, missingDirectories, placeIn, readFileState } from './files.ts';
import { type Manifest, manifestPath, sha256Of } from './manifest.ts';
import { mergeJson } from './merge-json.ts';
import { isMergeable } from './own-paths.ts';

/** A file to write, and what it takes the place of, where it is merged with that. */
export type PlannedFile = KitFile & { readonly before?: FileState };

/** What is to be written: nothing that stands there already as it should. */
export type Plan = { readonly files: readonly PlannedFile[]; readonly directories: readonly string[] };

/**
 * Compares a kit with what is there. Files of an earlier `connect` are ours; Firefox reads a single file of policies,
 * so that one is merged. Any other file in the way throws `ConfigError`, before anything was written.
 */
export async function planKit(
  kit: Kit,
  { root, earlier }: { readonly root: string; readonly earlier: Manifest | undefined },
): Promise<Plan> {
  const files: PlannedFile[] = [];
  const directories = new Set<string>();
  for (const file of kit.files) {
    const planned = await planFile(file, { root, earlier });
    if (planned) files.push(planned);
  }
  await placeIn(root, manifestPath(kit.client));
  for (const path of [manifestPath(kit.client), ...files.map(({ path }) => path)])
    for (const directory of await missingDirectories(root, path)) directories.add(directory);
  return { files, directories: [...directories] };
}

async function planFile(
  file: KitFile,
  { root, earlier }: { readonly root: string; readonly earlier: Manifest | undefined },
): Promise<PlannedFile | undefined> {
  const path = await placeIn(root, file.path);
  const standing = await readFileState(path);
  if (!standing) return file;
  const written = earlier?.files.find((one) => one.path === file.path);
  if (written?.sha256 === sha256Of(standing.text))
    return written.before ? merged(file, written.before) : file;
  if (written)
    throw new ConfigError(`${path} was changed since connect wrote it: move it away, and connect again`);
  if (standing.text === file.text && standing.mode === file.mode) return undefined;
  if (isMergeable(file.path)) return merged(file, standing);
  throw new ConfigError(
    `${path} is there already, and connect did not write it: look at it, move it away, and connect again ` +
      '(--dry-run shows what would be written)',
  );
}

function merged(file: KitFile, standing: FileState): PlannedFile | undefined {
  let theirs: unknown;
  try {
    theirs = JSON.parse(standing.text);
  } catch (cause) {
    throw new ConfigError(`${file.path} is there already and is not JSON, so nothing can be added to it`, {
      cause,
    });
  }
  const { value, conflicts } = mergeJson(theirs, JSON.parse(file.text));
  if (conflicts.length > 0)
    throw new ConfigError(
      `${file.path} is there already, and says something else for ${conflicts.join(', ')}: take that out first`,
    );
  const text = `${JSON.stringify(value, undefined, 2)}\n`;
  return JSON.stringify(theirs) === JSON.stringify(value) ? undefined : { ...file, text, before: standing };
}
