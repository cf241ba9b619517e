#!/usr/bin/env node
import { OLDEST_NODE } from './manifest.ts';
import { installMissing } from './node20.ts';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const [leastMajor = 0, leastMinor = 0] = OLDEST_NODE.split('.').map(Number);
if (major < leastMajor || (major === leastMajor && minor < leastMinor)) {
  process.stderr.write(`mesos-doh: needs Node ${OLDEST_NODE} or later; this is ${process.versions.node}\n`);
  process.exit(1);
}
// Before any other module: what the commands share is evaluated when it is imported.
installMissing();
await import('../sync-agent/cli.ts');
