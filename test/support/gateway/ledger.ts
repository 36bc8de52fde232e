import type { Supplement } from './gateway.js'

/** Every thing that was ever made through the gateway, whether or not the caller heard of it. */
export interface Ledger extends Supplement {
  /** AWS's ids, and the names of what has no id: roles, profiles, parameters. */
  readonly made: ReadonlySet<string>
}

const named: Record<string, string> = {
  CreateRole: 'RoleName',
  CreateInstanceProfile: 'InstanceProfileName',
  PutParameter: 'Name',
}

export function ledger(): Ledger {
  const made = new Set<string>()
  return {
    made,
    after(call, answer) {
      if (answer.status >= 300 || !call.changing) return undefined
      const [, kind, one] = /^POST \/schedule(-group)?s\/(.+)$/.exec(call.action) ?? []
      if (one) made.add(kind ? `schedule-group/${one}` : `schedule/${call.params.GroupName}/${one}`)
      const { BudgetName } = (call.params.Budget ?? {}) as { BudgetName?: string }
      if (call.action === 'CreateBudget') made.add(`budget/${BudgetName}`)
      const name = named[call.action]
      if (name) made.add(String(call.params[name]))
      if (
        call.service === 'ec2' &&
        /^(Run|Create|Allocate)/.test(call.action) &&
        call.action !== 'CreateTags'
      ) {
        for (const [id] of answer.body.matchAll(/\b(i|sg|vol|eipalloc|eni|vpc|subnet|igw)-[0-9a-f]{8,}/g)) {
          // What it only names (its VPC, its subnet) stands in the call as well, or is older than the ledger.
          if (call.action !== 'RunInstances' || /^(i|vol|eni)-/.test(id)) made.add(id)
        }
      }
      return undefined
    },
  }
}
