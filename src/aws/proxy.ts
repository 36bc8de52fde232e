import { Agent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { LabError } from '../core/error.js'

/** For Node's `http` and `https`. */
export interface Agents {
  readonly httpAgent: Agent
  readonly httpsAgent: Agent
}

/**
 * Agents for every request that leaves this machine, through a proxy where one is named. They verify certificates
 * whatever NODE_TLS_REJECT_UNAUTHORIZED says. LabError `bad-proxy`.
 */
export async function agentsFor(env: NodeJS.ProcessEnv): Promise<Agents> {
  return (
    (await proxyAgents(env)) ?? {
      httpAgent: new Agent({ keepAlive: true, maxSockets: 50 }),
      httpsAgent: new HttpsAgent({ keepAlive: true, maxSockets: 50, rejectUnauthorized: true }),
    }
  )
}

/**
 * Agents that go through the proxy which `HTTPS_PROXY`, `HTTP_PROXY` or `ALL_PROXY` names, except to hosts
 * in `NO_PROXY`; for AWS's clients and for WebSockets alike. Undefined when no proxy is named. LabError `bad-proxy`.
 */
export async function proxyAgents(env: NodeJS.ProcessEnv): Promise<Agents | undefined> {
  const names = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy']
  const named = names.filter((name) => env[name])
  if (named.length === 0) return undefined
  const unfit = named.find((name) => !/^((https?|socks(4a?|5h?)?):\/\/|[^/]*$)/i.test(env[name] ?? ''))
  if (unfit) throw badProxy(unfit)
  const { ProxyAgent } = await import('proxy-agent')
  const agent = (keepAlive: boolean) =>
    new ProxyAgent({ keepAlive, rejectUnauthorized: true, getProxyForUrl: (url) => proxyFor(url, env) })
  // A plain request names its whole URL to the proxy, which the library writes only on a fresh connection.
  return { httpAgent: agent(false), httpsAgent: agent(true) }
}

/** A PAC file is a program that would have to be run here, so it is not supported. */
const badProxy = (name: string) =>
  new LabError({
    code: 'bad-proxy',
    what: `${name} is not a proxy that librechat-lab can use.`,
    why: 'It supports http, https and socks proxies, but no automatic configuration (PAC).',
    fix: [{ run: `export ${name}=http://<host>:<port>`, text: 'sets the proxy directly' }],
  })

/** The proxy for `url`, or "" to go straight. Lower case wins, as with curl. */
export function proxyFor(url: string, env: NodeJS.ProcessEnv): string {
  const { protocol, hostname, port } = new URL(url)
  const secure = protocol === 'https:' || protocol === 'wss:'
  const read = (name: string) => env[name.toLowerCase()] || env[name] || ''
  const proxy = read(secure ? 'HTTPS_PROXY' : 'HTTP_PROXY') || read('ALL_PROXY')
  if (!proxy || isExcepted(hostname, port || (secure ? '443' : '80'), read('NO_PROXY'))) return ''
  return /^[a-z0-9+]+:\/\//i.test(proxy) ? proxy : `http://${proxy}`
}

/** `NO_PROXY` lists hosts and domains, with an optional port; `*` is every host. */
function isExcepted(hostname: string, port: string, list: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase()
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter(Boolean)
    .some((entry) => {
      if (entry === '*') return true
      // An IPv6 address is full of colons, so a port comes after its bracket.
      const [, bracketed, plain, wanted] = /^(?:\[(.+)\]|([^:]+))(?::(\d+))?$/.exec(entry) ?? []
      const domain = (bracketed ?? plain ?? entry).replace(/^\*?\./, '')
      return (!wanted || wanted === port) && (host === domain || host.endsWith(`.${domain}`))
    })
}
