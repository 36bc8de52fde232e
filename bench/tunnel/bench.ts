// Throughput both ways, time to the first byte, connections a second, processor time and memory, without delay
// and with a round trip of 50 ms: the tunnel, the tunnel paced as AWS's own client is, and a plain proxy.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { connect as dial, type Socket } from 'node:net'
import { cpus } from 'node:os'
import { join } from 'node:path'

const [folder = '', only] = process.argv.slice(2)
const megabyte = 1e6

interface Local {
  port: number
  usage(): Promise<{ cpu: number; memory: number }>
  stop(): void
}

async function start(file: string, args: string[]): Promise<{ child: ChildProcess; port: number }> {
  const env = { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' }
  const child = fork(file, args, { env })
  const [message] = (await once(child, 'message')) as [{ port?: number; value?: number }]
  return { child, port: message.port ?? message.value ?? 0 }
}

async function local(kind: string, address: string, extra: number): Promise<Local> {
  const { child, port } = await start(join(folder, 'local.mjs'), [kind, address, String(extra)])
  return {
    port,
    usage: async () => {
      child.send('usage')
      const [{ cpu, memory }] = (await once(child, 'message')) as [
        { cpu: { user: number; system: number }; memory: number },
      ]
      return { cpu: (cpu.user + cpu.system) / 1e6, memory: memory / megabyte }
    },
    stop: () => child.disconnect(),
  }
}

async function reach(port: number): Promise<Socket> {
  const socket = dial(port, '127.0.0.1')
  socket.setNoDelay(true)
  await once(socket, 'connect')
  return socket
}

const ask = (kind: string, length: number) => {
  const bytes = Buffer.alloc(5)
  bytes.write(kind)
  bytes.writeUInt32BE(length, 1)
  return bytes
}

const seconds = async (work: () => Promise<unknown>) => {
  const since = performance.now()
  await work()
  return (performance.now() - since) / 1000
}

/** Megabytes a second, from the first byte sent to the last one's receipt. */
async function upload(port: number, length: number): Promise<number> {
  const socket = await reach(port)
  const took = await seconds(async () => {
    const answer = once(socket, 'data')
    socket.write(ask('u', length))
    socket.write(Buffer.alloc(length, 7))
    await answer
  })
  socket.destroy()
  return length / megabyte / took
}

async function download(port: number, length: number, connections = 1): Promise<number> {
  const took = await seconds(() =>
    Promise.all(
      Array.from({ length: connections }, async () => {
        const socket = await reach(port)
        let left = Math.floor(length / connections)
        socket.write(ask('d', left))
        await new Promise<void>((resolve) => {
          socket.on('data', (chunk) => {
            left -= chunk.length
            if (left <= 0) resolve()
          })
        })
        socket.destroy()
      }),
    ),
  )
  return length / megabyte / took
}

async function ping(port: number): Promise<number> {
  const took = await seconds(async () => {
    const socket = await reach(port)
    socket.write('p')
    await once(socket, 'data')
    socket.destroy()
  })
  return took * 1000
}

const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

async function repeat(times: number, measure: () => Promise<number>): Promise<number> {
  const values = []
  for (let i = 0; i < times; i++) values.push(await measure())
  return median(values)
}

interface Figures {
  up: number
  down: number
  firstByte: number
  connections: number
  cpu: number
  memory: number
}

async function measure(side: Local, size: { up: number; down: number; times: number }): Promise<Figures> {
  await ping(side.port)
  const before = await side.usage()
  const up = await repeat(size.times, () => upload(side.port, size.up))
  const { cpu, memory } = await side.usage()
  const down = await repeat(size.times, () => download(side.port, size.down))
  const firstByte = await repeat(30, () => ping(side.port))
  const count = 300
  const took = await seconds(() =>
    Promise.all(
      Array.from({ length: 20 }, async () => {
        for (let i = 0; i < count / 20; i++) await ping(side.port)
      }),
    ),
  )
  const connections = count / took
  const carried = (size.up * size.times) / (100 * megabyte)
  const peak = Math.max(memory, (await side.usage()).memory)
  side.stop()
  return { up, down, firstByte, connections, cpu: (cpu - before.cpu) / carried, memory: peak }
}

const target = await start(join(folder, 'target.mjs'), [])
const remote = await start('test/tunnel/remote/gateway.mjs', [])
const set = async (settings: object) => {
  remote.child.send({ id: 1, command: 'set', value: settings })
  await once(remote.child, 'message')
}
const endpoint = `http://127.0.0.1:${remote.port}`
const agent = { ports: { 80: target.port } }

console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}, payloads of 1 KiB\n`)
for (const delay of [0, 25]) {
  if (only && Number(only) !== delay * 2) continue
  await set({ inside: true, delay, agent: { ...agent, pace: 0 } })
  const size = delay === 0 ? 100 : 30
  const long = { up: size * megabyte, down: size * megabyte, times: 3 }
  const short = { up: 4 * megabyte, down: size * megabyte, times: 1 }
  const rows: [string, Figures][] = [
    ['plain proxy', await measure(await local('plain', String(target.port), delay), long)],
    ['tunnel', await measure(await local('tunnel', endpoint, 1), long)],
    ['paced', await measure(await local('paced', endpoint, 1), short)],
  ]
  console.log(
    `| round trip ${delay * 2} ms | up MB/s | share | down MB/s | share | first byte ms | connections/s | CPU s per 100 MB up | memory MB |`,
  )
  console.log('|---|---|---|---|---|---|---|---|---|')
  const limit = rows[0]?.[1]
  const share = (value: number, of = 1) => `${((100 * value) / of).toFixed(1)} %`
  for (const [name, { up, down, firstByte, connections, cpu, memory }] of rows) {
    const cells = [name, up.toFixed(2), share(up, limit?.up), down.toFixed(2), share(down, limit?.down)]
    cells.push(firstByte.toFixed(1), connections.toFixed(0), cpu.toFixed(1), memory.toFixed(0))
    console.log(`| ${cells.join(' | ')} |`)
  }
  const [, tunnel, paced] = rows.map(([, figures]) => figures.up)
  const times = (tunnel ?? 0) / (paced ?? 1)
  const wanted = delay === 0 ? 25 : 5
  console.log(`\nUpload: ${times.toFixed(1)} times the paced client (at least ${wanted} are wanted).\n`)
  if (times < wanted) process.exitCode = 1
}

if (!only) {
  await set({ inside: true, delay: 0, agent })
  console.log('| download from an agent that sleeps 1 ms after each KiB, as the real one | MB/s |\n|---|---|')
  for (const sessions of [1, 4]) {
    const side = await local('tunnel', endpoint, sessions)
    const speed = await download(side.port, sessions * 3 * megabyte, sessions)
    console.log(`| ${sessions} session${sessions > 1 ? 's' : ''} | ${speed.toFixed(2)} |`)
    side.stop()
  }
}
for (const { child } of [target, remote]) child.disconnect()
