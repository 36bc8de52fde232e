import { LabError } from '../core/error.js'

/** A port of the instance and its local port. */
export interface Target {
  /** "librechat", "portainer", or the two ports. */
  name: string
  remotePort: number
  localPort: number
  scheme: 'http' | 'https'
}

const known: Record<string, Target> = {
  // On the instance's own loopback, port 80 serves LibreChat itself instead of redirecting.
  librechat: { name: 'librechat', remotePort: 80, localPort: 8080, scheme: 'http' },
  portainer: { name: 'portainer', remotePort: 9443, localPort: 9443, scheme: 'https' },
}

/** Caddy's HTTPS port: its certificate covers localhost, and its cookies are Secure. */
const librechatOverHttps: Target = { name: 'librechat', remotePort: 443, localPort: 8443, scheme: 'https' }

/**
 * "librechat", "portainer", "5000" or "443:8443", the instance's port first; LabError `bad-target`.
 * @param https LibreChat by its HTTPS port
 */
export function parseTarget(text: string, { https = false } = {}): Target {
  const target = https && text === 'librechat' ? librechatOverHttps : known[text]
  if (target) return target
  const [, remote, local = remote] = /^(\d{1,5})(?::(\d{1,5}))?$/.exec(text) ?? []
  const [remotePort, localPort] = [Number(remote), Number(local)]
  if (!isPort(remotePort) || !isPort(localPort)) {
    throw new LabError({
      code: 'bad-target',
      what: `${JSON.stringify(text.slice(0, 60))} is not a valid target for a tunnel.`,
      why: 'A target is librechat, portainer, or <port>[:<local port>], each from 1 to 65535.',
      fix: [
        { command: { path: 'tunnel' }, text: 'opens LibreChat' },
        { command: { path: 'tunnel', args: ['portainer'] }, text: 'opens Portainer' },
        {
          command: { path: 'tunnel', args: ['443:8443'] },
          text: 'opens port 443 of the host on port 8443 here',
        },
      ],
    })
  }
  const scheme = [443, 8443, 9443].includes(remotePort) ? 'https' : 'http'
  return { name: `${remotePort}:${localPort}`, remotePort, localPort, scheme }
}

const isPort = (port: number) => Number.isInteger(port) && port >= 1 && port <= 65_535

/**
 * The address for a browser. `localhost` can be either loopback address, so it is used only if both are ours;
 * otherwise the bound address is used, because another program may have the other one.
 * @param bind undefined: both loopback addresses
 */
export function urlOf({ scheme }: Target, bind: string | undefined, port: number): string {
  const anywhere: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '::1' }
  const address = bind === undefined ? 'localhost' : (anywhere[bind] ?? bind)
  return `${scheme}://${address.includes(':') ? `[${address}]` : address}:${port}`
}

/** Whether other machines can reach the listening address. */
export const isLoopback = (bind: string) => bind === 'localhost' || bind === '::1' || bind.startsWith('127.')
