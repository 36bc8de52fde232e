import { randomUUID } from 'node:crypto'
import { hostname, userInfo } from 'node:os'
import { DeleteParameterCommand, PutParameterCommand, type SSMClient } from '@aws-sdk/client-ssm'
import * as z from 'zod'
import { ignoreErrors, isCode, isOutcomeUnknown, isThrottled } from '../aws/errors.js'
import type { Clock } from '../core/clock.js'
import { LabError } from '../core/error.js'
import { readParameter } from '../resources/settings-parameter.js'

/** Who holds a lab's lock. Anybody in the account may have written it: nothing in it is trusted. */
const holderSchema = z.object({
  id: z.string().max(64),
  who: z.string().max(100),
  machine: z.string().max(100),
  pid: z.int(),
  command: z.string().max(20),
  since: z.string().max(40),
})
type Holder = z.infer<typeof holderSchema>

const renewEveryMs = 15_000
/** A lock that nobody renews for so long is a dead run's. */
const abandonedAfterMs = 60_000
const waitAtMostMs = 15 * 60_000

export interface Lock {
  /** Whether somebody else held it first: what was observed before is stale then. */
  readonly waited: boolean
  /** Aborts with the run's own signal, and when another run has taken the lock over: asleep for too long. */
  readonly signal: AbortSignal
  release(): Promise<void>
}

export interface LockOptions {
  ssm: SSMClient
  parameter: string
  command: string
  clock: Clock
  signal: AbortSignal
  /** Told about another run that is waited for. */
  onWait: (text: string) => void
}

/**
 * Keeps two runs on one lab apart: a parameter put without overwriting, renewed while the work goes on. One that a
 * killed run on this machine left is taken over at once, another's when it wasn't renewed for a minute. Its age is
 * seen from its version, never from two machines' clocks. LabError `locked` after a quarter of an hour.
 */
export async function takeLock(options: LockOptions): Promise<Lock> {
  const { ssm, parameter, clock, signal } = options
  const mine: Holder = {
    id: randomUUID(),
    who: `${userInfo().username}@${hostname()}`.slice(0, 100),
    machine: hostname().slice(0, 100),
    pid: process.pid,
    command: options.command,
    since: new Date(clock.now()).toISOString(),
  }
  const put = (Overwrite: boolean) =>
    ssm.send(
      new PutParameterCommand({
        Name: parameter,
        Value: JSON.stringify(mine),
        Type: 'String',
        Overwrite,
        Description: 'Held while librechat-lab changes the lab.',
      }),
    )
  const begun = clock.now()
  let watched: { version: number; value: string; since: number } | undefined

  for (;;) {
    if (await putNew(put, ssm, parameter, mine.id)) break
    const there = await readParameter(ssm, parameter)
    if (!there) continue
    if (watched?.version !== there.version || watched.value !== there.value) {
      watched = { ...there, since: clock.now() }
    }
    const holder = parseHolder(there.value)
    const abandoned = clock.now() - watched.since >= abandonedAfterMs
    if (abandoned || isDeadHere(holder)) {
      await put(true)
      // Two may have taken it over at the same moment: the last one to write has it.
      await clock.sleep(500, signal)
      if (parseHolder((await readParameter(ssm, parameter))?.value)?.id === mine.id) break
      continue
    }
    const who = holder ? `${holder.who} (${holder.command}, since ${holder.since})` : 'somebody'
    if (clock.now() - begun >= waitAtMostMs) throw locked(who, parameter)
    options.onWait(`${who} is changing this lab: waiting for them to finish.`)
    await clock.sleep(2_000, signal)
  }

  const lost = new AbortController()
  const released = new AbortController()
  const look = async () => parseHolder((await readParameter(ssm, parameter))?.value)
  const renewing = renew(clock, released.signal, async () => {
    const there = await look()
    if (there && there.id !== mine.id) lost.abort(takenOver(there))
    else await put(true)
  })
  return {
    waited: watched !== undefined,
    signal: AbortSignal.any([signal, lost.signal]),
    async release() {
      released.abort()
      await renewing // It would bring the lock back.
      if (lost.signal.aborted) return
      await ignoreErrors(['ParameterNotFound'], () =>
        ssm.send(new DeleteParameterCommand({ Name: parameter })),
      )
    },
  }
}

/**
 * Removes the lock that a killed run on this machine left, for a run that finds nothing to change and so takes none.
 * It is taken over first, for another run may be doing just that.
 */
export async function removeDeadLock(options: LockOptions): Promise<void> {
  const there = await readParameter(options.ssm, options.parameter)
  if (isDeadHere(parseHolder(there?.value))) await (await takeLock(options)).release()
}

/** Renews until released; a renewal that fails is made up for by the next. */
async function renew(clock: Clock, released: AbortSignal, once: () => Promise<void>): Promise<void> {
  while (!released.aborted) {
    try {
      await clock.sleep(renewEveryMs, released)
      await once()
    } catch (error) {
      if (!isOutcomeUnknown(error) && !isThrottled(error)) return
    }
  }
}

/** Whether the lock is ours now; a repeat of a put whose answer was lost finds itself there. */
async function putNew(
  put: (overwrite: boolean) => Promise<unknown>,
  ssm: SSMClient,
  parameter: string,
  id: string,
): Promise<boolean> {
  try {
    await put(false)
    return true
  } catch (error) {
    if (!isCode(error, 'ParameterAlreadyExists')) throw error
    return parseHolder((await readParameter(ssm, parameter))?.value)?.id === id
  }
}

function parseHolder(value: string | undefined): Holder | undefined {
  try {
    return holderSchema.parse(JSON.parse(value ?? ''))
  } catch {
    return undefined
  }
}

/** A process of this machine that is no more. */
function isDeadHere(holder: Holder | undefined): boolean {
  if (!holder || holder.machine !== hostname() || holder.pid === process.pid || holder.pid < 1) return false
  try {
    process.kill(holder.pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

const locked = (who: string, parameter: string) =>
  new LabError({
    code: 'locked',
    what: `The lab is still being changed by ${who}.`,
    why: 'Two runs at once would undo each other’s work.',
    fix: [
      'Wait until they have finished, then run the same command again.',
      `If you are sure that nobody is: aws ssm delete-parameter --name ${parameter}`,
    ],
  })

const takenOver = ({ who, command }: Holder) =>
  new LabError({
    code: 'lock-lost',
    what: `${who} has taken over this lab (${command}) while this run was away.`,
    why: 'This run did not renew its lock for a minute: the machine slept, or had no network.',
    fix: ['Wait until they have finished, then run the same command again.'],
    exitCode: 2,
  })
