import { DeleteParameterCommand, PutParameterCommand, type SSMClient } from '@aws-sdk/client-ssm'
import { ignoreErrors, isCode, isPassing } from '../aws/errors.js'
import type { Clock } from '../core/clock.js'
import { LabError } from '../core/error.js'
import { poll } from '../core/wait.js'
import { readParameter } from '../resources/settings-parameter.js'
import { type Holder, isDeadHere, parseHolder } from './lock-holder.js'

const renewEveryMs = 15_000
/** Before a change, the lock is read again if this long has passed since it was last read. */
const provenForMs = 5_000
/** After this long without a renewal, a change waits for one. */
const overdueAfterMs = 30_000
/** A lock that is not renewed for this long belongs to a dead run. */
const abandonedAfterMs = 60_000
const waitAtMostMs = 15 * 60_000

export interface Lock {
  /** Whether another run held it first, so that earlier observations are stale. */
  readonly waited: boolean
  /** Aborts when the run's own signal does, and when the lock is lost. */
  readonly signal: AbortSignal
  /** Throws `lock-lost` if the lock is lost. Reads it from AWS if it was not read within the last seconds. */
  check(): Promise<void>
  release(): Promise<void>
}

export interface LockOptions {
  ssm: SSMClient
  parameter: string
  /** This run. */
  mine: Holder
  /** This run's `processSpace()`. */
  space: string | undefined
  clock: Clock
  signal: AbortSignal
  /** Called while this run waits for another one. */
  onWait: (text: string) => void
}

/**
 * Prevents two runs from changing one lab at the same time: a parameter that is created without overwriting, and
 * renewed during the work. A random id identifies the holder. Another run's lock is taken over when its process has
 * provably ended on this machine, or when it is not renewed for a minute; its age is measured by its version, not by
 * comparing two machines' clocks. LabError `locked` after 15 minutes.
 */
export async function takeLock(options: LockOptions): Promise<Lock> {
  const waited = await acquire(options)
  return hold(options, waited)
}

/**
 * Removes the lock of a killed run on this machine, for a run that has nothing to change and takes no lock itself. It
 * takes the lock over first, because another run may be doing the same.
 */
export async function removeDeadLock(options: LockOptions): Promise<void> {
  const there = await readParameter(options.ssm, options.parameter)
  if (isDeadHere(parseHolder(there?.value), options.space)) await (await takeLock(options)).release()
}

/** Resolves once this run has the lock; true if it had to wait for another run. */
async function acquire(options: LockOptions): Promise<boolean> {
  const { ssm, parameter, mine, space, clock, signal } = options
  let watched: { version: number; value: string; since: number } | undefined
  let who = 'somebody'
  const wait = { deadlineMs: waitAtMostMs, clock, signal, firstMs: 2_000, maxMs: 2_000 }
  const waited = await poll(wait, async () => {
    if (await putNew(options)) return watched !== undefined
    const there = await readParameter(ssm, parameter)
    if (!there) return undefined
    if (watched?.version !== there.version || watched.value !== there.value) {
      watched = { ...there, since: clock.now() }
    }
    const holder = parseHolder(there.value)
    if (clock.now() - watched.since >= abandonedAfterMs || isDeadHere(holder, space)) {
      await ignoreErrors(['TooManyUpdates'], () => put(options, true))
      // If two runs take it over at the same moment, the last one to write has it.
      await clock.sleep(500, signal)
      const isMine = parseHolder((await readParameter(ssm, parameter))?.value)?.id === mine.id
      return isMine ? true : undefined
    }
    who = holder ? `${holder.who} (${holder.command}, since ${holder.since})` : 'somebody'
    options.onWait(`${who} is changing this lab: waiting for them to finish.`)
    return undefined
  })
  if (waited === undefined) throw locked(who, parameter)
  return waited
}

/** Renews the lock until it is released or lost. */
function hold(options: LockOptions, waited: boolean): Lock {
  const { ssm, parameter, mine, clock, signal } = options
  const lost = new AbortController()
  const released = new AbortController()
  let renewedAt = clock.now()
  let provenAt = renewedAt
  let underWay: Promise<void> | undefined
  let proving: Promise<unknown> | undefined

  const isMine = async () => parseHolder((await readParameter(ssm, parameter))?.value)?.id === mine.id
  /** Reads the lock; marks it as lost if it is no longer this run's. */
  const prove = async () => {
    const there = await readParameter(ssm, parameter)
    const holder = parseHolder(there?.value)
    // A missing lock counts as lost: another run may have taken it, finished, and removed it.
    if (!there || holder?.id !== mine.id) return lost.abort(there ? takenOver(holder) : deleted())
    provenAt = clock.now()
    return there
  }
  const proveOnce = () => {
    proving ??= ignorePassing(prove()).finally(() => {
      proving = undefined
    })
    return proving
  }
  const renewOnce = async () => {
    const there = await prove()
    if (!there || lost.signal.aborted) return
    const { Version = 1 } = await put(options, true)
    // Parameter Store has no conditional write. The version shows whether another run took the lock in between.
    const between =
      Version === there.version + 1 || Version === 1
        ? undefined
        : await readParameter(ssm, `${parameter}:${Version - 1}`)
    const taker = between && parseHolder(between.value)
    if (between && taker?.id !== mine.id) {
      await put(options, true, between.value)
      return lost.abort(takenOver(taker))
    }
    renewedAt = clock.now()
  }
  const renew = () => {
    underWay ??= renewOnce().finally(() => {
      underWay = undefined
    })
    return underWay
  }
  const renewing = keepRenewing(options, AbortSignal.any([released.signal, lost.signal]), renew, (error) =>
    lost.abort(notRenewed(error)),
  )
  return {
    waited,
    signal: AbortSignal.any([signal, lost.signal]),
    async check() {
      if (lost.signal.aborted) throw lost.signal.reason
      if (clock.now() - renewedAt >= overdueAfterMs) await renew()
      else if (clock.now() - provenAt >= provenForMs) await proveOnce()
      lost.signal.throwIfAborted()
    },
    async release() {
      released.abort()
      await renewing // A running renewal would create the lock again.
      if (lost.signal.aborted) return
      // After a sleep the lock may be another run's by now.
      if (clock.now() - renewedAt >= overdueAfterMs && !(await isMine())) return
      await ignoreErrors(['ParameterNotFound'], () =>
        ssm.send(new DeleteParameterCommand({ Name: parameter })),
      )
    },
  }
}

/**
 * After a transient error, the next renewal tries again; any other error is reported, because the lock will be lost.
 * It has no condition and no deadline, so it doesn't use `poll`.
 */
async function keepRenewing(
  { clock }: LockOptions,
  ended: AbortSignal,
  renew: () => Promise<void>,
  onLastingFailure: (error: unknown) => void,
): Promise<void> {
  let pause = renewEveryMs
  while (!ended.aborted) {
    try {
      await clock.sleep(pause, ended)
      await renew()
      pause = renewEveryMs
    } catch (error) {
      if (ended.aborted) return
      if (!isPassing(error)) return onLastingFailure(error)
      pause = renewEveryMs / 5
    }
  }
}

/** Ignores transient errors: the next renewal is due within seconds. */
const ignorePassing = (asking: Promise<unknown>): Promise<unknown> =>
  asking.catch((error) => {
    if (!isPassing(error)) throw error
  })

const put = ({ ssm, parameter, mine }: LockOptions, Overwrite: boolean, Value = JSON.stringify(mine)) =>
  ssm.send(
    new PutParameterCommand({
      Name: parameter,
      Value,
      Type: 'String',
      Overwrite,
      Description: 'Held while librechat-lab changes the lab.',
    }),
  )

/** Whether this run has the lock now. A retry after a lost answer finds its own lock. */
async function putNew(options: LockOptions): Promise<boolean> {
  try {
    await put(options, false)
    return true
  } catch (error) {
    if (!isCode(error, 'ParameterAlreadyExists', 'TooManyUpdates')) throw error
    const there = await readParameter(options.ssm, options.parameter)
    return parseHolder(there?.value)?.id === options.mine.id
  }
}

const locked = (who: string, parameter: string) =>
  new LabError({
    code: 'locked',
    what: `The lab is still being changed by ${who}.`,
    why: 'Two concurrent runs would undo each other’s changes.',
    fix: [
      'Wait until that run has finished, then run the same command again.',
      {
        run: `aws ssm delete-parameter --name ${parameter}`,
        text: 'releases the lock, if you are sure that nobody is changing the lab',
      },
    ],
  })

const takenOver = (holder: Holder | undefined) =>
  new LabError({
    code: 'lock-lost',
    what: holder
      ? `${holder.who} has taken over this lab (${holder.command}) while this run did not respond.`
      : 'Another run has taken over this lab while this run did not respond.',
    why: 'This run did not renew its lock for a minute: the computer slept or had no network. It stopped before its next change.',
    fix: ['Wait until that run has finished, then run the same command again.'],
    exitCode: 2,
  })

const deleted = () =>
  new LabError({
    code: 'lock-lost',
    what: 'Somebody deleted the lock of this run, or another run took it over and has finished.',
    why: 'Another run may be changing the lab. This one stopped before its next change.',
    fix: ['Wait until no other run changes the lab, then run the same command again: it continues.'],
    exitCode: 2,
  })

const notRenewed = (cause: unknown) =>
  new LabError({
    code: 'lock-lost',
    what: 'This run could not renew its lock, so it stopped before its next change.',
    why: (cause as Error).message,
    fix: ['Run the same command again: it continues where this one stopped.'],
    exitCode: 2,
    cause,
  })
