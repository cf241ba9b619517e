import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, type TestContext } from 'vitest';
import {
  installed,
  PAGE_NAME,
  PAGE_TEXT,
  run,
  type ServedPage,
  startServedPage,
} from '../system/served-page.ts';

/**
 * Browsers load a page whose name only our zone knows, with the CA in their store and nothing switched off. One
 * that is not installed is skipped and says so; CI installs them.
 */
const TIMEOUT_MS = 90_000;

let page: ServedPage;
beforeAll(async () => {
  page = await startServedPage();
});
afterAll(() => page.close());

/** Makes a certificate store that trusts our CA for servers. */
async function trustCa(context: TestContext, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const store = ['-d', `sql:${directory}`];
  const certutil = await installed(context, ['certutil'], ['-N', '--empty-password', ...store], {
    what: 'certutil (libnss3-tools)',
  });
  const { code, stderr } = await run(certutil, [
    ...['-A', '-n', 'mesos-doh', '-t', 'C,,', '-i', page.caFile, ...store],
  ]);
  expect([code, stderr]).toEqual([0, '']);
}

it('Chromium, asking us alone', async (context) => {
  const chromium = await installed(context, ['chromium', 'chromium-browser'], ['--version']);
  const home = join(page.directory, 'chromium');
  await trustCa(context, join(home, '.pki', 'nssdb'));
  const profile = join(home, 'profile');
  await mkdir(profile);
  const dns = { mode: 'secure', templates: `${page.https}/dns-query{?dns}` };
  await writeFile(join(profile, 'Local State'), JSON.stringify({ dns_over_https: dns }));
  const quietly = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];
  const { stdout } = await run(
    chromium,
    [...quietly, '--no-first-run', `--user-data-dir=${profile}`, '--dump-dom', page.url],
    { env: { HOME: home }, timeoutMs: TIMEOUT_MS },
  );
  expect(stdout.toString()).toContain(PAGE_TEXT);
  expect(page.hosts).toContain(`${PAGE_NAME}:${page.port}`);
});

it('Firefox, asking us alone', async (context) => {
  const firefox = await installed(context, ['firefox-esr', 'firefox'], ['--version']);
  const profile = join(page.directory, 'firefox');
  await trustCa(context, profile);
  const preferences = {
    'network.trr.mode': 3,
    'network.trr.uri': `${page.https}/dns-query`,
    'network.trr.custom_uri': `${page.https}/dns-query`,
    // Answers with private and loopback addresses are thrown away otherwise.
    'network.trr.allow-rfc1918': true,
    // It would ask for example.com first, which this resolver refuses.
    'network.trr.confirmationNS': 'skip',
  };
  const lines = Object.entries(preferences).map(
    ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`,
  );
  await writeFile(join(profile, 'user.js'), lines.join('\n'));
  const before = page.hosts.length;
  const { code } = await run(
    firefox,
    [
      ...['--headless', '--no-remote', '--profile', profile],
      ...['--screenshot', join(profile, 'page.png'), page.url],
    ],
    { env: { HOME: page.directory }, timeoutMs: TIMEOUT_MS },
  );
  expect(code).toBe(0);
  expect(page.hosts.slice(before)).toContain(`${PAGE_NAME}:${page.port}`);
});
