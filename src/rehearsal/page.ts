import { once } from 'node:events'
import { createServer as createHttp, type RequestListener } from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { AddressInfo } from 'node:net'
import { selfSigned } from './certificate.js'

interface Site {
  title: string
  stands: string
  secure: boolean
}

/** The services on the instance, by port. */
const sites: Record<string, Site> = {
  '80': { title: 'LibreChat', stands: 'your LibreChat: its login, then your conversations', secure: false },
  '443': { title: 'LibreChat', stands: 'your LibreChat: its login, then your conversations', secure: true },
  '9443': {
    title: 'Portainer',
    stands: 'Portainer: the containers, their logs and their health',
    secure: true,
  },
}

const opened = new Map<string, Promise<number>>()

/** The local port that simulates the instance's `port`; undefined if nothing listens there. */
export async function standInFor(port: string): Promise<number | undefined> {
  const site = Object.hasOwn(sites, port) ? sites[port] : undefined
  if (!site) return undefined
  const known = opened.get(port) ?? open(site, port)
  opened.set(port, known)
  return known
}

async function open(site: Site, port: string): Promise<number> {
  const answer: RequestListener = (request, response) => {
    if (request.url === '/health' || request.url === '/readyz') return response.end('OK')
    if (request.url !== '/')
      return response.writeHead(404, { 'content-type': 'text/plain' }).end('Not here.\n')
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' })
    response.end(html(site, port))
  }
  const server = site.secure ? createHttps(selfSigned(Date.now()), answer) : createHttp(answer)
  server.on('connection', (socket) => socket.unref())
  server.listen(0, '127.0.0.1').unref()
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

const html = ({ title, stands }: Site, port: string) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} would stand here</title>
<style>
  :root { color-scheme: light dark }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center;
         font: 17px/1.55 system-ui, sans-serif; background: light-dark(#f5f6f8, #15171c) }
  main { max-width: 34rem; margin: 1.5rem; padding: 2.25rem; border-radius: 14px;
         background: light-dark(#fff, #1f222a); box-shadow: 0 1px 3px #0003 }
  h1 { margin: 0 0 .75rem; font-size: 1.6rem; line-height: 1.2 }
  p { margin: .75rem 0 }
  code { font-size: .92em; padding: .1em .35em; border-radius: 5px; background: light-dark(#eceef2, #2b2f39) }
  small { opacity: .7 }
</style>
<main>
  <h1>${title} would stand here</h1>
  <p>This is a rehearsal. In a real lab, port ${port} of the instance shows ${stands}.</p>
  <p>Your browser did come through the tunnel: from this machine's port, over Session Manager's
     protocol, to the far end, which this rehearsal plays on your own machine.</p>
  <p>For the real one: <code>librechat-lab up</code>, then <code>librechat-lab tunnel</code>.</p>
  <small>Nothing was created in AWS, and nothing here left your machine.</small>
</main>
</html>
`
