import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const root = new URL('../../', import.meta.url)
const docs = readFileSync(new URL('docs/security.md', root), 'utf8')
const rows = docs
  .slice(docs.indexOf('## Threats'), docs.indexOf('## What is left'))
  .split('\n')
  .filter((line) => /^\| (?!threat \||---)/.test(line) && !line.startsWith('|---'))

describe('the threat model', () => {
  it('is there', () => {
    expect(rows.length).toBeGreaterThan(30)
  })

  it.each(rows)('has a test that runs for: %s', (row) => {
    const [, file = '', title = ''] = /`(test\/[\w/.-]+\.test\.ts)` “(.+)” \|$/.exec(row) ?? []
    expect(file, 'names its test').not.toBe('')
    expect(existsSync(new URL(file, root)), file).toBe(true)
    const source = readFileSync(new URL(file, root), 'utf8')
    // Titles stand there as strings; a skipped one would be no test.
    const quoted = [`'${title}`, `"${title}`, `\`${title}`].some((text) => source.includes(text))
    expect(quoted, `${file} has “${title}”`).toBe(true)
    const line = source.split('\n').find((one) => one.includes(title)) ?? ''
    expect(line).not.toMatch(/\.(skip|todo|fails)\b/)
  })
})
