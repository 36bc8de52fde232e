import type { Clock } from '../core/clock.js'
import type { Ui } from '../ui/ui.js'

/** Options that every command takes. */
export interface GlobalOptions {
  name?: string
  profile?: string
  region?: string
  json?: boolean
  color?: boolean
  debug?: boolean
  /** `true`, or the name of a scenario. */
  rehearse?: boolean | string
}

/** What a command is handed besides its own options. */
export interface Context {
  readonly ui: Ui
  readonly clock: Clock
  readonly env: NodeJS.ProcessEnv
  /** The command as typed, "status", where it takes no arguments that a hint would have to repeat. */
  readonly command?: string
  /** Aborts at the first Ctrl-C. */
  readonly signal: AbortSignal
}

/** A command's work: options and arguments in, the process's exit code out; throws LabError. */
export type Run<Options = object> = (
  options: GlobalOptions & Options,
  context: Context,
  args: string[],
) => Promise<number>
