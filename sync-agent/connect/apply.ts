import { join } from 'node:path';
import type { Kit } from '../../connect/kit.ts';
import { ConfigError } from '../config.ts';
import { codeOf, makeDirectories, replaceFile } from './files.ts';
import { type Manifest, readManifest, sha256Of, writeManifest } from './manifest.ts';
import { planKit } from './plan.ts';
import { type RunCommand, undoManifest } from './undo.ts';

/** `run` stops when the person wants it to; `takeBack` does not. */
export type Commands = { readonly run: RunCommand; readonly takeBack: RunCommand };

/**
 * Writes a kit's files and runs its commands. What an earlier `connect` wrote for the same client is taken out first.
 * Resolves with the paths written. Throws if a file of somebody's is in the way, with nothing changed; and if a file
 * can't be written or a command fails, with all that was done taken back.
 */
export async function applyKit(
  kit: Kit,
  { root, commands }: { readonly root: string; readonly commands: Commands | undefined },
): Promise<readonly string[]> {
  const earlier = await readManifest(root, kit.client);
  await planKit(kit, { root, earlier });
  if (earlier) await undoManifest(earlier, { root, run: commands?.takeBack });
  const { files, directories } = await planKit(kit, { root, earlier: undefined });
  const manifest: Manifest = {
    client: kit.client,
    files: files.map(({ path, text, before }) => ({
      path,
      sha256: sha256Of(text),
      ...(before && { before }),
    })),
    directories: [...directories],
    undo: [...kit.undo],
    afterUndo: [...(kit.afterUndo ?? [])],
  };
  let hasRun = false;
  try {
    await makeDirectories(root, directories);
    // First, so that what comes to an end half-way can be undone.
    await writeManifest(root, manifest);
    for (const { path, text, mode } of files) await replaceFile(join(root, path), { text, mode });
    for (const command of commands ? kit.apply : []) {
      hasRun = true;
      await commands?.run(command);
    }
  } catch (error) {
    await undoManifest(manifest, { root, run: hasRun ? commands?.takeBack : undefined });
    throw withAdvice(error);
  }
  return files.map(({ path }) => join(root, path));
}

function withAdvice(cause: unknown): Error {
  const said = cause instanceof Error ? cause.message : String(cause);
  const isRefused = ['EACCES', 'EPERM', 'EROFS'].includes(codeOf(cause));
  const advice = isRefused ? '; say it with sudo, or with --dry-run to see what would be written' : '';
  const message = `${said}; what was written is taken back${advice}`;
  return isRefused ? new ConfigError(message, { cause }) : new Error(message, { cause });
}
