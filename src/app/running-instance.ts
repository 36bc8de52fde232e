import { LabError } from '../core/error.js'
import { findInstance, type LabInstance } from '../lab/find.js'
import { stoppedBy } from '../lab/stopped.js'
import type { Context } from './context.js'
import type { OpenLab } from './open-lab.js'

/**
 * The lab's instance. Starts a stopped one if the user at the terminal agrees; LabError `instance-stopped` otherwise,
 * and `no-such-lab`.
 */
export async function findRunning(open: OpenLab, context: Context): Promise<LabInstance> {
  const { clients, lab, stored } = open
  const found = await findInstance(clients, lab, stored)
  if (found.state !== 'stopped' && found.state !== 'stopping') return found
  const { ui } = context
  const how = found.rest && howStopped[stoppedBy(found.rest, stored).by]
  const what = `The lab "${lab.name}" is stopped${how ? `, ${how}` : ''}.`
  const agrees =
    ui.interactive &&
    !ui.json &&
    (await ui.confirm({
      message: `${what} Start it?`,
      hint: 'It takes about two minutes. Its data and its address are kept.',
      otherwise: 'This is only offered at a terminal.',
      default: true,
    }))
  if (!agrees) throw isStopped(found.state, what)
  const { startLab } = await import('./start.js')
  await startLab(open, context)
  return await findInstance(clients, lab, stored)
}

const howStopped = {
  stop: 'by the command stop',
  schedule: 'by its schedule',
  idle: 'because nobody used it',
  unknown: '',
} as const

const isStopped = (state: string, what: string): LabError =>
  new LabError({
    code: `instance-${state}`,
    what,
    fix: [
      { command: { path: 'start' }, text: 'starts it; its address and data are kept' },
      'Then run the same command again.',
    ],
  })
