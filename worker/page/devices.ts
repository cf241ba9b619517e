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

/** For all of a machine. The URL is pasted, not written: a command's words are in `ps`, the history and sudo's log. */
function connect(client: string, zones: readonly string[], flag = ''): string {
  const flags = zones.map((zone) => ` --zone ${zone}`).join('') + flag;
  return [
    'read -rs MESOS_DOH_URL && export MESOS_DOH_URL',
    `sudo --preserve-env=MESOS_DOH_URL mesos-doh connect ${client}${flags}`,
  ].join('\n');
}

const PASTE = 'The first line waits for the URL above to be pasted.';

const ONLY_ZONES = 'Names of the zones are asked here, and no other.';
const URL_ABOVE = 'the URL above';

export const DEVICES: readonly Device[] = [
  {
    title: 'Linux with systemd-resolved',
    client: 'systemd',
    command: ({ zones }) => connect('systemd', zones),
    systems: ['linux'],
    says: () => `${ONLY_ZONES} ${PASTE} --dry-run shows what would be written.`,
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
    command: ({ dohUrl, zones }) =>
      `mesos-doh connect windows --url '${dohUrl}'${zones.map((zone) => ` --zone ${zone}`).join('')}`,
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
    command: ({ zones, forwards }) =>
      connect('firefox', zones, forwards === true ? ' --forwards' : ' --no-forwards'),
    systems: [],
    says: ({ forwards }) =>
      html`By hand: Settings › Privacy & Security › DNS over HTTPS, custom provider, ${URL_ABOVE}; in
        about:config set <code>network.trr.allow-rfc1918</code> to true, else private addresses are thrown
        away${forwards !== true && html`, and <code>network.trr.confirmationNS</code> to skip`}. For all of a
        machine (${PASTE.toLowerCase().slice(0, -1)}):`,
  },
  {
    title: 'Chrome, Edge',
    client: 'chrome',
    command: ({ zones, forwards }) =>
      forwards === true ? connect('chrome', zones, ' --forwards') : undefined,
    systems: [],
    says: ({ forwards }) =>
      forwards === true
        ? `By hand: Settings › Privacy and security › Security › Use secure DNS, ${URL_ABOVE}. For all of a machine (${PASTE.toLowerCase().slice(0, -1)}):`
        : 'They ask one resolver for all names, and this one answers its own alone: connect the system instead.',
  },
];
