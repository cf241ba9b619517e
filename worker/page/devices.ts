import { html } from 'hono/html';
import type { Target } from '../../connect/kit.ts';
import { appleKit } from '../../connect/apple.ts';
import type { System } from './system.ts';

/** How a device or program is made to ask here. */
export type Device = {
  readonly title: string;
  /** As `mesos-doh connect` and the page in docs/connect/ know it, where they do. */
  readonly client?: string;
  /** What to run on it; undefined where that is of no use. */
  readonly command?: (target: Target) => string | undefined;
  /** Whose visitors it comes first for. */
  readonly systems: readonly System[];
  /** Told before the command: what a person does by hand, or has to know. */
  readonly says: (target: Target, profile: unknown) => unknown;
};

/** The profile for iOS and macOS, by the name it is downloaded as. */
export const PROFILE_NAME = 'mesos-doh.mobileconfig';

export function profileText(target: Target): string | undefined {
  return appleKit(target).files[0]?.text;
}

function connect(client: string, { dohUrl, zones, forwards }: Target): string {
  const flags =
    zones.map((zone) => ` --zone ${zone}`).join('') + (forwards === true ? ' --forwards' : ' --no-forwards');
  return `mesos-doh connect ${client} --url '${dohUrl}'${flags}`;
}

const ONLY_ZONES = 'Names of the zones are asked here, and no other.';
const URL_ABOVE = 'the URL above';

export const DEVICES: readonly Device[] = [
  {
    title: 'Linux with systemd-resolved',
    client: 'systemd',
    command: (target) => `sudo ${connect('systemd', target)}`,
    systems: ['linux'],
    says: () => `${ONLY_ZONES} --dry-run shows what would be written.`,
  },
  {
    title: 'iPhone, iPad, Mac',
    client: 'apple',
    systems: ['apple'],
    says: (_, profile) =>
      html`${profile} Open it, then install it in Settings (iOS: General › VPN & Device Management; macOS:
      Device Management). ${ONLY_ZONES}`,
  },
  {
    title: 'Windows',
    client: 'windows',
    command: (target) => connect('windows', target),
    systems: ['windows'],
    says: () => `In a PowerShell as administrator. ${ONLY_ZONES}`,
  },
  {
    title: 'Android',
    systems: ['android'],
    says: () =>
      `Private DNS speaks another protocol. Take an app that accepts a DoH URL, such as RethinkDNS or Intra, with ${URL_ABOVE}.`,
  },
  {
    title: 'Firefox',
    client: 'firefox',
    command: (target) => `sudo ${connect('firefox', target)}`,
    systems: [],
    says: ({ forwards }) =>
      html`By hand: Settings › Privacy & Security › DNS over HTTPS, custom provider, ${URL_ABOVE}; in
        about:config set <code>network.trr.allow-rfc1918</code> to true, else private addresses are thrown
        away${forwards !== true && html`, and <code>network.trr.confirmationNS</code> to skip`}. For all of a
        machine:`,
  },
  {
    title: 'Chrome, Edge',
    client: 'chrome',
    command: (target) => (target.forwards === true ? `sudo ${connect('chrome', target)}` : undefined),
    systems: [],
    says: ({ forwards }) =>
      forwards === true
        ? `By hand: Settings › Privacy and security › Security › Use secure DNS, ${URL_ABOVE}. For all of a machine:`
        : 'They ask one resolver for all names, and this one answers its own alone: connect the system instead.',
  },
];
