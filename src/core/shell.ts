/** Quotes one word for a POSIX shell, zsh or fish, with single quotes where it needs them. */
export const shellQuote = (word: string): string =>
  // A word that begins with "=" names a program in zsh.
  /^[\w@%+:,./-][\w@%+=:,./-]*$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
