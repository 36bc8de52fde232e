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

/**
 * A question's message on lines of the terminal's width, because the library breaks them within words.
 * @param shown what the library shows behind it: the default, the keys, or the answer
 */
export function fitted(message: string, shown: string, columns: number): string {
  const lines = wrap(message, columns - MARK)
  const last = lines.slice(lines.lastIndexOf('\n') + 1)
  const used = displayWidth(last) + (last === lines ? MARK : 0) + displayWidth(shown) + 1
  // A line of its own, below the message.
  return used < columns ? lines : `${lines}\n `
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
  const message = (q: Question, shown = '') => fitted(q.message, shown, columns())
  const complaint = (said: true | string) => (said === true ? said : wrap(said, columns() - MARK))
  return {
    confirm: (q) => ask(q, (l, c) => l.confirm({ message: message(q, '(Y/n)'), default: q.default }, c)),
    input: (q) =>
      ask(q, (l, c) =>
        l.input(
          {
            message: message(q, q.default ? `(${q.default})` : ''),
            ...(q.default === undefined ? {} : { default: q.default }),
            ...(q.validate ? { validate: (value: string) => complaint(q.validate?.(value) ?? true) } : {}),
          },
          c,
        ),
      ),
    password: (q) =>
      ask(q, (l, c) =>
        l.password({ message: message(q), mask: '•', validate: (value) => complaint(q.validate(value)) }, c),
      ),
    select: (q) =>
      ask(q, (l, c) =>
        l.select(
          {
            message: message(q, widest(q.choices.map(({ name, short }) => short ?? name))),
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
            message: message(q),
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

/** The width of what the library adds: "? " or "> " before a message, "✔ " and " " around an answered question. */
const MARK = 2
const ANSWER_MARK = 3

const widest = (texts: readonly string[]): string =>
  texts.reduce((one, other) => (displayWidth(other) > displayWidth(one) ? other : one), '')

/** All names if they fit on the line, or the first and the number of the others. */
function summed(names: readonly string[], width: number): string {
  const all = names.join(', ')
  return displayWidth(all) < width || names.length < 2 ? all : `${names[0]} and ${names.length - 1} more`
}
