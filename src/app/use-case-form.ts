import { problemWithUseCase, type UseCase, useCaseSchema } from '../bedrock/use-case.js'
import type { Questions } from './context.js'

/** Anthropic's form, field by field; undefined when the user declines. */
export async function askUseCase(ui: Questions): Promise<UseCase | undefined> {
  const flag = '--use-case-file <file>'
  const wanted = await ui.confirm({
    flag,
    message: 'Fill in Anthropic’s form now?',
    hint: 'Anthropic asks once per account what Claude is used for. AWS sends the answers to Anthropic in your name. It costs nothing.',
    default: false,
  })
  if (!wanted) return undefined
  const field = (key: keyof UseCase, message: string, hint?: string) =>
    ui.input({
      flag,
      message,
      ...(hint ? { hint } : {}),
      validate: (value) => problemWithUseCase(key, value) ?? true,
    })
  const companyName = await field('companyName', 'Company, or your own name:')
  const companyWebsite = await field('companyWebsite', 'Website:', 'Starts with https://.')
  const intendedUsers = await ui.select({
    flag,
    message: 'Who will use it?',
    choices: [
      { value: '0', name: 'people inside the company' },
      { value: '1', name: 'people outside it' },
      { value: '2', name: 'both' },
    ],
  })
  const industryOption = await field('industryOption', 'Industry:', 'Such as Education, Software, Other.')
  const useCases = await field('useCases', 'What will Claude be used for?', 'A sentence or two.')
  const form = useCaseSchema.parse({ companyName, companyWebsite, intendedUsers, industryOption, useCases })
  const send = await ui.confirm({
    flag,
    message: `Send this to Anthropic in the name of ${companyName}?`,
    default: false,
  })
  return send ? form : undefined
}
