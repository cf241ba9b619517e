import { readFile } from 'node:fs/promises';

/** A line of the alarm table in `docs/operate.md`. */
export type Alarm = { readonly name: string; readonly expression: string };

export async function readOperatePage(): Promise<string> {
  return readFile(new URL('../../docs/operate.md', import.meta.url), 'utf8');
}

export async function readRules(): Promise<string> {
  return readFile(new URL('../../deploy/prometheus-rules.yaml', import.meta.url), 'utf8');
}

/** The alarms as the rules have them: an `alert` line and the `expr` line below it. */
export function alarmsOf(rules: string): Alarm[] {
  const found = [...rules.matchAll(/^ +- alert: (\w+)\n +expr: (.+)$/gm)];
  return found.map(([, name = '', expression = '']) => ({ name, expression }));
}

/** The rows of the table whose head begins with `alarm`. Every cell but the first two has to say something. */
export function alarmRows(page: string): Alarm[] {
  const lines = page.split('\n');
  const head = lines.findIndex((line) => /^\| alarm +\|/.test(line));
  const rows = head < 0 ? [] : lines.slice(head + 2);
  const end = rows.findIndex((line) => !line.startsWith('|'));
  return rows.slice(0, end).map((row) => {
    const cells = row.split('|').map((cell) => cell.trim());
    const [, name = '', expression = '', means = '', mend = ''] = cells;
    if (cells.length !== 6 || means === '' || mend === '') throw new Error(`no row of four cells: ${row}`);
    return { name: name.replaceAll('`', ''), expression: expression.replaceAll('`', '') };
  });
}
