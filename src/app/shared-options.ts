/** Options that several commands have in common, for their definitions. */

export const passphraseOptions = {
  'passphrase-file': {
    kind: 'word',
    value: '<path>',
    text: 'read the passphrase from the first line of a file',
  },
} as const

export const passwordOptions = {
  'ask-password': { kind: 'flag', text: 'type the password yourself' },
  'password-stdin': { kind: 'flag', text: 'read the password from standard input' },
} as const
