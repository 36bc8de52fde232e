import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { type Account, type AccountOptions, openAccount } from './account.js'
import { type Ended, run } from './cli.js'
import { describeAws } from './moto.js'

/** A suite whose tests each have a fresh account. */
export function describeAccount(
  name: string,
  body: (account: () => Account) => void,
  options?: AccountOptions,
): void {
  describeAws(name, (moto) => {
    let account: Account
    beforeEach(async () => {
      account = await openAccount(moto(), options)
    })
    afterEach(() => account.close())
    body(() => account)
  })
}

/** A suite whose tests share an account, because none of them changes it or each puts it back. */
export function describeSharedAccount(name: string, body: (account: () => Account) => void): void {
  describeAws(name, (moto) => {
    let account: Account
    beforeAll(async () => {
      account = await openAccount(moto())
    })
    afterAll(() => account.close())
    body(() => account)
  })
}

/** What one `up` on an empty account did. */
export interface Lab {
  readonly account: Account
  /** The run that made it, and its calls are the account's first. */
  readonly up: Ended
}

/** A suite whose tests share a lab, made by `up` before the first of them. */
export function describeLab(
  name: string,
  body: (lab: () => Lab) => void,
  args: readonly string[] = ['up', '--yes'],
): void {
  describeAws(name, (moto) => {
    let made: Lab
    beforeAll(async () => {
      const account = await openAccount(moto())
      made = { account, up: await run(account, args) }
    })
    afterAll(() => made.account.close())
    body(() => made)
  })
}
