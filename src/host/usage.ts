import { unzipSync } from 'node:zlib'
import * as z from 'zod'
import { LabError } from '../core/error.js'
import type { Host } from './host.js'
import { endOf, lastJson, runStage } from './stage.js'

/** A period, in milliseconds since the epoch; `to` is exclusive. */
export type Period = readonly [name: string, from: number, to: number]

/** What was used and what it cost at LibreChat's own rates. */
export interface Amounts {
  inputTokens: number
  outputTokens: number
  cacheWriteTokens: number
  cacheReadTokens: number
  /** Answers of models, titles of conversations included. */
  calls: number
  usd: number
}

export interface Ledger {
  days: (Amounts & { day: string })[]
  months: (Amounts & { month: string })[]
  /** By cost, the highest first; `count` is the number of items that a last line without a name sums up. */
  models: (Amounts & { model?: string; count?: number })[]
  /** The same; the address of a removed user is "". */
  users: (Amounts & { email?: string; count?: number })[]
}

const amounts = [z.number(), z.number(), z.number(), z.number(), z.number(), z.number()] as const
const named = z.tuple([z.string(), ...amounts])
const othersToo = z.union([named, z.tuple([z.null(), ...amounts, z.int()])])
const answer = z.object({ usage: z.base64() })
const ledger = z.object({
  days: z.array(named),
  months: z.array(named),
  models: z.array(othersToo),
  users: z.array(othersToo),
})

/** LibreChat's balance counts millionths of a dollar; a transaction can have fractions of one. */
const usdOf = (credits: number): number => Math.round(credits) / 1e6

const amountsOf = ([, input, output, cacheWrite, cacheRead, calls, credits]: z.infer<
  typeof othersToo
>): Amounts => ({
  inputTokens: input,
  outputTokens: output,
  cacheWriteTokens: cacheWrite,
  cacheReadTokens: cacheRead,
  calls,
  usd: usdOf(credits),
})

/**
 * Sums LibreChat's transactions on the host: one Run Command whose answer has the same size for a thousand and a
 * million of them. LabErrors `database-unreachable`, `usage-unreadable`, and those of the stages.
 */
export async function readLedger(
  host: Host,
  asked: { days: readonly Period[]; months: readonly Period[] },
): Promise<Ledger> {
  const input = { 'request.json': JSON.stringify(asked) }
  const output = await runStage(host, 'usage', { input, timeoutSeconds: 600 })
  const found = ledgerIn(output)
  const named = <Name extends string>(name: Name, row: z.infer<typeof othersToo>) => ({
    ...(row[0] === null ? { count: row[7] } : ({ [name]: row[0] } as Record<Name, string>)),
    ...amountsOf(row),
  })
  return {
    days: found.days.map((row) => ({ day: row[0], ...amountsOf(row) })),
    months: found.months.map((row) => ({ month: row[0], ...amountsOf(row) })),
    models: found.models.map((row) => named('model', row)),
    users: found.users.map((row) => named('email', row)),
  }
}

function ledgerIn(output: string): z.infer<typeof ledger> {
  const told = answer.safeParse(lastJson(output))
  const found = told.success ? ledger.safeParse(unpacked(told.data.usage)) : told
  if (found.success && 'days' in found.data) return found.data
  throw new LabError({
    code: 'usage-unreadable',
    what: 'This version cannot read what the host says about usage.',
    why: endOf(output),
    fix: [{ command: { path: 'up' }, text: 'updates the host to this version' }],
    fault: 'program',
    cause: found.error,
  })
}

/** The limit for the unpacked answer: 24,000 bytes that are compressed to about a tenth. */
const mostBytes = 4 * 1024 * 1024

function unpacked(text: string): unknown {
  try {
    return JSON.parse(unzipSync(Buffer.from(text, 'base64'), { maxOutputLength: mostBytes }).toString())
  } catch (error) {
    const { code = '' } = error as { code?: string }
    if (error instanceof SyntaxError || /^Z_|^ERR_BUFFER_TOO_LARGE/.test(code)) return undefined
    throw error
  }
}
