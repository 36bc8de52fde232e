import { stripVTControlCharacters, styleText } from 'node:util'
import type { Style } from '../core/style.js'

export type { Style } from '../core/style.js'

/** Whether colour is wanted on a stream: https://no-color.org, https://force-color.org */
export function wantsColor(
  stream: { isTTY?: boolean },
  env: NodeJS.ProcessEnv,
  flag: boolean | undefined,
): boolean {
  if (flag === false || env.NO_COLOR) return false
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false'
  return stream.isTTY === true && env.TERM !== 'dumb'
}

export const styleFor =
  (color: boolean): Style =>
  (format, text) =>
    color ? styleText(format, text, { validateStream: false }) : text

/**
 * Without what would move a terminal's cursor or turn the direction of writing: text from AWS, a template or the
 * command line may hold anything.
 */
export const clean = (text: string): string =>
  text.replace(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, (c) => (c === '\n' ? c : ' '))

/** The last sieve before a terminal: text, line ends and colours pass, what else would move or turn it does not. */
export const sieved = (text: string): string =>
  text.replace(/\u001b\[[\d;]*m|[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, (found) =>
    found.length > 1 || found === '\n' || found === '\t' ? found : ' ',
  )

/** JSON that a terminal shows as it is: JSON itself escapes only some of what would move or turn the text. */
export const asJson = (object: object): string =>
  JSON.stringify(object).replace(
    /[\u007f-\u009f\p{Bidi_Control}]/gu,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

/** "1.2 s", "45 s", "2 min 05 s" */
export function duration(ms: number): string {
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`
}

/** A text cut to a width. */
export const cut = (text: string, columns: number): string =>
  text.length <= columns ? text : `${text.slice(0, Math.max(columns - 1, 1))}…`

/** Text with its lines broken between words where they are wider than the terminal, each keeping its indentation. */
export const wrap = (text: string, columns: number): string =>
  text
    .split('\n')
    .map((line) => wrapLine(line, columns))
    .join('\n')

function wrapLine(line: string, columns: number): string {
  const width = (part: string) => stripVTControlCharacters(part).length
  if (width(line) <= columns) return line
  const indent = `${/^ */.exec(line)?.[0] ?? ''}  `
  const lines = ['']
  // Spaces stay with the word behind them; columns can't stay in line, so two of them are enough.
  for (const word of line.replace(/(?<=[^ ]) {3,}/g, '  ').match(/ *[^ ]+/g) ?? []) {
    const last = lines.at(-1) ?? ''
    const fits = last === '' || width(last) + width(word) <= columns
    if (fits) lines[lines.length - 1] = last + word
    else lines.push(indent + word.trimStart())
  }
  return lines.join('\n')
}
