import { rdataText } from '../../zone/rdata-text.ts';
import { TYPE } from '../../zone/record.ts';
import { EDE, RCODE } from '../../zone/wire.ts';
import type { Answered } from '../client/reply.ts';
import type { ClientFinding } from './client-finding.ts';

export type AnsweredMessage = Extract<Answered, { kind: 'message' }>;

/** The same question by both methods of RFC 8484: which of them is answered, and if none, why. */
export function judgeMethods(post: Answered, get: Answered): ClientFinding {
  const about = 'DoH';
  if (post.kind === 'message' && get.kind === 'message')
    return { about, verdict: 'well', says: 'answers by GET and by POST' };
  const [failed, method, others] =
    post.kind === 'message'
      ? ([get, 'GET', 'Chrome and others'] as const)
      : ([post, 'POST', 'Firefox, curl and others'] as const);
  if (failed.kind === 'message') return { about, verdict: 'well', says: 'answers' };
  if (post.kind === 'message' || get.kind === 'message') {
    const says = `${failed.says} (by ${method} alone, which ${others} ask by)`;
    return {
      about,
      verdict: 'wrong',
      says,
      mend: 'Something before the resolver takes only one of GET and POST',
    };
  }
  const { kind, says, mend } = failed;
  return { about: kind === 'credential' ? 'token' : about, verdict: 'wrong', says, mend };
}

/** What a token is worth, where the resolver answers. */
export function judgeToken({
  hasToken,
  alsoWithout,
}: {
  readonly hasToken: boolean;
  readonly alsoWithout: boolean;
}): ClientFinding {
  const about = 'token';
  if (!hasToken) return { about, verdict: 'well', says: 'none is needed' };
  if (!alsoWithout) return { about, verdict: 'well', says: 'it is taken' };
  const says = 'the resolver answers without it too';
  return { about, verdict: 'advice', says, mend: 'Anybody may ask there: is that meant? (docs/access.md)' };
}

/** The answer to the zone's SOA. */
export function judgeZone(answered: AnsweredMessage, zone: string): readonly ClientFinding[] {
  const about = 'zone';
  const { message, octets, snapshot } = answered;
  const soa = message.answers.find(({ type, name }) => type === TYPE.SOA && name === zone);
  const why = extendedErrors(answered);
  if (message.rcode === RCODE.SERVFAIL) {
    const mend = 'The resolver has no snapshot it can use: whoever runs it says mesos-doh doctor';
    return [{ about, verdict: 'wrong', says: `${zone} is SERVFAIL${why}`, mend }];
  }
  if (!soa || message.rcode !== RCODE.NOERROR) {
    const says = `${zone} is ${rcodeName(message.rcode)}${why}: not one of this resolver's zones, or not in the token's view`;
    return [
      {
        about,
        verdict: 'wrong',
        says,
        mend: 'Name another with --zone, or ask for a view that has it (docs/access.md)',
      },
    ];
  }
  const serial = rdataText(octets, soa).split(' ')[2] ?? '';
  if (!snapshot) {
    const says = `${zone}, serial ${serial}, told without its snapshot`;
    return [
      {
        about,
        verdict: 'advice',
        says,
        mend: 'Is it a mesos-doh resolver? How old its names are can not be seen',
      },
    ];
  }
  return [{ about, verdict: 'well', says: `${zone}, serial ${serial}` }, judgeAge(answered, snapshot)];
}

function judgeAge(
  { message }: AnsweredMessage,
  { serial, ageSeconds }: NonNullable<AnsweredMessage['snapshot']>,
): ClientFinding {
  const about = 'snapshot';
  const says = `serial ${serial}, vouched for ${ageSeconds} s ago`;
  if (!message.extendedErrors.some(({ code }) => code === EDE.staleAnswer))
    return { about, verdict: 'well', says };
  return {
    about,
    verdict: 'wrong',
    says: `${says}: stale, names may have moved on`,
    mend: 'No agent renews it: whoever runs it starts one, or says mesos-doh doctor where it runs',
  };
}

/** Is a name of the world answered too? Undefined where that can't be told. */
export function judgeForwarding(answered: Answered): {
  readonly finding: ClientFinding;
  readonly forwards?: boolean;
} {
  const about = 'forwarding';
  if (answered.kind !== 'message') return { finding: { about, verdict: 'skipped', says: answered.says } };
  const { rcode } = answered.message;
  if (rcode === RCODE.REFUSED) {
    const says =
      'names outside its zones are refused: for systemd-resolved and Apple profiles, not as the only resolver of a browser';
    return { finding: { about, verdict: 'well', says }, forwards: false };
  }
  if (rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN)
    return {
      finding: { about, verdict: 'well', says: 'names outside its zones are answered too' },
      forwards: true,
    };
  const says = `names outside its zones are ${rcodeName(rcode)}${extendedErrors(answered)}`;
  return {
    finding: {
      about,
      verdict: 'advice',
      says,
      mend: "Browsers that ask it find nothing else: do the Worker's UPSTREAMS answer?",
    },
  };
}

/** ` (stale answer: …)` of RFC 8914, or nothing. */
export function extendedErrors({ message }: Pick<AnsweredMessage, 'message'>): string {
  const texts = message.extendedErrors.map(({ code, text }) => text || `extended error ${code}`);
  return texts.length === 0 ? '' : ` (${texts.join('; ')})`;
}

export function rcodeName(rcode: number): string {
  for (const [name, code] of Object.entries(RCODE)) if (code === rcode) return name;
  return `response code ${rcode}`;
}
