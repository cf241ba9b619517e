import type { OwnerName } from '../../zone/name.ts';
import type { Device, PlainServer } from '../client/device.ts';
import type { DohUrl } from '../client/doh-url.ts';
import type { Http } from '../http.ts';
import type { ClientFinding } from './client-finding.ts';

export type ClientOptions = {
  readonly url: DohUrl;
  readonly zone: OwnerName;
  /** A name to follow to its task; without one, such are looked for. */
  readonly name: OwnerName | undefined;
  /** The DoH host's address, where it is not to be looked up. */
  readonly address: string | undefined;
  readonly caFile: string | undefined;
  /** Where a stub of ours would listen. */
  readonly stub: PlainServer;
  readonly device: Device;
  /** Trusts what the device trusts, and asks for the URL's host where `address` is given. */
  readonly http: Pick<Http, 'request'>;
  readonly timeoutMs: number;
  readonly now: () => number;
  /** A number from 1 to 65535: IDs of queries. */
  readonly randomId: () => number;
  /** Each finding as soon as it is known. */
  readonly onFinding: (finding: ClientFinding) => void | Promise<void>;
};

/** What was learned on the way, which this machine's own settings are then judged by. */
export type Learned = {
  /** A name with addresses. */
  readonly known?: { readonly name: OwnerName; readonly addresses: readonly string[] } | undefined;
  readonly forwards?: boolean | undefined;
};

export type Report = (...findings: readonly ClientFinding[]) => Promise<void>;
