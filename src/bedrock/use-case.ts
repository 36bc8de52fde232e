import * as z from 'zod'
import { LabError } from '../core/error.js'

/**
 * Anthropic's use-case form. Field names and limits as the Bedrock console sends them in `formData`
 * (a JSON text): 128 characters each, 8192 for the use cases.
 */
export const useCaseSchema = z.strictObject({
  companyName: z.string().trim().min(1).max(128),
  companyWebsite: z.url({ protocol: /^https?$/ }).max(128),
  /** 0 people inside the company, 1 people outside it, 2 both. */
  intendedUsers: z.enum(['0', '1', '2']),
  industryOption: z.string().trim().min(1).max(128),
  /** The industry in own words where `industryOption` is "Other"; otherwise empty. */
  otherIndustryOption: z.string().trim().max(128).default(''),
  useCases: z.string().trim().min(10).max(8192),
})

export type UseCase = z.infer<typeof useCaseSchema>

/**
 * Reads the form from the text of a `--use-case-file`.
 * @throws LabError `bad-use-case-file`, naming each field that is wrong
 */
export function parseUseCase(text: string, path: string): UseCase {
  const parsed = useCaseSchema.safeParse(parseJson(text))
  if (parsed.success) return parsed.data
  const complaints = parsed.error.issues.map(
    (issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`,
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

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
