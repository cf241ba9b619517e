import { readFile } from 'node:fs/promises';
import type { Kit, Target } from '../../connect/kit.ts';
import { STUB, STUB_FILE } from '../../connect/systemd-forms.ts';
import { listenOf } from '../../connect/systemd-unit.ts';
import { needFree } from './free-address.ts';
import { readManifest } from './manifest.ts';
import { type OpenHttp, probeZone } from './probe.ts';
import { needResolved, output } from './this-machine.ts';

/**
 * Throws if what a kit for systemd would write could not work here: no systemd-resolved, a URL that does not answer for
 * the zone, an address that somebody has. What an earlier `connect` wrote goes on meanwhile.
 */
export async function needReady(
  kit: Kit,
  target: Target,
  {
    open,
    signal,
    isUnchecked,
  }: { readonly open: OpenHttp; readonly signal: AbortSignal; readonly isUnchecked: boolean },
): Promise<void> {
  await needResolved(signal);
  if (!isUnchecked) await needAnswer(target, { open, signal });
  const listen = listenOf(kit.files.find(({ path }) => path === STUB_FILE)?.text ?? '');
  if (listen !== undefined && !(await isOurs(listen, signal))) await needFree(listen, signal);
}

async function needAnswer(
  target: Target,
  doors: { readonly open: OpenHttp; readonly signal: AbortSignal },
): Promise<void> {
  const probed = await probeZone(target, doors);
  if (probed.kind === 'answered') return;
  throw new Error(`${probed.says}. Nothing was changed; to connect all the same, say --unchecked`);
}

/** Does the unit that an earlier `connect` wrote listen there? It ends before the new one starts. */
async function isOurs(listen: string, signal: AbortSignal): Promise<boolean> {
  const manifest = await readManifest('', 'systemd');
  if (manifest?.files.some(({ path }) => path === STUB_FILE) !== true) return false;
  const unit = await readFile(STUB_FILE, 'utf8').catch(() => '');
  if (listenOf(unit) !== listen) return false;
  return output(`systemctl is-active ${STUB}`, signal).then(
    () => true,
    () => false,
  );
}
