import { describe, expect, it } from 'vitest';
import { createCluster, type SimulatedCluster } from '../../../simulate/cluster.ts';
import { afterFailover, type Failover } from '../../../simulate/failover.ts';
import { stateOf } from '../../../simulate/state.ts';
import { guard, type Verdict } from '../../../sync-agent/guard/guard.ts';
import { decodeGuardMemory, encodeGuardMemory } from '../../../sync-agent/guard/memory.ts';
import { withValues } from '../../../sync-agent/records/difference.ts';
import { generateRecords } from '../../../sync-agent/records/generate.ts';
import type { RecordSet } from '../../../sync-agent/records/record-set.ts';
import { readState } from '../documents.ts';
import { settingsWith } from '../states.ts';
import { isClusterRecord, SETTINGS } from './town.ts';

const MASTER = { id: 'm', ip: '10.0.0.5', port: 5050, hostname: 'm', electedSeconds: 1 };
const START = 1_750_000_100;

/** What a master of a simulated cluster says, made records, and published as the guard lets it. */
function publisherOf(cluster: SimulatedCluster) {
  let published: RecordSet | undefined;
  let octets: Uint8Array = new Uint8Array();
  return async (
    atSeconds: number,
    failover?: Failover,
  ): Promise<Verdict & { readonly published: RecordSet }> => {
    const whole = cluster.snapshot();
    const known = failover ? afterFailover(whole, failover, atSeconds * 1000) : whole;
    const { state, skipped } = await readState(stateOf(known, MASTER));
    expect(skipped).toEqual([]);
    const next = generateRecords(state, settingsWith(), {
      addressesOfHost: () => [],
      report: () => undefined,
    });
    const verdict = guard({
      sources: [
        {
          name: 'mesos',
          published: published ?? next,
          next,
          ended: state.ended,
          recoveringAgents: state.recoveringAgents,
          isClusterRecord,
          frameworks: state.frameworks.length,
          tasks: state.frameworks.reduce((sum, { tasks }) => sum + tasks.length, 0),
        },
      ],
      memory: decodeGuardMemory(octets),
      settings: SETTINGS,
      nowMs: atSeconds * 1000,
      domain: 'mesos',
    });
    octets = encodeGuardMemory(verdict.memory);
    published = withValues(next, verdict.kept);
    return { ...verdict, published };
  };
}

function namesOf({ A, AAAA, SRV }: RecordSet): ReadonlySet<string> {
  return new Set([...A.keys(), ...AAAA.keys(), ...SRV.keys()]);
}

function missingFrom(after: RecordSet, before: RecordSet): readonly string[] {
  const names = namesOf(after);
  return [...namesOf(before)].filter((name) => !names.has(name));
}

describe('a simulated cluster', () => {
  it('loses no name by a new leader to which agents come back over 20 s', async () => {
    const cluster = createCluster({ seed: 5, tasks: 200 });
    const publish = publisherOf(cluster);
    const { published: before } = await publish(START);
    const failover = { atMs: START * 1000, agentsReturnOverSeconds: 20 };
    for (let second = 0; second <= 20; second++) {
      const { published, heldNames } = await publish(START + second, failover);
      expect(missingFrom(published, before)).toEqual([]);
      expect(heldNames > 0).toBe(second < 20);
    }
    const { memory } = await publish(START + 21, failover);
    expect(encodeGuardMemory(memory)).toHaveLength(0);
  });

  it('that churns has evidence for all that goes: nothing is held', async () => {
    const cluster = createCluster({ seed: 6, tasks: 300 });
    const publish = publisherOf(cluster);
    await publish(START);
    for (let read = 1; read <= 10; read++) {
      cluster.churn(60, { atSeconds: START + read * 60 });
      const { heldNames, kept } = await publish(START + read * 60);
      expect({ heldNames, kept }).toEqual({ heldNames: 0, kept: [] });
    }
  });

  it('loses no name of 60 % of tasks that vanish, until they have been gone for a minute', async () => {
    const cluster = createCluster({ seed: 7, tasks: 300 });
    const publish = publisherOf(cluster);
    const { published: before } = await publish(START);
    cluster.vanish(0.6);
    for (const second of [1, 30, 60]) {
      expect(missingFrom((await publish(START + second)).published, before)).toEqual([]);
    }
    const { published, heldNames, released } = await publish(START + 61);
    expect(heldNames).toBe(0);
    expect(released).toBeGreaterThan(200);
    expect(missingFrom(published, before).length).toBeGreaterThan(200);
    expect(await publish(START + 62)).toMatchObject({ heldNames: 0, released: 0 });
  });

  it.each([
    [false, true],
    [true, false],
  ])('that empties a framework, evidence %s: held %s', async (evidence, held) => {
    const cluster = createCluster({ seed: 8, tasks: 400 });
    const publish = publisherOf(cluster);
    await publish(START);
    cluster.emptyFramework('marathon', { atSeconds: START + 1, evidence });
    expect((await publish(START + 1)).heldNames > 0).toBe(held);
  });

  it('lets go of a framework that completed, with its own records', async () => {
    const cluster = createCluster({ seed: 9, tasks: 400 });
    const publish = publisherOf(cluster);
    await publish(START);
    cluster.completeFramework('Aurora', { atSeconds: START + 1 });
    const { published, heldNames } = await publish(START + 1);
    expect(heldNames).toBe(0);
    expect([...namesOf(published)].filter((name) => name.includes('aurora'))).toEqual([]);
  });
});
