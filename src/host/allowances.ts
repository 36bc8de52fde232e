import * as z from 'zod'
import type { Host } from './host.js'
import { lastJson, runStage } from './stage.js'

const user = z.object({
  email: z.string(),
  /** What they may spend a month. */
  usd: z.number(),
  /** Whether it differs from the lab's. */
  own: z.boolean(),
  /** What they have spent this month. */
  used: z.number(),
  /** Their balance before; null: LibreChat creates it at their first message. */
  before: z.number().nullable(),
  /** Their balance with this allowance. */
  left: z.number(),
})
const answer = z.object({
  allowances: z.object({ usd: z.number(), users: z.array(user), more: z.int().min(0) }),
})

/** The lab's allowance, its users, and how many there are beyond those. */
export type Allowances = z.infer<typeof answer>['allowances']

/**
 * Shows allowances and balances, and changes one user's. LabErrors of the host: `no-allowance`, `user-unknown`,
 * `database-unreachable`.
 * @param asked.usd the user's own allowance from now on, or "default" for the lab's
 * @param asked.preview what the balances would be with another allowance of the lab
 */
export async function userAllowances(
  host: Host,
  asked: { email?: string; usd?: number | 'default'; preview?: number },
): Promise<Allowances> {
  const { email = null, usd = null, preview = null } = asked
  const input = { 'request.json': JSON.stringify({ email, usd, preview }) }
  const output = await runStage(host, 'allowance', { input, timeoutSeconds: 300 })
  return answer.parse(lastJson(output)).allowances
}
