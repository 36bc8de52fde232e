/** One word for a POSIX shell, zsh or fish: as it stands where that is safe, else in single quotes. */
export const shellQuote = (word: string): string =>
  // A word that begins with "=" names a program in zsh.
  /^[\w@%+:,./-][\w@%+=:,./-]*$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
