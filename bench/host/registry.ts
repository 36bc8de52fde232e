import { type ChildProcess, spawn } from 'node:child_process'
import { createCipheriv, createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { createTar } from 'nanotar'
import { run } from '../../test/host/shell.js'
import { freePort } from '../../test/support/authority.js'

/**
 * The layers of the real images, compressed, in MB. MongoDB and Caddy: docker-library/repo-info, repos/mongo/remote/8.0.md
 * (315 MB in 8 layers) and repos/caddy/remote/2.md (24 MB in 5), of 2026. LibreChat: the 18 layers that its Dockerfile
 * makes; that they have 979 MB is the middle of bench/ranges.ts, how they share it is an estimate. Meilisearch and
 * Portainer: estimates (the program of the first has over 100 MiB: meilisearch/meilisearch#2774).
 */
const layersMB = {
  'librechat-ai/librechat': [3.6, 43, 1.3, 0, 0.3, 45, 20, 0, 0, 0, 0.9, 0, 0, 0, 0, 720, 20, 125],
  'library/mongo': [29.8, 0, 3.9, 0.9, 0, 0, 280.6, 0],
  'getmeili/meilisearch': [3.6, 6, 34, 32],
  'library/caddy': [3.8, 2.8, 0, 17.3, 0],
  'portainer/portainer-ce': [0.2, 44, 16],
} as const
type Name = keyof typeof layersMB
export const names = Object.keys(layersMB) as Name[]
export const megabytes = (name: Name): number => layersMB[name].reduce((sum: number, one) => sum + one, 0)

/** An image of one layer with LibreChat's kind of files. */
export const sample = { name: 'bench/sample', megabytes: 60 } as const

/** LibreChat's files are those of node_modules; the others are mostly a few large programs. */
const fileBytes = (name: string): number =>
  name === 'librechat-ai/librechat' || name === sample.name ? 20_000 : 4_000_000

const sha256 = (data: Buffer): string => `sha256:${createHash('sha256').update(data).digest('hex')}`

/** How many times gzip makes LibreChat's image smaller: 3.5 GB to 979 MB. Text of so many different words does too. */
const shrinks = 3.6
const vocabulary = 1450

interface Layer {
  readonly tar: Buffer
  readonly data: Buffer
}

/** A generator of layers: their text is cut from a pool at random places, farther apart than gzip looks back. */
class Layers {
  private readonly random = createCipheriv('aes-256-ctr', Buffer.alloc(32), Buffer.alloc(16))
  private readonly pool: Buffer

  constructor() {
    const words = Array.from({ length: vocabulary }, () => this.bytes(6).toString('base64url'))
    const picks = new Uint16Array(this.bytes(2 * 3_000_000).buffer)
    this.pool = Buffer.from([...picks].map((pick) => words[pick % vocabulary]).join(' '))
  }

  /** @param compressed the size, in bytes */
  make(name: string, i: number, compressed: number): Layer {
    const all = Math.round(compressed * shrinks)
    const each = fileBytes(name)
    const folder = `filler/${name.replace(/\W/g, '-')}-${i}`
    const files = Array.from({ length: Math.max(1, Math.ceil(all / each)) }, (_, n) => ({
      name: `${folder}/${Math.floor(n / 100)}/${n}`,
      data: this.text(Math.min(each, all - n * each)),
    }))
    const tar = Buffer.from(createTar(files, { attrs: { mtime: 0 } }))
    return { tar, data: gzipSync(tar, { level: 6 }) }
  }

  private text(length: number): Uint8Array {
    const at = this.bytes(4).readUInt32LE() % (this.pool.length - length)
    return this.pool.subarray(at, at + length)
  }

  private bytes(length: number): Buffer {
    return this.random.update(Buffer.alloc(length))
  }
}

interface Blob {
  digest: string
  size: number
  mediaType: string
}

interface Manifest {
  config: Blob
  layers: Blob[]
}

const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip'

/** Debian's docker-registry on loopback. */
export class Registry {
  readonly port: number
  private readonly server: ChildProcess
  private readonly layers = new Layers()
  private readonly end = () => this.server.kill()

  private constructor(port: number, server: ChildProcess) {
    this.port = port
    this.server = server
    process.once('exit', this.end)
  }

  static async start(folder: string): Promise<Registry> {
    const port = await freePort()
    mkdirSync(folder, { recursive: true })
    const config = join(folder, 'config.yml')
    const storage = `storage:\n  filesystem:\n    rootdirectory: ${folder}\n`
    writeFileSync(
      config,
      `version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\n${storage}http:\n  addr: 127.0.0.1:${port}\n`,
    )
    const server = spawn('docker-registry', ['serve', config], { stdio: ['ignore', 'ignore', 'inherit'] })
    await new Promise((resolve, reject) => server.once('spawn', resolve).once('error', reject))
    const registry = new Registry(port, server)
    for (const end = Date.now() + 20_000; ; await sleep(100)) {
      const answer = await fetch(registry.url('/v2/')).catch((error: TypeError) => error)
      if (answer instanceof Response && answer.ok) return registry
      if (Date.now() > end || server.exitCode !== null) throw new Error('docker-registry does not answer')
    }
  }

  private url(path: string): string {
    return new URL(path, `http://127.0.0.1:${this.port}`).href
  }

  /**
   * The guest's stand-ins, with layers above theirs that have the real ones' sizes divided by `divisor`.
   * @param image the guest's disk, which has the stand-ins in its own registry
   */
  async fill(image: string, work: string, divisor: number): Promise<void> {
    const from = join(work, 'registry')
    rmSync(from, { recursive: true, force: true })
    run('debugfs', ['-R', `rdump /srv/registry ${work}`, image])
    const blob = (digest: string) => readFileSync(join(from, 'blobs', digest))
    for (const name of names) {
      const [tag = ''] = readdirSync(join(from, 'tags', name)).sort()
      const { config, layers }: Manifest = JSON.parse(
        blob(readFileSync(join(from, 'tags', name, tag), 'utf8')).toString(),
      )
      const standIn = await Promise.all(layers.map(({ digest }) => this.put(name, layerType, blob(digest))))
      const sizes = layersMB[name].map((size) => (size * 1e6) / divisor)
      await this.push(name, JSON.parse(blob(config.digest).toString()), standIn, sizes)
    }
    rmSync(from, { recursive: true })
  }

  /** An image of one layer. */
  async addSample(): Promise<void> {
    const config = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } }
    await this.push(sample.name, config, [], [sample.megabytes * 1e6])
  }

  /** @param sizes of the layers to add, compressed, in bytes */
  private async push(
    name: string,
    config: { rootfs: { diff_ids: string[] } },
    layers: Blob[],
    sizes: readonly number[],
  ): Promise<void> {
    for (const [i, size] of sizes.entries()) {
      const { tar, data } = this.layers.make(name, i, size)
      config.rootfs.diff_ids.push(sha256(tar))
      layers.push(await this.put(name, layerType, data))
    }
    const type = 'application/vnd.oci.image.config.v1+json'
    const manifest = { config: await this.put(name, type, Buffer.from(JSON.stringify(config))), layers }
    const mediaType = 'application/vnd.oci.image.manifest.v1+json'
    await this.ask(`/v2/${name}/manifests/bench`, 'PUT', JSON.stringify({ schemaVersion: 2, ...manifest }), {
      'content-type': mediaType,
    })
  }

  private async put(name: string, mediaType: string, data: Buffer): Promise<Blob> {
    const digest = sha256(data)
    const begun = await this.ask(`/v2/${name}/blobs/uploads/`, 'POST')
    const to = new URL(this.url(begun.headers.get('location') ?? ''))
    to.searchParams.set('digest', digest)
    await this.ask(to.href, 'PUT', data)
    return { digest, size: data.length, mediaType }
  }

  private async ask(path: string, method: string, body?: Buffer | string, headers = {}): Promise<Response> {
    const answer = await fetch(this.url(path), { method, headers, body: body ?? null })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return answer
  }

  stop(): void {
    process.off('exit', this.end)
    this.end()
  }
}
