import { chromiumFile } from '../../connect/chromium.ts';
import { FIREFOX_POLICIES_FILE } from '../../connect/firefox.ts';
import type { ClientName } from '../../connect/kit.ts';
import { SYSTEMD_FILES } from '../../connect/systemd-forms.ts';

/** All files that `connect` may ever write on a machine for a client: none for those whose kit is printed. */
export function ownPaths(client: ClientName): readonly string[] {
  switch (client) {
    case 'systemd':
      return SYSTEMD_FILES;
    case 'firefox':
      return [FIREFOX_POLICIES_FILE];
    case 'chrome':
    case 'chromium':
    case 'edge':
      return [chromiumFile(client)];
    case 'windows':
    case 'apple':
    case 'curl':
    case 'dnsdist':
      return [];
  }
}

/** Firefox takes all its policies from one file, so that ours are merged with those that are there. */
export function isMergeable(path: string): boolean {
  return path === FIREFOX_POLICIES_FILE;
}
