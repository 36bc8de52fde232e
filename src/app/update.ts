import { isIPv4 } from 'node:net'
import { proofIn } from '../bedrock/proof.js'
import { LabError } from '../core/error.js'
import { setUpHost } from '../host/setup.js'
import {
  isHeld,
  type Migration,
  type Move,
  migrationsOf,
  movesOf,
  pinnedVersions,
  refuseOlder,
} from '../host/versions.js'
import { identifyLab } from '../lab/find.js'
import { type ChatJudgement, chatScript, judgeChat, proveChat } from './chat-proof.js'
import type { Context, GlobalOptions } from './context.js'
import { askHealth, type HostHealth, hostOf, hostSettingsOf } from './host-work.js'
import { type LabId, type OpenLab, openLab, type Settings } from './open-lab.js'
import { findRunning } from './running-instance.js'
import { warnOfStop } from './scheduled-stop.js'
import { withLock, withoutLock } from './with-lock.js'

export interface UpdateOptions {
  check?: boolean
  yes?: boolean
}

/** The plan of an update. */
export interface UpdatePlan {
  lab: LabId
  /** The versions that this release has, by service. */
  pinned: Readonly<Record<string, string>>
  /** The versions on the host. */
  versions: Readonly<Record<string, string>>
  moves: readonly Move[]
  /** Whether there is something to do: versions to move, or an interrupted update. */
  available: boolean
  migrations: readonly Migration[]
  /** The result of the last update; null if there was none. */
  last: HostHealth['updates']['librechat']
  /** An interrupted update that this one would finish. */
  pending: boolean
  /** These versions were rolled back before. */
  again: boolean
}

/** The state after an update, with the moves and migrations that it did. */
export interface Updated extends UpdatePlan {
  judged: ChatJudgement
}

export interface UpdateView {
  /** The result of `--check`, and where there is nothing to do. */
  check(plan: UpdatePlan): void
  /** Before the question. */
  plan(plan: UpdatePlan): void
  outcome(updated: Updated): void
}

/**
 * Updates LibreChat and its databases to the versions of this release. The host dumps the data before, and restores
 * it by itself if anything fails; LabError `update-rolled-back`.
 */
export async function update(
  options: UpdateOptions & GlobalOptions,
  context: Context,
  view: UpdateView,
): Promise<number> {
  const open = await openLab(options, context)
  const found = await findRunning(open, context)
  const health = await askHealth(open, found, context)
  if (!open.stored || !health?.release) throw notSetUp(health)
  const plan = planOf(open.lab, health)
  if (options.check || !plan.available) {
    // One that was killed over its last calls has left its lock.
    if (!options.check) await withoutLock(open, 'update', context)
    view.check(plan)
    return 0
  }
  refuseOlder(plan.moves)
  refuseOtherSettings(open.stored, health)
  view.plan(plan)
  warnOfStop(open, context)
  await agree(options, context)
  return await withLock(open, 'update', context, async () => {
    const { judged, health: after } = await carryOut(
      open,
      open.stored as Settings,
      { instanceId: found.instanceId, health },
      context,
    )
    view.outcome({
      ...planOf(open.lab, after),
      moves: plan.moves,
      migrations: plan.migrations,
      judged,
    })
    return judged.exitCode
  })
}

function planOf(lab: LabId, health: HostHealth): UpdatePlan {
  const moves = movesOf(health)
  return {
    lab,
    pinned: pinnedVersions(),
    versions: health.versions,
    moves,
    available: moves.length > 0 || health.updatePending,
    migrations: migrationsOf(moves),
    last: health.updates.librechat,
    pending: health.updatePending,
    again: moves.length > 0 && isHeld(health, moves),
  }
}

async function carryOut(
  open: OpenLab,
  settings: Settings,
  { instanceId, health }: { instanceId: string; health: HostHealth },
  context: Context,
): Promise<{ judged: ChatJudgement; health: HostHealth }> {
  const { address } = await identifyLab(open.clients, open.lab, settings)
  if (!address?.PublicIp) throw notSetUp(health)
  const host = hostOf(open, instanceId, context)
  const hostSettings = hostSettingsOf(open.lab, settings, address.PublicIp, proofIn(health.proof))
  const proof = chatScript(host, settings)
  const { health: after } = await setUpHost(host, hostSettings, undefined, { proof, again: true })
  return { judged: judgeChat(await proveChat(host, settings), settings), health: after }
}

async function agree({ yes }: UpdateOptions, { ui }: Context): Promise<void> {
  if (yes) return
  const agreed = await ui.confirm({
    flag: '--yes',
    message: 'Update now?',
    hint: 'Nobody can use LibreChat meanwhile.',
    default: true,
  })
  if (agreed) return
  throw new LabError({
    code: 'declined',
    what: 'Nothing was changed.',
    fix: [{ command: { keeps: true, path: 'update' }, text: 'when you are ready' }],
  })
}

/**
 * An update sends the stored settings to the host too, so unshown changes of them are refused: only `up` shows and
 * applies them.
 */
function refuseOtherSettings(settings: Settings, { site, models }: HostHealth): void {
  const domain = site === '' || isIPv4(site) ? undefined : site
  const added = settings.models.filter(({ id }) => models.length > 0 && !models.includes(id))
  if (domain === settings.domain && added.length === 0) return
  throw new LabError({
    code: 'settings-differ',
    what: 'The stored settings have another domain or other models than the host.',
    why: 'update changes only versions, and up shows what else would change.',
    fix: [{ command: { path: 'up' }, text: 'shows the plan, and updates the versions too' }],
  })
}

const notSetUp = (health: HostHealth | undefined) =>
  new LabError({
    code: health ? 'not-set-up' : 'host-offline',
    what: health ? 'The lab was never set up completely.' : 'Systems Manager can’t reach the host.',
    why: 'Which versions run there is known when it answers.',
    fix: [{ command: { path: 'up' }, text: 'repairs it' }],
  })
