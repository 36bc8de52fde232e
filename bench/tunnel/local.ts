// The local side in a process of its own, so that its processor time and memory can be told: the tunnel, the
// tunnel paced as AWS's own client is, or a plain proxy.
import { createServer, connect as dial, type Socket } from 'node:net'
import { SSMClient } from '@aws-sdk/client-ssm'
import { systemClock } from '../../src/core/clock.js'
import { Channel } from '../../src/tunnel/channel.js'
import { Forward } from '../../src/tunnel/forward.js'

const [kind = '', address = '', extra = '0'] = process.argv.slice(2)
let most = 0
setInterval(() => {
  most = Math.max(most, process.memoryUsage().rss)
}, 50)
process.on('message', () => {
  process.send?.({ cpu: process.cpuUsage(), memory: most })
  most = 0
})
process.on('disconnect', () => process.exit())

const port =
  kind === 'plain' ? await plain(Number(address), Number(extra)) : await tunnel(address, Number(extra))
process.send?.({ port })

async function tunnel(endpoint: string, sessions: number): Promise<number> {
  if (kind === 'paced') pace()
  const credentials = {
    accessKeyId: 'AKIDEXAMPLE',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  }
  const region = 'us-east-1'
  const forward = await Forward.open(
    { instanceId: 'i-0123', remotePort: 80, localPort: 0, bind: '127.0.0.1', sessions },
    {
      clock: systemClock,
      ssm: new SSMClient({ region, endpoint, credentials }),
      signer: { region, credentials: async () => credentials },
    },
    (notice) => console.error(notice),
  )
  return forward.port
}

/** A pause of a millisecond after every message, as in AWS's client (portsession/muxportforwarding.go). */
function pace(): void {
  let open = true
  const send = Channel.prototype.send
  Object.defineProperty(Channel.prototype, 'sendWindow', { get: () => (open ? 1 : 0) })
  Channel.prototype.send = function (this: Channel, ...args) {
    send.apply(this, args)
    open = false
    setTimeout(() => {
      open = true
      const { events } = this as unknown as { events: { onDrain(): void } }
      events.onDrain()
    }, 1)
  }
}

/** A proxy that does nothing but hand on, `delay` milliseconds later. */
function plain(to: number, delay: number): Promise<number> {
  const server = createServer((socket) => {
    const onward = dial(to, '127.0.0.1')
    hand(socket, onward, delay)
    hand(onward, socket, delay)
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
  })
}

function hand(from: Socket, to: Socket, delay: number): void {
  from.on('error', () => to.destroy())
  if (delay === 0) {
    from.pipe(to)
    return
  }
  let held = 0
  from.on('data', (chunk) => {
    held += chunk.length
    if (held > 32 * 1024 * 1024) from.pause()
    setTimeout(() => {
      held -= chunk.length
      to.write(chunk)
      from.resume()
    }, delay)
  })
  from.on('end', () => setTimeout(() => to.end(), delay))
}
