#!/usr/bin/env node
import { installMissing } from './node20.ts';

installMissing();
await import('../stub/cli.ts');
