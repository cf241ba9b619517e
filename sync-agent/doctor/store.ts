import { sameOctets, toHex } from '../../zone/hash.ts';
import type { OwnerName } from '../../zone/name.ts';
import type { KeyRing } from '../keys.ts';
import { readHead } from '../publish/stored-head.ts';
import type { Sink } from '../sinks/sink.ts';
import { type Finding, reasonOf } from './finding.ts';

export type StoreCheck = {
  readonly sink: Sink;
  readonly origin: OwnerName;
  readonly variant: string;
  /** Undefined where there is no key yet: what is published is then not verified. */
  readonly ring: KeyRing | undefined;
  readonly staleAfterSeconds: number;
  /** Is the right to write asked for by removing a key? A directory tells it otherwise. */
  readonly isProbed: boolean;
  /** Unix milliseconds. */
  readonly now: () => number;
};

/** Never written by anybody: removing it needs the right to write and changes nothing. */
const PROBE = 'doctor/never-written';
/** As the agent's own alarm has it. */
const CLOCK_ALARM_MS = 30_000;

/**
 * Can the store be read and written, and is what it holds ours? Costs one listing, one delete of a key that is
 * not there, and two reads; writes nothing.
 */
export async function checkStore(options: StoreCheck, signal: AbortSignal): Promise<Finding[]> {
  const { sink, origin } = options;
  const findings: Finding[] = [];
  const prefix = `z/${origin}/`;
  try {
    const keys = await sink.list(prefix, signal);
    findings.push({
      about: 'store',
      verdict: 'well',
      says: `${sink.name} can be read: ${keys.length} keys under ${prefix}`,
    });
  } catch (error) {
    signal.throwIfAborted();
    return [{ about: 'store', verdict: 'wrong', says: reasonOf(error), ...mendOf(error) }];
  }
  if (options.isProbed) findings.push(await probe(sink, prefix, signal));
  findings.push(...clockFindings(sink), await checkZone(options, signal));
  return findings;
}

async function probe(sink: Sink, prefix: string, signal: AbortSignal): Promise<Finding> {
  try {
    await sink.remove([prefix + PROBE], signal);
    return { about: 'store', verdict: 'well', says: `${sink.name} can be written` };
  } catch (error) {
    signal.throwIfAborted();
    return { about: 'store', verdict: 'wrong', says: reasonOf(error), ...mendOf(error) };
  }
}

/** The sink says itself what to check after a refusal; only what it can't know comes from here. */
function mendOf(error: unknown): Pick<Finding, 'mend'> {
  const reason = reasonOf(error);
  if (/check |give the agent|name another/.test(reason)) return {};
  return { mend: 'Check kv.url, and that this machine may reach it' };
}

function clockFindings({ clockOffsetMs }: Sink): Finding[] {
  const offsetMs = clockOffsetMs?.();
  if (offsetMs === undefined) return [];
  const seconds = Math.abs(offsetMs / 1000).toFixed(1);
  const says = `this machine's clock is ${seconds} s ${offsetMs > 0 ? 'behind' : 'ahead of'} the store's`;
  if (Math.abs(offsetMs) <= CLOCK_ALARM_MS) return [{ about: 'clock', verdict: 'well', says }];
  return [
    { about: 'clock', verdict: 'wrong', says, mend: 'Let it be set by NTP (chrony, systemd-timesyncd)' },
  ];
}

/** What is published of one zone and variant: its signature and age. Costs two reads. */
export async function checkZone(
  { sink, origin, variant, ring, staleAfterSeconds, now }: Omit<StoreCheck, 'isProbed'>,
  signal: AbortSignal,
): Promise<Finding> {
  const about = 'zone';
  const which = variant === 'main' ? origin : `${origin} (variant ${variant})`;
  const trusted = ring
    ? [ring.current, ...(ring.next ? [ring.next] : []), ...ring.retired].map((key) => key.publicKeyBase64)
    : [];
  try {
    const stored = await readHead({ sink, origin, variant }, trusted, signal);
    if (stored.kind === 'nothing') {
      const mend = 'The first mesos-doh sync does that';
      return { about, verdict: 'advice', says: `nothing is published for ${which} yet`, mend };
    }
    if (!ring) {
      const mend =
        'Bring the signing key here, or take the zone over with sync --new-key (docs/signing-keys.md)';
      return {
        about,
        verdict: 'wrong',
        says: `${which} is published already, and there is no key here`,
        mend,
      };
    }
    if (stored.kind === 'unusable') {
      const mend =
        'A foreign or damaged head: use the key that signed it, or take the zone over with sync --new-key ' +
        '(docs/signing-keys.md)';
      return {
        about,
        verdict: 'wrong',
        says: `the head of ${which} can not be used: ${stored.reason}`,
        mend,
      };
    }
    const { serial, createdAtMs, keyId } = stored.head.root;
    const ageSeconds = Math.max(0, Math.round((now() + (sink.clockOffsetMs?.() ?? 0) - createdAtMs) / 1000));
    const says = `${which} has serial ${serial}, vouched for ${ageSeconds} s ago`;
    if (ageSeconds > staleAfterSeconds) {
      const mend = `No agent renews it: answers say that they are stale. Start one, or see its log`;
      return { about, verdict: 'wrong', says, mend };
    }
    if (!sameOctets(keyId, ring.current.keyId)) {
      const mend = 'It is trusted; a rotation of keys is under way (mesos-doh keys show)';
      return {
        about,
        verdict: 'advice',
        says: `${says}, signed by key ${toHex(keyId)}, not the current one`,
        mend,
      };
    }
    return { about, verdict: 'well', says: `${says}, signed by this key` };
  } catch (error) {
    signal.throwIfAborted();
    return { about, verdict: 'wrong', says: reasonOf(error) };
  }
}
