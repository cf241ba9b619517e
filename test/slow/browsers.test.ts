import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { chromiumKit } from '../../connect/chromium.ts';
import { curlKit } from '../../connect/curl.ts';
import { dnsdistKit } from '../../connect/dnsdist.ts';
import { firefoxKit } from '../../connect/firefox.ts';
import type { Kit, Target } from '../../connect/kit.ts';
import { CLI } from '../system/run-cli.ts';
import { installed } from '../system/served-page.ts';
import {
  type BrowserStage,
  openBrowserStage,
  STAGE_PAGE_TEXT,
  type StageEdge,
  SYSTEM_NAME,
  TASK_ADDRESS,
} from './browser-stage.ts';

/**
 * Browsers, curl and dnsdist with the very files that `mesos-doh connect` gives them, on a machine of their own whose
 * resolver knows none of our names. The page is at a private address, as tasks are. What is not installed is skipped and
 * says so; CI installs it.
 */
const NAME = 'page.marathon.mesos';
const GONE = 'gone.marathon.mesos';
const PUBLIC_NAME = 'www.public.example';
/** A browser that finds no page waits on; so long. */
const IN_VAIN_MS = 10_000;

/** A DoH host that no resolver of the stage knows. */
const HOST = 'doh.test';

let stage: BrowserStage | undefined;
let named: StageEdge | undefined;
beforeAll(async () => {
  stage = await openBrowserStage();
});
afterEach(() => stage?.reset());
afterAll(() => stage?.close());

type Upstream = 'forwards' | 'refuses';

function opened(context: TestContext): BrowserStage {
  return stage ?? context.skip('this machine lets nobody make network and mount namespaces (unshare -n -m)');
}

function targetOf({ dohUrl, caFile, caPem }: StageEdge, upstream: Upstream): Target {
  return { dohUrl, zones: ['mesos'], forwards: upstream === 'forwards', caFile, caPem };
}

/** A resolver that is found by the address in the kit, or not at all. */
async function namedTarget(context: TestContext): Promise<Target> {
  await installed(context, ['openssl'], ['version']);
  const stage = opened(context);
  named ??= await stage.nameEdge(stage.edge('forwards'), HOST);
  return { ...targetOf(named, 'forwards'), addresses: ['127.0.0.1'] };
}

/** As a person connects a client of this machine, and takes it out again. */
async function connect(stage: BrowserStage, ...args: readonly string[]): Promise<void> {
  const { code, stderr } = await stage.run(process.execPath, [CLI, 'connect', ...args]);
  expect([code, stderr]).toEqual([0, expect.stringContaining('mesos-doh: ')]);
}

/** The same kit with a text in its files replaced. */
function changed(kit: Kit, [from, to]: readonly [string, string]): Kit {
  const files = kit.files.map(({ text, ...file }) => {
    expect(text).toContain(from);
    return { ...file, text: text.replace(from, to) };
  });
  return { ...kit, files };
}

let profiles = 0;

/** What was asked of whom while a browser tried to load a page by its name, browsers' own errands left out. */
type Visit = { readonly loaded: boolean; readonly heard: readonly string[] };

async function visit(
  stage: BrowserStage,
  args: readonly string[],
  { name, timeoutMs = 60_000 }: { readonly name: string; readonly timeoutMs?: number | undefined },
): Promise<Visit> {
  stage.heard();
  const [command = '', ...rest] = args;
  await stage.run(command, [...rest, `http://${name}:${stage.pagePort}/`], timeoutMs);
  const heard = stage.heard();
  const loaded = heard.includes(`page ${name}:${stage.pagePort}`);
  return { loaded, heard: heard.filter((line) => !line.startsWith('page') && line.endsWith(name)) };
}

async function chromium(context: TestContext, name: string): Promise<Visit> {
  const command = await installed(context, ['chromium', 'chromium-browser'], ['--version']);
  const stage = opened(context);
  const profile = join(stage.directory, `chromium-${profiles++}`);
  const quietly = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];
  const args = [...quietly, '--no-first-run', `--user-data-dir=${profile}`, '--dump-dom'];
  return visit(stage, [command, ...args], { name });
}

async function firefox(context: TestContext, name: string, timeoutMs?: number): Promise<Visit> {
  const command = await installed(context, ['firefox-esr', 'firefox'], ['--version']);
  const stage = opened(context);
  const profile = join(stage.directory, `firefox-${profiles++}`);
  await mkdir(profile);
  const args = ['--headless', '--no-remote', '--profile', profile, '--screenshot', join(profile, 'page.png')];
  return visit(stage, [command, ...args], { name, timeoutMs });
}

describe('Chromium', () => {
  it('asks us alone, the certificate trusted by the policy', async (context) => {
    const stage = opened(context);
    const { dohUrl, caFile } = stage.edge('forwards');
    await connect(stage, 'chromium', '--url', dohUrl, '--ca', caFile, '--forwards');
    expect(await chromium(context, NAME)).toEqual({ loaded: true, heard: [] });
    const others = await chromium(context, PUBLIC_NAME);
    expect(others.loaded).toBe(true);
    expect(others.heard).toContain(`upstream ${PUBLIC_NAME}`);
    expect(others.heard.join()).not.toContain('system');
    await connect(stage, 'chromium', '--undo');
    expect((await chromium(context, NAME)).loaded).toBe(false);
  });

  it('finds us by the address it is given', async (context) => {
    await opened(context).install(chromiumKit(await namedTarget(context)));
    expect((await chromium(context, NAME)).loaded).toBe(true);
  });

  it('does not use us in automatic mode when we answer no public name: why there is no file then', async (context) => {
    const refuses = targetOf(opened(context).edge('refuses'), 'refuses');
    const automatic = changed(chromiumKit({ ...refuses, forwards: true }), ['"secure"', '"automatic"']);
    await opened(context).install(automatic);
    const { loaded, heard } = await chromium(context, NAME);
    expect(loaded).toBe(false);
    expect(heard).toContain(`system ${NAME}`);
  });
});

describe('Firefox', () => {
  const kit = (context: TestContext): Kit => firefoxKit(targetOf(opened(context).edge('refuses'), 'refuses'));

  it('asks us alone where we answer all names', async (context) => {
    const stage = opened(context);
    const { dohUrl, caFile } = stage.edge('forwards');
    await connect(stage, 'firefox', '--url', dohUrl, '--ca', caFile, '--forwards');
    expect(await firefox(context, NAME)).toEqual({ loaded: true, heard: [] });
    const others = await firefox(context, PUBLIC_NAME);
    expect(others.loaded).toBe(true);
    expect(others.heard.join()).not.toContain('system');
    expect(await firefox(context, GONE, IN_VAIN_MS)).toEqual({ loaded: false, heard: [] });
    await connect(stage, 'firefox', '--undo');
  });

  it('asks us first where we answer our own alone, and the system for the rest', async (context) => {
    await opened(context).install(kit(context));
    expect(await firefox(context, NAME)).toEqual({ loaded: true, heard: [] });
    const others = await firefox(context, SYSTEM_NAME);
    expect(others.loaded).toBe(true);
    expect(others.heard).toContain(`system ${SYSTEM_NAME}`);
  });

  it('finds us by the address it is given', async (context) => {
    await opened(context).install(firefoxKit(await namedTarget(context)));
    expect((await firefox(context, NAME)).loaded).toBe(true);
  });

  it('throws private addresses away without network.trr.allow-rfc1918', async (context) => {
    const alone = changed(kit(context), ['"Fallback": true', '"Fallback": false']);
    await opened(context).install(alone);
    expect((await firefox(context, NAME)).loaded).toBe(true);
    await opened(context).install(changed(alone, ['network.trr.allow-rfc1918', 'network.trr.no-such']));
    expect((await firefox(context, NAME, IN_VAIN_MS)).loaded).toBe(false);
  });
});

it('curl loads the page with its file, and with the check changed to the page', async (context) => {
  const curl = await installed(context, ['curl'], ['--version']);
  const stage = opened(context);
  const kit = curlKit(targetOf(stage.edge('refuses'), 'refuses'));
  await stage.install(kit);
  const file = join(stage.directory, kit.files[0]?.path ?? '');
  const url = `http://${NAME}:${stage.pagePort}/`;
  const { stdout, stderr } = await stage.run(curl, ['-K', file, '-sS', url]);
  expect([stdout.toString(), stderr]).toEqual([expect.stringContaining(STAGE_PAGE_TEXT), '']);
  const check = kit.check.replace('mesos-doh.curl', file).replace(/http:\S+$/, url);
  expect((await stage.run('sh', ['-c', check])).stdout.toString()).toBe(`${TASK_ADDRESS}\n`);
});

it('dnsdist is a classic DNS server for our zones alone', async (context) => {
  await installed(context, ['dnsdist'], ['--version']);
  await installed(context, ['kdig'], ['--version']);
  const stage = opened(context);
  const edge = stage.edge('refuses');
  const kit = dnsdistKit(targetOf(edge, 'refuses'));
  await stage.install(kit);
  const file = kit.files[0]?.path ?? '';
  expect((await stage.run('dnsdist', ['--config', file, '--check-config'])).code).toBe(0);
  const dnsdist = stage.start('dnsdist', ['--config', file, '--supervised']);
  try {
    const ask = async (name: string): Promise<string> => {
      const args = ['@127.0.0.1', '-p', '5354', '+timeout=1', '+retry=0', name];
      return (await stage.run('kdig', args)).stdout.toString();
    };
    await expect.poll(() => ask(NAME), { timeout: 15_000, interval: 200 }).toContain(TASK_ADDRESS);
    expect(await ask(GONE)).toMatch(/status: NXDOMAIN/);
    expect(await ask(SYSTEM_NAME)).toMatch(/status: REFUSED/);
    const check = (await stage.run('sh', ['-c', kit.check])).stdout.toString();
    expect(check).toMatch(new RegExp(String.raw`leader\.mesos\.\s+\d+\s+IN\s+A\s+${TASK_ADDRESS}`));
  } finally {
    dnsdist.kill();
  }
});
