import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const src = new URL('../../src/', import.meta.url).pathname

/** What an error says, as it stands in the source; what only a run knows is an ellipsis. */
export interface Message {
  room: string
  what: string
  why: string | undefined
  fix: string[]
}

/** Every error of the program, in the order of its rooms. The rehearsal's own are its own affair. */
export function messages(): Message[] {
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
  return files
    .filter((file) => !file.startsWith('rehearsal/'))
    .sort()
    .flatMap((file) => inSource(readFileSync(join(src, file), 'utf8'), roomOf(file)))
}

const roomOf = (file: string) => (file.includes('/') ? (file.split('/')[0] ?? '') : 'commands')

function inSource(source: string, room: string): Message[] {
  const starts = [...source.matchAll(/\bwhat: /g)].map(({ index }) => index)
  return starts.flatMap((start, i) => {
    const end = Math.min(starts[i + 1] ?? source.length, start + 1500)
    const what = textAt(source, start + 'what:'.length)
    const fix = textsAfter('fix: [', source, start, end)
    // A plan's changes have a what of their own, and no fix.
    return what && fix ? [{ room, what, why: textAfter('why: ', source, start, end), fix }] : []
  })
}

function textAfter(key: string, source: string, from: number, to: number): string | undefined {
  const at = source.indexOf(key, from)
  return at < 0 || at >= to ? undefined : textAt(source, at + key.length)
}

/** The texts that are elements of the list behind a key; what only a run makes is left out. */
function textsAfter(key: string, source: string, from: number, to: number): string[] | undefined {
  const at = source.indexOf(key, from)
  if (at < 0 || at >= to) return undefined
  const texts: string[] = []
  for (let i = at + key.length; source[i - 1] !== ']'; i++) {
    const text = textAt(source, i)
    const end = elementEnd(source, i)
    if (text) texts.push(text)
    i = end
  }
  return texts
}

/** The string literal there, if one stands there. */
function textAt(source: string, from: number): string | undefined {
  const at = from + (/^\s*/.exec(source.slice(from))?.[0].length ?? 0)
  return /['"`]/.test(source[at] ?? '') ? stringAt(source, at).text : undefined
}

/** Reads a string literal from its opening quote; `end` is behind its closing one. */
function stringAt(source: string, at: number): { text: string; end: number } {
  const quote = source[at]
  let text = ''
  for (let i = at + 1; i < source.length; i++) {
    if (source[i] === quote) return { text, end: i + 1 }
    if (source[i] === '\\') text += source[++i] === 'n' ? ' ' : source[i]
    else if (quote === '`' && source.startsWith('${', i)) {
      text += '…'
      i = elementEnd(source, i + 2)
    } else text += source[i]
  }
  return { text, end: source.length }
}

/** Where an expression ends: at the comma or the bracket that is not its own. */
function elementEnd(source: string, from: number): number {
  let depth = 0
  for (let i = from; i < source.length; i++) {
    const letter = source[i] ?? ''
    if (/['"`]/.test(letter)) i = stringAt(source, i).end - 1
    else if (/[([{]/.test(letter)) depth++
    else if (/[)\]}]/.test(letter) && depth-- === 0) return i
    else if (letter === ',' && depth === 0) return i
  }
  return source.length
}
