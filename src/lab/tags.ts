import * as z from 'zod'
import { LabError } from '../core/error.js'

/** What EC2, IAM and Systems Manager all take: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html */
const characters = /^[\p{L}\p{N} _.:/=+@-]*$/u
const unreserved = /^(?!aws:)/i

/** Tags of the user's organization, which every resource of the lab gets when it is created. */
export const tagsSchema = z.record(
  z
    .string()
    .min(1)
    .max(128)
    .regex(characters)
    .regex(unreserved)
    .regex(/^(?!librechat-lab:|Name$)/),
  z.string().max(256).regex(characters).regex(unreserved),
)

/** A resource can have 50, and some are the lab's own. */
const mostTags = 40

/** "key=value" words as tags; LabError `bad-tag` if AWS or the lab doesn't accept one. */
export function checkedTags(words: readonly string[]): Record<string, string> {
  const tags = new Map<string, string>()
  for (const word of words) {
    const at = word.indexOf('=')
    const [key, value] = [word.slice(0, at), word.slice(at + 1)]
    const unfit = at < 1 ? 'it has no key and "="' : unfitness(key, value)
    if (unfit) throw badTag(word, unfit)
    // IAM's tag keys are not case-sensitive.
    const same = [...tags.keys()].some((other) => other.toLowerCase() === key.toLowerCase())
    if (same) throw badTag(word, 'its key is given twice')
    tags.set(key, value)
  }
  if (tags.size > mostTags) throw badTag(`${tags.size} tags`, `a lab takes ${mostTags} at most`)
  return Object.fromEntries([...tags].sort(([a], [b]) => a.localeCompare(b)))
}

function unfitness(key: string, value: string): string | undefined {
  if (!unreserved.test(key) || !unreserved.test(value)) return 'AWS reserves the prefix "aws:"'
  if (key.startsWith('librechat-lab:') || key === 'Name') return 'librechat-lab sets this tag itself'
  if (key.length > 128 || value.length > 256) return 'a key has 128 characters at most, a value 256'
  if (!characters.test(key + value)) return 'AWS takes letters, digits, spaces and _ . : / = + - @'
  return undefined
}

const badTag = (word: string, why: string) =>
  new LabError({
    code: 'bad-tag',
    what: `${JSON.stringify(word.length > 60 ? `${word.slice(0, 60)}…` : word)} is not a valid tag.`,
    why: `${why.charAt(0).toUpperCase()}${why.slice(1)}.`,
    fix: ['For example: --tag CostCenter=1234 --tag Owner=me@example.org'],
  })
