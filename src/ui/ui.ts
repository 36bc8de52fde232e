import type { Emit } from '../core/event.js'
import type { Style } from './style.js'

/** A question with the flag that answers it when nobody can be asked. */
export interface Question {
  /** The flag that gives the same answer: "--region <region>". */
  flag: string
  message: string
  /** One line: why it matters and what it costs. */
  hint?: string
}

/**
 * How the program talks to a person. stdout carries the result alone, stderr everything else.
 * Questions throw LabError `missing-flag`, naming the flag, when stdin is no terminal.
 */
export interface Ui {
  readonly interactive: boolean
  readonly json: boolean
  /** Colours text for stdout, where they are wanted. */
  readonly style: Style
  /** The width of stdout's terminal. */
  readonly columns: number
  /** Makes the commands that a text names what this person has to type. */
  retype(text: string): string
  /** Progress, to stderr. */
  readonly emit: Emit
  /** A longer text to read before a question, to stderr. */
  show(text: (paint: { style: Style }) => string): void
  /** The result, to stdout: text for a person, or one JSON object with `--json`. */
  result(text: string, json: object): void
  confirm(question: Question & { default: boolean }): Promise<boolean>
  input(
    question: Question & { default?: string; validate?: (value: string) => true | string },
  ): Promise<string>
  password(question: Question & { validate: (value: string) => true | string }): Promise<string>
  select<T extends string>(
    question: Question & {
      choices: readonly { value: T; name: string; short?: string }[]
      default?: T
    },
  ): Promise<T>
  checkbox<T extends string>(
    question: Question & {
      choices: readonly { value: T; name: string; short?: string; checked?: boolean; disabled?: string }[]
    },
  ): Promise<T[]>
  /** Ends spinners and live lines, so that something else may own the terminal. */
  pause(): void
}
