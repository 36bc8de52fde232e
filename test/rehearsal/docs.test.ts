import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { globalFlags } from '../../src/cli/tree.js'
import { leaves } from '../cli/leaves.js'
import { quickClock, runHere } from './in-process.js'

const root = new URL('../../', import.meta.url).pathname
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs'), { recursive: true })
    .map((name) => `docs/${String(name)}`)
    .filter((name) => name.endsWith('.md')),
]

/** What a page shows as code: spans, and the lines of blocks. */
const codeIn = (page: string): string[] => {
  const text = readFileSync(join(root, page), 'utf8')
  const blocks = [...text.matchAll(/^```[a-z]*\n([\s\S]*?)^```/gm)].flatMap(([, block = '']) =>
    block.split('\n'),
  )
  const spans = [...text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/`([^`\n]+)`/g)].map(
    ([, span = '']) => span,
  )
  return [...blocks, ...spans]
}

/** What a reader puts in for a placeholder. */
const filled: Readonly<Record<string, string>> = {
  command: 'status',
  topic: 'costs',
  range: '8.8.8.8',
  user: 'me',
  key: 'CostCenter',
  value: '1234',
  'e-mail': 'me@example.org',
}

/** A line of the program without its name, its comment and its redirection; undefined for other code. */
function lineIn(code: string): string | undefined {
  const typed = code
    .replace(/ [<>] \S+$/, '')
    .replace(/<([a-z-]+)>/g, (whole, name: string) => filled[name] ?? whole)
    .replace(/( {2,}| +#).*$/, '')
  return /^(?:\$ )?(?:npx )?(?:librechat-lab|npx \.) (.+)$/.exec(typed.trim())?.[1]
}

/** Every command line, with a page that has it. */
const lines = new Map<string, string>()
for (const page of pages) {
  for (const part of codeIn(page).flatMap((code) => code.split('&&'))) {
    const line = lineIn(part)
    if (line !== undefined) lines.set(line, page)
  }
}

it('every command in README and docs can be typed as it stands', { timeout: 120_000 }, async () => {
  expect(lines.size).toBeGreaterThan(30)
  const folder = mkdtempSync(join(tmpdir(), 'librechat-lab-docs-'))
  const clock = quickClock()
  await runHere(['up', '--rehearse', '--yes', '--email', 'me@example.org'], { folder, clock })
  const wrong: string[] = []
  for (const [line, page] of lines) {
    const words = line.split(' ')
    const isRehearsed = leaves.some(
      ({ path, node }) => node.command?.callsAws && `${line} `.startsWith(`${path.join(' ')} `),
    )
    const ended = await runHere(
      [...words, ...(isRehearsed && !line.includes('--rehearse') ? ['--rehearse'] : [])],
      {
        folder,
        clock,
        input: 'correct horse battery',
        stopAt: /Press Ctrl-C to close it|sh-5|number 5|^\{"tunnels/,
      },
    )
    const isMisuse =
      /Unknown|unknown option|missing required|too many arguments|can't be combined|bug in librechat-lab/i
    if (isMisuse.test(ended.stderr)) wrong.push(`${page}: ${line}: ${ended.stderr}`)
  }
  expect(wrong).toEqual([])
})

it('every flag that README and docs name beside a command is one of its flags', () => {
  const wrong: string[] = []
  for (const page of pages) {
    for (const code of codeIn(page)) {
      const leaf = leaves.find(({ path }) => `${code} `.startsWith(`${path.join(' ')} `))
      if (!leaf) continue
      const known = [...leaf.node.options, ...globalFlags].flatMap(
        ({ flags }) => flags.match(/--[a-z0-9-]+/g) ?? [],
      )
      for (const flag of code.match(/--[a-z0-9-]+/g) ?? [])
        if (![...known, '--help'].includes(flag)) wrong.push(`${page}: ${code}`)
    }
  }
  expect(wrong).toEqual([])
})
