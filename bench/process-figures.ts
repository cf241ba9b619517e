import { readdir, readFile } from 'node:fs/promises';

/** Octets of memory of a process now, and the most it ever held (Linux: VmRSS, VmHWM). */
export async function memoryOf(
  pid: number,
): Promise<{ readonly octets: number; readonly peakOctets: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number =>
    Number(new RegExp(`${name}:\\s*(\\d+) kB`).exec(status)?.[1] ?? 0) * 1024;
  return { octets: field('VmRSS'), peakOctets: field('VmHWM') };
}

/** User and system time of a process, in ticks of 10 ms, as milliseconds: all its threads, ended ones too. */
export async function cpuMs(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** The same to the nanosecond, but of living threads alone: for less than a few ticks. */
export async function fineCpuMs(pid: number): Promise<number> {
  let nanoseconds = 0;
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').catch(() => '0');
    nanoseconds += Number(text.split(' ')[0]);
  }
  return nanoseconds / 1e6;
}
