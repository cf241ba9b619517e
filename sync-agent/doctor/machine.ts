import type { Stats } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { toHex } from '../../zone/hash.ts';
import { ConfigError } from '../config.ts';
import type { KeyRing } from '../keys.ts';
import { type About, type Finding, reasonOf } from './finding.ts';

/** The files of this machine, as `node:fs/promises` has them. */
export type Files = {
  readonly stat: (path: string) => Promise<Pick<Stats, 'isDirectory' | 'mode'>>;
  readonly access: (path: string, mode: number) => Promise<void>;
};

/** The first that runs `.ts` files directly; bundles, as npm installs them, are content with less. */
const LEAST_NODE = { sources: [22, 18], bundle: [20, 12] } as const;
/** The one all tests run with. */
const TESTED_NODE = 24;
/** Write and search. */
const W_OK_AND_X_OK = 3;
const R_OK = 4;

/** `version` is Node's own, without a `v`. */
export function checkNode(
  version: string,
  runs: keyof typeof LEAST_NODE = import.meta.url.endsWith('.ts') ? 'sources' : 'bundle',
): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor, leastMinor] = LEAST_NODE[runs];
  if (major < leastMajor || (major === leastMajor && minor < leastMinor)) {
    const clone = runs === 'sources' ? ', or say npm ci in the clone: it brings one' : '';
    const mend = `Install Node ${TESTED_NODE}${clone}`;
    return { about: 'node', verdict: 'wrong', says: `Node ${version} is too old for mesos-doh`, mend };
  }
  if (major < TESTED_NODE) {
    const mend = `mesos-doh is tested with Node ${TESTED_NODE}`;
    return { about: 'node', verdict: 'advice', says: `Node ${version} should do`, mend };
  }
  return { about: 'node', verdict: 'well', says: `Node ${version}` };
}

/** A directory by what it is for and the setting that names it: `dataDir`, `--sink-dir`. */
export type Directory = { readonly about: About; readonly path: string; readonly setting: string };

/** Can what runs this process keep its files there? Writes nothing. */
export async function checkDirectory(
  { about, path, setting }: Directory,
  { stat, access }: Files,
): Promise<Finding> {
  const absolute = resolve(path);
  const unwritable = (error: unknown, says = `${absolute} can not be written`): Finding => {
    const code = codeOf(error);
    const mend =
      code === 'EROFS'
        ? `The file system is read-only: name another as ${setting}`
        : "Give it to the agent's user, or run doctor as that user";
    return { about, verdict: 'wrong', says: `${says} (${code || reasonOf(error)})`, mend };
  };
  try {
    if (!(await stat(absolute)).isDirectory()) {
      const mend = `Name another as ${setting}`;
      return { about, verdict: 'wrong', says: `${absolute} is no directory`, mend };
    }
    await access(absolute, W_OK_AND_X_OK);
    return { about, verdict: 'well', says: `${absolute} can be written` };
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') return unwritable(error);
  }
  const parent = await nearestParent(absolute, stat);
  try {
    await access(parent, W_OK_AND_X_OK);
    return { about, verdict: 'well', says: `${absolute} is not there yet and can be made` };
  } catch (error) {
    return unwritable(error, `${absolute} is not there, and can not be made in ${parent}`);
  }
}

async function nearestParent(path: string, stat: Files['stat']): Promise<string> {
  for (let parent = dirname(path); ; parent = dirname(parent)) {
    const isThere = await stat(parent).then(
      () => true,
      () => false,
    );
    if (isThere || parent === dirname(parent)) return parent;
  }
}

export type KeyCheck = {
  readonly path: string;
  /** Has the configuration a `signingKeyFile`? Then nobody makes one. */
  readonly isNamed: boolean;
  readonly load: (path: string) => Promise<KeyRing>;
  readonly files: Files;
};

/** The key that signs, if it can be read: it is then compared with what is published. */
export async function checkSigningKey({ path, isNamed, load, files }: KeyCheck): Promise<{
  readonly findings: readonly Finding[];
  readonly ring: KeyRing | undefined;
}> {
  const about = 'signing key';
  try {
    const ring = await load(path);
    const findings: Finding[] = [
      { about, verdict: 'well', says: `key ${toHex(ring.current.keyId)} in ${path}` },
    ];
    const { mode } = await files.stat(path);
    if ((mode & 0o077) !== 0) {
      const octal = (mode & 0o777).toString(8).padStart(4, '0');
      findings.push({
        about,
        verdict: 'advice',
        says: `${path} can be read or written by others (mode ${octal})`,
        mend: `Whoever has it can sign zones; say: chmod 600 ${path}`,
      });
    }
    return { findings, ring };
  } catch (error) {
    const isAbsent = error instanceof ConfigError && codeOf(error.cause) === 'ENOENT';
    if (isAbsent && !isNamed) {
      const mend = 'The first sync that writes makes one and says what goes into VERIFY_KEYS';
      return {
        findings: [{ about, verdict: 'advice', says: `there is none in ${path} yet`, mend }],
        ring: undefined,
      };
    }
    const mend = isAbsent
      ? undefined
      : "A lost or broken key: docs/signing-keys.md; one that is another user's: run doctor as the agent's user";
    return {
      findings: [{ about, verdict: 'wrong', says: reasonOf(error), ...(mend !== undefined && { mend }) }],
      ring: undefined,
    };
  }
}

/** Certificates and other files the configuration names. */
export async function checkFiles(paths: readonly string[], { access }: Files): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const path of paths) {
    try {
      await access(path, R_OK);
    } catch (error) {
      const says = `${path} can not be read (${codeOf(error) || reasonOf(error)})`;
      const mend = "The configuration names it: put it there, or give it to the agent's user";
      findings.push({ about: 'configuration', verdict: 'wrong', says, mend });
    }
  }
  return findings;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
