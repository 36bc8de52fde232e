import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { disk } from '../host/disk.js'
import { guestPins } from '../host/lab.js'
import { Machine } from '../host/machine.js'
import { type Account, openAccount } from '../support/account.js'
import { run } from '../support/cli.js'
import { runCommand } from '../support/gateway/runcommand.js'
import { describeAws } from '../support/moto.js'
import { changes } from '../support/tally.js'

const email = 'me@example.org'
const shots = new URL('../../.cache/e2e/', import.meta.url).pathname
/** The waits between two looks as they are for a person: the machine is slow enough. */
const env = { LIBRECHAT_LAB_POLL_SCALE: '1' }

describeAws('from nothing to a chat', (moto) => {
  let machine: Machine
  let account: Account
  let browser: Browser
  let page: Page
  let password = ''
  const work = mkdtempSync(join(tmpdir(), 'librechat-lab-e2e-'))

  beforeAll(async () => {
    mkdirSync(shots, { recursive: true })
    // The program's own copy, with the pins of the machine's registry; nothing else differs from what is published.
    writeFileSync(join(inject('program'), 'templates/pins.env'), guestPins())
    machine = await Machine.start(disk((text) => console.error(`machine: ${text}`)))
    account = await openAccount(moto())
    // What SendCommand carries runs on the machine; only Bedrock's answers, which nobody has here, are played.
    const managed = { online: async () => true }
    account.answer(
      runCommand(
        managed,
        (work) => {
          const script = work.commands.join('\n')
          return script.includes('CHAT_PROOF=') ? account.hosts.run(work) : machine.start(script).result
        },
        account.at,
      ),
    )
    browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu'],
    })
  })
  afterAll(async () => {
    await browser?.close()
    await account?.close()
    await machine?.stop()
    rmSync(work, { recursive: true, force: true })
  })

  it('makes the lab, sets its host up and hands over the first password, in one command', async () => {
    const ended = await run(account, ['up', '--yes', '--email', email], { env })
    expect(ended).toMatchObject({ code: 0 })
    password = /Password\s+(\S+)/.exec(ended.stdout)?.[1] ?? ''
    expect(password.length).toBeGreaterThanOrEqual(16)
    expect(await machine.sh('docker ps -q | wc -l')).toBe('5')
  })

  it('has nothing to do the second time, and is healthy', async () => {
    account.forget()
    const again = await run(account, ['up', '--yes'], { env })
    expect(again).toMatchObject({ code: 0 })
    expect(`${again.stdout}${again.stderr}`).toMatch(/no changes/i)
    expect(changes(account.calls)).toEqual([])
    const status = await run(account, ['status', '--json'], { env })
    expect(JSON.stringify(status.json())).toContain('"healthy":true')
  })

  it('opens in a browser over HTTPS on the bare address, and keeps the visitor signed in', async () => {
    const context = await browser.newContext({
      ignoreHTTPSErrors: true,
      viewport: { width: 900, height: 700 },
    })
    page = await context.newPage()
    await page.goto(`https://127.0.0.1:${machine.ports.https}/`)
    await page.fill('#email', email)
    await page.fill('#password', password)
    await page.screenshot({ path: join(shots, '1-login.png') })
    await page.click('button[type=submit]')
    await page.waitForSelector('#chat:not([hidden])', { timeout: 60_000 })
    const [cookie] = await context.cookies()
    expect(cookie).toMatchObject({ name: 'refreshToken', secure: true, httpOnly: true, sameSite: 'Strict' })
    await page.reload()
    await page.waitForSelector('#chat:not([hidden])', { timeout: 60_000 })
    expect(await page.textContent('#user')).toBe(email)
    await page.screenshot({ path: join(shots, '2-after-reload.png') })
  })

  it('shows an answer word by word', async () => {
    await page.click('#ask')
    const whole = 'document.getElementById("answer").textContent.includes("word 10")'
    await page.waitForFunction(whole, undefined, { timeout: 60_000 })
    const arrivals = (await page.evaluate('window.arrivals')) as number[]
    expect(arrivals.length).toBeGreaterThan(5)
    expect((arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0)).toBeGreaterThan(1200)
    await page.screenshot({ path: join(shots, '3-answer.png') })
  })

  it('takes an upload of 100 MB', async () => {
    const file = randomBytes(100_000_000)
    const path = join(work, 'upload')
    writeFileSync(path, file)
    await page.setInputFiles('#file', path)
    const arrived = 'document.getElementById("upload").textContent.includes("bytes")'
    await page.waitForFunction(arrived, undefined, { timeout: 600_000 })
    const sum = createHash('sha256').update(file).digest('hex')
    expect(await page.textContent('#upload')).toBe(`${file.length} bytes ${sum}`)
    await page.screenshot({ path: join(shots, '4-upload.png') })
  })

  it('is gone when it is destroyed', async () => {
    expect(await run(account, ['destroy', '--confirm', 'default'], { env })).toMatchObject({ code: 0 })
  })
})
