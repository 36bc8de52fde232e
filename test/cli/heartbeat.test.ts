import { afterEach, expect, it, vi } from 'vitest'
import { makeUi } from '../../src/ui/make-ui.js'
import { rehearsal } from './program.js'

afterEach(() => void vi.useRealTimers())

/** A ui without a terminal, and what it writes to stderr. */
async function quietUi() {
  vi.useFakeTimers()
  const lines: string[] = []
  const stream = (write: (text: string) => void) => ({ write, isTTY: false }) as unknown as NodeJS.WriteStream
  const ui = await makeUi({
    stdin: { isTTY: false } as NodeJS.ReadStream,
    stdout: stream(() => {}),
    stderr: stream((text) => void lines.push(text)),
    env: {},
    json: false,
    color: undefined,
    hints: { hint: String },
    signal: new AbortController().signal,
  })
  return { ui, lines }
}

it('writes a line every 15 seconds before the first task, during a task and between tasks', async () => {
  const { ui, lines } = await quietUi()
  vi.advanceTimersByTime(31_000)
  expect(lines).toEqual(['… still working (15 s)\n', '… still working (30 s)\n'])
  ui.emit({ type: 'task', id: 'a', name: 'instance', state: 'started', detail: 'pending' })
  vi.advanceTimersByTime(31_000)
  expect(lines.slice(2)).toEqual(['… instance: pending (14 s)\n', '… instance: pending (29 s)\n'])
  ui.emit({ type: 'task', id: 'a', name: 'instance', state: 'done' })
  vi.advanceTimersByTime(16_000)
  expect(lines.at(-1)).toBe('… still working (15 s)\n')
})

it('keeps writing after the plan was shown', async () => {
  const { ui, lines } = await quietUi()
  ui.show(() => 'Plan')
  ui.emit({ type: 'task', id: 'images', name: 'host: images', state: 'started' })
  vi.advanceTimersByTime(31_000)
  expect(lines.slice(-2)).toEqual(['… host: images (15 s)\n', '… host: images (30 s)\n'])
})

it('is silent after the result, and while something else owns the terminal', async () => {
  const { ui, lines } = await quietUi()
  ui.pause()
  ui.emit({ type: 'warning', text: 'The connection broke.' })
  vi.advanceTimersByTime(60_000)
  ui.result('done', {})
  vi.advanceTimersByTime(60_000)
  expect(lines).toEqual(['! The connection broke.\n'])
})

it('up writes lines while a slow stage runs, without a terminal', { timeout: 60_000 }, async () => {
  const fast = new URL('./fast-heartbeat.mjs', import.meta.url).href
  const place = rehearsal({ NODE_OPTIONS: `--import=${fast}`, LIBRECHAT_LAB_POLL_SCALE: '0.3' })
  const { code, stderr } = await place.run(['up', '--yes'])
  expect(code).toBe(0)
  const afterPlan = stderr.slice(stderr.indexOf('Plan for'))
  expect(afterPlan).toMatch(/^… host: .*\(\d+(\.\d)? s\)$/m)
})
