import type { Writable } from 'node:stream'
import ora from 'ora'
import type { Emit, Event } from '../engine/event.js'
import { clean, cut, duration, type Style, wrap } from './style.js'

/** Shows events; `close` leaves nothing that moves. */
export interface Progress {
  emit: Emit
  close(): void
}

type Task = Extract<Event, { type: 'task' }> & { begun: number }

interface Options {
  stream: Writable & { columns?: number }
  style: Style
  now: () => number
}

const marks = { done: '✔', failed: '✖', warning: '!' } as const

function line(event: Event, style: Style, elapsed: number | undefined): string {
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

/** At a terminal: finished lines stay, what is under way moves below them. */
export function liveProgress({ stream, style, now }: Options): Progress {
  const active = new Map<string, Task>()
  const spinner = ora({ stream: stream as NodeJS.WriteStream, discardStdin: false, hideCursor: true })
  let redraw: NodeJS.Timeout | undefined

  const draw = () => {
    const columns = (stream.columns ?? 80) - 3
    const lines = [...active.values()].map((task) => {
      const usual = task.usualMs ? ` of about ${duration(task.usualMs)}` : ''
      const waited = now() - task.begun
      const time = waited >= 1_000 ? `  ${duration(waited)}${usual}` : ''
      return cut(`${clean(task.name)}${task.detail ? `  ${clean(task.detail)}` : ''}${time}`, columns)
    })
    spinner.text = lines.join('\n  ')
  }
  const start = () => {
    draw()
    if (spinner.isSpinning) return
    spinner.start()
    redraw = setInterval(draw, 250)
    redraw.unref()
  }
  const stop = () => {
    clearInterval(redraw)
    spinner.stop()
  }
  const say = (text: string) => {
    const spinning = spinner.isSpinning
    stop()
    stream.write(`${wrap(text, stream.columns ?? 80)}\n`)
    if (spinning && active.size > 0) start()
  }

  return {
    emit(event) {
      if (event.type !== 'task') return say(line(event, style, undefined))
      const begun = active.get(event.id)?.begun ?? now()
      if (event.state === 'started' || event.state === 'progress') {
        active.set(event.id, { ...active.get(event.id), ...event, begun })
        return start()
      }
      active.delete(event.id)
      say(line(event, style, now() - begun))
      if (active.size > 0) start()
    },
    close: stop,
  }
}

const heartbeatMs = 15_000

/** Without a terminal: one line for each change, and a sign of life in long waits. */
export function plainProgress({ stream, style, now }: Options): Progress {
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
