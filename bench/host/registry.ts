import { type ChildProcess, spawn } from 'node:child_process'
import { createCipheriv, createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { createTar } from 'nanotar'
import { run } from '../../test/host/shell.js'
import { freePort } from '../../test/support/authority.js'

/**
 * The layers of the real images, compressed, in MB. MongoDB and Caddy: docker-library/repo-info, repos/mongo/remote/8.0.md
 * (315 MB) and repos/caddy/remote/2.md (24 MB), of 2026. LibreChat: the 18 layers of its Dockerfile, which make 3.5 GB
 * unpacked; how they share the 980 MB of bench/first.ts is an estimate. Meilisearch and Portainer: estimates.
 */
const layersMB = {
  'librechat-ai/librechat': [...[3.6, 43, 1.3, 0, 0.3, 45, 20, 0, 0, 0, 0.9, 0, 0, 0, 0, 720, 20, 125]],
  'library/mongo': [29.8, 0, 3.9, 0.9, 0, 0, 280.6, 0],
  'getmeili/meilisearch': [3.6, 6, 34, 32],
  'library/caddy': [3.8, 2.8, 0, 17.3, 0],
  'portainer/portainer-ce': [0.2, 44, 16],
} as const
type Name = keyof typeof layersMB
export const names = Object.keys(layersMB) as Name[]
export const megabytes = (name: Name): number => layersMB[name].reduce((sum: number, one) => sum + one, 0)

const sha256 = (data: Buffer): string => `sha256:${createHash('sha256').update(data).digest('hex')}`

/** Files as those of node_modules: 20 KB of words, which gzip makes 3.6 times smaller, as LibreChat's image. */
function layer(seed: string, compressed: number): { tar: Buffer; data: Buffer } {
  const perFile = 5_600
  const key = createHash('sha256').update(seed).digest()
  const random = createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
  const words = Array.from({ length: 4096 }, () => random.update(Buffer.alloc(6)).toString('base64url'))
  const text = () => {
    const picks = new Uint16Array(new Uint8Array(random.update(Buffer.alloc(2 * 2_250))).buffer)
    return [...picks].map((pick) => words[pick & 4095]).join(' ')
  }
  const files = Array.from({ length: Math.max(1, Math.round(compressed / perFile)) }, (_, i) => ({
    name: `filler/${seed.replace(/\W/g, '-')}/${Math.floor(i / 100)}/${i}.js`,
    data: compressed < perFile ? '' : text(),
  }))
  const tar = Buffer.from(createTar(files))
  return { tar, data: gzipSync(tar, { level: 6 }) }
}

interface Manifest {
  config: { digest: string; size: number; mediaType: string }
  layers: { digest: string; size: number; mediaType: string }[]
}

/** Debian's docker-registry on loopback. */
export class Registry {
  private constructor(
    readonly port: number,
    private readonly server: ChildProcess,
  ) {}

  static async start(folder: string): Promise<Registry> {
    const port = await freePort()
    mkdirSync(folder, { recursive: true })
    const config = join(folder, 'config.yml')
    const storage = `storage:\n  filesystem:\n    rootdirectory: ${folder}\n`
    writeFileSync(
      config,
      `version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\n${storage}http:\n  addr: 127.0.0.1:${port}\n`,
    )
    const registry = new Registry(
      port,
      spawn('docker-registry', ['serve', config], { stdio: ['ignore', 'ignore', 'inherit'] }),
    )
    await new Promise((resolve, reject) => registry.server.once('spawn', resolve).once('error', reject))
    for (const end = Date.now() + 20_000; ; await sleep(100)) {
      const answer = await fetch(registry.url('/v2/')).catch((error: TypeError) => error)
      if (answer instanceof Response && answer.ok) return registry
      if (Date.now() > end) throw new Error('docker-registry does not answer')
    }
  }

  private readonly url = (path: string): string => new URL(path, `http://127.0.0.1:${this.port}`).href

  /**
   * The guest's stand-ins, with layers behind theirs that have the real ones' sizes times `scale`.
   * @param image the guest's disk, in which their layers are
   */
  async fill(image: string, work: string, scale: number): Promise<void> {
    run('debugfs', ['-R', `rdump /srv/registry ${work}`, image])
    const from = join(work, 'registry')
    const blob = (digest: string) => readFileSync(join(from, 'blobs', digest))
    for (const name of names) {
      const [tag = ''] = readdirSync(join(from, 'tags', name)).sort()
      const manifest: Manifest = JSON.parse(
        blob(readFileSync(join(from, 'tags', name, tag), 'utf8')).toString(),
      )
      const config = JSON.parse(blob(manifest.config.digest).toString())
      for (const { digest } of manifest.layers) await this.put(name, blob(digest))
      for (const [i, size] of layersMB[name].entries()) {
        const { tar, data } = layer(`${name} ${i}`, size * 1e6 * scale)
        config.rootfs.diff_ids.push(sha256(tar))
        manifest.layers.push({
          ...(manifest.layers[0] as Manifest['config']),
          ...(await this.put(name, data)),
        })
      }
      Object.assign(manifest.config, await this.put(name, Buffer.from(JSON.stringify(config))))
      await this.ask(`/v2/${name}/manifests/bench`, 'PUT', JSON.stringify(manifest), {
        'content-type': 'application/vnd.oci.image.manifest.v1+json',
      })
    }
  }

  private async put(name: string, data: Buffer): Promise<{ digest: string; size: number }> {
    const digest = sha256(data)
    const begun = await this.ask(`/v2/${name}/blobs/uploads/`, 'POST')
    const to = new URL(this.url(begun.headers.get('location') ?? ''))
    to.searchParams.set('digest', digest)
    await this.ask(to.href, 'PUT', data)
    return { digest, size: data.length }
  }

  private async ask(path: string, method: string, body?: Buffer | string, headers = {}): Promise<Response> {
    const answer = await fetch(this.url(path), { method, headers, body: body ?? null })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return answer
  }

  stop(): void {
    this.server.kill()
  }
}
