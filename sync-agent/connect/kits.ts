import type { ClientName, Kit, Target } from '../../connect/kit.ts';
import { appleKit } from '../../connect/apple.ts';
import { type ChromiumSystem, chromiumKit } from '../../connect/chromium.ts';
import { curlKit } from '../../connect/curl.ts';
import { dnsdistKit } from '../../connect/dnsdist.ts';
import { firefoxKit } from '../../connect/firefox.ts';
import { windowsKit } from '../../connect/windows.ts';

/** All clients but systemd, whose kit depends on the machine. */
export type PlainClient = Exclude<ClientName, 'systemd'>;

/** They send more than our zones' names, so it matters whether the resolver forwards. */
export function isBrowser(client: ClientName): boolean {
  return ['firefox', 'chrome', 'chromium', 'edge'].includes(client);
}

/** Clients on this machine whose files are written where they read them; what others need is printed. */
export function isWrittenHere(client: ClientName, platform: string): boolean {
  return client === 'systemd' || (isBrowser(client) && platform === 'linux');
}

/** `out` is the file that a person wants it in. */
export function plainKit(
  client: PlainClient,
  target: Target,
  { platform, out }: { readonly platform: string; readonly out?: string | undefined },
): Kit {
  switch (client) {
    case 'firefox':
      return firefoxKit(target);
    case 'chrome':
    case 'chromium':
    case 'edge':
      return chromiumKit(target, { browser: client, system: SYSTEMS.get(platform) ?? 'linux' });
    case 'windows':
      return windowsKit(target);
    case 'apple':
      return appleKit(target);
    case 'curl':
      return curlKit(target, out);
    case 'dnsdist':
      return dnsdistKit(target, out);
  }
}

/** By `process.platform`. */
const SYSTEMS: ReadonlyMap<string, ChromiumSystem> = new Map([
  ['win32', 'windows'],
  ['darwin', 'macos'],
]);
