import * as z from 'zod'
import { LabError } from '../core/error.js'

/**
 * Anthropic's use-case form. Field names and limits as the Bedrock console sends them in `formData`
 * (a JSON text): 128 characters each, 8192 for the use cases.
 */
export const useCaseSchema = z.strictObject({
  companyName: words(1, 128),
  companyWebsite: z
    .url({ protocol: /^https?$/, error: 'Enter a URL such as https://example.org.' })
    .max(128, 'Enter at most 128 characters.'),
  /** 0 people inside the company, 1 people outside it, 2 both. */
  intendedUsers: z.enum(['0', '1', '2'], 'Enter "0", "1" or "2".'),
  industryOption: words(1, 128),
  /** The industry in own words where `industryOption` is "Other"; otherwise empty. */
  otherIndustryOption: words(0, 128).default(''),
  useCases: words(10, 8192),
})

/** Text with a maximum length, and with messages for a prompt. */
function words(least: number, most: number) {
  const few = least === 1 ? 'Enter a value.' : `Enter at least ${least} characters.`
  return z.string('Enter text.').trim().min(least, few).max(most, `Enter at most ${most} characters.`)
}

/** Why a value is invalid for a field of the form, as a sentence; undefined if it is valid. */
export const problemWithUseCase = (field: keyof UseCase, value: string): string | undefined =>
  useCaseSchema.shape[field].safeParse(value).error?.issues[0]?.message

export type UseCase = z.infer<typeof useCaseSchema>

/**
 * Reads the form from the text of a `--use-case-file`.
 * @throws LabError `bad-use-case-file`, naming each field that is wrong
 */
export function parseUseCase(text: string, path: string): UseCase {
  const parsed = useCaseSchema.safeParse(parseJson(text))
  if (parsed.success) return parsed.data
  const complaints = parsed.error.issues.map(
    (issue) => `${issue.path.join('.') || 'the file'}: ${ofField(issue)}`,
  )
  throw new LabError({
    code: 'bad-use-case-file',
    what: `${path} is not a filled-in use-case form.`,
    why: complaints.join('; '),
    fix: [
      `Write it as ${JSON.stringify({
        companyName: '…',
        companyWebsite: 'https://…',
        intendedUsers: '0 inside, 1 outside, 2 both',
        industryOption: '…',
        otherIndustryOption: '',
        useCases: '…',
      })}`,
    ],
  })
}

/** An issue of the whole file: it is not an object, or has an unknown field. */
const ofField = (issue: z.core.$ZodIssue): string => {
  if (issue.code === 'unrecognized_keys') return `the form has no field ${issue.keys.join(', ')}`
  return issue.path.length === 0 ? 'it is not a JSON object' : issue.message
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
