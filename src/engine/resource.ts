import type { Clock } from '../core/clock.js'
import type { Prose } from '../core/error.js'
import type { Emit } from '../core/event.js'

/** One difference between the actual and the wanted state, as shown to users. */
export interface Change {
  /** What differs: "instance type", "rule 22 from 0.0.0.0/0". */
  what: string
  from?: string | undefined
  to?: string | undefined
  /** What the user can do; set when `ensure` can't change it. */
  byHand?: Prose
}

/** The observed state of another resource; undefined when it doesn't exist. */
type Seen = <State>(resource: Resource<State>) => Promise<State | undefined>

/** What `ensure` and `remove` work with. */
export interface EnsureContext {
  /** Resolves with the state of a resource that this one needs, once that is as wanted. */
  ready<State>(resource: Resource<State>): Promise<State>
  /** The state of another resource, as observed before this one was started. */
  seen<State>(resource: Resource<State>): State | undefined
  /** Reports in a few words what is being waited for. */
  progress(detail: string, usualMs?: number): void
  readonly clock: Clock
  readonly signal: AbortSignal
}

/**
 * One thing that a lab has. There is no separate create and update: it observes what exists, compares it with the
 * settings, and applies the difference.
 */
export interface Resource<State = unknown> {
  /** As the user reads it: "security group LibreChatSecurityGroup". */
  readonly name: string
  /** Resources that must exist before this one, and can only be removed after it. */
  readonly after: readonly Resource[]
  /**
   * Whether it proves that the others are the lab's. The resources that list it in `after` start once it is as
   * wanted.
   */
  readonly isFirst?: true
  /** Whether it reports its own tasks, so that the engine reports none for it. */
  readonly hasOwnTasks?: true
  /** Whether the settings no longer want it: an existing one is removed, if not by hand, and none is created. */
  readonly isUnwanted?: boolean
  /** The actual state. Throws LabError `unowned` for a resource that has our name but not our tag. */
  observe(seen: Seen): Promise<State | undefined>
  /**
   * What `ensure` would do, for the plan; empty if nothing. Pure. An undefined state means that it will be created.
   */
  changes(state: State | undefined, seen: <S>(resource: Resource<S>) => S | undefined): Change[]
  ensure(state: State | undefined, work: EnsureContext): Promise<State>
  /** Succeeds if it is already gone. */
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
