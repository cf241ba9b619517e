import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { CommandDefinition } from '../../../sync-agent/completion/definition.ts';
import { definitionFromHelp } from '../../../sync-agent/completion/own-help.ts';
import { allCommands } from '../../../sync-agent/completion/paths.ts';
import { definitions } from './program.ts';

function command(name: string): CommandDefinition | undefined {
  return definitions().commands.find((child) => child.name === name);
}

describe('definitions of commands', () => {
  it('are what commander knows: flags, values, defaults, examples', () => {
    const sync = command('sync');
    const [config, sinkDir, pace] = sync?.flags ?? [];
    expect(config).toMatchObject({ names: ['--config'], value: { name: 'file', kind: 'file' } });
    expect(sinkDir).toMatchObject({ value: { kind: 'directory' } });
    expect(pace).toMatchObject({ value: { kind: 'any' }, fallback: '5', isRequired: false });
    expect(sync?.examples).toEqual(['mesos-doh sync --json    # quick', 'mesos-doh sync']);
    expect(command('apply')?.flags[0]?.names).toEqual(['-m', '--mode']);
    expect(command('token')?.commands.map(({ name }) => name)).toEqual(['create', 'list']);
    expect(command('token')?.commands[0]).toMatchObject({
      flags: [{ names: ['--team'], isRequired: true }, { names: ['-h', '--help'] }],
      arguments: [{ name: 'ids', isRequired: false, isRepeatable: true }],
    });
    expect(command('completion')?.arguments[0]).toMatchObject({ kind: 'choice', choices: ['bash', 'zsh'] });
    expect(command('secret')).toBeUndefined();
    expect(command('help')).toBeUndefined();
  });

  it('come from the help of a command that reads its own arguments', () => {
    const { flags = [], examples } = command('stub') ?? {};
    expect(flags.map(({ names, value }) => [names[0], value?.kind])).toEqual([
      ['--url', 'any'],
      ['--ca', 'file'],
      ['--allow-remote', undefined],
    ]);
    expect(examples).toEqual(['mesos-doh stub --url https://doh.example.com/dns-query']);
    expect(() => definitionFromHelp({ name: 'stub', description: '' }, 'no flags here')).toThrow(
      /help of stub/,
    );
  });
});

it('the program has them for each command of its help, with all flags of theirs', async () => {
  const run = promisify(execFile);
  const cli = new URL('../../../sync-agent/cli.ts', import.meta.url).pathname;
  const program: CommandDefinition = JSON.parse(
    (await run(process.execPath, [cli, 'completion', 'json'])).stdout,
  );
  const all = allCommands(program);
  const names = all.map(({ path }) => path.join(' '));
  expect(names).toEqual(
    expect.arrayContaining(['up', 'sync', 'stub', 'token create', 'completion', 'lookup']),
  );
  const { stdout: help } = await run(process.execPath, [cli, '--help']);
  const listed = [...help.matchAll(/^ {2}([a-z]+) /gm)]
    .map(([, name]) => name)
    .filter((name) => name !== 'help');
  expect(program.commands.map(({ name }) => name)).toEqual(listed.toSorted());
  for (const { path, command: one } of all)
    if (one.commands.length === 0) expect(one.flags.length, path.join(' ')).toBeGreaterThan(0);
  const flagsOf = (name: string): (string | undefined)[] =>
    program.commands.find((child) => child.name === name)?.flags.map(({ names: [first] }) => first) ?? [];
  expect(flagsOf('up')).toContain('--https-port');
  expect(flagsOf('stub')).toContain('--bootstrap');
});
