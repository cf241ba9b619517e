import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'vitest';

export const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

/** A file of `deploy/`. */
export async function deployFile(name: string): Promise<string> {
  return readFile(join(PROJECT, 'deploy', name), 'utf8');
}

const helps = new Map<string, Promise<string>>();

/** Is `line`, from the command on (`sync --config FILE`), one that mesos-doh takes? */
export async function expectKnownCommand(line: readonly string[]): Promise<void> {
  const firstFlag = line.findIndex((word) => word.startsWith('-'));
  const command = line.slice(0, firstFlag < 0 ? line.length : firstFlag);
  const key = command.join(' ');
  const help = helps.get(key) ?? helpOf(command);
  helps.set(key, help);
  const known = await help;
  expect(known).toContain(`Usage: mesos-doh ${key} [options]`);
  for (const flag of line.filter((word) => word.startsWith('-')))
    expect(known).toMatch(new RegExp(`^ +${flag} `, 'm'));
}

async function helpOf(command: readonly string[]): Promise<string> {
  const run = promisify(execFile);
  const cli = join(PROJECT, 'sync-agent/cli.ts');
  return (await run(process.execPath, [cli, ...command, '--help'], { timeout: 15_000 })).stdout;
}
