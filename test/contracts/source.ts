import { describe, expect, it } from 'vitest';
import type { ClusterState, Skipped } from '../../sync-agent/cluster.ts';
import { type Source, SourceError } from '../../sync-agent/sources/source.ts';

/** A source of states and what stands behind it, in the test's hands. Its end is seen to by `onTestFinished`. */
export type SourceUnderTest = {
  readonly source: Source<ClusterState>;
  /** Part of a name or error that tells a person where it reads from. */
  readonly place: string;
  /** Texts it was given that nobody may see. */
  readonly secrets: readonly string[];
  /** What there is to read from now on: a state as JSON, or octets that are none. */
  readonly show: (document: string) => Promise<void>;
  /** Gives that many octets of what is shown, and then no more, as if that were all. */
  readonly breakOff: (octets: number) => Promise<void>;
  /** Nothing is there to be read any more. */
  readonly remove: () => Promise<void>;
  /** Begins to give what is shown, and never ends; resolves a read later than that. Not for files. */
  readonly stall?: () => Promise<{ readonly begun: Promise<void> }>;
};

const MASTER = 'master@10.0.0.9:5050';

/** What every source of a cluster's state keeps to. */
export function sourceContract(name: string, open: () => Promise<SourceUnderTest>): void {
  const signal = new AbortController().signal;
  const ignore = (): void => undefined;

  describe(`${name} keeps the source contract`, () => {
    it('has a name for people, with the place and without secrets', async () => {
      const { source, place, secrets } = await open();
      expect(source.name).toContain(place);
      for (const secret of secrets) expect(source.name).not.toContain(secret);
    });

    it('gives all of its part, and the same again', async () => {
      const { source, show } = await open();
      await show(state(3));
      const first = await source.read(ignore, signal);
      expect(first.leader).toEqual({ host: '10.0.0.9', port: '5050' });
      expect(first.agents).toHaveLength(3);
      expect(first.frameworks[0]?.tasks.map(({ id }) => id)).toEqual(['t0', 't1', 't2']);
      expect(await source.read(ignore, signal)).toEqual(first);
    });

    it('reads anew each time', async () => {
      const { source, show } = await open();
      for (const tasks of [2, 0, 5]) {
        await show(state(tasks));
        expect((await source.read(ignore, signal)).frameworks[0]?.tasks).toHaveLength(tasks);
      }
    });

    it('reports what it can not use, each time, and gives the rest', async () => {
      const { source, show } = await open();
      await show(state(3, [{ id: 7 }]));
      for (let i = 0; i < 2; i++) {
        const skipped: Skipped[] = [];
        const part = await source.read((element) => void skipped.push(element), signal);
        expect(skipped.map(({ reason }) => reason)).toEqual(['task-field']);
        expect(part.frameworks[0]?.tasks).toHaveLength(3);
      }
    });

    it('never gives half a part, wherever it breaks off', async () => {
      const { source, show, breakOff, place, secrets } = await open();
      const whole = state(2);
      const places = [
        0,
        1,
        2,
        whole.indexOf('slaves'),
        whole.indexOf('t0'),
        whole.indexOf('t1'),
        whole.length - 2,
        whole.length - 1,
      ];
      for (const octets of places) {
        await show(whole);
        await breakOff(octets);
        expectFailure(await failureOf(source), { place, secrets });
      }
      await show(whole);
      expect((await source.read(ignore, signal)).agents).toHaveLength(2);
    });

    it.each([
      ['not JSON', '<html><body>gateway</body></html>'],
      ['a list', `[${state(1)}]`],
      ['a text', '"state"'],
      ['null', 'null'],
      ['nothing', ''],
      ['two states', state(1) + state(1)],
    ])('throws SourceError for %s, and reads well again', async (_, document) => {
      const { source, show, place, secrets } = await open();
      await show(document);
      expectFailure(await failureOf(source), { place, secrets });
      await show(state(1));
      expect((await source.read(ignore, signal)).agents).toHaveLength(1);
    });

    it('throws SourceError where there is nothing to read from', async () => {
      const { source, show, remove, place, secrets } = await open();
      await show(state(1));
      await remove();
      expectFailure(await failureOf(source), { place, secrets });
    });

    it("stops with the signal's reason", async () => {
      const { source, show } = await open();
      await show(state(1));
      const reason = new Error('enough');
      await expect(source.read(ignore, AbortSignal.abort(reason))).rejects.toBe(reason);
      await expect(source.read(ignore, AbortSignal.abort('a text'))).rejects.toBe('a text');
    });

    it("stops with the signal's reason in the midst of reading", async ({ skip }) => {
      const { source, show, stall } = await open();
      if (!stall) return skip('a file does not stall');
      await show(state(1));
      const { begun } = await stall();
      const stop = new AbortController();
      const reason = new Error('enough');
      const reading = source.read(ignore, stop.signal);
      await Promise.race([begun, reading]);
      stop.abort(reason);
      await expect(reading).rejects.toBe(reason);
      await show(state(2));
      expect((await source.read(ignore, signal)).agents).toHaveLength(2);
    });
  });
}

/** A state of so many agents, each with a task, and more tasks as they are given. */
function state(count: number, more: readonly unknown[] = []): string {
  const numbers = Array.from({ length: count }, (_, i) => i);
  const task = (i: number): object => ({
    id: `t${i}`,
    name: 'web',
    slave_id: `S${i}`,
    state: 'TASK_RUNNING',
  });
  return JSON.stringify({
    pid: MASTER,
    leader: MASTER,
    slaves: numbers.map((i) => ({ id: `S${i}`, pid: `slave(1)@10.0.1.${i}:5051` })),
    frameworks: [
      { id: 'f', name: 'marathon', hostname: '10.0.0.8', tasks: [...numbers.map((i) => task(i)), ...more] },
    ],
  });
}

async function failureOf(source: Source<unknown>): Promise<unknown> {
  return source
    .read(() => undefined, new AbortController().signal)
    .then(
      (part) => expect.unreachable(`a part was given: ${JSON.stringify(part)}`),
      (error: unknown) => error,
    );
}

function expectFailure(
  error: unknown,
  { place, secrets }: { place: string; secrets: readonly string[] },
): void {
  expect(error).toBeInstanceOf(SourceError);
  if (!(error instanceof Error)) return;
  expect(error.message).toContain(place);
  for (const secret of secrets) expect(error.message).not.toContain(secret);
}
