import { describe, expect, it } from 'vitest';
import { parseEndpoint, parsePid } from '../../../sync-agent/sources/pid.ts';
import { FormatError } from '../../../zone/format-error.ts';

describe('a pid', () => {
  it.each([
    ['slave(1)@10.0.0.1:5051', '10.0.0.1', '5051'],
    ['master@10.0.0.1:5050', '10.0.0.1', '5050'],
    ['scheduler-1b2c@10.0.0.1:0', '10.0.0.1', '0'],
    ['scheduler(12)@10.0.0.1:65535', '10.0.0.1', '65535'],
    ['slave(1)@[2001:db8::1]:5051', '2001:db8::1', '5051'],
    ['slave(1)@[::ffff:10.0.0.1]:5051', '::ffff:10.0.0.1', '5051'],
    ['slave(1)@agent-1.example:5051', 'agent-1.example', '5051'],
    ['slave(1)@10.0.0.1:', '10.0.0.1', ''],
    ['slave(1)@:5051', '', '5051'],
    ['@10.0.0.1:', '10.0.0.1', ''],
    ['slave(1)@10.0.0.1:http', '10.0.0.1', 'http'],
    ['slave(1)@10.0.0.1:HTTPS', '10.0.0.1', 'HTTPS'],
    ['slave(1)@10.0.0.1:05051', '10.0.0.1', '05051'],
  ])('%s is %s port %j', (pid, host, port) => {
    expect(parsePid(pid)).toEqual({ host, port });
  });

  it.each([
    ['', /is not id@host:port/],
    ['10.0.0.1:5051', /is not id@host:port/],
    ['slave@10.0.0.1@10.0.0.2:5051', /is not id@host:port/],
    ['slave@@10.0.0.1:5051', /is not id@host:port/],
    ['slave@', /is not host:port/],
    ['slave@10.0.0.1', /is not host:port/],
    ['slave@2001:db8::1:5051', /is not host:port \(IPv6 in brackets\)/],
    ['slave@[2001:db8::1]', /is not host:port/],
    ['slave@[2001:db8::1', /is not host:port/],
    ['slave@[[::1]]:5051', /is not host:port/],
    ['slave@10.0.0.1:99999', /has no valid port/],
    ['slave@10.0.0.1:65536', /has no valid port/],
    ['slave@10.0.0.1:-1', /has no valid port/],
    ['slave@10.0.0.1:5051 ', /has no valid port/],
    ['slave@10.0.0.1:50\n', /has no valid port/],
    ['slave@10.0.0.1:no-such-service', /has no valid port/],
    ['slave@10.0.0.1:1e3', /has no valid port/],
    ['slave@10.0.0.1:٥', /has no valid port/],
  ])('%j is refused, and named', (pid, message) => {
    expect(() => parsePid(pid)).toThrow(FormatError);
    expect(() => parsePid(pid)).toThrow(message);
    expect(() => parsePid(pid)).toThrow(`pid ${JSON.stringify(pid)}`);
  });
});

describe('an endpoint', () => {
  it('is named as what the caller says', () => {
    expect(() => parseEndpoint('x', 'master 1')).toThrow('master 1: is not host:port (IPv6 in brackets)');
    expect(() => parseEndpoint('x')).toThrow('address "x": is not host:port (IPv6 in brackets)');
  });
});
