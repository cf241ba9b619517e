import { spawn } from 'node:child_process';

/** Tells systemd how things are; does nothing where no systemd asked. */
export type Notify = {
  readonly ready: (status: string) => void;
  readonly stopping: () => void;
  readonly close: () => void;
};

/**
 * By `systemd-notify`, since Node has no Unix datagram sockets: its unit needs NotifyAccess=all. Of its watchdog's
 * time a third passes between two signs of life.
 */
export function createNotify(env: NodeJS.ProcessEnv, warn: (message: string) => void): Notify {
  if (!env['NOTIFY_SOCKET']) return { ready: none, stopping: none, close: none };
  let isTold = false;
  const send = (...args: readonly string[]): void => {
    const child = spawn('systemd-notify', args, { stdio: 'ignore', env });
    child.unref();
    child.on('error', () => {
      if (!isTold) warn('systemd-notify can not be run: systemd is not told that the stub is ready');
      isTold = true;
    });
  };
  const watchdogMs = Number(env['WATCHDOG_USEC'] ?? 0) / 1000;
  const isOurs = env['WATCHDOG_PID'] === undefined || Number(env['WATCHDOG_PID']) === process.pid;
  const timer = watchdogMs >= 1 && isOurs ? setInterval(() => send('WATCHDOG=1'), watchdogMs / 3) : undefined;
  timer?.unref();
  return {
    ready: (status) => send('--ready', `--status=${status}`),
    stopping: () => send('STOPPING=1'),
    close: () => clearInterval(timer),
  };
}

function none(): void {}
