import fc from 'fast-check';

/** Property tests draw the same cases each run, so that a failure stays one; FC_SEED draws others. */
fc.configureGlobal({ seed: Number(process.env['FC_SEED'] ?? 20261120) });
