import { styleText } from 'node:util'
import displayWidth from 'fast-string-width'
import { wrapAnsi } from 'fast-wrap-ansi'
import type { Style } from '../core/style.js'

export type { Style } from '../core/style.js'

/** Whether a stream gets colours: https://no-color.org, https://force-color.org */
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
 * Removes characters that move a terminal's cursor or change the writing direction: text from AWS, a template or the
 * command line can contain anything.
 */
export const clean = (text: string): string =>
  text.replace(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, (c) => (c === '\n' ? c : ' '))

/** The last filter before a terminal: keeps text, line ends and colours, removes other control characters. */
export const sieved = (text: string): string =>
  plainSpaces(text).replace(/\u001b\[[\d;]*m|[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, (found) =>
    found.length > 1 || found === '\n' || found === '\t' ? found : ' ',
  )

/** JSON that is safe for a terminal: JSON itself escapes only some of these characters. */
export const asJson = (object: object): string =>
  plainSpaces(JSON.stringify(object)).replace(
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

const segmenter = new Intl.Segmenter()

/** A text cut to a width in columns; a wide character counts as the terminal draws it. */
export function cut(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text
  let kept = ''
  let width = 1 // the ellipsis
  for (const { segment } of segmenter.segment(text)) {
    width += displayWidth(segment)
    if (width > Math.max(columns, 1)) break
    kept += segment
  }
  return `${kept}…`
}

/** A space at which no line may be broken, as within a command that is to be copied. */
export const unbroken = '\u00a0'

/** Unbroken spaces become plain ones, once lines are broken. */
export const plainSpaces = (text: string): string => text.replaceAll(unbroken, ' ')

/**
 * Wraps lines that are wider than the terminal between words, and keeps their indentation. Words, URLs and commands
 * are not broken; the terminal wraps wider ones itself, so that they can be copied whole.
 */
export const wrap = (text: string, columns: number): string =>
  plainSpaces(
    text
      .split('\n')
      .map((line) => wrapLine(line, columns))
      .join('\n'),
  )

/** A last cell needs this many columns, or its lines get too short to read. */
const NARROWEST_CELL = 20

/** A row of a table with its last cell broken within its own column; undefined where the cell does not fit there. */
function wrapCell({ head, cell }: Row, columns: number): string | undefined {
  const start = displayWidth(head)
  const width = columns - start
  if (width < NARROWEST_CELL || start > columns / 2) return undefined
  const lines = wrapAnsi(cell, width, { hard: false, trim: true }).split('\n')
  if (lines.some((one) => displayWidth(one) > width)) return undefined
  return lines.map((one, i) => (i === 0 ? head : ' '.repeat(start)) + one).join('\n')
}

/** A row with its last cell below the rest, as a command and what it does; undefined where the rest is short, or too long. */
function wrapBelow({ head, cell }: Row, columns: number, indent: string): string | undefined {
  if (displayWidth(head) <= columns / 2 || displayWidth(head.trimEnd()) > columns) return undefined
  const lines = wrapAnsi(cell, columns - indent.length, { hard: false, trim: true }).split('\n')
  return [head.trimEnd(), ...lines.map((one) => indent + one)].join('\n')
}

/** A row of a table: its last cell, and what stands before it, two spaces at its end. */
interface Row {
  readonly head: string
  readonly cell: string
}

function rowIn(line: string): Row | undefined {
  const [, head, cell] = /^((?:\u001b\[[\d;]*m| )*[^\s\u001b].* {2,})(\S.*)$/.exec(line) ?? []
  return head === undefined || cell === undefined ? undefined : { head, cell }
}

/** Half a SHA-256 fingerprint, "AB:CD:…", in its two parts of eight bytes. */
const fingerprintHalf =
  /^((?:\u001b\[[\d;]*m| )*)((?:[\dA-F]{2}:){7}[\dA-F]{2}):((?:[\dA-F]{2}:){7}[\dA-F]{2}:?(?:\u001b\[[\d;]*m)*)$/

function wrapLine(line: string, columns: number): string {
  if (displayWidth(line) <= columns) return line
  if (fingerprintHalf.test(line)) return line.replace(fingerprintHalf, '$1$2\n$1$3')
  // Spaces behind a colour indent as well.
  const [, colors = '', indent = ''] = /^((?:\u001b\[[\d;]*m)*)( *)/.exec(line) ?? []
  const next = `${indent}  `
  const row = rowIn(line)
  const hanging = row && wrapCell(row, columns)
  if (hanging !== undefined) return hanging
  // Where columns can't stay in line, two spaces between them are enough.
  const words = `${colors}${line.slice(colors.length + indent.length)}`.replace(/(?<=[^ ]) {3,}/g, '  ')
  if (indent.length + displayWidth(words) <= columns) return indent + words
  const below = row && wrapBelow(row, columns, next)
  if (below !== undefined) return below
  const lines = wrapAnsi(words, columns - next.length, { hard: false, trim: true }).split('\n')
  return lines.map((one, i) => (i === 0 ? indent : next) + one).join('\n')
}
