import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ClientName, Kit } from '../../../connect/kit.ts';
import { SYSTEMD_COMMANDS } from '../../../connect/systemd-forms.ts';
import { ConfigError } from '../../../sync-agent/config.ts';
import { applyKit } from '../../../sync-agent/connect/apply.ts';
import { readManifest } from '../../../sync-agent/connect/manifest.ts';
import { undoManifest } from '../../../sync-agent/connect/undo.ts';

const SECRET = { path: '/etc/mesos-doh.env', mode: 0o600, text: 'MESOS_DOH_URL=x\n' };
const UNIT = { path: '/etc/systemd/system/mesos-doh.service', mode: 0o644, text: '[Unit]\n' };
const POLICIES = '/etc/firefox/policies/policies.json';

const { undo: STOP, forget: FORGET, afterUndo: RELOAD } = SYSTEMD_COMMANDS.delegate;
const UNDO = [...STOP, ...FORGET, ...RELOAD];

describe('connect', () => {
  it('writes files with their modes whatever the umask, runs commands, and undoes all of it', async () => {
    const root = await makeRoot({ '/etc/hosts': 'theirs' });
    const before = await tree(root);
    const umask = process.umask(0o077);
    onTestFinished(() => void process.umask(umask));
    const ran: string[] = [];
    const commands = recorder(ran);
    expect(await applyKit(kitOf([SECRET, UNIT]), { root, commands })).toEqual({
      written: [join(root, SECRET.path), join(root, UNIT.path)],
      kept: [],
    });
    expect(await tree(root)).toEqual([
      '/etc/ 755',
      '/etc/hosts 644 theirs',
      '/etc/mesos-doh.env 600 MESOS_DOH_URL=x\n',
      '/etc/mesos-doh/ 755',
      '/etc/mesos-doh/connect/ 755',
      expect.stringMatching(/^\/etc\/mesos-doh\/connect\/systemd\.json 600 \{/),
      '/etc/systemd/ 755',
      '/etc/systemd/system/ 755',
      '/etc/systemd/system/mesos-doh.service 644 [Unit]\n',
    ]);
    expect(ran).toEqual(['run start', 'run enable']);
    expect(await undo(root, ran)).toEqual({ kept: [], troubles: [] });
    expect(ran.slice(2)).toEqual(UNDO);
    expect(await tree(root)).toEqual(before);
  });

  it('runs nothing for an image', async () => {
    const root = await makeRoot({});
    await applyKit(kitOf([UNIT]), { root, commands: undefined });
    expect(await readFile(join(root, UNIT.path), 'utf8')).toBe(UNIT.text);
  });

  it.each([
    ['another', 'theirs'],
    ['one that only others may read', UNIT.text],
  ])('changes nothing where a file is in the way: %s', async (_, text) => {
    const root = await makeRoot({ [UNIT.path]: text });
    await chmod(join(root, UNIT.path), 0o600);
    const before = await tree(root);
    const ran: string[] = [];
    const done = applyKit(kitOf([SECRET, UNIT]), { root, commands: recorder(ran) });
    await expect(done).rejects.toThrow(ConfigError);
    await expect(done).rejects.toThrow(UNIT.path);
    expect([await tree(root), ran]).toEqual([before, []]);
  });

  it('leaves a file as it is that is there already, and does not take it out', async () => {
    const root = await makeRoot({ [UNIT.path]: UNIT.text });
    const before = await tree(root);
    await applyKit(kitOf([SECRET, UNIT]), { root, commands: undefined });
    await undo(root, []);
    expect(await tree(root)).toEqual(before);
  });

  it('does not write through a link', async () => {
    const root = await makeRoot({ '/etc/other': 'theirs' });
    await symlink('other', join(root, SECRET.path));
    await expect(applyKit(kitOf([SECRET]), { root, commands: undefined })).rejects.toThrow(SECRET.path);
    expect(await readFile(join(root, '/etc/other'), 'utf8')).toBe('theirs');
  });

  it('takes all back when a command fails, and says which', async () => {
    const root = await makeRoot({ '/etc/hosts': 'theirs' });
    const before = await tree(root);
    const ran: string[] = [];
    const commands = {
      ...recorder(ran),
      run: (command: string) =>
        command === 'enable' ? Promise.reject(new Error('enable: no such unit')) : Promise.resolve(),
    };
    await expect(applyKit(kitOf([SECRET, UNIT]), { root, commands })).rejects.toThrow(
      'enable: no such unit; what was written is taken back',
    );
    expect(ran).toEqual(UNDO);
    expect(await tree(root)).toEqual(before);
  });

  it('takes all back, and runs nothing, when a file can not be written', async () => {
    const root = await makeRoot({ '/etc/systemd': 'no directory' });
    const before = await tree(root);
    const ran: string[] = [];
    await expect(applyKit(kitOf([SECRET, UNIT]), { root, commands: recorder(ran) })).rejects.toThrow();
    expect([await tree(root), ran]).toEqual([before, []]);
  });

  it('puts a new kit in the place of its earlier one, files that are no more included', async () => {
    const root = await makeRoot({});
    const before = await tree(root);
    const ran: string[] = [];
    await applyKit(kitOf([SECRET, UNIT]), { root, commands: recorder(ran) });
    await applyKit(kitOf([{ ...SECRET, text: 'new\n' }]), { root, commands: recorder(ran) });
    expect(ran).toEqual(['run start', 'run enable', ...STOP, ...RELOAD, 'run start', 'run enable']);
    expect(await readFile(join(root, SECRET.path), 'utf8')).toBe('new\n');
    await expect(stat(join(root, UNIT.path))).rejects.toThrow('ENOENT');
    await undo(root, ran);
    expect(await tree(root)).toEqual(before);
  });

  it('does not overwrite what somebody made of its file, nor take it out', async () => {
    const root = await makeRoot({});
    await applyKit(kitOf([SECRET, UNIT]), { root, commands: undefined });
    await writeFile(join(root, UNIT.path), 'changed');
    await expect(applyKit(kitOf([SECRET, UNIT]), { root, commands: undefined })).rejects.toThrow(
      'was changed',
    );
    expect(await undo(root, [])).toMatchObject({ kept: [{ path: UNIT.path }], troubles: [] });
    expect(await readFile(join(root, UNIT.path), 'utf8')).toBe('changed');
    await expect(stat(join(root, SECRET.path))).rejects.toThrow('ENOENT');
    const again: string[] = [];
    expect(await undo(root, again)).toMatchObject({ kept: [{ path: UNIT.path }] });
    await rm(join(root, UNIT.path));
    expect(await undo(root, again)).toEqual({ kept: [], troubles: [] });
    expect([again, await tree(root)]).toEqual([[], ['/etc/ 755']]);
  });

  it('leaves nothing of two clients, whichever is undone first', async () => {
    const root = await makeRoot({ '/etc/hosts': 'theirs' });
    const before = await tree(root);
    await applyKit(kitOf([UNIT]), { root, commands: undefined });
    await applyKit(firefox({}), { root, commands: undefined });
    await undo(root, []);
    expect(await readManifest(root, 'firefox')).toBeDefined();
    await undo(root, [], 'firefox');
    expect(await tree(root)).toEqual(before);
  });

  it('goes on undoing after a command that fails, and tells', async () => {
    const root = await makeRoot({});
    await applyKit(kitOf([UNIT]), { root, commands: undefined });
    const manifest = await readManifest(root, 'systemd');
    if (!manifest) throw new Error('no manifest');
    const run = (command: string): Promise<void> => Promise.reject(new Error(`${command}: refused`));
    expect(await undoManifest(manifest, { root, run })).toEqual({
      kept: [],
      troubles: UNDO.map((command) => `${command}: refused`),
    });
    await expect(stat(join(root, UNIT.path))).rejects.toThrow('ENOENT');
  });

  it('says what to do about a damaged manifest', async () => {
    const root = await makeRoot({ '/etc/mesos-doh/connect/systemd.json': '{' });
    await expect(readManifest(root, 'systemd')).rejects.toThrow('take the files out by hand');
  });
});

describe('a connect that fails in place of one that works', () => {
  const failing = (ran: string[], command: string): ReturnType<typeof recorder> => ({
    ...recorder(ran),
    run: (line) => (line === command ? Promise.reject(new Error(`${line}: failed`)) : Promise.resolve()),
  });

  it('leaves that as it was, in force, with what the stub has learned', async () => {
    const root = await makeRoot({});
    await applyKit(kitOf([SECRET, UNIT]), { root, commands: undefined });
    const before = await tree(root);
    const ran: string[] = [];
    const next = kitOf([{ ...SECRET, text: 'MESOS_DOH_URL=new\n' }]);
    await expect(applyKit(next, { root, commands: failing(ran, 'enable') })).rejects.toThrow(
      'enable: failed; what was written is taken back; what was connected before is in force again',
    );
    expect(await tree(root)).toEqual(before);
    expect(ran.slice(-3)).toEqual(SYSTEMD_COMMANDS.delegate.apply);
    expect(ran).not.toContain(FORGET[0]);
  });

  it('brings back policies that were merged, and those before them at the end', async () => {
    const root = await makeRoot({ [POLICIES]: '{"policies": {"a": 1}}' });
    const first = await tree(root);
    await applyKit(firefox({ policies: { b: 1 } }), { root, commands: undefined });
    const before = await tree(root);
    const next = { ...firefox({ policies: { b: 2 } }), apply: ['start'] };
    await expect(applyKit(next, { root, commands: failing([], 'start') })).rejects.toThrow('start: failed');
    expect(await tree(root)).toEqual(before);
    await undo(root, [], 'firefox');
    expect(await tree(root)).toEqual(first);
  });

  it('says which files it did not take out, and keeps them in mind', async () => {
    const root = await makeRoot({});
    await applyKit(kitOf([SECRET, UNIT]), { root, commands: undefined });
    await writeFile(join(root, UNIT.path), 'changed');
    const { kept } = await applyKit(kitOf([SECRET]), { root, commands: undefined });
    expect(kept).toEqual([join(root, UNIT.path)]);
    expect(await undo(root, [])).toMatchObject({ kept: [{ path: UNIT.path }] });
    await rm(join(root, UNIT.path));
    await undo(root, []);
    expect(await tree(root)).toEqual(['/etc/ 755']);
  });
});

describe('policies of Firefox that are there already', () => {
  const kit = firefox({
    policies: { DNSOverHTTPS: { Enabled: true }, Certificates: { Install: ['/a.pem'] } },
  });

  it('are kept, ours beside them, and come back as they were', async () => {
    const theirs = '{"policies": {"DisableTelemetry": true, "Certificates": {"Install": ["/b.pem"]}}}';
    const root = await makeRoot({ [POLICIES]: theirs });
    await chmod(join(root, POLICIES), 0o640);
    const before = await tree(root);
    const merged = {
      policies: {
        DisableTelemetry: true,
        Certificates: { Install: ['/b.pem', '/a.pem'] },
        DNSOverHTTPS: { Enabled: true },
      },
    };
    for (let round = 0; round < 2; round++) {
      await applyKit(kit, { root, commands: undefined });
      expect(JSON.parse(await readFile(join(root, POLICIES), 'utf8'))).toEqual(merged);
    }
    await undo(root, [], 'firefox');
    expect(await tree(root)).toEqual(before);
  });

  it.each([
    ['policies.DNSOverHTTPS.Enabled', '{"policies": {"DNSOverHTTPS": {"Enabled": false}}}'],
    ['is not JSON', '{'],
  ])('are not overruled: %s', async (said, theirs) => {
    const root = await makeRoot({ [POLICIES]: theirs });
    const before = await tree(root);
    await expect(applyKit(kit, { root, commands: undefined })).rejects.toThrow(said);
    expect(await tree(root)).toEqual(before);
  });

  it('stay as they are where they say the same already', async () => {
    const root = await makeRoot({ [POLICIES]: kit.files[0]?.text.replaceAll(/\s/g, '') ?? '' });
    expect(await applyKit(kit, { root, commands: undefined })).toEqual({ written: [], kept: [] });
  });
});

function kitOf(files: Kit['files']): Kit {
  const commands = { apply: ['start', 'enable'], undo: ['stop'], afterUndo: ['reload'] };
  return { client: 'systemd', form: 'delegate', files, ...commands, check: 'true', notes: [] };
}

function firefox(policies: unknown): Kit {
  const files = [{ path: POLICIES, mode: 0o644, text: JSON.stringify(policies, undefined, 2) }];
  return { client: 'firefox', files, apply: [], undo: [], check: '', notes: [] };
}

function recorder(ran: string[]): {
  run: (command: string) => Promise<void>;
  takeBack: (command: string) => Promise<void>;
} {
  const keep = (what: string): Promise<void> => Promise.resolve(void ran.push(what));
  return { run: (command) => keep(`run ${command}`), takeBack: keep };
}

async function undo(
  root: string,
  ran: string[],
  client: ClientName = 'systemd',
): Promise<Awaited<ReturnType<typeof undoManifest>>> {
  const manifest = await readManifest(root, client);
  if (!manifest) throw new Error('no manifest');
  return undoManifest(manifest, { root, run: recorder(ran).takeBack });
}

async function makeRoot(files: Readonly<Record<string, string>>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'mesos-doh-connect-'));
  onTestFinished(() => rm(root, { recursive: true }));
  for (const [path, text] of Object.entries({ '/etc/': '', ...files })) {
    await mkdir(join(root, path.endsWith('/') ? path : dirname(path)), { recursive: true });
    if (!path.endsWith('/')) await writeFile(join(root, path), text, { mode: 0o644 });
  }
  return root;
}

/** All that is below, a line each: path, mode, text. */
async function tree(root: string): Promise<string[]> {
  const lines: string[] = [];
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const place = join(entry.parentPath, entry.name);
    const mode = ((await stat(place)).mode & 0o777).toString(8);
    const text = entry.isDirectory() ? '' : ` ${await readFile(place, 'utf8')}`;
    lines.push(`${place.slice(root.length)}${entry.isDirectory() ? '/' : ''} ${mode}${text}`);
  }
  return lines.toSorted();
}
