import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Account, openAccount } from '../test/support/account.js'
import { pythonWithMoto } from '../test/support/interpreter.js'
import { startMoto } from '../test/support/moto-server.js'
import { type Ran, run } from './measure.js'

export const root = new URL('../..', import.meta.url).pathname
export const program = join(process.env.LIBRECHAT_LAB_PROGRAM ?? root, 'bin/librechat-lab.js')

/** Gives the tests' AWS (moto behind their gateway) to `use`, each time with a fresh account. */
export async function withMoto<T>(use: (fresh: () => Promise<Account>) => Promise<T>): Promise<T> {
  const python = await pythonWithMoto((line) => process.stderr.write(`${line}\n`))
  if (!python) throw new Error('This part needs Python 3.10 or newer.')
  const moto = await startMoto(python)
  const accounts: Account[] = []
  const home = mkdtempSync(join(tmpdir(), 'librechat-lab-home-'))
  process.env.BENCH_HOME = home
  try {
    return await use(async () => {
      const account = await openAccount(moto)
      accounts.push(account)
      return account
    })
  } finally {
    await Promise.all(accounts.map((account) => account.close()))
    moto.stop()
    rmSync(home, { recursive: true, force: true })
  }
}

/** What every contestant is given: the account, and nothing of this machine's configuration. */
export const environment = (account: Account, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  HOME: process.env.BENCH_HOME,
  AWS_ENDPOINT_URL: account.endpoint,
  AWS_ACCESS_KEY_ID: account.credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: account.credentials.secretAccessKey,
  AWS_REGION: 'us-east-1',
  AWS_DEFAULT_REGION: 'us-east-1',
  AWS_EC2_METADATA_DISABLED: 'true',
  LIBRECHAT_LAB_CHECKIP_URL: `${account.endpoint}/checkip`,
  ...more,
})

export const lab = (
  account: Account,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  expected?: readonly number[],
): Promise<Ran> =>
  run(process.execPath, [program, ...args], {
    env: environment(account, env),
    ...(expected ? { expected } : {}),
  })

/** Each call takes `ms` longer, as over a network. */
export function slow(account: Account, ms: number): void {
  account.gateway.faults.storm = ms > 0 ? () => ({ kind: 'delay', ms }) : undefined
}
