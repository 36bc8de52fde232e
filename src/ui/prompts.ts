import { Interrupted, LabError } from '../engine/error.js'
import type { Face, Question } from './face.js'
import type { Style } from './style.js'

type Asking = Pick<Face, 'confirm' | 'input' | 'password' | 'select' | 'checkbox'>

/** Where nobody can be asked, a question becomes an error that names its flag. */
export function refuseToAsk(): Asking {
  const refuse = async (question: Question): Promise<never> => {
    throw new LabError({
      code: 'missing-flag',
      what: `${question.message.replace(/[?:]$/, '')}: there is no terminal to ask at.`,
      why: question.hint ?? 'Standard input is not a terminal.',
      fix: [`Say it with a flag: ${question.flag}`],
    })
  }
  return { confirm: refuse, input: refuse, password: refuse, select: refuse, checkbox: refuse }
}

/** Asks at the terminal, on stderr, so that stdout carries the result alone. */
export function askAtTerminal(options: {
  output: NodeJS.WritableStream
  style: Style
  signal: AbortSignal
  /** Stops whatever moves on the screen. */
  pause: () => void
}): Asking {
  const ask = async <T>(
    question: Question,
    prompt: (
      library: typeof import('./inquirer.js'),
      context: { output: NodeJS.WritableStream; signal: AbortSignal },
    ) => Promise<T>,
  ): Promise<T> => {
    options.pause()
    if (question.hint) options.output.write(`  ${options.style('dim', question.hint)}\n`)
    const library = await import('./inquirer.js')
    try {
      return await prompt(library, { output: options.output, signal: options.signal })
    } catch (error) {
      if (error instanceof Error && /^(ExitPromptError|AbortPromptError)$/.test(error.name)) {
        throw new Interrupted()
      }
      throw error
    }
  }
  return {
    confirm: (q) => ask(q, (l, c) => l.confirm({ message: q.message, default: q.default }, c)),
    input: (q) =>
      ask(q, (l, c) =>
        l.input(
          {
            message: q.message,
            ...(q.default === undefined ? {} : { default: q.default }),
            ...(q.validate ? { validate: q.validate } : {}),
          },
          c,
        ),
      ),
    password: (q) => ask(q, (l, c) => l.password({ message: q.message, mask: '•' }, c)),
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
    checkbox: (q) =>
      ask(q, (l, c) => l.checkbox({ message: q.message, choices: [...q.choices], pageSize: 14 }, c)),
  }
}
