// Makes the README's pictures from the program itself: runs it in a rehearsal at a real terminal (tmux), takes what
// stands there, colours and all, and draws it as SVG; the page of `usage --open` is drawn by Chromium. Build first.
// `node scripts/screens.mjs [folder]`
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { chromium } from 'playwright-core'
import { draw, drawFrames } from './svg.mjs'

const root = new URL('..', import.meta.url).pathname
const images = resolve(process.argv[2] ?? join(root, 'docs/images'))
const home = mkdtempSync(join(tmpdir(), 'librechat-lab-screens-'))
const columns = 96

let opened = 0

/** A terminal of so many rows, in which somebody types. */
function terminal(rows) {
  const socket = join(home, `tmux-${opened++}`)
  const tmux = (...words) =>
    execFileSync('tmux', ['-S', socket, '-f', '/dev/null', ...words], { encoding: 'utf8' })
  writeFileSync(
    join(home, 'shell'),
    `librechat-lab() { ${process.execPath} ${root}bin/librechat-lab.js "$@"; }\nPS1='\\[\\e[1;32m\\]$\\[\\e[0m\\] '\n`,
  )
  const env = [`PATH=${process.env.PATH}`, `HOME=${home}`, 'LANG=C.UTF-8', 'LIBRECHAT_LAB_NO_UPDATE_CHECK=1']
  const shell = `env -i TERM=tmux-256color ${env.join(' ')} bash --noprofile --rcfile ${join(home, 'shell')} -i`
  tmux(
    ...['start-server', ';', 'set', '-g', 'history-limit', '5000', ';', 'set', '-g', 'status', 'off', ';'],
    ...['new-session', '-d', '-x', String(columns), '-y', String(rows), shell],
  )
  const screen = (scrolled = false) =>
    tmux('capture-pane', '-p', '-e', ...(scrolled ? ['-S', '-'] : [])).replace(/\s+$/, '')
  return {
    screen,
    async type(text) {
      for (const letter of text) {
        tmux('send-keys', '-l', letter)
        await sleep(15)
      }
      tmux('send-keys', 'Enter')
    },
    async shows(what) {
      const deadline = Date.now() + 60_000
      while (!what.test(plain(screen(true)))) {
        if (Date.now() > deadline) throw new Error(`never showed ${what}:\n${plain(screen(true))}`)
        await sleep(100)
      }
    },
    close: () => tmux('kill-server'),
  }
}

const plain = (text) => text.replace(/\u001b\[[\d;]*m/g, '')

/** What stands between two signs, the first included. */
function between(screen, from, to) {
  const lines = screen.split('\n')
  const start = lines.findLastIndex((line) => from.test(plain(line)))
  const end = to ? lines.findIndex((line, i) => i > start && to.test(plain(line))) : lines.length
  return lines
    .slice(start, end < 0 ? lines.length : end)
    .join('\n')
    .replace(/\s+$/, '')
}

const save = (name, svg) => writeFileSync(join(images, name), svg)
mkdirSync(images, { recursive: true })

// The recording: the first command of the README, from the first key to the summary.
{
  const { type, shows, screen, close } = terminal(34)
  await shows(/\$/)
  const frames = []
  let isOver = false
  const began = Date.now()
  const watching = (async () => {
    while (!isOver) {
      const now = screen()
      if (now !== frames.at(-1)?.screen) frames.push({ at: Date.now() - began, screen: now })
      await sleep(120)
    }
  })()
  await type('librechat-lab up --rehearse --yes --email me@example.org')
  await shows(/This was a rehearsal/)
  await sleep(600)
  isOver = true
  await watching
  const whole = screen(true)
  save('up.svg', drawFrames(frames, { columns, rows: 34, title: 'librechat-lab up --rehearse' }))
  save(
    'summary.svg',
    draw(between(whole, /^✔ Your LibreChat/, /^This was/), { columns, title: 'librechat-lab up' }),
  )
  close()
}

// The page of `usage --open`, from its head to its foot.
{
  const run = (...words) =>
    execFileSync(process.execPath, [`${root}bin/librechat-lab.js`, ...words, '--rehearse'], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, HOME: home, LIBRECHAT_LAB_NO_UPDATE_CHECK: '1' },
    })
  run('up', '--yes', '--email', 'me@example.org')
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  })
  const page = await browser.newPage({ viewport: { width: 1000, height: 900 }, colorScheme: 'light' })
  await page.goto(`file://${run('usage', '--open').trim()}`)
  await page.screenshot({ path: join(images, 'usage.png'), fullPage: true })
  await browser.close()
}
