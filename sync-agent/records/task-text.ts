import { rdataText } from '../../zone/rdata-text.ts';
import { TYPE } from '../../zone/record.ts';
import type { MesosTask, ReportSkipped } from '../cluster.ts';
import type { TaskFact } from './further.ts';

/** A TXT value, and whether all instances of a task have it in common. */
export type TaskText = { readonly value: string; readonly isShared: boolean };

/** RFC 1035 §3.3.14: a character-string has a length octet. */
const MAX_STRING_OCTETS = 255;
/** Longer ones would fill answers: names hold many. */
const MAX_TEXT_OCTETS = 2048;

/** A task's facts as TXT values, one record each (RFC 1464 §2). `part` is its framework's part of names. */
export function taskTexts(
  task: MesosTask,
  { txt, part, report }: { txt: readonly TaskFact[]; part: string; report: ReportSkipped },
): readonly TaskText[] {
  const texts: TaskText[] = [];
  for (const fact of txt) {
    const told = toldOf(task, fact, part);
    if (told?.value === undefined) continue;
    const octets = new TextEncoder().encode(`${attributeName(told.attribute)}=${told.value}`);
    if (octets.length > MAX_TEXT_OCTETS) {
      const detail = `task ${task.id}: ${fact} is longer than ${MAX_TEXT_OCTETS} octets (records.txt)`;
      report({ reason: 'value-not-answerable', detail });
      continue;
    }
    texts.push({ value: `TXT ${txtRdata(octets)}`, isShared: fact !== 'task-id' && fact !== 'agent' });
  }
  return texts;
}

type Told = { readonly attribute: string; readonly value: string | undefined };

function toldOf(task: MesosTask, fact: TaskFact, part: string): Told | undefined {
  switch (fact) {
    case 'framework':
      return { attribute: fact, value: part };
    case 'name':
      return { attribute: fact, value: task.name };
    case 'task-id':
      return { attribute: fact, value: task.id };
    case 'agent':
      return { attribute: fact, value: task.agentId };
    default: {
      const key = fact.slice('label:'.length);
      return { attribute: key, value: task.labels?.[key] };
    }
  }
}

/** RFC 1464 §2: `=` and the grave accent are quoted by one, and so are blanks at either end. */
function attributeName(name: string): string {
  return name
    .replaceAll(/[`=]/g, '`$&')
    .replaceAll(/^[ \t]+|[ \t]+$/g, (blanks) => blanks.replaceAll(/[ \t]/g, '`$&'));
}

/** Presentation form; what is longer than a character-string goes on in the next. */
function txtRdata(octets: Uint8Array): string {
  const rdata: number[] = [];
  for (let at = 0; at < octets.length; at += MAX_STRING_OCTETS) {
    const string = octets.subarray(at, at + MAX_STRING_OCTETS);
    rdata.push(string.length, ...string);
  }
  return rdataText(Uint8Array.from(rdata), { type: TYPE.TXT, at: 0, end: rdata.length });
}
