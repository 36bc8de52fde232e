import { configuredRegion, regions } from '../../aws/region.js'
import { LabError } from '../../core/error.js'
import { checkedChoices } from '../../lab/choices.js'
import { names } from '../../lab/names.js'
import { readParameter } from '../../resources/settings-parameter.js'
import type { Context, GlobalOptions } from '../context.js'
import { settleCredentials } from '../credentials.js'
import { type OpenLab, openLab } from '../open-lab.js'
import { givesPassword } from '../password.js'
import type { UpOptions } from '../up-options.js'
import { withoutLock } from '../with-lock.js'
import { agree } from './agree.js'
import { converge } from './converge.js'
import { lookAt, lookEarly, type Now } from './observe.js'
import { changesNothing, planOf } from './plan.js'
import { conclude, renewProof } from './prove.js'
import type { Run, UpView, Wish } from './run.js'
import { settingsOf, settle } from './settle.js'

/** Creates, repairs or updates the lab to match the settings. Returns the exit code. */
export async function up(given: GlobalOptions & UpOptions, context: Context, view: UpView): Promise<number> {
  const choices = checkedChoices(given)
  const options = await withRegion(given.yes ? given : await settleCredentials(given, context), context)
  const open = await openLab(options, context, { readsPath: true })
  const run: Run = { options, context, open, choices, view }

  const early = lookEarly(run)
  const wish = await settle(run).catch((error) => {
    early?.drop()
    throw error
  })
  const settings = settingsOf(run, wish, open.stored)
  const wanted = { ...wish, generation: settings.generation }
  const agreed = await lookAndAgree(run, wanted, early).catch(async (error) => {
    if (options.dryRun || !isDoubt(error) || !(await isUnderWay(open))) throw error
    return undefined // It observes again under the lock, and asks for agreement then.
  })
  return typeof agreed === 'number' ? agreed : await converge(run, wanted, agreed)
}

/** The agreed plan; the exit code if there is nothing to do. */
async function lookAndAgree(
  run: Run,
  wish: Wish,
  early: ReturnType<typeof lookEarly>,
): Promise<Now | number> {
  const { options, context, open, view } = run
  const settings = settingsOf(run, wish, open.stored)
  const look = (isFirst: boolean) =>
    lookAt(run, { settings, stored: open.stored, password: wish.password, isFirst })
  const first = (await early?.asFor(settings)) ?? (await look(true))
  tellOfUsers(run, first.actual.users)
  tellOfSchedule(run, first)
  // A proof that is no longer valid is repeated, which can change the menu.
  const isRenewed = !options.dryRun && changesNothing(planOf(run, first)) && (await renewProof(run, first))
  const now = isRenewed ? await look(false) : first

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
  return now
}

/** Errors that a concurrent run can cause, for a run that read the settings before it. */
const doubts = [
  'ambiguous-instance',
  'ambiguous-address',
  'ambiguous-group',
  'not-proven',
  'opened-by-settings',
  'unowned',
]
const isDoubt = (error: unknown) => error instanceof LabError && doubts.includes(error.code)

/** Whether another run is changing the lab, or has changed its settings since this one read them. */
async function isUnderWay({ clients: { ssm }, lab, storedText }: OpenLab): Promise<boolean> {
  const { lock, settings } = names(lab.name)
  const [held, stored] = await Promise.all([readParameter(ssm, lock), readParameter(ssm, settings)])
  return held !== undefined || stored?.value !== storedText
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

/** Only the `schedule` commands change a schedule. */
function tellOfSchedule({ context: { ui } }: Run, { settings, graph, observation }: Now): void {
  if (settings.schedule || !observation.of(graph.schedules)) return
  ui.emit({
    type: 'warning',
    text: [
      'The lab’s settings have no schedule, but EventBridge Scheduler still starts and stops the lab. ',
      { path: 'schedule off' },
      ' ends that; ',
      { path: 'schedule set' },
      ' stores a schedule again.',
    ],
  })
}

/** Asks for the region if none is configured. */
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
