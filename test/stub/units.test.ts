import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { parseSettings } from '../../stub/settings.ts';
import { deployFile } from '../deploy/project.ts';

const UNITS = ['mesos-doh-stub.service', 'mesos-doh-stub.socket'];

it('the stub’s units are ones that systemd takes', async ({ skip }) => {
  const directory = await mkdtemp(join(tmpdir(), 'mesos-doh-stub-units-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const files = await Promise.all(
    UNITS.map(async (unit) => {
      const file = join(directory, unit);
      await writeFile(file, (await deployFile(unit)).replaceAll('/opt/mesos-doh/stub.mjs', '/bin/true'));
      return file;
    }),
  );
  const verify = promisify(execFile)('systemd-analyze', ['verify', '--man=no', ...files], {
    timeout: 15_000,
  });
  const said = await verify.catch((error: NodeJS.ErrnoException) =>
    error.code === 'ENOENT' ? undefined : Promise.reject(error),
  );
  if (!said) return skip('there is no systemd here');
  expect(said.stderr.split('\n').filter((line) => line.includes(directory))).toEqual([]);
});

it('they start the stub with arguments that it knows, on the port that it has by default', async () => {
  const service = await deployFile('mesos-doh-stub.service');
  const lines = [...service.matchAll(/^#?ExecStart=\S+ (.*)$/gm)].map(([, args = '']) => args.split(' '));
  expect(lines).toHaveLength(2);
  for (const args of lines) {
    const asked = parseSettings(args, { MESOS_DOH_URL: 'https://doh.example.com/dns-query' });
    if (asked.kind !== 'run') expect.fail();
    const [place] = asked.settings.listen;
    const socket = await deployFile('mesos-doh-stub.socket');
    for (const key of ['ListenDatagram', 'ListenStream'])
      expect(socket).toMatch(`${key}=${place?.address}:${place?.port}\n`);
  }
  expect(service).not.toMatch(/mdt_/);
});
