import { randomUUID } from 'node:crypto'
import { hostname, userInfo } from 'node:os'
import { guardChanges } from '../aws/guard.js'
import { LabError } from '../core/error.js'
import { type Lock, type LockOptions, removeDeadLock, takeLock } from '../lab/lock.js'
import { processSpace } from '../lab/lock-holder.js'
import { names } from '../lab/names.js'
import type { Context } from './context.js'
import type { OpenLab } from './open-lab.js'

/**
 * Runs the work under the lab's lock, and shows whom it waits for. A run that has lost the lock makes no further
 * change. The lock's own error takes precedence over the work's.
 */
export async function withLock<T>(
  open: OpenLab,
  command: string,
  context: Context,
  work: (lock: Lock) => Promise<T>,
): Promise<T> {
  const { ui } = context
  const options = lockOf(open, command, context)
  const lock = await takeLock(options)
  const endGuard = guardChanges(open.clients, lock.check, [options.parameter])
  try {
    if (lock.waited) ui.emit({ ...task, state: 'done', detail: 'has finished' })
    return await work(lock)
  } catch (error) {
    throw lock.signal.reason instanceof LabError ? lock.signal.reason : error
  } finally {
    endGuard()
    // An error here would hide the work's own; the next run takes the lock over.
    await lock.release().catch((error: Error) => {
      ui.emit({ type: 'warning', text: `The lab's lock could not be removed: ${error.message}` })
    })
  }
}

/** Removes a lock that a killed run on this machine left, if there is nothing to change. */
export const withoutLock = (open: OpenLab, command: string, context: Context): Promise<void> =>
  removeDeadLock(lockOf(open, command, context))

const task = { type: 'task', id: 'lock', name: 'another run' } as const

function lockOf({ clients, lab }: OpenLab, command: string, { ui, clock, signal }: Context): LockOptions {
  const space = processSpace()
  return {
    ssm: clients.ssm,
    parameter: names(lab.name).lock,
    mine: {
      id: randomUUID(),
      who: `${userInfo().username}@${hostname()}`.slice(0, 100),
      command,
      since: new Date(clock.now()).toISOString(),
      ...(space === undefined ? {} : { process: { space, pid: process.pid } }),
    },
    space,
    clock,
    signal,
    onWait: (detail) => ui.emit({ ...task, state: 'progress', detail }),
  }
}
