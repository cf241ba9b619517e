import type { SystemdForm } from './kit.ts';
import { CA_FILE, ENV_FILE, LINK } from './systemd-unit.ts';

/** Commands of a form. They have nothing in them that differs from machine to machine. */
export type FormCommands = {
  readonly apply: readonly string[];
  /** Run before the files are taken out. */
  readonly undo: readonly string[];
  /** Run after those, where nothing takes the kit's place: what the stub has learned goes. */
  readonly forget: readonly string[];
  /** Run once the files are gone. */
  readonly afterUndo: readonly string[];
};

const UNITS = '/etc/systemd/system';
export const STUB = 'mesos-doh.service';
const LINK_UNIT = 'mesos-doh-link.service';
export const STUB_FILE = `${UNITS}/${STUB}`;
export const LINK_FILE = `${UNITS}/${LINK_UNIT}`;
/** Before any file that matches all links: the first that matches is the one that counts. */
export const NETDEV_FILE = '/etc/systemd/network/05-mesos-doh.netdev';
export const NETWORK_FILE = '/etc/systemd/network/05-mesos-doh.network';
export const DELEGATE_FILE = '/etc/systemd/dns-delegate.d/mesos.dns-delegate';
export const NEGATIVE_FILE = '/etc/dnssec-trust-anchors.d/mesos.negative';

/** All files that a kit for systemd may have. */
export const SYSTEMD_FILES: readonly string[] = [
  ENV_FILE,
  CA_FILE,
  STUB_FILE,
  LINK_FILE,
  NETDEV_FILE,
  NETWORK_FILE,
  DELEGATE_FILE,
  NEGATIVE_FILE,
];

const RELOAD = 'systemctl daemon-reload';
const START_STUB = `systemctl enable --now ${STUB}`;
const STOP_STUB = `systemctl disable --now ${STUB}`;
const FORGET = [`systemctl clean --what=state ${STUB}`];
const RESTART_RESOLVED = 'systemctl restart systemd-resolved.service';

export const SYSTEMD_COMMANDS: Readonly<Record<SystemdForm, FormCommands>> = {
  link: {
    apply: [RELOAD, START_STUB, `systemctl enable --now ${LINK_UNIT}`],
    undo: [`systemctl disable --now ${LINK_UNIT}`, STOP_STUB],
    forget: FORGET,
    afterUndo: [RELOAD, `ip link del ${LINK}`],
  },
  networkd: {
    apply: [RELOAD, START_STUB, 'networkctl reload'],
    undo: [STOP_STUB],
    forget: FORGET,
    afterUndo: [RELOAD, 'networkctl reload', `ip link del ${LINK}`],
  },
  delegate: {
    apply: [RELOAD, START_STUB, RESTART_RESOLVED],
    undo: [STOP_STUB],
    forget: FORGET,
    afterUndo: [RELOAD, RESTART_RESOLVED],
  },
  native: {
    apply: [`chgrp systemd-resolve ${DELEGATE_FILE}`, RESTART_RESOLVED],
    undo: [],
    forget: [],
    afterUndo: [RESTART_RESOLVED],
  },
};
