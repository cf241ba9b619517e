import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { access, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isAllWell, renderFinding, renderSum, type Finding } from '../../../sync-agent/doctor/finding.ts';
import {
  checkDirectory,
  checkFiles,
  checkNode,
  checkSigningKey,
  type Files,
} from '../../../sync-agent/doctor/machine.ts';
import { loadKeyRing, writeSigningKey } from '../../../sync-agent/keys.ts';

const FILES: Files = { stat, access };

function failing(code: string): () => Promise<never> {
  return () => Promise.reject(Object.assign(new Error(code), { code }));
}

async function scratch(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'mesos-doh-doctor-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** Verdict and words of each, for tables. */
function lines(findings: readonly Finding[]): string[] {
  return findings.map(
    ({ verdict, says, mend }) => `${verdict}: ${says}${mend === undefined ? '' : ` / ${mend}`}`,
  );
}

it.each([
  ['24.21.0', 'well'],
  ['25.0.0', 'well'],
  ['22.18.0', 'advice'],
  ['23.1.0', 'advice'],
  ['22.17.1', 'wrong'],
  ['20.19.0', 'wrong'],
])('Node %s: %s', (version, verdict) => {
  expect(checkNode(version).verdict).toBe(verdict);
});

it.each([
  ['24.21.0', 'well'],
  ['20.20.2', 'advice'],
  ['20.11.1', 'wrong'],
  ['18.20.0', 'wrong'],
])('Node %s for the package: %s', (version, verdict) => {
  const { verdict: found, mend = '' } = checkNode(version, 'bundle');
  expect(found).toBe(verdict);
  expect(mend).not.toContain('clone');
});

describe('a directory', () => {
  const of = async (path: string, files: Files = FILES): Promise<string[]> =>
    lines([await checkDirectory({ about: 'data directory', path, setting: 'dataDir' }, files)]);

  it('is there and can be written', async () => {
    const path = await scratch();
    expect(await of(path)).toEqual([`well: ${path} can be written`]);
  });

  it('can be made, however deep', async () => {
    const path = join(await scratch(), 'a/b/c');
    expect(await of(path)).toEqual([`well: ${path} is not there yet and can be made`]);
  });

  it('is a file', async () => {
    const path = join(await scratch(), 'file');
    await writeFile(path, '');
    expect(await of(path)).toEqual([`wrong: ${path} is no directory / Name another as dataDir`]);
  });

  it.each([
    ['EACCES', "Give it to the agent's user"],
    ['EROFS', 'name another as dataDir'],
  ])('can not be written: %s', async (code, mend) => {
    const path = await scratch();
    const [line] = await of(path, { stat, access: failing(code) });
    expect(line).toContain(`wrong: ${path} can not be written (${code})`);
    expect(line).toContain(mend);
  });

  it('can not be made', async () => {
    const path = await scratch();
    const [line] = await of(join(path, 'new'), { stat, access: failing('EACCES') });
    expect(line).toContain(`is not there, and can not be made in ${path} (EACCES)`);
  });
});

describe('the signing key', () => {
  const of = async (path: string, isNamed: boolean): Promise<string[]> => {
    const { findings } = await checkSigningKey({ path, isNamed, load: loadKeyRing, files: FILES });
    return lines(findings);
  };

  it('is there', async () => {
    const path = join(await scratch(), 'signing.pem');
    await writeSigningKey(path);
    const { findings, ring } = await checkSigningKey({
      path,
      isNamed: true,
      load: loadKeyRing,
      files: FILES,
    });
    expect(lines(findings)).toEqual([expect.stringMatching(/^well: key [0-9a-f]{16} in /)]);
    expect(ring?.current.publicKeyBase64).toHaveLength(44);
    expect(JSON.stringify(findings)).not.toContain(ring?.current.publicKeyBase64);
  });

  it('can be read by others', async () => {
    const path = join(await scratch(), 'signing.pem');
    await writeSigningKey(path);
    await chmod(path, 0o644);
    expect((await of(path, true)).at(-1)).toContain('advice: ');
    expect((await of(path, true)).at(-1)).toContain(
      `(mode 0644) / Whoever has it can sign zones; say: chmod 600 ${path}`,
    );
  });

  it('is not there yet', async () => {
    const path = join(await scratch(), 'signing.pem');
    expect(await of(path, false)).toEqual([expect.stringMatching(/^advice: there is none .*first sync/)]);
    expect(await of(path, true)).toEqual([
      expect.stringMatching(/^wrong: signing key .*keys make makes one$/),
    ]);
  });

  it('is something else', async () => {
    const path = join(await scratch(), 'signing.pem');
    await writeFile(path, 'hello');
    expect(await of(path, false)).toEqual([
      expect.stringMatching(/^wrong: .*is no private key.* \/ .*signing-keys\.md/),
    ]);
  });
});

it('files the configuration names have to be readable', async () => {
  const path = await scratch();
  expect(await checkFiles([path], FILES)).toEqual([]);
  const [line] = lines(await checkFiles([join(path, 'ca.pem')], FILES));
  expect(line).toMatch(/^wrong: .*ca\.pem can not be read \(ENOENT\) \/ The configuration names it/);
});

describe('what a person reads', () => {
  const wrong: Finding = { about: 'state', verdict: 'wrong', says: 'bad\u001B[31m\nthing', mend: 'Mend it' };

  it('is one line each, that steers no terminal', () => {
    expect(renderFinding(wrong)).toBe('WRONG    state           bad [31m thing. Mend it');
    expect(renderFinding({ about: 'node', verdict: 'well', says: 'x' })).toBe('well     node            x');
  });

  it('has a sum, and is all well without anything wrong', () => {
    const others: Finding[] = [
      { about: 'node', verdict: 'well', says: '' },
      { about: 'agent', verdict: 'advice', says: '' },
      { about: 'agent', verdict: 'skipped', says: '' },
    ];
    expect(isAllWell(others)).toBe(true);
    expect(isAllWell([...others, wrong])).toBe(false);
    expect(renderSum([...others, wrong])).toBe('1 wrong, 1 to consider, 1 well, 1 not checked');
  });
});
