import { connect } from 'node:net'
import { LabError } from '../core/error.js'

/** What lies outside AWS's API: how the person's machine looks from there, and whether the lab answers it. */
export interface Internet {
  /** The public IPv4 address that this machine comes from; LabError `no-public-ip`. */
  publicAddress(): Promise<string>
  /** Whether a TCP port answers from here within some seconds. */
  answers(address: string, port: number): Promise<boolean>
}

/** Amazon's own, and a second source for when it fails. */
const defaultSources = ['https://checkip.amazonaws.com', 'https://api.ipify.org']

/** @param env `LIBRECHAT_LAB_CHECKIP_URL`: other sources, comma-separated. */
export function internet(env: NodeJS.ProcessEnv, signal: AbortSignal): Internet {
  const sources = env.LIBRECHAT_LAB_CHECKIP_URL?.split(',') ?? defaultSources
  return {
    async publicAddress() {
      const reasons: string[] = []
      for (const source of sources) {
        try {
          const answer = await fetch(source, {
            signal: AbortSignal.any([signal, AbortSignal.timeout(5_000)]),
            redirect: 'error',
          })
          const text = (await beginning(answer, 100)).trim()
          if (answer.ok && /^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return text
          reasons.push(`${new URL(source).host} answered ${answer.ok ? JSON.stringify(text) : answer.status}`)
        } catch (error) {
          signal.throwIfAborted()
          reasons.push(`${source}: ${(error as Error).message}`)
        }
      }
      throw new LabError({
        code: 'no-public-ip',
        what: 'Your public IP address could not be found out.',
        why: `${reasons.join('; ')}.`,
        fix: ['Give it yourself: --allow-cidr <your address>/32'],
      })
    },

    answers: (host, port) =>
      new Promise((resolve) => {
        const socket = connect({ host, port })
        const end = (answer: boolean) => {
          socket.destroy()
          resolve(answer)
        }
        socket.setTimeout(4_000, () => end(false))
        socket.once('connect', () => end(true))
        socket.once('error', () => end(false))
        signal.addEventListener('abort', () => end(false), { once: true })
      }),
  }
}

/** The first bytes of an answer, however long it goes on. */
async function beginning({ body }: Response, most: number): Promise<string> {
  const bytes: number[] = []
  for await (const chunk of body ?? []) {
    bytes.push(...chunk.subarray(0, most))
    if (bytes.length >= most) break
  }
  return Buffer.from(bytes).toString('utf8', 0, most)
}
