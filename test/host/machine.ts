import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Disk } from './disk.js'
import { run } from './shell.js'

export interface Result {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** A script that runs in the guest. */
export interface Running {
  readonly result: Promise<Result>
  /** As a machine that fails would: SIGKILL for it and everything that it started. */
  kill(): Promise<void>
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** A machine as it was at one moment: what it adds to the disk, and its compressed memory. */
export interface Snapshot {
  readonly image: string
  readonly memory: string
}

/** Whom the guest reaches: nobody, or this computer's loopback, which is 10.0.2.2 there. */
export type Network = 'alone' | 'loopback'

/** A virtual machine with a disk of its own above the shared one, in software emulation. */
export class Machine {
  readonly ports: {
    readonly http: number
    readonly https: number
    readonly portainer: number
    readonly mongodb: number
  }
  private readonly directory = mkdtempSync(join(tmpdir(), 'librechat-lab-machine-'))
  private qemu: ChildProcess | undefined
  private socket: Socket | undefined
  private readonly waiting = new Map<number, (result: Result) => void>()
  private readonly disk: Disk
  private readonly network: Network
  private next = 1
  /** Rejected when the channel to the guest ends, as it does when the guest shuts down. */
  private ended: Promise<never> = new Promise(() => {})

  private constructor(
    disk: Disk,
    ports: Machine['ports'],
    network: Network,
    private readonly processors: number,
  ) {
    this.disk = disk
    this.ports = ports
    this.network = network
  }

  /**
   * Boots a new machine, or goes on where a snapshot was taken, which takes seconds.
   * @param processors as many as when the snapshot was taken. With one, two machines run beside each other on two cores.
   */
  static async start(
    disk: Disk,
    snapshot?: Snapshot,
    network: Network = 'alone',
    processors = 1,
  ): Promise<Machine> {
    const [http, https, portainer, mongodb] = [
      await freePort(),
      await freePort(),
      await freePort(),
      await freePort(),
    ]
    const machine = new Machine(disk, { http, https, portainer, mongodb }, network, processors)
    const base = snapshot ? ['qcow2', '-b', snapshot.image] : ['raw', '-b', disk.image]
    run('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', ...base, join(machine.directory, 'disk.qcow2')])
    await machine.boot(snapshot)
    // The guest goes on at the time of the snapshot, as a laptop that slept would.
    if (snapshot) await machine.sh(`date -s @${Math.round(Date.now() / 1000)}`)
    return machine
  }

  /** Takes a snapshot, and ends the machine. */
  async save({ image, memory }: Snapshot): Promise<void> {
    await this.sh('sync; echo 3 >/proc/sys/vm/drop_caches')
    const monitor = await Monitor.open(join(this.directory, 'monitor.sock'))
    await monitor.ask('stop')
    await monitor.ask('migrate', { uri: `exec:zstd -q -1 -o '${memory}'` })
    for (;;) {
      const { status } = await monitor.ask('query-migrate')
      if (status === 'completed') break
      if (status === 'failed' || status === 'cancelled') throw new Error(`QEMU's snapshot ${status}`)
      await sleep(200)
    }
    await monitor.ask('quit')
    await this.switchedOff()
    run('qemu-img', [
      'convert',
      ...['-O', 'qcow2', '-F', 'raw', '-B', this.disk.image],
      join(this.directory, 'disk.qcow2'),
      image,
    ])
    await this.stop()
  }

  private async boot(snapshot?: Snapshot): Promise<void> {
    const { http, https, portainer, mongodb } = this.ports
    const forward = [
      [http, 80],
      [https, 443],
      [portainer, 9443],
      [mongodb, 27017],
    ]
      .map(([near, far]) => `,hostfwd=tcp:127.0.0.1:${near}-10.0.2.15:${far}`)
      .join('')
    const channel = join(this.directory, 'agent.sock')
    const monitor = join(this.directory, 'monitor.sock')
    for (const socket of [channel, monitor]) rmSync(socket, { force: true })
    this.qemu = spawn(
      'qemu-system-x86_64',
      [
        '-accel',
        'tcg,tb-size=512',
        '-cpu',
        // Without cmpxchg16b, which the kernel then does otherwise: QEMU 7.2's emulation can put a pointer into the flags
        // after it, and an interrupt at that moment ends in a double fault (EFLAGS was the low half of RAX, and 0x202).
        'Nehalem,-cx16',
        '-smp',
        String(this.processors),
        '-m',
        '4096',
        '-nodefaults',
        '-no-user-config',
        '-display',
        'none',
        '-kernel',
        this.disk.kernel,
        '-initrd',
        this.disk.initrd,
        '-append',
        // Without no_timer_check the kernel panics when an emulated timer is late, as on a busy computer.
        'root=/dev/vda rw console=ttyS0 quiet mitigations=off no_timer_check systemd.show_status=0',
        '-serial',
        `file:${join(this.directory, 'console.log')}`,
        '-drive',
        `file=${join(this.directory, 'disk.qcow2')},if=virtio,cache=unsafe,discard=unmap`,
        '-netdev',
        `user,id=net,restrict=${this.network === 'alone' ? 'on' : 'off'}${forward}`,
        '-device',
        'virtio-net-pci,netdev=net',
        '-device',
        'virtio-serial',
        '-chardev',
        `socket,id=agent,path=${channel},server=on,wait=off`,
        '-device',
        'virtserialport,chardev=agent,name=lab.agent',
        '-device',
        'virtio-rng-pci',
        '-qmp',
        `unix:${monitor},server=on,wait=off`,
        ...(snapshot ? ['-incoming', `exec:zstd -qdc '${snapshot.memory}'`] : []),
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    )
    if (snapshot) await this.goOn(monitor)
    await this.listen(channel, snapshot !== undefined)
  }

  /** Once its memory is there: a snapshot is of a machine that was stopped. */
  private async goOn(path: string): Promise<void> {
    while (!existsSync(path)) {
      if (this.qemu?.exitCode !== null) throw new Error('QEMU did not start')
      await sleep(50)
    }
    const monitor = await Monitor.open(path)
    while ((await monitor.ask('query-status')).status === 'inmigrate') await sleep(100)
    await monitor.ask('cont')
    monitor.close()
  }

  /** Waits until the guest's agent has said that it is there, which it says once after each boot. */
  private async listen(channel: string, isThere: boolean): Promise<void> {
    const deadline = Date.now() + 300_000
    while (!existsSync(channel)) {
      if (Date.now() > deadline || this.qemu?.exitCode !== null) throw new Error('QEMU did not start')
      await sleep(50)
    }
    const socket = connect(channel)
    this.socket = socket
    this.ended = new Promise((_, reject) =>
      socket.once('close', () => reject(new Error('The machine has ended.'))),
    )
    this.ended.catch(() => {})
    let text = ''
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error(`The guest did not come up:\n${this.console()}`)),
        300_000,
      )
      socket.setEncoding('utf8')
      socket.on('error', reject)
      if (isThere) {
        this.waiting.set(0, () => {
          clearTimeout(late)
          resolve()
        })
        socket.write(`${JSON.stringify({ id: 0, script: 'true' })}\n`)
      }
      socket.on('data', (chunk: string) => {
        text += chunk
        for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
          const message = JSON.parse(text.slice(0, end))
          text = text.slice(end + 1)
          if (message.ready) {
            clearTimeout(late)
            resolve()
          } else {
            this.waiting.get(message.id)?.(message)
            this.waiting.delete(message.id)
          }
        }
      })
    })
  }

  private console(): string {
    return readFileSync(join(this.directory, 'console.log'), 'utf8').slice(-3000)
  }

  /** Runs a script as Run Command does. */
  start(script: string): Running {
    const id = this.next++
    const result = new Promise<Result>((resolve) => this.waiting.set(id, resolve))
    this.socket?.write(`${JSON.stringify({ id, script })}\n`)
    return {
      result,
      kill: async () => {
        const killing = this.next++
        const killed = new Promise<Result>((resolve) => this.waiting.set(killing, resolve))
        this.socket?.write(`${JSON.stringify({ id: killing, kill: id })}\n`)
        await killed
        await result
      },
    }
  }

  /** What a script prints; throws when it fails. */
  async sh(script: string): Promise<string> {
    const { code, stdout, stderr } = await Promise.race([this.start(script).result, this.ended])
    if (code !== 0) throw new Error(`the guest's script ended with ${code}: ${script}\n${stdout}\n${stderr}`)
    return stdout.trim()
  }

  /**
   * Pulls the plug, and starts the machine again on the disk as it was left. All that the guest had not flushed is
   * lost: its page cache with its memory, and the tables of newly written clusters, which QEMU holds back in its own as
   * a disk's volatile cache does. A flush of the guest writes these to the file also with cache=unsafe, which only
   * leaves out the fsync of this computer, whose power stays on: bdrv_co_flush in
   * https://gitlab.com/qemu-project/qemu/-/blob/master/block/io.c
   */
  async reset(): Promise<void> {
    await this.stopQemu()
    await this.boot()
  }

  /** Shuts the guest down in good order and starts it again. */
  async reboot(): Promise<void> {
    this.socket?.write(`${JSON.stringify({ id: this.next++, script: 'systemctl poweroff' })}\n`)
    await this.switchedOff()
    await this.stopQemu()
    await this.boot()
  }

  /** Starts the guest again once it has shut itself down; throws when it does not. */
  async startAgain(): Promise<void> {
    if (!(await this.switchedOff())) throw new Error(`The guest still runs:\n${this.console()}`)
    await this.boot()
  }

  private async switchedOff(): Promise<boolean> {
    const late = Date.now() + 180_000
    while (this.qemu?.exitCode === null && Date.now() < late) await sleep(200)
    return this.qemu?.exitCode !== null
  }

  private async stopQemu(): Promise<void> {
    this.socket?.destroy()
    if (this.qemu?.exitCode === null) {
      const gone = new Promise((resolve) => this.qemu?.once('exit', resolve))
      this.qemu.kill('SIGKILL')
      await gone
    }
  }

  async stop(): Promise<void> {
    await this.stopQemu()
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** QEMU's own protocol: one command at a time. */
class Monitor {
  private readonly lines: AsyncIterableIterator<string>
  private readonly socket: Socket

  private constructor(socket: Socket) {
    this.socket = socket
    this.lines = createInterface({ input: socket })[Symbol.asyncIterator]()
  }

  static async open(path: string): Promise<Monitor> {
    const monitor = new Monitor(connect(path))
    await monitor.ask('qmp_capabilities')
    return monitor
  }

  close(): void {
    this.socket.destroy()
  }

  async ask(execute: string, parameters: object = {}): Promise<Record<string, unknown>> {
    this.socket.write(`${JSON.stringify({ execute, arguments: parameters })}\n`)
    for (;;) {
      const { value, done } = await this.lines.next()
      if (done) throw new Error(`QEMU ended at ${execute}`)
      const answer = JSON.parse(value)
      if (answer.error) throw new Error(`QEMU refused ${execute}: ${answer.error.desc}`)
      if (answer.return) return answer.return
    }
  }
}
