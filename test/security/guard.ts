import type { Account } from '../support/account.js'
import { run } from '../support/cli.js'
import { errorAnswer } from '../support/gateway/wire.js'
import { askedOf } from './asked.js'
import { type Asked, judge, type Policy } from './judge.js'

/** Stands before an account as IAM does: what the policy that the program printed does not allow is refused. */
export interface Guard {
  /** From now on the operator has this policy alone, as `librechat-lab policy <commands>` prints it. */
  only(...commands: string[]): Promise<Policy>
  /** Nothing is refused any more. */
  off(): void
  /** All that IAM was asked, by the commands whose policy it was. */
  readonly asked: ReadonlyMap<string, readonly Asked[]>
  readonly refused: readonly Asked[]
}

export function guard(account: Account): Guard {
  const asked = new Map<string, Asked[]>()
  const refused: Asked[] = []
  let now: { commands: string; policy: Policy } | undefined

  account.answer({
    async before(call) {
      if (!now) return undefined
      const { commands, policy } = now
      for (const question of await askedOf(call, account.at, account.id)) {
        asked.set(commands, [...(asked.get(commands) ?? []), question])
        if ((await judge([policy], question)) === 'Allowed') continue
        // A dry run wants to hear it: whoever may only look is told that a release would be refused to him.
        if (call.params.DryRun !== 'true') refused.push(question)
        const code = call.service === 'ec2' ? 'UnauthorizedOperation' : 'AccessDeniedException'
        return errorAnswer(
          call,
          code,
          `not authorized to perform: ${question.action} on ${question.resource}`,
        )
      }
      return undefined
    },
  })

  return {
    asked,
    refused,
    off: () => {
      now = undefined
    },
    async only(...commands) {
      const { stdout } = await run(account, ['policy', ...commands])
      now = { commands: commands.join(' '), policy: JSON.parse(stdout) as Policy }
      return now.policy
    },
  }
}
