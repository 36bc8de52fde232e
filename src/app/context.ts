import type { Clients } from '../aws/clients.js'
import type { Connection } from '../aws/connect.js'
import type { Clock } from '../core/clock.js'
import type { FlagName, Hint, Prose } from '../core/error.js'
import type { Emit } from '../core/event.js'
import type { Style } from '../core/style.js'

/** Options that every command takes. */
export interface GlobalOptions {
  name?: string
  profile?: string
  region?: string
  json?: boolean
  color?: boolean
  debug?: boolean
  rehearse?: boolean
  /** The failure that the rehearsal plays. */
  scenario?: string
}

/** A question, with the flag that answers it without a terminal. */
export type Question = {
  message: string
  /** One line: why it matters and what it costs. */
  hint?: Prose
} & (
  | {
      /** The flag that gives the same answer: "--region <region>". */
      flag: `--${FlagName}` | `--${FlagName} ${string}`
    }
  /** What to do instead, as a sentence, if there is no flag. */
  | { otherwise: string }
)

/** A check of an answer: true, or the reason why it is invalid. */
type Validate = (value: string) => true | string

/** The prompts. Throw LabError `missing-flag`, which names the flag, if stdin is not a terminal. */
export interface Questions {
  confirm(question: Question & { default: boolean }): Promise<boolean>
  input(question: Question & { default?: string; validate?: Validate }): Promise<string>
  password(question: Question & { validate: Validate }): Promise<string>
  select<T extends string>(
    question: Question & {
      choices: readonly { value: T; name: string; short?: string }[]
      default?: T
    },
  ): Promise<T>
  checkbox<T extends string>(
    question: Question & {
      choices: readonly { value: T; name: string; short?: string; checked?: boolean; disabled?: string }[]
      validate?: (values: readonly T[]) => true | string
    },
  ): Promise<T[]>
}

/** The part of the UI for the work, which emits events and asks questions, and never prints. */
interface Watcher extends Questions {
  /** Whether questions can be asked. */
  readonly interactive: boolean
  readonly json: boolean
  readonly emit: Emit
}

/** How a command shows its result: stdout carries the result, stderr everything else. */
export interface Ui extends Watcher {
  /** Colours text for stdout, if colours are on. */
  readonly style: Style
  /** The width of stdout's terminal. */
  readonly columns: number
  /** One thing to do, or a text with commands, as this user has to type it. */
  hint(hint: Prose | Hint): string
  /** A longer text to read before a question, to stderr. */
  show(text: (paint: Pick<Ui, 'style' | 'hint'>) => string): void
  /** The result, to stdout: text for a user, or one JSON object with `--json`. */
  result(text: string, json: object): void
  /** A result that is shown repeatedly: in place at a terminal, else below the last one if it differs. */
  redraw(text: string): void
  /** Stops spinners and live lines, to free the terminal. */
  pause(): void
}

/**
 * Opens AWS, or the rehearsal account, with the credentials and the region that the options give. cli/main decides
 * which one it is.
 * @param known a connection to another region, with the same identity
 * @param meanwhile gets the clients before the identity is known, to make calls at the same time
 * @param mfaCode asks for the code of an MFA device; undefined without a terminal
 */
export type Connect = (
  options: GlobalOptions,
  known?: Connection,
  meanwhile?: (clients: Clients) => void,
  mfaCode?: (serial: string) => Promise<string>,
) => Promise<Connection>

/** The dependencies of the work, besides its options. */
export interface Context {
  readonly ui: Watcher
  readonly clock: Clock
  readonly env: NodeJS.ProcessEnv
  /** Standard input, for piped data. */
  readonly stdin: AsyncIterable<Buffer | string> & { isTTY?: boolean }
  /** Aborts at the first Ctrl-C. */
  readonly signal: AbortSignal
  readonly connect: Connect
  /** Records answers of questions as the command's options, so that later hints repeat them. */
  settled(options: GlobalOptions | Readonly<Record<string, unknown>>): void
  /**
   * Says which options the same command needs to continue from here on, where those that were given have had their
   * effect and would be refused. `undefined` leaves one out.
   * @param note what the user has to know then
   */
  continuesWith(options: Readonly<Record<string, unknown>>, note: string): void
}

export interface CommandContext extends Context {
  readonly ui: Ui
  /** The terminal, for sessions that take it over. */
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
  /** The script that completes this program's command lines in a shell. */
  completionScript(shell: 'bash' | 'zsh' | 'fish'): Promise<string>
}

/** A command's handler: options and arguments in, the process's exit code out; throws LabError. */
export type Run<Options = object, Args extends readonly (string | undefined)[] = string[]> = (
  options: GlobalOptions & Options,
  context: CommandContext,
  args: Args,
) => Promise<number>
