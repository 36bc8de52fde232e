import { createHash } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { buildSync } from 'esbuild'
import { output, run } from './shell.js'

/** Stand-ins for the images: the names, users, ports, writable paths and health behaviour of the real ones. */
const sources = new URL('images/', import.meta.url).pathname
/** MongoDB's shell, for the programs of the host that sum what the models cost. */
const mongosh = new URL('../host-unit/mongosh.mjs', import.meta.url).pathname

interface Image {
  /** Name in the registry and its tag. */
  readonly name: string
  readonly tag: string
  readonly layers: readonly Layer[]
  readonly config: Record<string, unknown>
}

interface Layer {
  /** Compressed. */
  readonly tar: Buffer
  readonly diffId: string
}

const sha256 = (data: Buffer | string): string => `sha256:${createHash('sha256').update(data).digest('hex')}`

/** A folder as a layer, its owners kept. */
function layer(folder: string): Layer {
  const tar = output('tar', ['--numeric-owner', '--sort=name', '--mtime=@0', '-C', folder, '-cf', '-', '.'])
  return { tar: gzipSync(tar, { level: 1 }), diffId: sha256(tar) }
}

/** A program of the system, and the libraries that it is linked with. */
function addProgram(folder: string, program: string): void {
  const libraries = output('ldd', [program])
    .toString()
    .split('\n')
    .flatMap((line) => /(\/\S+) \(0x/.exec(line)?.[1] ?? [])
  for (const path of [program, ...libraries]) {
    const target = join(folder, path === program ? `/usr/bin/${program.split('/').at(-1)}` : path)
    mkdirSync(dirname(target), { recursive: true })
    cpSync(path, target, { dereference: true })
  }
}

function addSystem(folder: string): void {
  for (const directory of ['tmp', 'proc', 'sys', 'dev', 'etc', 'run']) mkdirSync(join(folder, directory))
  chmodSync(join(folder, 'tmp'), 0o1777)
  const users = ['root:x:0:0::/root', 'node:x:1000:1000::/tmp', 'mongodb:x:999:999::/data/db']
  put(folder, 'etc/passwd', users.map((user) => `${user}:/bin/sh\n`).join(''))
  put(folder, 'etc/group', 'root:x:0:\nnode:x:1000:\nmongodb:x:999:\n')
}

/** Makes a layer's folder, has `fill` fill it, and packs it. */
function made(work: string, fill: (folder: string) => void): Layer {
  const folder = join(work, 'layer')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  // What is in an image is read by the image's own user.
  const mask = process.umask(0o022)
  try {
    fill(folder)
    return layer(folder)
  } finally {
    process.umask(mask)
  }
}

function put(folder: string, path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), text)
  chmodSync(join(folder, path), mode)
}

function owned(folder: string, path: string, owner: number): void {
  mkdirSync(join(folder, path), { recursive: true })
  run('chown', ['-R', `${owner}:${owner}`, join(folder, path)])
}

const busyboxTools = [
  'sh',
  'wget',
  'cat',
  'id',
  'ls',
  'stat',
  'ps',
  'kill',
  'sleep',
  'nc',
  'ip',
  'dd',
  'df',
  'env',
]

function images(work: string, debian: string, caddy: string): Image[] {
  const node = made(work, (folder) => {
    addSystem(folder)
    addProgram(folder, process.execPath)
  })
  const busybox = made(work, (folder) => {
    mkdirSync(join(folder, 'bin'))
    cpSync(join(debian, 'usr/bin/busybox'), join(folder, 'bin/busybox'))
    for (const tool of busyboxTools) symlinkSync('busybox', join(folder, 'bin', tool))
  })
  const librechat = (version: string, fails = '') =>
    made(work, (folder) => {
      mkdirSync(join(folder, 'app'))
      cpSync(join(sources, 'librechat'), join(folder, 'app'), { recursive: true })
      put(folder, 'app/version', `${version}\n`)
      put(folder, 'app/fails', fails)
      for (const path of ['client/public/images', 'uploads', 'logs', 'data', 'skill'])
        owned(folder, `app/${path}`, 1000)
      owned(folder, 'app', 1000)
      put(
        folder,
        'usr/bin/npm',
        '#!/bin/sh\ncase "$2" in migrate:*) exec node /app/migrate.cjs "$2" ;; esac\nexec node /app/server.cjs\n',
        0o755,
      )
    })
  const portainer = (version: string) =>
    made(work, (folder) => {
      cpSync(join(sources, 'portainer/portainer.cjs'), join(folder, 'portainer.cjs'))
      put(folder, 'version', version)
      mkdirSync(join(folder, 'data'))
      const certificate = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'certificate.pem')]
      run('openssl', [
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-days',
        '30',
        '-subj',
        '/CN=portainer',
        ...certificate,
      ])
    })
  const path = 'PATH=/usr/local/bin:/usr/bin:/bin'
  const librechatConfig = {
    User: 'node',
    WorkingDir: '/app',
    Cmd: ['npm', 'run', 'backend'],
    Env: [path, 'HOST=0.0.0.0'],
  }
  const portainerConfig = { Entrypoint: ['node', '/portainer.cjs'], Volumes: { '/data': {} }, Env: [path] }
  const [latest, older] = [portainer('2.34.0'), portainer('2.33.0')]
  return [
    {
      name: 'librechat-ai/librechat',
      tag: 'v0.8.8',
      layers: [node, busybox, librechat('v0.8.8')],
      config: librechatConfig,
    },
    {
      name: 'librechat-ai/librechat',
      tag: 'v0.8.9',
      layers: [node, busybox, librechat('v0.8.9')],
      config: librechatConfig,
    },
    {
      name: 'librechat-ai/librechat',
      tag: 'v0.8.10',
      layers: [node, busybox, librechat('v0.8.10', 'migration')],
      config: librechatConfig,
    },
    {
      name: 'librechat-ai/librechat',
      tag: 'v0.8.11',
      layers: [node, busybox, librechat('v0.8.11', 'start')],
      config: librechatConfig,
    },
    {
      name: 'library/mongo',
      tag: '8.0.20',
      layers: [
        node,
        busybox,
        made(work, (folder) => {
          cpSync(join(sources, 'mongodb/mongod.cjs'), join(folder, 'mongod.cjs'))
          cpSync(join(sources, 'mongodb/tools.cjs'), join(folder, 'tools.cjs'))
          for (const name of ['mongodump', 'mongorestore'])
            put(folder, `usr/bin/${name}`, `#!/bin/sh\nexec node /tools.cjs ${name} "$@"\n`, 0o755)
          put(folder, 'usr/bin/mongod', '#!/bin/sh\nexec node /mongod.cjs "$@"\n', 0o755)
          put(
            folder,
            'usr/bin/mongosh',
            `#!/bin/sh
[ "$(echo '["ping"]' | nc -w 5 127.0.0.1 27017)" = '"ok"' ] || exit 1
case "$*" in
  *'const asked = '*) MONGO_DOCUMENTS=/data/db/chat.json exec node /mongosh.mjs "$@" ;;
  *schedules*) echo 0 ;;
esac
`,
            0o755,
          )
          const bundled = buildSync({
            entryPoints: [mongosh],
            bundle: true,
            platform: 'node',
            format: 'esm',
            write: false,
          })
          put(folder, 'mongosh.mjs', bundled.outputFiles[0]?.text ?? '')
          owned(folder, 'data/db', 999)
          owned(folder, 'data/configdb', 999)
        }),
      ],
      config: { Cmd: ['mongod'], Volumes: { '/data/db': {}, '/data/configdb': {} }, Env: [path] },
    },
    {
      name: 'getmeili/meilisearch',
      tag: 'v1.35.1',
      layers: [
        node,
        busybox,
        made(work, (folder) => {
          cpSync(join(sources, 'meilisearch/meilisearch.cjs'), join(folder, 'meilisearch.cjs'))
          // The real image has curl; busybox has wget.
          put(
            folder,
            'usr/bin/curl',
            '#!/bin/sh\nfor url; do :; done\nexec wget -q -O /dev/null "$url"\n',
            0o755,
          )
          mkdirSync(join(folder, 'meili_data'))
        }),
      ],
      config: { WorkingDir: '/meili_data', Cmd: ['node', '/meilisearch.cjs'], Env: [path] },
    },
    {
      name: 'library/caddy',
      tag: '2.10.2',
      layers: [
        busybox,
        made(work, (folder) => {
          addSystem(folder)
          mkdirSync(join(folder, 'usr/bin'), { recursive: true })
          cpSync(caddy, join(folder, 'usr/bin/caddy'))
          for (const directory of ['data', 'config', 'srv', 'etc/caddy'])
            mkdirSync(join(folder, directory), { recursive: true })
        }),
      ],
      config: {
        WorkingDir: '/srv',
        Cmd: ['caddy', 'run', '--config', '/etc/caddy/Caddyfile', '--adapter', 'caddyfile'],
        Env: [path, 'XDG_CONFIG_HOME=/config', 'XDG_DATA_HOME=/data'],
      },
    },
    // No shell, as the real one. `lts` names the older one until a test moves it.
    { name: 'portainer/portainer-ce', tag: 'lts', layers: [node, older], config: portainerConfig },
    { name: 'portainer/portainer-ce', tag: 'next', layers: [node, latest], config: portainerConfig },
    {
      name: 'portainer/helper-reset-password',
      tag: 'latest',
      layers: [node, older],
      config: { ...portainerConfig, Entrypoint: ['node', '/portainer.cjs', 'reset'] },
    },
  ]
}

/**
 * Writes every image as the guest's registry serves them: blobs by digest, and a file for each tag.
 * @param debian a root directory, for its busybox
 * @param caddy the program of the pinned version
 */
export function writeRegistry(directory: string, work: string, debian: string, caddy: string): void {
  const blob = (data: Buffer): { digest: string; size: number } => {
    const digest = sha256(data)
    writeFileSync(join(directory, 'blobs', digest), data)
    return { digest, size: data.length }
  }
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(join(directory, 'blobs'), { recursive: true })
  for (const image of images(work, debian, caddy)) {
    const config = blob(
      Buffer.from(
        JSON.stringify({
          architecture: 'amd64',
          os: 'linux',
          config: image.config,
          rootfs: { type: 'layers', diff_ids: image.layers.map(({ diffId }) => diffId) },
        }),
      ),
    )
    const layers = image.layers.map(({ tar }) => ({
      mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
      ...blob(tar),
    }))
    const manifest = blob(
      Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: 'application/vnd.oci.image.manifest.v1+json',
          config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
          layers,
        }),
      ),
    )
    const tags = join(directory, 'tags', image.name)
    mkdirSync(tags, { recursive: true })
    writeFileSync(join(tags, image.tag), manifest.digest)
  }
}

/** What the stand-ins are made of, for the cache's key. */
export const imageSources = (): string =>
  [
    mongosh,
    ...readdirSync(sources, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name)),
  ]
    .map((path) => readFileSync(path, 'utf8'))
    .join('')
