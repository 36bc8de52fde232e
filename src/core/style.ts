import type { styleText } from 'node:util'

/** Gives a text a colour or a weight, or leaves it alone where colours are not wanted. */
export type Style = (format: Parameters<typeof styleText>[0], text: string) => string
