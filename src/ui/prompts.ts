import displayWidth from 'fast-string-width'
import type { Question, Ui } from '../app/context.js'
import { Interrupted, LabError } from '../core/error.js'
import { type Style, wrap } from './style.js'

type Asking = Pick<Ui, 'confirm' | 'input' | 'password' | 'select' | 'checkbox'>

/** Without a terminal, a question throws an error that names its flag. */
export function refuseToAsk({ dumb, hint }: { dumb: boolean; hint: Ui['hint'] }): Asking {
  const nowhere = dumb ? 'this terminal (TERM=dumb) can’t show a question' : 'there is no terminal to ask'
  const refuse = async (question: Question): Promise<never> => {
    throw new LabError({
      code: 'missing-flag',
      what: `${question.message.replace(/[?:]$/, '')}: ${nowhere}.`,
      ...(question.hint ? { why: hint(question.hint) } : {}),
      fix: ['flag' in question ? `Use the flag: ${question.flag}` : question.otherwise],
    })
  }
  return { confirm: refuse, input: refuse, password: refuse, select: refuse, checkbox: refuse }
}

/** Asks on stderr, so that stdout carries only the result. */
export function askAtTerminal(options: {
  output: NodeJS.WriteStream
  style: Style
  signal: AbortSignal
  /** Stops spinners and live lines. */
  pause: () => void
  /** Writes a text's commands as this user has to type them. */
  hint: Ui['hint']
  /** The blank line between a question and the text above it. */
  gap: () => string
}): Asking {
  const ask = async <T>(
    question: Question,
    prompt: (
      library: typeof import('./inquirer.js').inquirer,
      context: { output: NodeJS.WritableStream; signal: AbortSignal },
    ) => Promise<T>,
  ): Promise<T> => {
    options.pause()
    const hint = question.hint ? `${wrap(`  ${options.hint(question.hint)}`, options.output.columns)}\n` : ''
    options.output.write(`${options.gap()}${options.style('dim', hint)}`)
    const { inquirer } = await import('./inquirer.js')
    try {
      return await prompt(inquirer, { output: options.output, signal: options.signal })
    } catch (error) {
      if (error instanceof Error && /^(ExitPromptError|AbortPromptError)$/.test(error.name)) {
        throw new Interrupted()
      }
      throw error
    }
  }
  const columns = () => options.output.columns
  /** The library breaks lines within words, so messages are wrapped before. */
  const complaint = (said: true | string) => (said === true ? said : wrap(said, columns() - COMPLAINT_MARK))
  return {
    confirm: (q) => ask(q, (l, c) => l.confirm({ message: q.message, default: q.default }, c)),
    input: (q) =>
      ask(q, (l, c) =>
        l.input(
          {
            message: q.message,
            ...(q.default === undefined ? {} : { default: q.default }),
            ...(q.validate ? { validate: (value: string) => complaint(q.validate?.(value) ?? true) } : {}),
          },
          c,
        ),
      ),
    password: (q) =>
      ask(q, (l, c) =>
        l.password({ message: q.message, mask: '•', validate: (value) => complaint(q.validate(value)) }, c),
      ),
    select: (q) =>
      ask(q, (l, c) =>
        l.select(
          {
            message: q.message,
            choices: [...q.choices],
            pageSize: 12,
            ...(q.default === undefined ? {} : { default: q.default }),
          },
          c,
        ),
      ),
    checkbox: ({ validate, ...q }) =>
      ask(q, (l, c) =>
        l.checkbox(
          {
            message: q.message,
            choices: [...q.choices],
            pageSize: 14,
            theme: {
              style: {
                renderSelectedChoices: (picked: readonly { short: string }[]) =>
                  summed(
                    picked.map(({ short }) => short),
                    columns() - displayWidth(q.message) - ANSWER_MARK,
                  ),
              },
            },
            ...(validate
              ? { validate: (picked) => complaint(validate(picked.map(({ value }) => value))) }
              : {}),
          },
          c,
        ),
      ),
  }
}

/** The width of what the library adds: "> " before a message, "✔ " and " " around an answered question. */
const COMPLAINT_MARK = 2
const ANSWER_MARK = 3

/** All names if they fit on the line, or the first and the number of the others. */
function summed(names: readonly string[], width: number): string {
  const all = names.join(', ')
  return displayWidth(all) < width || names.length < 2 ? all : `${names[0]} and ${names.length - 1} more`
}
