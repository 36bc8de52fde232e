import type { Writable } from 'node:stream'
import type { Emit, Event } from '../core/event.js'
import { clean, duration, type Style, wrap } from './style.js'

/** Shows events; `close` leaves nothing that moves. */
export interface Progress {
  emit: Emit
  close(): void
}

export type Task = Extract<Event, { type: 'task' }> & { begun: number }

export interface ProgressOptions {
  stream: Writable & { columns?: number }
  style: Style
  now: () => number
}

const marks = { done: '✔', failed: '✖', warning: '!' } as const

/** An event as one line. */
export function line(event: Event, style: Style, elapsed: number | undefined): string {
  switch (event.type) {
    case 'heading':
      return style('bold', clean(event.text))
    case 'note':
      return clean(event.text)
    case 'warning':
      return `${style('yellow', marks.warning)} ${clean(event.text)}`
    case 'task': {
      const mark =
        event.state === 'done'
          ? style('green', marks.done)
          : event.state === 'failed'
            ? style('red', marks.failed)
            : ' '
      const took = elapsed !== undefined && elapsed >= 100 ? style('dim', `  ${duration(elapsed)}`) : ''
      return `${mark} ${clean(event.name)}${event.detail ? style('dim', `  ${clean(event.detail)}`) : ''}${took}`
    }
  }
}

const heartbeatMs = 15_000

/** Without a terminal: one line for each change, and a sign of life in long waits. */
export function plainProgress({ stream, style, now }: ProgressOptions): Progress {
  const active = new Map<string, Task>()
  // A dumb terminal has a width, too; a log has none.
  const say = (text: string) => stream.write(`${stream.columns ? wrap(text, stream.columns) : text}\n`)
  const heartbeat = setInterval(() => {
    for (const task of active.values()) {
      const detail = task.detail ? `: ${clean(task.detail)}` : ''
      say(`… ${clean(task.name)}${detail} (${duration(now() - task.begun)})`)
    }
  }, heartbeatMs)
  heartbeat.unref()

  return {
    emit(event) {
      if (event.type !== 'task') {
        say(line(event, style, undefined))
        return
      }
      const known = active.get(event.id)
      const begun = known?.begun ?? now()
      if (event.state === 'started' || event.state === 'progress') {
        active.set(event.id, { ...known, ...event, begun })
        // Each wait is said once; the heartbeat says the rest.
        if (event.state === 'progress' && event.detail !== known?.detail) {
          say(`… ${clean(event.name)}: ${clean(event.detail ?? '')}`)
        }
        return
      }
      active.delete(event.id)
      say(line(event, style, now() - begun))
    },
    close: () => clearInterval(heartbeat),
  }
}
