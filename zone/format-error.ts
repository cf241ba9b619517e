/** Bytes or text that break the format they claim to be in: `what` was being read, and where it broke. */
export class FormatError extends Error {
  override readonly name = 'FormatError';
  readonly what: string;
  /** Octet (or character) offset of the first thing that could not be read, where one is known. */
  readonly offset: number | undefined;

  constructor(what: string, reason: string, offset?: number) {
    super(offset === undefined ? `${what}: ${reason}` : `${what}: ${reason} at offset ${offset}`);
    this.what = what;
    this.offset = offset;
  }
}
