import { openCertificateAuthority } from './certificate-authority.ts';
import { type HttpsFront, startHttpsFront } from './https-front.ts';

/** The Worker on this machine over TLS, with HTTP/2, as browsers and DNS tools want it. */
export type LocalTls = HttpsFront & {
  /** Absolute path of the certificate that clients have to trust. */
  readonly caFile: string;
  /** Was it made just now? */
  readonly caMade: boolean;
};

/** Throws `ConfigError` for an authority that can't be used, and an `Error` for a port that is taken. */
export async function startLocalTls({
  port,
  dataDir,
  workerUrl,
}: {
  readonly port: number;
  readonly dataDir: string;
  readonly workerUrl: string;
}): Promise<LocalTls> {
  const { issue, certificateFile, made } = await openCertificateAuthority(dataDir, Date.now);
  const front = await startHttpsFront({ port, workerUrl, issue, now: Date.now });
  return { ...front, caFile: certificateFile, caMade: made };
}
