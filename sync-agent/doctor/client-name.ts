import type { OwnerName } from '../../zone/name.ts';
import { isNameWithin } from '../../zone/name.ts';
import { rdataText } from '../../zone/rdata-text.ts';
import { TYPE, typeName } from '../../zone/record.ts';
import { RCODE } from '../../zone/wire.ts';
import type { Connected } from '../client/device.ts';
import type { Answered } from '../client/reply.ts';
import { isInside, wordsFor } from './client-connection.ts';
import { type AnsweredMessage, extendedErrors, rcodeName } from './client-doh.ts';
import type { ClientFinding } from './client-finding.ts';

/** Values of one name and type in an answer, as text. */
export function valuesOf({ message, octets }: AnsweredMessage, name: string, type: number): string[] {
  return [...message.answers, ...message.additional]
    .filter((record) => record.name === name && record.type === type)
    .map((record) => rdataText(octets, record));
}

/** Addresses in an answer, of whatever name a CNAME led to. */
export function addressesIn(answered: Answered): string[] {
  if (answered.kind !== 'message') return [];
  return answered.message.answers
    .filter(({ type }) => type === TYPE.A || type === TYPE.AAAA)
    .map((record) => rdataText(answered.octets, record));
}

/** Targets and ports of the SRV records that answer. */
export function servicesOf({
  message,
  octets,
}: AnsweredMessage): { readonly target: string; readonly port: number }[] {
  return message.answers
    .filter(({ type }) => type === TYPE.SRV)
    .map((record) => {
      const [, , port = '', target = ''] = rdataText(octets, record).split(' ');
      return { target: target.replace(/\.$/, ''), port: Number(port) };
    });
}

/** The answer to a name; `isAsked`: somebody named it, it was not picked here. */
export function judgeName(
  answered: Answered,
  {
    name,
    type,
    zone,
    isAsked,
  }: { readonly name: OwnerName; readonly type: number; readonly zone: OwnerName; readonly isAsked: boolean },
): ClientFinding {
  const about = 'name';
  const shown = `${name} ${typeName(type)}`;
  if (answered.kind !== 'message')
    return { about, verdict: 'wrong', says: `${shown}: ${answered.says}`, mend: answered.mend };
  const { rcode } = answered.message;
  const values = answered.message.answers
    .filter((record) => record.type === type)
    .map((record) => rdataText(answered.octets, record));
  if (rcode === RCODE.NOERROR && values.length > 0) {
    const more = values.length > 3 ? ` and ${values.length - 3} more` : '';
    return { about, verdict: 'well', says: `${shown} is ${values.slice(0, 3).join(', ')}${more}` };
  }
  const verdict = isAsked ? 'wrong' : 'advice';
  if (rcode === RCODE.NOERROR) {
    const mend =
      'The name is there without such a record, or only names below it are; ports are at _NAME._tcp, type SRV';
    return { about, verdict, says: `${shown} has no answer (NODATA)`, mend };
  }
  if (rcode === RCODE.NXDOMAIN) {
    const mend = isNameWithin(name, zone)
      ? "Check how it is written; a new task shows within a minute or so; a name the token's view leaves out looks the same. On the agent's machine: mesos-doh explain NAME"
      : `It is not in ${zone}, and the world has no such name`;
    return { about, verdict, says: `${shown} does not exist (NXDOMAIN)`, mend };
  }
  const says = `${shown} is ${rcodeName(rcode)}${extendedErrors(answered)}`;
  const mend = rcode === RCODE.REFUSED ? `Only names of ${zone} are answered there` : 'See the lines above';
  return { about, verdict, says, mend };
}

/** An address of a task that a connection was tried to. */
export type RouteTried = {
  readonly address: string;
  readonly port: number;
  /** Is the port that of a service, or just any? */
  readonly isPortKnown: boolean;
  readonly connected: Connected;
};

/** Can what a name stands for be reached? `isNeeded`: nothing else is wanted here. */
export function judgeRoute(
  tried: readonly RouteTried[],
  { name, isNeeded }: { readonly name: string; readonly isNeeded: boolean },
): ClientFinding {
  const about = 'route';
  const [first] = tried;
  if (!first) return { about, verdict: 'skipped', says: `${name} has no address to go to` };
  const good = tried.find(({ connected }) => connected.kind === 'connected');
  const where = (one: RouteTried): string => `${one.address} port ${one.port}`;
  if (good) return { about, verdict: 'well', says: `${name}: ${where(good)} answers` };
  const refused = tried.find(
    ({ connected }) => connected.kind === 'failed' && connected.code === 'ECONNREFUSED',
  );
  if (refused && !refused.isPortKnown)
    return {
      about,
      verdict: 'well',
      says: `${name}: ${refused.address} is there (its ports are not known; ${refused.port} is closed)`,
    };
  if (refused)
    return {
      about,
      verdict: 'advice',
      says: `${name}: ${where(refused)} refuses connections: the host is there`,
      mend: 'The task may be starting, or just gone; or it speaks UDP',
    };
  const code = first.connected.kind === 'failed' ? first.connected.code : '';
  const says = `${name}: ${where(first)}: ${wordsFor(code)}`;
  if (!first.isPortKnown && code === 'ETIMEDOUT')
    return {
      about,
      verdict: 'advice',
      says,
      mend: 'Its ports are not known, and that one may be filtered: name a service with --name',
    };
  const mend = isInside(first.address)
    ? 'The address is inside the cluster: join its VPN, or ask for a view with outside addresses (docs/variants.md)'
    : 'A firewall may let only some in: ask who runs the cluster';
  return { about, verdict: isNeeded ? 'wrong' : 'advice', says, mend };
}
