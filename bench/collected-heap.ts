/** Loaded into a process before its program (`--import`): told to (SIGUSR2) it collects all garbage and says what is left. */
process.on('SIGUSR2', () => {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  process.stdout.write(`${JSON.stringify({ heapUsed, arrayBuffers })}\n`);
});
