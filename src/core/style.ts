import type { styleText } from 'node:util'

/** Adds a colour or a weight to a text, or returns it unchanged when colours are off. */
export type Style = (format: Parameters<typeof styleText>[0], text: string) => string
