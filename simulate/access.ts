import { createHash, timingSafeEqual } from 'node:crypto';
import type { ClusterSnapshot } from './cluster-snapshot.ts';
import type { MesosFeatures } from './mesos-version.ts';

/** Someone who may ask. */
export type Account = {
  readonly principal: string;
  readonly secret: string;
  /** May see neither frameworks nor tasks nor flags: what it gets is 200 and next to nothing. */
  readonly isBlind?: boolean;
};

/**
 * Who may ask what (apache/mesos `src/master/master.cpp`): `/state` is in the read-only realm, `/api/v1` in the
 * read-write one. A realm without a list is open to all.
 */
export type Access = { readonly readonly?: readonly Account[]; readonly readwrite?: readonly Account[] };
export type Realm = keyof Access;

/** As the challenge names them (apache/mesos `src/master/constants.hpp`). */
const REALM_NAMES: Readonly<Record<Realm, string>> = {
  readonly: 'mesos-master-readonly',
  readwrite: 'mesos-master-readwrite',
};

type Admission =
  | { readonly kind: 'admitted'; readonly isBlind: boolean }
  | { readonly kind: 'refused'; readonly challenge: string };

/** Does this `Authorization` (RFC 7617) open the realm? */
export function admit(access: Access, realm: Realm, authorization: string | undefined): Admission {
  const accounts = access[realm];
  if (accounts === undefined) return { kind: 'admitted', isBlind: false };
  const account = accounts.find((each) => isOf(each, authorization));
  if (account === undefined) return { kind: 'refused', challenge: `Basic realm="${REALM_NAMES[realm]}"` };
  return { kind: 'admitted', isBlind: account.isBlind === true };
}

/** Is it one of these who asks? */
export function isAdmitted(accounts: readonly Account[], authorization: string | undefined): boolean {
  return accounts.some((each) => isOf(each, authorization));
}

function isOf({ principal, secret }: Account, authorization: string | undefined): boolean {
  const [, given] = /^Basic +([\w+/]+={0,2})$/i.exec(authorization ?? '') ?? [];
  if (given === undefined) return false;
  const digest = (octets: Buffer) => createHash('sha256').update(octets).digest();
  return timingSafeEqual(digest(Buffer.from(given, 'base64')), digest(Buffer.from(`${principal}:${secret}`)));
}

type Seer = { readonly features: MesosFeatures; readonly isBlind: boolean };

/** What of a cluster is shown by this release, to those who may see all or next to nothing. */
export function seenBy(snapshot: ClusterSnapshot, { features, isBlind }: Seer): ClusterSnapshot {
  return {
    ...snapshot,
    ...(isBlind ? { frameworks: [], completedFrameworks: [] } : {}),
    ...(features.recoveredAgents ? {} : { recoveredAgents: [] }),
    ...(features.draining ? {} : { standings: new Map() }),
  };
}
