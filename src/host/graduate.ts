import { promisify } from 'node:util'
import { inflate } from 'node:zlib'
import * as z from 'zod'
import type { Host } from './host.js'
import { oneTimeKey } from './sealed.js'
import { lastJson, runStage } from './stage.js'

/** What is read from the host for `graduate`. */
export interface Carried {
  /** The current text of librechat.yaml. */
  librechatYaml: string
  /** Users with their own allowance: US dollars by e-mail address. */
  own: Readonly<Record<string, number>>
  /** The lab's keys by the names of their variables; undefined if they were not requested. */
  secrets: Readonly<Record<string, string>> | undefined
}

const answer = z.object({
  graduate: z.object({
    /** Compressed JSON in base64. */
    plain: z.string(),
    sealed: z.record(z.string(), z.string()).nullable(),
  }),
})
const plain = z.object({ librechatYaml: z.string(), own: z.record(z.string(), z.number()) })

/** Reads it. The keys are encrypted to a key of this process. */
export async function takeAlong(host: Host, withSecrets: boolean): Promise<Carried> {
  const key = withSecrets ? await oneTimeKey() : undefined
  const output = await runStage(host, 'graduate', {
    input: { 'request.json': JSON.stringify({ publicKey: key?.publicKey ?? null }) },
    timeoutSeconds: 300,
  })
  const { plain: packed, sealed } = answer.parse(lastJson(output)).graduate
  const text = (await promisify(inflate)(Buffer.from(packed, 'base64'))).toString()
  const secrets =
    key && Object.fromEntries(Object.entries(sealed ?? {}).map(([name, value]) => [name, key.open(value)]))
  return { ...plain.parse(JSON.parse(text)), secrets }
}
