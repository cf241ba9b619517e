import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClusterState } from '../../sync-agent/cluster.ts';
import type { Source } from '../../sync-agent/sources/source.ts';
import { openStaticRecords, type StaticRecords, withStaticRecords } from '../../sync-agent/static-records.ts';
import { parseName } from '../../zone/name.ts';
import { keepReports } from './reports.ts';
import { stateWith } from './states.ts';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'static-records-'))));
afterAll(() => rmSync(folder, { recursive: true }));

const placeOf = (path: string): Parameters<typeof openStaticRecords>[0] => ({
  path,
  domain: parseName('mesos'),
  ttl: 30,
  srvWeight: 1,
});
let written = 0;
/** Times differ by what a file system may round to. */
const write = (path: string, text: string): void => {
  writeFileSync(path, text);
  utimesSync(path, 1_000_000 + 10 * ++written, 1_000_000 + 10 * written);
};
const valuesOf = (file: StaticRecords): { values: string[]; told: string[] } => {
  const { report, details } = keepReports();
  return { values: file.now(report).map(({ value }) => value), told: details() };
};

describe('static records', () => {
  it('are read again when the file changes, and only then', () => {
    const path = join(folder, 'changes.zone');
    write(path, 'a A 10.0.0.1');
    const file = openStaticRecords(placeOf(path));
    const { report } = keepReports();
    const first = file.now(report);
    expect(file.now(report)).toBe(first);
    write(path, 'a A 10.0.0.2');
    expect(valuesOf(file)).toEqual({ values: ['10.0.0.2'], told: [] });
  });

  it('stay as they were while the file is broken or gone, which is told each time', () => {
    const path = join(folder, 'broken.zone');
    write(path, 'a A 10.0.0.1');
    const file = openStaticRecords(placeOf(path));
    write(path, 'a A 10.0.0.2\nb A nowhere');
    for (let i = 0; i < 2; i++) {
      const { values, told } = valuesOf(file);
      expect(values).toEqual(['10.0.0.1']);
      expect(told).toEqual([expect.stringContaining(`${path}:2: b A nowhere: `)]);
      expect(told[0]).toContain('its last good records stay');
    }
    rmSync(path);
    expect(valuesOf(file)).toEqual({
      values: ['10.0.0.1'],
      told: [`${path} can not be read (ENOENT); its last good records stay`],
    });
    write(path, 'a A 10.0.0.3');
    expect(valuesOf(file)).toEqual({ values: ['10.0.0.3'], told: [] });
  });

  it('tell which TTLs do not count, for as long as they stand there', () => {
    const path = join(folder, 'ttls.zone');
    write(path, 'a 60 A 10.0.0.1\nb 60 A 10.0.0.2\na 90 AAAA ::1\na 60 TXT x\n  2147483647 TXT y');
    const file = openStaticRecords(placeOf(path));
    const told = [
      `${path}:3: a.mesos AAAA has the TTL 60 of line 1, not 90: a name has one TTL, the least`,
      `${path}:5: a.mesos TXT has the TTL 60 of line 1, not 2147483647: a name has one TTL, the least`,
    ];
    for (let i = 0; i < 2; i++) expect(valuesOf(file).told).toEqual(told);
    write(path, 'a A x');
    expect(valuesOf(file).told).toEqual([expect.stringContaining('last good records stay'), ...told]);
    write(path, 'a 60 A 10.0.0.1\na 60 AAAA ::1');
    expect(valuesOf(file).told).toEqual([]);
    write(path, Array.from({ length: 25 }, (_, i) => `a ${30 + i} A 10.0.0.${i}`).join('\n'));
    expect(valuesOf(file).told).toHaveLength(21);
    expect(valuesOf(file).told.at(-1)).toContain('4 more records');
  });

  it.each([
    ['none', undefined, 'can not be read (ENOENT)'],
    ['a broken one', 'a A x', ':1: a A x: '],
  ])('can not begin with %s', (name, text, reason) => {
    const path = join(folder, `begin ${name}.zone`);
    if (text !== undefined) write(path, text);
    expect(() => openStaticRecords(placeOf(path))).toThrow(reason);
    expect(() => openStaticRecords(placeOf(path))).toThrow('staticRecords: ');
  });

  it.each([
    ['a device', () => '/dev/zero'],
    ['a directory', () => folder],
    [
      'a pipe',
      () => {
        const path = join(folder, 'pipe');
        execFileSync('mkfifo', [path]);
        return path;
      },
    ],
  ])('are not read from %s', (_, pathOf) => {
    const path = pathOf();
    expect(() => openStaticRecords(placeOf(path))).toThrow(`staticRecords: ${path}: is no file`);
  });

  it('show of a file that is another than meant no more than where it is wrong', () => {
    const path = join(folder, 'other.zone');
    for (const text of [
      'password: hunter2',
      'hunter2',
      'hunter2 = hunter2',
      '{"a": "hunter2"}',
      ' hunter2 x',
    ]) {
      write(path, `a A 10.0.0.1\n${text}`);
      let message = '';
      try {
        openStaticRecords(placeOf(path));
      } catch (error) {
        message = String(error);
      }
      expect(message).toContain(`${path}:2: record: should be TYPE DATA`);
      expect(message).not.toContain('hunter2');
    }
    write(path, `web A ${'x'.repeat(500)}`);
    expect(() => openStaticRecords(placeOf(path))).toThrow(`:1: web A ${'x'.repeat(33)}…: `);
  });

  it('are among the facts of a source, whatever else that has', async () => {
    const path = join(folder, 'facts.zone');
    write(path, 'a A 10.0.0.1');
    const read: Source<ClusterState>['read'] = () => Promise.resolve(stateWith({}));
    const source = { name: 'x', read, status: () => 'up' };
    const both = withStaticRecords(source, openStaticRecords(placeOf(path)));
    expect(both.status()).toBe('up');
    const { staticRecords } = await both.read(keepReports().report, AbortSignal.timeout(1000));
    expect(staticRecords).toEqual([{ name: 'a.mesos.', type: 'A', value: '10.0.0.1' }]);
  });
});
