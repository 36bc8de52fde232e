import type { Context, Run } from '../app/context.js'
import { type DestroyPlan, Destruction } from '../app/destroy.js'
import { openLab } from '../app/open-lab.js'
import { LabError } from '../core/error.js'
import { addressCost } from '../lab/prices.js'
import { destroyedJson, destroyedText, nothingText, planText } from '../ui/destroy-view.js'

interface DestroyOptions {
  confirm?: string
  releaseAddress?: string
  dryRun?: boolean
}

/** Removes the lab; a protected address stays unless it is named. */
export const run: Run<DestroyOptions> = async (options, context) => {
  const { ui } = context
  const open = await openLab(options, context, { anySpec: true })
  const destruction = await Destruction.of(open, options.releaseAddress)
  const { plan } = destruction
  const { lab, going, kept, strangers, address } = plan
  const untouched = { lab, removed: [], left: [], strangers }
  if (going.length === 0) {
    if (!options.dryRun) await destruction.nothing(context)
    ui.result(nothingText(plan, ui), destroyedJson({ ...untouched, keptAddress: address?.publicIp }))
    return 0
  }
  if (options.dryRun) {
    ui.result(planText(plan, ui), {
      ...destroyedJson({ ...untouched, left: going.map(({ text }) => text), keptAddress: undefined }),
      going: going.map(({ text }) => text),
      kept,
      dryRun: true,
    })
    return 0
  }
  ui.show((paint) => planText(plan, paint))
  await agree(plan, options, context)
  if (await agreeToRelease(plan, options, context)) destruction.releaseToo()
  const outcome = await destruction.carryOut(context)
  ui.result(destroyedText(outcome, ui), destroyedJson(outcome))
  return outcome.left.length === 0 ? 0 : 2
}

/** Wants the lab's name typed, at the terminal or with `--confirm`. */
async function agree({ lab }: DestroyPlan, options: DestroyOptions, { ui }: Context): Promise<void> {
  if (options.confirm === lab.name) return
  if (options.confirm !== undefined) {
    throw new LabError({
      code: 'not-confirmed',
      what: `--confirm says ${JSON.stringify(options.confirm.slice(0, 60))}, and the lab is "${lab.name}".`,
      fix: [`librechat-lab destroy --confirm ${lab.name}`],
    })
  }
  const typed = await ui.input({
    flag: `--confirm ${lab.name}`,
    message: `Type the lab's name to destroy it (${lab.name}):`,
    hint: 'What is on its disk is gone for good.',
  })
  if (typed.trim() !== lab.name) {
    throw new LabError({ code: 'declined', what: 'That is not its name: nothing was done.' })
  }
}

/** Asks at the terminal whether the address goes too; only its own number says so. */
async function agreeToRelease(
  { address, lab }: DestroyPlan,
  options: DestroyOptions,
  { ui }: Context,
): Promise<boolean> {
  if (!address?.canGo || address.goes || options.confirm !== undefined) return false
  const named = await ui.input({
    flag: `--release-address ${address.publicIp}`,
    message: `Type ${address.publicIp} to release it too (empty keeps it):`,
    hint: `A kept address costs ${addressCost(lab.region)}, and the next up takes it back. A released one is gone.`,
  })
  return named.trim() === address.publicIp
}
