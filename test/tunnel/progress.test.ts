import { describe, expect, test } from 'vitest'
import { Progress } from '../../src/tunnel/progress.js'

/** A session for which one message has come in time, at 0. Looked at every half second, as the tunnel does or less often. */
function progress() {
  const one = new Progress()
  let time = 0
  one.took(0, 0, false)
  return {
    /**
     * Messages that come one every `every` ms for `lasting` ms, the first `late` ms after it was made. They were made
     * `apart` ms apart: at the pace at which they come, unless given.
     */
    take(late: number, every: number, lasting: number, apart = every) {
      let made = time + every - late
      for (const end = time + lasting; time < end; made += apart) {
        time += every
        one.took(made, time, false)
      }
    },
    miss: () => one.missed(time),
    quiet(ms: number, gap = false) {
      const seen: number[] = []
      for (const end = time + ms; time < end; time += 500) seen.push(one.crawling(time, gap))
      return Math.max(...seen)
    },
    crawling: (gap = false) => one.crawling(time, gap),
  }
}

describe('a session that crawls', () => {
  test('is one whose messages come late and ten a second', () => {
    const { take, crawling } = progress()
    take(60_000, 100, 7000, 1)
    expect(crawling()).toBeGreaterThan(6000)
  })

  test('is one of which a message is missing and nothing more comes', () => {
    const { miss, quiet } = progress()
    miss()
    expect(quiet(8000, true)).toBeGreaterThan(6000)
  })
})

describe('a session does not crawl', () => {
  test('when one message came late and then the server is quiet', () => {
    const { take, quiet } = progress()
    take(3000, 3000, 3000)
    expect(quiet(60_000)).toBe(0)
  })

  test('when a quiet server’s messages come late, as after a step of a clock', () => {
    const { take, crawling } = progress()
    take(3000, 5000, 60_000)
    expect(crawling()).toBe(0)
  })

  test('when a slow stream goes on after a step of a clock', () => {
    const { take, crawling } = progress()
    for (let i = 0; i < 20; i++) {
      take(3000, 500, 1000)
      expect(crawling()).toBeLessThan(3000)
    }
  })

  test('when its messages come late and fast', () => {
    const { take, quiet, crawling } = progress()
    for (let i = 0; i < 10; i++) {
      take(60_000, 10, 1000)
      expect(crawling()).toBeLessThan(3000)
    }
    expect(quiet(60_000)).toBeLessThan(3000)
  })

  test('when its messages come in time', () => {
    const { take, quiet } = progress()
    take(0, 100, 7000)
    expect(quiet(60_000)).toBe(0)
  })
})
