import { existsSync, readFileSync, statSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rehearsal } from './program.js'

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'
const isThere = existsSync(executablePath)
if (!isThere && process.env.CI === 'true')
  throw new Error(`CI=true, and there is no Chromium at ${executablePath}.`)
const place = rehearsal()
let path: string
let browser: Browser

describe.skipIf(!isThere)('the page of usage --open', () => {
  beforeAll(async () => {
    await place.run(['up', '--yes', '--email', 'me@example.org'])
    path = (await place.run(['usage', '--open'])).stdout.trim()
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  })
  afterAll(() => browser?.close())

  it('is a file that only its user can read', () => {
    expect(path).toMatch(/usage-\d{4}-\d\d\.html$/)
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it.for([
    [400, 'light'],
    [400, 'dark'],
    [1400, 'light'],
    [1400, 'dark'],
  ] as const)(
    'at %i pixels, %s: charts, tables beside them, nothing from the network',
    async ([width, colorScheme]) => {
      const tab = await browser.newPage({ viewport: { width, height: 900 }, colorScheme })
      const asked: string[] = []
      const complaints: string[] = []
      tab.on('request', (request) => asked.push(request.url()))
      tab.on('console', (message) => complaints.push(message.text()))
      tab.on('pageerror', (error) => complaints.push(error.message))
      await tab.goto(`file://${path}`)
      expect(asked).toEqual([`file://${path}`])
      expect(complaints).toEqual([])
      // Nothing has to be scrolled sideways.
      expect(await tab.evaluate('document.documentElement.scrollWidth')).toBe(width)
      // Each chart has drawn in the colour of this scheme, has a name, and its figures in a table.
      const bar = colorScheme === 'dark' ? '110,168,254' : '47,111,235'
      const drawn = `[...document.querySelectorAll('[role=img] canvas')].map((canvas) => {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
      for (let i = 0; i < data.length; i += 4)
        if (data.slice(i, i + 3).join() === '${bar}') return true
      return false
    })`
      expect(await tab.evaluate(drawn)).toEqual([true, true])
      expect(await tab.getByRole('img', { name: /^Dollars for models/ }).count()).toBe(2)
      const tables = await tab.locator('table caption').allTextContents()
      expect(tables).toEqual(['Each day', 'By model', 'By user', 'Tokens that AWS has counted', 'Each month'])
      expect(await tab.getByRole('rowheader', { name: 'me@example.org' }).count()).toBe(1)
      await tab.close()
    },
  )

  it('holds no address of another server', () => {
    expect(readFileSync(path, 'utf8').match(/(?:src|href)=|https?:\/\/(?!www\.w3\.org)/g) ?? []).toEqual([])
  })
})
