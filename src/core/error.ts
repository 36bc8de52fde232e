/** Who can fix it: the user, AWS (wait, quota, account), or the maintainers (a bug to report). */
export type Fault = 'user' | 'aws' | 'program'

/**
 * Each command's path with the flags that a hint may name. cli/tree.ts fills it in from the definitions, so that
 * a hint with a flag that no longer exists does not compile.
 * @public
 */
// biome-ignore lint/suspicious/noEmptyInterface: cli/tree.ts augments it
export interface CommandLines {}

export type CommandPath = keyof CommandLines & string

/** A flag of any command, by its long name. */
export type FlagName = { [Path in CommandPath]: keyof CommandLines[Path] }[CommandPath] & string

/** A command of this program as data, with its flags by their long names. */
export type CommandLine = {
  [Path in CommandPath]: {
    path: Path
    args?: readonly string[]
    flags?: CommandLines[Path]
    /** Whether a long command is printed with one option per line. */
    overLines?: boolean
    /**
     * If it is the command that runs, it is to be typed again: with the arguments and flags that the user gave, except those
     * that are named here, also as undefined.
     */
    keeps?: boolean
  }
}[CommandPath]

/** A command without arguments or flags. The compiler can't infer this from a path that is a union. */
export const bareCommand = (path: CommandPath): CommandLine => ({ path }) as CommandLine

/** A text that names commands of this program: each is data, and cli/render-hint.ts writes it as the user has to type it. */
export type Prose = string | readonly (string | CommandLine | OtherCommand)[]

/** A command of another program within a text. */
export interface OtherCommand {
  run: string
}

/** One text of several. */
export const prose = (...parts: readonly (Prose | CommandLine | OtherCommand)[]): Prose => parts.flat()

/** One thing to do. cli/render-hint.ts renders it as the user has to type it. */
export interface Hint {
  /** What to do, or what the command does. */
  text?: string
  /** A command of this program. */
  command?: CommandLine
  /** A command of another program: "aws sso login". */
  run?: string
}

export interface LabErrorParts {
  /** Stable, kebab-case; part of the JSON output. */
  code: string
  /** One sentence: what happened. */
  what: string
  /** One sentence: why. */
  why?: string
  /** What to do, one step each. */
  fix?: readonly (Prose | Hint)[]
  fault?: Fault
  /** The process's exit code: 1 failed, 2 partly done, 3 no such lab, 130 interrupted. */
  exitCode?: number
  /** AWS's request id, for its support. */
  requestId?: string | undefined
  cause?: unknown
}

/** Every error that a user sees: what happened, why, and what to do. */
export class LabError extends Error {
  override readonly name = 'LabError'
  readonly code: string
  readonly why: string | undefined
  readonly fix: readonly (Prose | Hint)[]
  readonly fault: Fault
  readonly exitCode: number
  readonly requestId: string | undefined

  constructor(parts: LabErrorParts) {
    super(parts.what, { cause: parts.cause })
    this.code = parts.code
    this.why = parts.why
    this.fix = parts.fix ?? []
    this.fault = parts.fault ?? 'user'
    this.exitCode = parts.exitCode ?? 1
    this.requestId = parts.requestId
  }
}

/** Thrown when a signal stops the work. */
export class Interrupted extends LabError {
  /** What the same command does now, where it doesn't just continue or start again. */
  readonly again: string | undefined

  constructor({ again, ...parts }: Pick<LabErrorParts, 'why' | 'fix' | 'cause'> & { again?: string } = {}) {
    super({ ...parts, code: 'interrupted', what: 'Interrupted.', exitCode: 130 })
    this.again = again
  }
}
