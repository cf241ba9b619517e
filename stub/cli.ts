#!/usr/bin/env node
import { run } from './run.ts';
import { UsageError } from './settings.ts';

/** Exit codes as of `mesos-doh`: 0 done, 1 failed, 2 wrong usage. */
const FAILED = 1;
const WRONG_USAGE = 2;

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => stopping.abort(new Error(`stopped by ${signal}`)));
}

try {
  await run(process.argv.slice(2), {
    env: process.env,
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    isTerminal: process.stderr.isTTY === true,
    signal: stopping.signal,
  });
  process.exitCode = 0;
} catch (error) {
  process.stderr.write(`mesos-doh stub: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UsageError ? WRONG_USAGE : FAILED;
}
// What a peer left open does not keep the process.
setTimeout(() => process.exit(), 500).unref();
