import { configuredRegion, regions } from '../../aws/region.js'
import { checkedChoices } from '../../lab/choices.js'
import type { Context, GlobalOptions } from '../context.js'
import { settleCredentials } from '../credentials.js'
import { openLab } from '../open-lab.js'
import { givesPassword } from '../password.js'
import type { UpOptions } from '../up-options.js'
import { withoutLock } from '../with-lock.js'
import { agree } from './agree.js'
import { converge } from './converge.js'
import { lookAt, lookEarly } from './observe.js'
import { changesNothing, planOf } from './plan.js'
import { conclude, renewProof } from './prove.js'
import type { Run, UpView } from './run.js'
import { settingsOf, settle } from './settle.js'

/** Creates, repairs or updates the lab, so that it matches the settings; the exit code. */
export async function up(given: GlobalOptions & UpOptions, context: Context, view: UpView): Promise<number> {
  const choices = checkedChoices(given)
  const options = await withRegion(given.yes ? given : await settleCredentials(given, context), context)
  const open = await openLab(options, context)
  const run: Run = { options, context, open, choices, view }

  const early = lookEarly(run)
  const wish = await settle(run).catch((error) => {
    early?.drop()
    throw error
  })
  const settings = settingsOf(run, wish, open.stored)
  const look = () => lookAt(run, { settings, stored: open.stored, password: wish.password })
  const first = (await early?.asFor(settings)) ?? (await look())
  tellOfUsers(run, first.actual.users)
  // A proof that no longer counts is repeated; the menu may change with it.
  const isRenewed = !options.dryRun && changesNothing(planOf(run, first)) && (await renewProof(run, first))
  const now = isRenewed ? await look() : first

  const plan = planOf(run, now)
  if (options.dryRun) {
    view.dryRun(plan)
    return 0
  }
  if (changesNothing(plan)) {
    await withoutLock(open, 'up', context)
    return await conclude(run, { wish, now, plan })
  }
  await agree(run, now, plan)
  return await converge(run, { ...wish, generation: settings.generation }, now)
}

/** `--email` creates the first user only. */
function tellOfUsers({ choices, open, options, context: { ui } }: Run, users: number | undefined): void {
  if (users && givesPassword(options))
    ui.emit({
      type: 'warning',
      text: 'The lab has a user already, so the password is not used. To set a new one:',
      command: { path: 'user reset-password', args: [choices.email ?? open.stored?.email ?? '<e-mail>'] },
    })
  if (!users || choices.email === undefined || choices.email === open.stored?.email) return
  ui.emit({
    type: 'warning',
    text: `The lab has ${users === 1 ? 'a user' : `${users} users`} already, so --email creates none. To add one:`,
    command: { path: 'user add', args: [choices.email] },
  })
}

/** Asks for the region where nothing names one. */
async function withRegion(
  options: GlobalOptions & UpOptions,
  { ui, env, settled }: Context,
): Promise<GlobalOptions & UpOptions> {
  if (options.rehearse || !ui.interactive || options.yes || (await configuredRegion(options, env)))
    return options
  const region = await ui.select({
    flag: '--region <region>',
    message: 'Which AWS region?',
    hint: 'The lab and its models run there. Nearby regions respond faster; us-east-1 and us-west-2 have the most models.',
    choices: regions.map(([value, where]) => ({ value, name: `${value.padEnd(16)} ${where}` })),
  })
  settled({ region })
  return { ...options, region }
}
