import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { openBrowser } from '../../src/ui/browser.js'

afterEach(() => void vi.unstubAllEnvs())

/** A folder in which the platform's opener is this shell script. */
function withOpener(script: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'librechat-lab-opener-'))
  writeFileSync(join(folder, 'xdg-open'), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  vi.stubEnv('PATH', `${folder}:/usr/bin:/bin`)
}

describe.skipIf(process.platform !== 'linux')('opening the browser', () => {
  it.for([
    ['exit 0', true],
    ['exit 3', false],
  ] as const)('an opener that does "%s": %s', async ([script, opened]) => {
    withOpener(script)
    expect(await openBrowser('https://203.0.113.10')).toBe(opened)
  })

  it('an opener that runs as long as the browser does: true', async () => {
    withOpener('exec sleep 4')
    expect(await openBrowser('https://203.0.113.10', 100)).toBe(true)
  })

  it('no opener: false', async () => {
    vi.stubEnv('PATH', '/nowhere')
    expect(await openBrowser('https://203.0.113.10')).toBe(false)
  })
})
