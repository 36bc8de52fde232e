import type { Clock } from '../core/clock.js'
import type { Prose } from '../core/error.js'
import type { Emit } from '../core/event.js'

/** One difference between what is there and what should be, as a user reads it. */
export interface Change {
  /** What differs: "instance type", "rule 22 from 0.0.0.0/0". */
  what: string
  from?: string | undefined
  to?: string | undefined
  /** Set when `ensure` can't change it: what the user can do. */
  byHand?: Prose
}

/** What was observed of another resource; undefined when it isn't there. */
type Seen = <State>(resource: Resource<State>) => Promise<State | undefined>

/** What `ensure` and `remove` work with. */
export interface EnsureContext {
  /** The state of a resource that this one needs, as soon as it is as it should be. */
  ready<State>(resource: Resource<State>): Promise<State>
  /** What was observed of another resource before this one was begun. */
  seen<State>(resource: Resource<State>): State | undefined
  /** Reports in a few words what is being waited for. */
  progress(detail: string, usualMs?: number): void
  readonly clock: Clock
  readonly signal: AbortSignal
}

/**
 * One thing that a lab has. It never asks whether this is a create or an update: it looks at what is there,
 * says how that differs from the settings, and applies the difference.
 */
export interface Resource<State = unknown> {
  /** As the user reads it: "security group LibreChatSecurityGroup". */
  readonly name: string
  /** What must be there before, and can only go after, this one. */
  readonly after: readonly Resource[]
  /** Whether it holds what proves the others: they begin once it is as it should be. Those that come after it name it. */
  readonly isFirst?: true
  /** Whether it reports its steps as tasks of its own, so that the engine reports none for it. */
  readonly hasOwnTasks?: true
  /** Whether the settings no longer want it: what is there is removed, and nothing is created. */
  readonly isUnwanted?: boolean
  /** What is there now. Throws LabError `unowned` for what has our name but not our tag. */
  observe(seen: Seen): Promise<State | undefined>
  /** What `ensure` would do, for the plan; empty means nothing. Pure. `undefined` means: make it. */
  changes(state: State | undefined, seen: <S>(resource: Resource<S>) => S | undefined): Change[]
  ensure(state: State | undefined, work: EnsureContext): Promise<State>
  /** Already gone is success. */
  remove(state: State, work: EnsureContext): Promise<void>
  /** A state's id as AWS shows it, for the plan and the log: "sg-0123". */
  id(state: State): string
}

/** The IAM actions that each method of a kind of resource uses: the operator's policy is printed from these. */
export type ResourceActions = Readonly<Record<'observe' | 'ensure' | 'remove', readonly string[]>>

export interface Progress {
  readonly emit: Emit
  readonly clock: Clock
  readonly signal: AbortSignal
}
