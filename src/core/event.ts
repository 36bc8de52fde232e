/**
 * What the logic says while it works. Logic only emits; a ui decides how it looks.
 * A task is one line that a person follows: a resource, a host stage, a check.
 */
export type Event =
  | { type: 'heading'; text: string }
  | { type: 'note'; text: string }
  | { type: 'warning'; text: string }
  | {
      type: 'task'
      /** Unique within a run; later events with the same id go on with the same line. */
      id: string
      /** As the person reads it: "security group LibreChatSecurityGroup". */
      name: string
      state: 'started' | 'progress' | 'done' | 'failed'
      /** A few words: "waiting for pending → running", "created sg-0123". */
      detail?: string
      /** How long this usually takes, for long waits. */
      usualMs?: number
    }

export type Emit = (event: Event) => void
