import { expect, it, vi } from 'vitest'
import { inBackground } from '../../src/tunnel/background.js'

const thrown = () => new Promise<unknown>((resolve) => process.once('uncaughtException', resolve))

it('ends quietly when it is stopped', async () => {
  const over = new AbortController()
  over.abort()
  const uncaught = vi.fn()
  process.once('uncaughtException', uncaught)
  inBackground(Promise.reject(new Error('aborted')), over.signal)
  await new Promise((resolve) => setTimeout(resolve, 20))
  process.off('uncaughtException', uncaught)
  expect(uncaught).not.toHaveBeenCalled()
})

it('does not swallow any other error', async () => {
  const listeners = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  const caught = thrown()
  inBackground(Promise.reject(new Error('a bug')), new AbortController().signal)
  expect(await caught).toEqual(new Error('a bug'))
  for (const listener of listeners) process.on('uncaughtException', listener)
})
