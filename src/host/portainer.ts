import * as z from 'zod'
import type { Host } from './host.js'
import { oneTimeKey } from './sealed.js'
import { lastJson, runStage } from './stage.js'

export interface PortainerLogin {
  readonly username: string
  readonly password: string
  /** Whether Portainer accepts it; null when Portainer doesn't answer. */
  readonly works: boolean | null
}

const answer = z.object({
  portainer: z.object({ username: z.string(), works: z.boolean().nullable(), sealed: z.string() }),
})

/** Portainer's admin password as the host knows it, or a new one (Portainer stops for some seconds). */
export async function portainerPassword(host: Host, action: 'show' | 'reset'): Promise<PortainerLogin> {
  const key = await oneTimeKey()
  const output = await runStage(host, 'portainer', {
    stage: `portainer-${action}`,
    input: { 'request.json': JSON.stringify({ action, publicKey: key.publicKey }) },
    timeoutSeconds: 900,
  })
  const { username, works, sealed } = answer.parse(lastJson(output)).portainer
  return { username, works, password: key.open(sealed) }
}
