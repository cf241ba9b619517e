#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { addAccessCommand } from './commands/access.ts';
import { addCompletionCommand } from './commands/completion.ts';
import { addConflictsCommand } from './commands/conflicts.ts';
import { addConnectCommand } from './commands/connect.ts';
import { addCostCommand } from './commands/cost.ts';
import { addCtlCommand } from './commands/ctl.ts';
import { addDiffCommand } from './commands/diff.ts';
import { addDoctorCommand } from './commands/doctor.ts';
import { addExplainCommand } from './commands/explain.ts';
import { HeldError } from './commands/held-error.ts';
import { addHistoryCommand } from './commands/history.ts';
import { addImportCommand } from './commands/import.ts';
import { addKeysCommand } from './commands/keys.ts';
import { addLookupCommand } from './commands/lookup.ts';
import { addRecordsCommand } from './commands/records.ts';
import { addRollbackCommand } from './commands/rollback.ts';
import { addSimulateCommand } from './commands/simulate.ts';
import { addStubCommand } from './commands/stub.ts';
import { addSyncCommand } from './commands/sync.ts';
import { note, stopSignal } from './commands/terminal.ts';
import { addTokenCommand } from './commands/token.ts';
import { addUpCommand } from './commands/up.ts';
import { ConfigError } from './config.ts';
import { packageFacts } from './package-root.ts';

/** Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 done but for names held back, 130 stopped before it was done. */
const FAILED = 1;
const WRONG_USAGE = 2;
const HELD = 3;
const STOPPED = 130;
/** How long what was left open may take to end after a command has. */
const LINGER_MS = 1_000;

// `mesos-doh records | head` ends when head does, without a word.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await run(process.argv);
setTimeout(() => process.exit(), LINGER_MS).unref();

async function run(argv: readonly string[]): Promise<number> {
  const program = new Command('mesos-doh')
    .description("DNS over HTTPS for Apache Mesos clusters, with mesos-dns's names")
    .version(packageFacts().version)
    .exitOverride()
    .configureHelp({ sortSubcommands: true });
  addUpCommand(program);
  addSyncCommand(program);
  addRecordsCommand(program);
  addDiffCommand(program);
  addConflictsCommand(program);
  addHistoryCommand(program);
  addRollbackCommand(program);
  addCtlCommand(program);
  addLookupCommand(program);
  addExplainCommand(program);
  addDoctorCommand(program);
  addImportCommand(program);
  addKeysCommand(program);
  addAccessCommand(program);
  addTokenCommand(program);
  addConnectCommand(program);
  addCostCommand(program);
  addSimulateCommand(program);
  addStubCommand(program);
  addCompletionCommand(program);
  for (const command of program.commands) command.exitOverride();
  try {
    await program.parseAsync(argv);
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USAGE;
    if (stopSignal().aborted) return STOPPED;
    note(error instanceof Error ? error.message : String(error));
    if (error instanceof HeldError) return HELD;
    return error instanceof ConfigError ? WRONG_USAGE : FAILED;
  }
}
