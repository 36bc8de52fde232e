import { get as getPlain, type IncomingMessage } from 'node:http'
import { get as getSecure } from 'node:https'
import { connect } from 'node:net'
import { LabError } from '../core/error.js'
import { isPublicIpv4 } from '../core/ipv4.js'
import type { Agents } from './proxy.js'

/** What AWS's API doesn't say: this machine's public address, and whether the lab answers from here. */
export interface Internet {
  /** The public IPv4 address that this machine comes from; LabError `no-public-ip`. */
  publicAddress(): Promise<string>
  /** Whether a TCP port answers from here within some seconds. */
  answers(address: string, port: number): Promise<boolean>
}

/** Amazon's own, and a fallback. */
const defaultSources = ['https://checkip.amazonaws.com', 'https://api.ipify.org']

/**
 * @param env `LIBRECHAT_LAB_CHECKIP_URL`: other sources, comma-separated.
 * @param agents the ones that AWS's clients use, because a proxy's address is the one that AWS sees
 */
export function internet(env: NodeJS.ProcessEnv, signal: AbortSignal, agents: Agents): Internet {
  const sources = env.LIBRECHAT_LAB_CHECKIP_URL?.split(',') ?? defaultSources
  return {
    async publicAddress() {
      const reasons: string[] = []
      for (const source of sources) {
        try {
          const { status, text } = await ask(new URL(source), agents, signal)
          if (status === 200 && isPublicIpv4(text)) return text
          reasons.push(
            `${new URL(source).host} answered ${status === 200 ? JSON.stringify(text) : status}, which is not a public IPv4 address`,
          )
        } catch (error) {
          signal.throwIfAborted()
          reasons.push(`${source}: ${(error as Error).message}`)
        }
      }
      throw new LabError({
        code: 'no-public-ip',
        what: 'Your public IP address could not be determined.',
        why: `${reasons.join('; ')}.`,
        fix: ['Specify it: --allow-cidr <your address>/32'],
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

/** The status and the first bytes of an answer of any length; redirects are not followed. */
async function ask(url: URL, { httpAgent, httpsAgent }: Agents, signal: AbortSignal) {
  const within = AbortSignal.any([signal, AbortSignal.timeout(5_000)])
  const [get, agent] = url.protocol === 'https:' ? [getSecure, httpsAgent] : [getPlain, httpAgent]
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { agent, signal: within }, resolve).on('error', reject)
  })
  const most = 100
  let bytes = Buffer.alloc(0)
  for await (const chunk of answer) {
    bytes = Buffer.concat([bytes, (chunk as Buffer).subarray(0, most)])
    if (bytes.length >= most) break
  }
  return { status: answer.statusCode, text: bytes.toString('utf8', 0, most).trim() }
}
