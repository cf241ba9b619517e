/** Texts fit for a log or a terminal: a team token, and what looks like one or is a part of one, becomes `mdt_***`. */
export function hideTokens(text: string): string {
  return text.replaceAll(/mdt(?:_|%5f)[a-z0-9%]*/gi, 'mdt_***');
}
