import ora from 'ora'
import { line, type Progress, type ProgressOptions, type Task } from './progress.js'
import { clean, cut, duration, wrap } from './style.js'

/** At a terminal: finished lines stay, running tasks are animated below them. */
export function liveProgress({ stream, style, now }: ProgressOptions): Progress {
  const active = new Map<string, Task>()
  const spinner = ora({
    stream: stream as NodeJS.WriteStream,
    // The library checks another stream, and ignores NO_COLOR.
    color: style('cyan', '.') === '.' ? false : 'cyan',
    discardStdin: false,
    hideCursor: true,
  })
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
    print(text) {
      stop()
      stream.write(text)
    },
    close: stop,
  }
}
