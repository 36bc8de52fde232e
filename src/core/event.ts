import type { CommandLine, Prose } from './error.js'

/**
 * What the work reports while it runs. The UI decides how events look. A task is one line that a user follows: a
 * resource, a host stage, a check. A note's or a warning's command is shown at the end of its text.
 */
export type Event =
  | { type: 'heading'; text: string }
  | { type: 'note' | 'warning'; text: Prose; command?: CommandLine }
  | {
      type: 'task'
      /** Unique within a run; later events with the same id update the same line. */
      id: string
      /** As the user reads it: "security group LibreChatSecurityGroup". */
      name: string
      state: 'started' | 'progress' | 'done' | 'failed'
      /** A few words: "waiting for pending → running", "created sg-0123". */
      detail?: string
      /** How long this usually takes, for long waits. */
      usualMs?: number
    }

export type Emit = (event: Event) => void
