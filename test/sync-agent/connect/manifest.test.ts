import {
  chmod,
  lchown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ClientName, Kit } from '../../../connect/kit.ts';
import { systemdKit } from '../../../connect/systemd.ts';
import { SYSTEMD_COMMANDS } from '../../../connect/systemd-forms.ts';
import { ConfigError } from '../../../sync-agent/config.ts';
import { applyKit } from '../../../sync-agent/connect/apply.ts';
import { plainKit } from '../../../sync-agent/connect/kits.ts';
import { manifestPath, readManifest, sha256Of } from '../../../sync-agent/connect/manifest.ts';
import { ownPaths } from '../../../sync-agent/connect/own-paths.ts';
import { undoManifest } from '../../../sync-agent/connect/undo.ts';

const UNIT = '/etc/systemd/system/mesos-doh.service';
const POLICIES = '/etc/firefox/policies/policies.json';
const MANIFEST = { client: 'systemd', form: 'link', files: [], directories: [] };

describe('a manifest that somebody changed', () => {
  it('has no say in what is run', async () => {
    const root = await makeRoot();
    await write(root, { ...MANIFEST, undo: ['touch /tmp/owned'], afterUndo: ['touch /tmp/owned'] });
    const manifest = await readManifest(root, 'systemd');
    if (!manifest) throw new Error('no manifest');
    const ran: string[] = [];
    await undoManifest(manifest, { root, run: (line) => Promise.resolve(void ran.push(line)) });
    const { undo, forget, afterUndo } = SYSTEMD_COMMANDS.link;
    expect(ran).toEqual([...undo, ...forget, ...afterUndo]);
  });

  it.each<[string, object]>([
    ['a path above the root', { files: [fileOf('/../host/passwd')] }],
    ['a path that goes up in between', { files: [fileOf('/etc/systemd/../passwd')] }],
    ['a file of the system', { files: [fileOf('/etc/passwd')] }],
    ['a file of another client', { files: [fileOf(POLICIES)] }],
    ['a text to write into a unit', { files: [{ ...fileOf(UNIT), before: { text: 'x', mode: 0o644 } }] }],
    ['a directory that is not above ours', { directories: ['/home'] }],
    ['a directory above the root', { directories: ['/etc/../..'] }],
    ['the root', { directories: [''] }],
    ['another client', { client: 'firefox', form: undefined }],
  ])('is refused: %s', async (_, part) => {
    const root = await makeRoot();
    await write(root, { ...MANIFEST, ...part });
    await expect(readManifest(root, 'systemd')).rejects.toThrow(ConfigError);
    await expect(readManifest(root, 'systemd')).rejects.toThrow('which connect does not write for systemd');
  });

  it.each<[string, object]>([
    ['a client that is a path', { client: '../../x' }],
    ['a form that there is not', { form: 'constructor' }],
    ['a sum that is none', { files: [{ path: UNIT, sha256: '' }] }],
  ])('is damaged: %s', async (_, part) => {
    const root = await makeRoot();
    await write(root, { ...MANIFEST, ...part });
    await expect(readManifest(root, 'systemd')).rejects.toThrow('is damaged');
  });

  it('makes no file run as its owner', async () => {
    const root = await makeRoot();
    const files = [{ ...fileOf(POLICIES), before: { text: '{}', mode: 0o4755 } }];
    await write(root, { client: 'firefox', files, directories: [] });
    expect((await readManifest(root, 'firefox'))?.files[0]?.before?.mode).toBe(0o755);
  });
});

describe('a manifest that others could have written', () => {
  it.each<[string, (path: string) => Promise<void>]>([
    ['a file for its group', (path) => chmod(path, 0o620)],
    ['a file for all', (path) => chmod(path, 0o602)],
    ['its directory', (path) => chmod(dirname(path), 0o777)],
    ['the directory above', (path) => chmod(dirname(dirname(path)), 0o775)],
    ['a link', (path) => moveBehindLink(path)],
    ['a link for its directory', (path) => moveBehindLink(dirname(path))],
  ])('is refused: %s', async (_, spoil) => {
    const root = await makeRoot();
    const path = await write(root, MANIFEST);
    expect(await readManifest(root, 'systemd')).toMatchObject({ form: 'link' });
    await spoil(path);
    await expect(readManifest(root, 'systemd')).rejects.toThrow(/where connect keeps what it wrote/);
  });

  it.skipIf(process.getuid?.() !== 0)('is refused where it is of another user', async () => {
    const root = await makeRoot();
    await lchown(await write(root, MANIFEST), 65_534, 65_534);
    await expect(readManifest(root, 'systemd')).rejects.toThrow('can be changed by others');
  });
});

describe('a link that leads out of an image', () => {
  const kit: Kit = {
    client: 'systemd',
    form: 'delegate',
    files: [{ path: UNIT, mode: 0o644, text: '[Unit]\n' }],
    apply: [],
    undo: [],
    check: '',
    notes: [],
  };

  it.each(['/etc/systemd/system', '/etc/systemd', '/etc/mesos-doh'])(
    'is not written through: %s',
    async (directory) => {
      const [root, outside] = [await makeRoot(), await makeRoot()];
      await mkdir(join(root, dirname(directory)), { recursive: true });
      await symlink(join(outside, 'etc'), join(root, directory));
      await expect(applyKit(kit, { root, commands: undefined })).rejects.toThrow('leads out of');
      expect(await readdir(outside, { recursive: true })).toEqual(['etc']);
    },
  );

  it('is not undone through', async () => {
    const [root, outside] = [await makeRoot(), await makeRoot()];
    await applyKit(kit, { root, commands: undefined });
    const manifest = await readManifest(root, 'systemd');
    await rename(join(root, 'etc/systemd'), join(outside, 'systemd'));
    await symlink(join(outside, 'systemd'), join(root, 'etc/systemd'));
    if (!manifest) throw new Error('no manifest');
    await expect(undoManifest(manifest, { root, run: undefined })).rejects.toThrow('leads out of');
    expect(await readFile(join(outside, 'systemd/system/mesos-doh.service'), 'utf8')).toBe('[Unit]\n');
  });

  it('is another thing than one that stays in it', async () => {
    const root = await makeRoot();
    await mkdir(join(root, 'etc/real'));
    await symlink('real', join(root, 'etc/systemd'));
    await applyKit(kit, { root, commands: undefined });
    expect(await readFile(join(root, 'etc/real/system/mesos-doh.service'), 'utf8')).toBe('[Unit]\n');
  });
});

describe('what connect may write', () => {
  const target = {
    dohUrl: 'https://doh.example.com/dns-query',
    zones: ['mesos'],
    addresses: ['203.0.113.10'],
  };

  it.each([
    [252, false],
    [252, true],
    [258, false],
    [263, false],
  ])(
    'is all that it writes for systemd %d, and its commands are those of the form',
    (systemdVersion, isNetworkd) => {
      const machine = { systemdVersion, isNetworkd, stubCommand: '/usr/bin/mesos-doh' };
      for (const caPem of [undefined, 'PEM\n']) {
        const { files, form, apply, undo, afterUndo } = systemdKit({ ...target, caPem }, machine);
        expect(ownPaths('systemd')).toEqual(expect.arrayContaining(files.map(({ path }) => path)));
        const of = SYSTEMD_COMMANDS[form ?? 'link'];
        expect([apply, undo, afterUndo]).toEqual([of.apply, [...of.undo, ...of.forget], of.afterUndo]);
      }
    },
  );

  it.each(['firefox', 'chrome', 'chromium', 'edge'] as const)('is all that it writes for %s', (client) => {
    const { files } = plainKit(client, { ...target, forwards: true }, { platform: 'linux' });
    expect(ownPaths(client)).toEqual(files.map(({ path }) => path));
  });
});

function fileOf(path: string): object {
  return { path, sha256: sha256Of('x') };
}

async function write(root: string, manifest: object): Promise<string> {
  const client: ClientName =
    'client' in manifest && manifest.client === 'firefox' && !('form' in manifest) ? 'firefox' : 'systemd';
  const path = join(root, manifestPath(client));
  await mkdir(dirname(path), { recursive: true });
  for (const directory of [dirname(path), dirname(dirname(path))]) await chmod(directory, 0o755);
  await writeFile(path, JSON.stringify(manifest), { mode: 0o600 });
  return path;
}

async function moveBehindLink(path: string): Promise<void> {
  await rename(path, `${path}.moved`);
  await symlink(`${path}.moved`, path);
}

async function makeRoot(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'mesos-doh-manifest-'));
  onTestFinished(() => rm(root, { recursive: true }));
  await mkdir(join(root, 'etc'));
  return root;
}
