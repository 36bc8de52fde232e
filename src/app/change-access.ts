import { isRetryable } from '../aws/errors.js'
import { LabError } from '../core/error.js'
import { ensure } from '../engine/converge.js'
import { type AccessEdit, checkedRange } from '../lab/access-list.js'
import type { Lock } from '../lab/lock.js'
import { names } from '../lab/names.js'
import type { Settings } from '../lab/settings.js'
import { formatSettings } from '../lab/stored-settings.js'
import { overwrite } from '../resources/settings-parameter.js'
import { type AccessLook, type AccessPlan, ownAddress, planAccess, storedIn } from './access.js'
import type { Context, GlobalOptions } from './context.js'
import { type OpenLab, openLab, reread } from './open-lab.js'
import { toPartialFailure } from './partial-failure.js'
import { withLock, withoutLock } from './with-lock.js'

export interface AccessOptions {
  yes?: boolean
  dryRun?: boolean
  allowEveryone?: boolean
  allowNobody?: boolean
}

/** How a change of the list is shown. */
export interface AccessView {
  /** Before the question. */
  plan(plan: AccessPlan): void
  /** The result of `--dry-run`. */
  dryRun(plan: AccessPlan): void
  done(plan: AccessPlan): void
}

/** One run: its options, and the lab. */
interface Run {
  options: GlobalOptions & AccessOptions
  context: Context
  open: OpenLab
  edit: AccessEdit
  here: string | undefined
  view: AccessView
}

interface Now {
  stored: Settings
  /** The parameter's version and text that it was read from. */
  version: number
  text: string
  plan: AccessPlan
  look: AccessLook
}

/** Adds a range, or with "detect" this machine's address, to the list of those that can reach the lab. */
export const addAccess = (
  range: string,
  options: GlobalOptions & AccessOptions,
  context: Context,
  view: AccessView,
): Promise<number> => changeAccess('add', range, { options, context, view })

/** Removes a range from the list; LabErrors `no-such-range`, `last-range`. */
export const removeAccess = (
  range: string,
  options: GlobalOptions & AccessOptions,
  context: Context,
  view: AccessView,
): Promise<number> => changeAccess('remove', range, { options, context, view })

async function changeAccess(
  kind: AccessEdit['kind'],
  range: string,
  { options, context, view }: Pick<Run, 'options' | 'context' | 'view'>,
): Promise<number> {
  const detects = kind === 'add' && range === 'detect'
  const typed = detects ? undefined : checkedRange(range)
  const open = await openLab(options, context)
  const stored = storedIn(open)
  const here = detects ? await open.connection.internet.publicAddress() : await ownAddress(open)
  const { allowEveryone = false, allowNobody = false } = options
  const edit = { kind, cidr: typed ?? checkedRange(here ?? ''), allowEveryone, allowNobody }
  const run: Run = { options, context, open, edit, here, view }
  const now: Now = {
    stored,
    version: open.storedVersion ?? 0,
    text: open.storedText ?? '',
    ...(await planAccess(open, { stored, edit, here })),
  }
  if (options.dryRun) {
    view.dryRun(now.plan)
    return 0
  }
  if (now.plan.changes.length === 0) {
    await withoutLock(open, `access ${kind}`, context)
    view.done(now.plan)
    return 0
  }
  await agree(run, now)
  return await apply(run, now)
}

/** Shows the change and asks. With `--yes`, what this command does not say is refused. */
async function agree({ options, context: { ui }, edit, view }: Run, { plan, look }: Now): Promise<void> {
  if (options.yes) refuseUnsaid(edit, look)
  view.plan(plan)
  if (options.yes) return
  const agreed = await ui.confirm({
    flag: '--yes',
    message: 'Make this change?',
    ...(plan.locksOut ? { hint: 'It takes away your own access.' } : {}),
    default: !plan.locksOut,
  })
  if (!agreed) throw new LabError({ code: 'declined', what: 'Nothing was changed.' })
}

/** Anyone who can write the settings could otherwise make a user who only adds an address open the group further. */
function refuseUnsaid({ kind, cidr }: AccessEdit, { graph, observation, settings }: AccessLook): void {
  const there = observation.of(graph.group)?.ingress ?? []
  const isOpen = (port: number, source: string) =>
    there.some((rule) => rule.protocol === 'tcp' && rule.fromPort === port && rule.source === source)
  const said = kind === 'add' ? cidr : undefined
  const opened = settings.allow.cidrs.filter((one) => one !== said && !isOpen(443, one))
  const port80 = settings.openPort80 && !isOpen(80, '0.0.0.0/0') ? ['0.0.0.0/0 on port 80'] : []
  const unsaid = [...opened, ...port80]
  if (unsaid.length === 0) return
  throw new LabError({
    code: 'opened-by-settings',
    what: `The stored settings would also let in ${unsaid.join(', ')}, and this command does not ask for it.`,
    why: 'An interrupted run may have stored that, or someone else in the account. With --yes nobody confirms the plan.',
    fix: [
      { command: { path: `access ${kind}`, args: [cidr] }, text: 'shows the plan and asks' },
      { command: { path: 'access list' }, text: 'shows what is open and what is not' },
    ],
  })
}

/** Stores the list and changes the security group, under the lab's lock. */
async function apply(run: Run, agreed: Now): Promise<number> {
  const { open, edit, context, options, view } = run
  return await withLock(open, `access ${edit.kind}`, context, async (lock) => {
    const now = await underLock(run, agreed, lock)
    const { graph, settings, observation, group } = now.look
    const work = { clock: context.clock, signal: lock.signal, emit: context.ui.emit, isRetryable }
    try {
      await store(run, now, settings)
      if (group.action !== 'keep') await ensure([group], observation.only([graph.group]), work)
    } catch (error) {
      if (lock.signal.aborted) throw error
      throw toPartialFailure(error, { ...options, region: open.lab.region }, [
        'Run the same command again to finish.',
      ])
    }
    view.done(now.plan)
    return 0
  })
}

/** The agreed change or, if the settings have changed meanwhile, the same edit of the new settings. */
async function underLock(run: Run, agreed: Now, lock: Lock): Promise<Now> {
  const { open, edit, here } = run
  const there = await reread(open)
  const { storedVersion: version = 0, storedText: text = '' } = there
  if (!lock.waited && version === agreed.version && text === agreed.text) return agreed
  const stored = storedIn(there)
  const seen = await planAccess(open, { stored, edit, here })
  const now: Now = { stored, version, text, ...seen }
  if (JSON.stringify(now.plan.changes) !== JSON.stringify(agreed.plan.changes)) await agree(run, now)
  return now
}

async function store({ open, context }: Run, { stored, version }: Now, settings: Settings): Promise<void> {
  const { clients, lab } = open
  const parameter = names(lab.name).settings
  const text = formatSettings(settings, lab)
  if (text === formatSettings(stored, lab)) return
  await overwrite(clients.ssm, parameter, text, version)
  const name = `settings ${parameter}`
  context.ui.emit({ type: 'task', id: name, name, state: 'done', detail: 'changed' })
}
