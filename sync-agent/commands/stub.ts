import type { Command } from 'commander';
import { ConfigError } from '../config.ts';
import { stopSignal } from './terminal.ts';

/** The stub reads its own arguments: it is also a program of its own (`stub/cli.ts`). */
export function addStubCommand(program: Command): void {
  program
    .command('stub')
    .description('a DNS server on this machine that asks a DoH URL')
    .argument('[args...]')
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .action(async (args: readonly string[]) => {
      // No other command waits for these files to load.
      const [{ run }, { UsageError }] = await Promise.all([
        import('../../stub/run.ts'),
        import('../../stub/settings.ts'),
      ]);
      try {
        await run(args, {
          env: process.env,
          stdout: (text) => void process.stdout.write(text),
          stderr: (text) => void process.stderr.write(text),
          isTerminal: process.stderr.isTTY,
          signal: stopSignal(),
        });
      } catch (error) {
        throw error instanceof UsageError ? new ConfigError(error.message, { cause: error }) : error;
      }
    });
}
