import type { Hint } from '../core/error.js'
import { addressCost } from '../lab/prices.js'
import { confirmName } from './confirm-name.js'
import type { Context, GlobalOptions } from './context.js'
import { type Destroyed, type DestroyPlan, Destruction } from './destruction.js'
import { backUpFirst, chooseBackup, type FirstBackupOptions } from './first-backup.js'
import { openLab } from './open-lab.js'

export interface DestroyOptions extends FirstBackupOptions {
  confirm?: string
  releaseAddress?: string
  dryRun?: boolean
}

/** Output of a run. */
export interface DestroyView {
  /** There is nothing to delete. */
  nothing(plan: DestroyPlan): void
  /** Before the question. */
  plan(plan: DestroyPlan): void
  /** The result of `--dry-run`. */
  dryRun(plan: DestroyPlan): void
  outcome(destroyed: Destroyed & { backup: string | undefined }): void
}

/** Deletes the lab; a protected address stays unless it is named. The exit code: 0 done, 2 something is left. */
export async function destroy(
  options: DestroyOptions & GlobalOptions,
  context: Context,
  view: DestroyView,
): Promise<number> {
  const open = await openLab(options, context, { anySpec: true, readsPath: true })
  const destruction = await Destruction.of(open, options.releaseAddress, context)
  const { plan } = destruction
  if (plan.going.length === 0) {
    if (!options.dryRun) await destruction.nothing(context)
    view.nothing(plan)
    return 0
  }
  if (options.dryRun) {
    view.dryRun(plan)
    return 0
  }
  view.plan(plan)
  const wanted = await chooseBackup(plan, options, context)
  await confirmName(
    { lab: plan.lab.name, confirm: options.confirm, path: 'destroy' },
    {
      to: 'destroy it',
      hint: 'All data on its disk will be deleted. This can’t be undone.',
      declined: 'Nothing was deleted.',
    },
    context,
  )
  if (await agreeToRelease(plan, options, context)) destruction.releaseToo()
  const backup = await backUpFirst(open, wanted, options, context)
  const goOn = backup === undefined ? undefined : withoutBackup(backup, destruction.plan, options, context)
  context.signal.throwIfAborted()
  // A backup takes minutes, so the observation before it is stale, as after a question.
  const asked = options.confirm === undefined || backup !== undefined
  const outcome = { ...(await destruction.carryOut(context, { asked, goOn })), backup }
  view.outcome(outcome)
  return outcome.left.length === 0 ? 0 : 2
}

/** How to go on from here: the lab can't be backed up to the same file again, or at all once its instance is gone. */
function withoutBackup(
  file: string,
  { address }: DestroyPlan,
  { confirm }: DestroyOptions,
  context: Context,
): Hint {
  const releaseAddress = address?.goes ? address.publicIp : undefined
  const note = `the backup is in ${file}`
  context.continuesWith({ backup: false, passphraseFile: undefined, releaseAddress }, note)
  return {
    command: { path: 'destroy', flags: { confirm, 'no-backup': true, 'release-address': releaseAddress } },
    text: `continues where it stopped; ${note}`,
  }
}

/** Asks at the terminal whether to release the address too; only its exact number is a yes. */
async function agreeToRelease(
  { address, lab }: DestroyPlan,
  options: DestroyOptions,
  { ui }: Context,
): Promise<boolean> {
  if (!address?.canGo || address.goes || options.confirm !== undefined) return false
  const named = await ui.input({
    flag: `--release-address ${address.publicIp}`,
    message: `Type ${address.publicIp} to release it too (empty keeps it):`,
    hint: `A kept address costs ${addressCost(lab.region)}, and the next up uses it again. A released one can’t be recovered.`,
  })
  return named.trim() === address.publicIp
}
