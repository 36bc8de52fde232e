import type { Run } from '../app/context.js'
import { policiesFor } from '../app/policy.js'

/** Prints the least privileges for all commands, or for those named. Calls nothing. */
export const run: Run = async ({ region = 'us-east-1' }, { ui }, args) => {
  const policies = policiesFor(args, region)
  const [only] = policies
  const printed = only && policies.length === 1 ? only : policies
  ui.result(JSON.stringify(printed, null, 2), printed)
  if (policies.length > 1) {
    ui.emit({
      type: 'note',
      text: `One managed policy can't hold all of this. Create ${policies.length} policies, one from each element of the list.`,
    })
  }
  return 0
}
