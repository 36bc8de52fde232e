import { gzipSync } from 'node:zlib'
import * as z from 'zod'
import { LabError } from '../core/error.js'
import { proofProgram } from './proof-program.js'

/** A `preset` of `modelSpecs` in librechat.yaml: what a conversation with the model starts with. */
export interface Preset {
  endpoint: 'bedrock'
  /** The id to call: a profile's or a model's. */
  model: string
  /** The most tokens of an answer, thinking included. */
  maxTokens: number
}

const proofSchema = z.discriminatedUnion('ok', [
  z.object({
    model: z.string(),
    ok: z.literal(true),
    /** From the call to the first word, in milliseconds. */
    firstTokenMs: z.number(),
    /** The first words; empty if the model only sent reasoning. */
    text: z.string(),
    /** Since when it has answered every request, as an ISO date. */
    since: z.string(),
  }),
  z.object({ model: z.string(), ok: z.literal(false), error: z.string() }),
])

const lineSchema = z.object({
  /** When it was made, as an ISO date. */
  at: z.string(),
  /** What was asked for. */
  presets: z.array(z.object({ model: z.string(), maxTokens: z.number() })),
  chat: z.array(proofSchema),
  /** The model that gave the title, or the last one that failed; undefined if none was asked. */
  title: z
    .discriminatedUnion('ok', [
      z.object({ model: z.string(), ok: z.literal(true) }),
      z.object({ model: z.string(), ok: z.literal(false), error: z.string() }),
    ])
    .optional(),
  /** The instance's role, from the host's metadata service; undefined if it has none. */
  role: z.string().optional(),
})

export type ChatProof = z.infer<typeof proofSchema>
export type Proof = z.infer<typeof lineSchema>

/** How long one model may take for its whole answer, and for a title. */
const MODEL_TIMEOUT = 60_000
const TITLE_TIMEOUT = 15_000
/** Maximum number of models that are asked for a title, one after another. */
const TITLE_CANDIDATES = 3
/** How long the whole proof may take: the models are asked concurrently, the titles afterwards. */
export const PROOF_TIMEOUT = MODEL_TIMEOUT + TITLE_CANDIDATES * TITLE_TIMEOUT + 30_000
/** A new subscription can fail after it first worked, until AWS has finished it in the background. */
const SETTLED_AFTER = 15 * 60_000
/** How long a successful proof is valid. */
const FRESH_FOR = 24 * 3_600_000

/** Each model's error if the program could not run in the container. */
const STOPPED = "ContainerNotRunning: LibreChat's container does not run"

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const packed = (text: string): string => gzipSync(text).toString('base64')

/**
 * The proof as a script for Run Command: root on the host, `docker exec` into LibreChat's container, whose
 * address for metadata, hops and environment are therefore the ones that chat uses. All that varies is base64. The host
 * keeps the last proof: health.py shows it, and a later one says since when a model has answered.
 * It ends with 0 whether models answer or not, and prints one line of JSON for `readProof`.
 * @param presets the menu's, as in librechat.yaml
 * @param titles models that may name conversations, the best first
 * @param now is recorded where nothing could be run, as an ISO date
 */
export function proofScript(
  presets: readonly Preset[],
  titles: readonly string[],
  { region, now }: { region: string; now: string },
): string {
  const asked = base64(
    JSON.stringify({
      region,
      presets,
      titles: titles.slice(0, TITLE_CANDIDATES),
      timeoutMs: MODEL_TIMEOUT,
      titleTimeoutMs: TITLE_TIMEOUT,
    }),
  )
  const chat = presets.map(({ model }) => ({ model, ok: false, error: STOPPED }))
  const stopped = JSON.stringify({ at: now, presets, chat })
  return `set -u
container=$(docker compose -p librechat-lab ps -q librechat | head -n 1)
imds=http://169.254.169.254/latest
token=$(curl -sf -m 2 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$imds/api/token" || true)
role=$(curl -sf -m 2 -H "X-aws-ec2-metadata-token: $token" "$imds/meta-data/iam/security-credentials/" || true)
record=/var/lib/librechat-lab/proof.json
mkdir -p "\${record%/*}"
before=$(base64 -w 0 "$record" 2>/dev/null || true)
proof=$(printf %s ${packed(proofProgram)} | base64 -d | gzip -d | docker exec -i \\
  -e CHAT_PROOF=${asked} -e "CHAT_PROOF_BEFORE=$before" -e "CHAT_PROOF_ROLE=$role" \\
  -w /app "$container" node -) ||
  proof=$(printf %s ${packed(stopped)} | base64 -d | gzip -d)
printf '%s\\n' "$proof" >"$record.new" && mv "$record.new" "$record"
printf '%s\\n' "$proof"
`
}

/**
 * Reads what the script printed: the last line.
 * @throws LabError `no-proof`
 */
export function readProof(stdout: string): Proof {
  const line = stdout.trimEnd().split('\n').at(-1) ?? ''
  const proof = proofIn(parseJson(line))
  if (proof) return proof
  throw new LabError({
    code: 'no-proof',
    what: 'The host did not report whether chat works.',
    why: line ? `Its last line was ${JSON.stringify(line.slice(0, 200))}.` : 'It printed nothing.',
    fix: [
      { command: { path: 'status' }, text: 'shows the state of the host' },
      { command: { path: 'status', flags: { chat: true } }, text: 'asks the models again' },
    ],
    fault: 'program',
  })
}

/** The proof stored on a host, from its health; undefined for none or for another version's. */
export function proofIn(kept: unknown): Proof | undefined {
  const parsed = lineSchema.safeParse(kept)
  return parsed.success ? parsed.data : undefined
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** Whether a proof is still valid: made with the same presets, successful, and less than a day old. */
export function isFresh(proof: Proof, presets: readonly Preset[], now: number): boolean {
  const asked = ({ model, maxTokens }: { model: string; maxTokens: number }) => `${model} ${maxTokens}`
  const age = now - Date.parse(proof.at)
  return (
    proof.chat.every(({ ok }) => ok) &&
    proof.title?.ok !== false &&
    age >= 0 &&
    age < FRESH_FOR &&
    proof.presets.map(asked).sort().join() === presets.map(asked).sort().join()
  )
}

/** Whether an answer is so recent that an unfinished subscription may still fail. */
export const mayStillTurn = (proof: ChatProof, now: number): boolean =>
  proof.ok && now - Date.parse(proof.since) < SETTLED_AFTER
