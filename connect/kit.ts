/** The resolver a client is connected to. */
export type Target = {
  /** DoH URL as clients ask it, a token in its path included: `https://doh.example.com/t/mdt_…/dns-query`. */
  readonly dohUrl: string;
  /** Origins of our zones, without the final dot. */
  readonly zones: readonly string[];
  /** Whether names outside our zones are answered too; undefined: not known. Browsers send all they look up. */
  readonly forwards?: boolean | undefined;
  /** Addresses of the DoH host, for clients that can't look it up. */
  readonly addresses?: readonly string[];
  /** PEM file of the authority that signed the DoH host's certificate, where the system does not know it. */
  readonly caFile?: string | undefined;
  /** That file's text, for clients that take the certificate itself: Chrome's policy, Apple's profile. */
  readonly caPem?: string | undefined;
};

export const CLIENTS = [
  'systemd',
  'firefox',
  'chrome',
  'chromium',
  'edge',
  'windows',
  'apple',
  'curl',
  'dnsdist',
] as const;
export type ClientName = (typeof CLIENTS)[number];

/**
 * How systemd-resolved is told of us: by a link that a unit or systemd-networkd makes, by a delegate, or by a delegate
 * with the DoH URL itself.
 */
export type SystemdForm = 'link' | 'networkd' | 'delegate' | 'native';

export type KitFile = {
  readonly path: string;
  /** 0o600 for what holds a token. */
  readonly mode: number;
  readonly text: string;
};

/** All a client needs: files to write, commands that put them in force and take them out, one that proves it. */
export type Kit = {
  readonly client: ClientName;
  /** The form whose commands these are (`SYSTEMD_COMMANDS`): by it they are found again to undo them. */
  readonly form?: SystemdForm | undefined;
  readonly files: readonly KitFile[];
  readonly apply: readonly string[];
  /** Run before the files are taken out. */
  readonly undo: readonly string[];
  /** Run once the files are gone. */
  readonly afterUndo?: readonly string[] | undefined;
  /** Where taking the file out is not enough: what a person does instead. */
  readonly removal?: string | undefined;
  readonly check: string;
  /** What a person has to know, a sentence each. */
  readonly notes: readonly string[];
};
