import type { RunCommand } from './undo.ts';
import { output } from './this-machine.ts';

const MAX_LINES = 3;

/** Runs commands by `run`; where one starts a unit and fails, its error ends with what the unit said last. */
export function withJournal(run: RunCommand, signal: AbortSignal): RunCommand {
  return async (command) => {
    const since = Math.floor(Date.now() / 1000);
    try {
      await run(command);
    } catch (cause) {
      const unit = /^systemctl enable --now (\S+\.service)$/.exec(command)?.[1];
      if (unit === undefined || !(cause instanceof Error)) throw cause;
      const said = await lastWords(unit, { since, signal });
      throw new Error(`${cause.message}${said === '' ? '' : `. ${unit} said: ${said}`}`, { cause });
    }
  };
}

/** Lines of the unit's own processes since then; where there are none, systemd's about it. */
async function lastWords(
  unit: string,
  { since, signal }: { readonly since: number; readonly signal: AbortSignal },
): Promise<string> {
  for (const which of [`_SYSTEMD_UNIT=${unit}`, `--unit=${unit}`]) {
    const command = `journalctl --sync; journalctl ${which} --since=@${since} --lines=${MAX_LINES} --output=cat --quiet`;
    const lines = (await output(command, signal).catch(() => '')).split('\n').map((line) => line.trim());
    const said = lines.filter((line) => line !== '').slice(-MAX_LINES);
    if (said.length > 0) return [...new Set(said)].join(' / ');
  }
  return '';
}
