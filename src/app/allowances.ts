import { type Allowances, userAllowances } from '../host/allowances.js'
import { checkedSetting } from '../lab/choices.js'
import type { Context, GlobalOptions } from './context.js'
import { hostOf } from './host-work.js'
import { checkEmail, hostFor } from './lab-users.js'
import type { OpenLab } from './open-lab.js'

export type { Allowances } from '../host/allowances.js'

/** Shows the users' allowances, or changes one: `amount` is in dollars, "default" the lab's own. */
export async function labAllowances(
  { email, amount }: { email: string | undefined; amount: string | undefined },
  options: GlobalOptions,
  context: Context,
): Promise<Allowances> {
  if (email !== undefined) checkEmail(email)
  const usd =
    amount === undefined ? undefined : amount === 'default' ? amount : checkedSetting('allowance', amount)
  const host = await hostFor(options, context)
  return await userAllowances(host, {
    ...(email === undefined ? {} : { email }),
    ...(usd === undefined ? {} : { usd }),
  })
}

/** What another allowance of the lab would do to each balance, as lines. */
export async function allowancePreview(
  open: OpenLab,
  instanceId: string,
  allowance: number,
  context: Context,
): Promise<string[]> {
  const { users, more } = await userAllowances(hostOf(open, instanceId, context), { preview: allowance })
  const dollars = (usd: number) => `$${usd.toFixed(2)}`
  return [
    ...users.map(
      ({ email, before, left, used }) =>
        `${email}: ${before === null ? 'no balance' : dollars(before)} → ${dollars(left)}${used > 0 ? `, because ${dollars(used)} is spent` : ''}`,
    ),
    ...(more > 0 ? [`and ${more} more`] : []),
  ]
}
