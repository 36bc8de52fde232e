import { afterEach, beforeEach } from 'vitest'
import { type Account, type AccountOptions, openAccount } from './account.js'
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
