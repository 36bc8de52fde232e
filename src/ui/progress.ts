import type { Writable } from 'node:stream'
import type { Event } from '../core/event.js'
import { clean, duration, plainSpaces, type Style, wrap } from './style.js'

/** An event with its rendered text. */
type Shown = Extract<Event, { type: 'task' }> | { type: Exclude<Event['type'], 'task'>; text: string }

/** Shows events. */
export interface Progress {
  emit(event: Shown): void
  /** Prints a longer text between them. */
  print(text: string): void
  /** Stops live lines until the next task. */
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
export function line(event: Shown, style: Style, elapsed: number | undefined): string {
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

/**
 * Without a terminal: one line for each change, and a heartbeat line after 15 seconds without output. `close` stops
 * that until the next task.
 */
export function plainProgress({ stream, style, now }: ProgressOptions): Progress {
  const active = new Map<string, Task>()
  let heartbeat: NodeJS.Timeout | undefined
  let quietSince = now()
  const write = (text: string) =>
    stream.write(`${stream.columns ? wrap(text, stream.columns) : plainSpaces(text)}\n`)
  const beat = () => {
    for (const task of active.values()) {
      const detail = task.detail ? `: ${clean(task.detail)}` : ''
      write(`… ${clean(task.name)}${detail} (${duration(now() - task.begun)})`)
    }
    if (active.size === 0) write(`… still working (${duration(now() - quietSince)})`)
  }
  const listen = () => {
    clearInterval(heartbeat)
    heartbeat = setInterval(beat, heartbeatMs)
    heartbeat.unref()
    quietSince = now()
  }
  const say = (text: string) => {
    write(text)
    if (heartbeat) listen()
  }
  listen()

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
        // Each wait is written once; the heartbeat repeats it.
        const isNew = event.state === 'progress' && event.detail !== known?.detail
        if (isNew) say(`… ${clean(event.name)}: ${clean(event.detail ?? '')}`)
        if (!heartbeat) listen()
        return
      }
      active.delete(event.id)
      if (!heartbeat) listen()
      say(line(event, style, now() - begun))
    },
    print(text) {
      stream.write(text)
      if (heartbeat) listen()
    },
    close() {
      clearInterval(heartbeat)
      heartbeat = undefined
    },
  }
}
