import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, vi } from 'vitest'

/** The SDK reads the process's environment: until the test has finished nothing of AWS's is in it but this. */
export function environment(variables: Record<string, string>): NodeJS.ProcessEnv {
  for (const name of Object.keys(process.env)) {
    if (/^(AWS_|LIBRECHAT|NODE_TLS|(HTTPS?|ALL|NO)_PROXY)/i.test(name)) vi.stubEnv(name, undefined)
  }
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value)
  onTestFinished(() => void vi.unstubAllEnvs())
  return process.env
}

/** A home folder with these shared configuration files, for one test. */
export function home(config: string, credentials = ''): Record<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'librechat-lab-home-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'config'), config)
  writeFileSync(join(folder, 'credentials'), credentials)
  return {
    HOME: folder,
    AWS_CONFIG_FILE: join(folder, 'config'),
    AWS_SHARED_CREDENTIALS_FILE: join(folder, 'credentials'),
    AWS_EC2_METADATA_DISABLED: 'true',
  }
}
