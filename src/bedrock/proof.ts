import * as z from 'zod'
import { LabError } from '../core/error.js'
import { proofProgram } from './proof-program.js'

const proofSchema = z.discriminatedUnion('ok', [
  z.object({
    model: z.string(),
    ok: z.literal(true),
    /** From the call to the first word, in milliseconds. */
    firstTokenMs: z.number(),
    /** The first words; empty where the model only thought. */
    text: z.string(),
    /** Since when it has answered each time it was asked, as an ISO date. */
    since: z.string(),
  }),
  z.object({ model: z.string(), ok: z.literal(false), error: z.string() }),
])

const lineSchema = z.object({
  chat: z.array(proofSchema),
  /** The instance's role as the host's own metadata service names it; absent where it has none. */
  role: z.string().optional(),
})

export type ChatProof = z.infer<typeof proofSchema>
export type Proof = z.infer<typeof lineSchema>

/** How long one model may take for its whole answer. */
const MODEL_TIMEOUT = 60_000
/** How long the whole proof may take: the models are asked at once. */
export const PROOF_TIMEOUT = MODEL_TIMEOUT + 30_000
/** What works may still fail once AWS has finished a subscription in the background. */
const SETTLED_AFTER = 15 * 60_000

/** What stands for each model's error when nothing could be run in the container. */
const STOPPED = "ContainerNotRunning: LibreChat's container does not run"

const base64 = (text: string): string => Buffer.from(text).toString('base64')

/**
 * The proof as a script for Run Command: root on the host, `docker exec` into LibreChat's container, whose
 * address for metadata, hops and environment are thereby the chat's own. All that varies is base64. The host
 * keeps the last proof, so that a later one can say since when a model has answered.
 * It ends with 0 whether models answer or not, and prints one line of JSON for `readProof`.
 * @param models as called: profile ids or model ids
 */
export function proofScript(models: readonly string[], region: string): string {
  const asked = base64(JSON.stringify({ region, models, timeoutMs: MODEL_TIMEOUT }))
  const stopped = models.map((model) => ({ model, ok: false, error: STOPPED }))
  return `set -u
container=$(docker compose -p librechat-lab ps -q librechat | head -n 1)
imds=http://169.254.169.254/latest
token=$(curl -sf -m 2 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$imds/api/token" || true)
role=$(curl -sf -m 2 -H "X-aws-ec2-metadata-token: $token" "$imds/meta-data/iam/security-credentials/" || true)
record=/var/lib/librechat-lab/chat-proof.json
mkdir -p "\${record%/*}"
before=$(base64 -w 0 "$record" 2>/dev/null || true)
proof=$(printf %s ${base64(proofProgram)} | base64 -d | docker exec -i \\
  -e CHAT_PROOF=${asked} -e "CHAT_PROOF_BEFORE=$before" -e "CHAT_PROOF_ROLE=$role" \\
  -w /app "$container" node -) ||
  proof=$(printf %s ${base64(JSON.stringify({ chat: stopped }))} | base64 -d)
printf '%s\\n' "$proof" >"$record"
printf '%s\\n' "$proof"
`
}

/**
 * Reads what the script printed: the last line.
 * @throws LabError `no-proof`
 */
export function readProof(stdout: string): Proof {
  const line = stdout.trimEnd().split('\n').at(-1) ?? ''
  const parsed = lineSchema.safeParse(parseJson(line))
  if (parsed.success) return parsed.data
  throw new LabError({
    code: 'no-proof',
    what: 'The host did not say whether chat works.',
    why: line ? `Its last line was ${JSON.stringify(line.slice(0, 200))}.` : 'It printed nothing.',
    fix: ['Look at the host: librechat-lab status', 'Ask again: librechat-lab status --chat'],
    fault: 'program',
  })
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** Whether an answer is so new that a subscription still under way in the background may end it. */
export const mayStillTurn = (proof: ChatProof, now: number): boolean =>
  proof.ok && now - Date.parse(proof.since) < SETTLED_AFTER
