import { join } from 'node:path';
import type { Kit } from '../../connect/kit.ts';
import { ConfigError } from '../config.ts';
import { codeOf, makeDirectories, placeIn, replaceFile } from './files.ts';
import { type Manifest, readManifest, sha256Of, writeManifest } from './manifest.ts';
import { planKit } from './plan.ts';
import { rememberKit, type Restore } from './remember.ts';
import { type RunCommand, undoManifest } from './undo.ts';

/** `run` stops when the person wants it to; `takeBack` does not. */
export type Commands = { readonly run: RunCommand; readonly takeBack: RunCommand };

/** Paths written, and those of an earlier `connect` that it needs no more, but somebody changed: they stand as they are. */
export type Applied = { readonly written: readonly string[]; readonly kept: readonly string[] };

/**
 * Writes a kit's files and runs its commands. What an earlier `connect` wrote for the same client is taken out first.
 * Throws if a file of somebody's is in the way, with nothing changed; and if a file can't be written or a command
 * fails, with all that was done taken back and what was there before in force again.
 */
export async function applyKit(
  kit: Kit,
  { root, commands }: { readonly root: string; readonly commands: Commands | undefined },
): Promise<Applied> {
  const earlier = await readManifest(root, kit.client);
  await planKit(kit, { root, earlier });
  const takeBack = commands?.takeBack;
  const restore = earlier && (await rememberKit(earlier, { root, run: takeBack }));
  let manifest: Manifest | undefined;
  let hasRun = false;
  try {
    const { kept } = earlier
      ? await undoManifest(earlier, { root, run: takeBack, isForGood: false })
      : { kept: [] };
    const { files, directories } = await planKit(kit, { root, earlier: undefined });
    manifest = {
      client: kit.client,
      form: kit.form,
      files: [
        ...files.map(({ path, text, before }) => ({
          path,
          sha256: sha256Of(text),
          ...(before && { before }),
        })),
        ...kept,
      ],
      // In this order each comes before those in it.
      directories: [
        ...new Set([...directories, ...(kept.length > 0 ? (earlier?.directories ?? []) : [])]),
      ].toSorted(),
    };
    await makeDirectories(root, directories);
    // First, so that what comes to an end half-way can be undone.
    await writeManifest(root, manifest);
    for (const { path, text, mode } of files) await replaceFile(await placeIn(root, path), { text, mode });
    for (const command of commands ? kit.apply : []) {
      hasRun = true;
      await commands?.run(command);
    }
    const shown = ({ path }: { readonly path: string }): string => join(root, path);
    return { written: files.map(shown), kept: kept.map(shown) };
  } catch (error) {
    if (manifest)
      await undoManifest(manifest, { root, run: hasRun ? takeBack : undefined, isForGood: !earlier });
    throw withAdvice(error, await comeBack(restore));
  }
}

/** What to say of it. */
async function comeBack(restore: Restore | undefined): Promise<string> {
  if (!restore) return '';
  const troubles = await restore();
  return troubles.length === 0
    ? '; what was connected before is in force again'
    : `; what was connected before could not be put in force again: ${troubles.join('; ')}`;
}

function withAdvice(cause: unknown, comingBack: string): Error {
  const said = cause instanceof Error ? cause.message : String(cause);
  const isRefused = ['EACCES', 'EPERM', 'EROFS'].includes(codeOf(cause));
  const advice = isRefused ? '; say it with sudo, or with --dry-run to see what would be written' : '';
  const message = `${said}; what was written is taken back${comingBack}${advice}`;
  return isRefused ? new ConfigError(message, { cause }) : new Error(message, { cause });
}
