/** Who has to do something: the person, AWS (wait, quota, account), or we (a defect to report). */
export type Fault = 'user' | 'aws' | 'program'

export interface LabErrorParts {
  /** Stable, kebab-case; part of the JSON output. */
  code: string
  /** One sentence: what happened. */
  what: string
  /** One sentence: why. */
  why?: string
  /** What to do, one step each; a step may be a command that can be pasted. */
  fix?: readonly string[]
  fault?: Fault
  /** The process's exit code: 1 failed, 2 partly done, 3 no such lab, 130 interrupted. */
  exitCode?: number
  /** AWS's request id, for its support. */
  requestId?: string | undefined
  cause?: unknown
}

/** The one family of errors that a person sees: what happened, why, and what to do. */
export class LabError extends Error {
  override readonly name = 'LabError'
  readonly code: string
  readonly why: string | undefined
  readonly fix: readonly string[]
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

/** Thrown where a signal stops the work; the ui says what had been done. */
export class Interrupted extends LabError {
  constructor() {
    super({ code: 'interrupted', what: 'Interrupted.', exitCode: 130 })
  }
}
