import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The directory of this package: the nearest one above this file that has a `package.json`. In a clone that is the
 * project; installed, this file is part of a bundle beside its `package.json`.
 */
export const PACKAGE_ROOT: string = rootAbove(dirname(fileURLToPath(import.meta.url)));

/** What `package.json` says of this package. */
export function packageFacts(): {
  readonly version: string;
  /** The one Miniflare that the Worker and `up` are tested with; undefined: not said. */
  readonly miniflare: string | undefined;
} {
  const json: unknown = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8'));
  const wanted = field(json, 'optionalDependencies') ?? field(json, 'devDependencies');
  return {
    version: String(field(json, 'version') ?? 'unknown'),
    miniflare: text(field(wanted, 'miniflare')),
  };
}

function rootAbove(directory: string): string {
  if (existsSync(join(directory, 'package.json')) || dirname(directory) === directory) return directory;
  return rootAbove(dirname(directory));
}

function field(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null ? new Map(Object.entries(of)).get(name) : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
