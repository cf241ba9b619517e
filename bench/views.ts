import { randomBytes } from 'node:crypto';
import { Pool } from 'undici';
import { encode } from 'dns-packet';
import { makeToken } from '../sync-agent/access/new-token.ts';
import { buildWorkerIfNeeded } from '../sync-agent/local/project.ts';
import { ACCESS_KEY, readAccessJson, signAccessDocument, tokenHash } from '../zone/access-document.ts';
import { median, table } from './figures.ts';
import { startOurs } from './ours.ts';
import type { Stage } from './stage.ts';

const QUESTIONS = 12_000;
const WARM_UP = 1_000;
/** Each kind of name: what is asked in one turn is shuffled, so that the machine's moods meet all alike. */
const KINDS = ['hidden', 'missing', 'missing too'] as const;
type Kind = (typeof KINDS)[number];

/**
 * Can a team tell by the clock a name that is outside its view from one that is nowhere? One connection, one question
 * at a time, every one asked for the first time. The difference of two kinds that are alike is the measure.
 */
export async function benchViews(stage: Stage): Promise<void> {
  await buildWorkerIfNeeded(stage.signal);
  const { token } = await makeToken((length) => randomBytes(length), new Set());
  const view = { zones: [{ origin: 'mesos', frameworks: ['chronos'] }], forwarding: false };
  const { port } = await startOurs(stage, {
    access: 'tokens',
    further: async (key) => {
      const document = readAccessJson({
        format: 1,
        serial: 1,
        issuedAtMs: Date.now(),
        views: { some: view },
        teams: { bench: { view: 'some' } },
        tokens: [{ id: '00000001', hash: await tokenHash(token), team: 'bench', createdAtMs: Date.now() }],
      });
      return new Map([[ACCESS_KEY, await signAccessDocument(document, key)]]);
    },
  });
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 1 });
  try {
    const took: Record<Kind, number[]> = { hidden: [], missing: [], 'missing too': [] };
    for (let i = 0; i < WARM_UP + QUESTIONS; i++) {
      for (const kind of shuffled(KINDS)) {
        const path = `/t/${token}/dns-query?dns=${question(kind, i).toString('base64url')}`;
        const begun = performance.now();
        const { statusCode, body } = await pool.request({ path, method: 'GET', signal: stage.signal });
        const octets = Buffer.from(await body.arrayBuffer());
        if (i >= WARM_UP) took[kind].push((performance.now() - begun) * 1000);
        if (statusCode !== 200 || (octets.readUInt8(3) & 0xf) !== 3)
          throw new Error(`${kind}: HTTP ${statusCode}, not NXDOMAIN`);
      }
    }
    stage.print(`views: ${QUESTIONS} questions of each kind, GET, one at a time; microseconds`);
    const rows = KINDS.map((kind) => [
      kind,
      `median ${median(took[kind]).toFixed(1)}, of missing ${(median(took[kind]) / median(took.missing)).toFixed(3)}, z ${z(took[kind], took.missing).toFixed(1)}`,
    ]);
    for (const line of table(rows)) stage.print(line);
    stage.print(
      'z: difference of the means of the middle nine tenths, in standard errors; noise is below 3 or so',
    );
  } finally {
    await pool.destroy();
  }
}

/** The id and the case of letters make each question one that the packet cache has not seen. */
function question(kind: Kind, i: number): Buffer {
  const name =
    kind === 'hidden'
      ? 'search.marathon.mesos'
      : kind === 'missing'
        ? 'sxarch.marathon.mesos'
        : 'sqarch.marathon.mesos';
  return encode({ type: 'query', id: i & 0xffff, flags: 0x100, questions: [{ name, type: 'A' }] });
}

function shuffled<Item>(items: readonly Item[]): Item[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

function z(a: readonly number[], b: readonly number[]): number {
  const [x, y] = [middle(a), middle(b)];
  return (mean(x) - mean(y)) / Math.sqrt(variance(x) / x.length + variance(y) / y.length);
}

/** Without the slowest and fastest twentieth. */
function middle(values: readonly number[]): number[] {
  const cut = Math.floor(values.length / 20);
  return values.toSorted((a, b) => a - b).slice(cut, -cut);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function variance(values: readonly number[]): number {
  const at = mean(values);
  return mean(values.map((value) => (value - at) ** 2));
}
