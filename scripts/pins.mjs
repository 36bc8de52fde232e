// Refreshes templates/pins.env from the sources themselves: `node scripts/pins.mjs [KEY=value ...]`.
// Each image's tag is looked up in its registry and its digest written behind it; Compose's checksums are read from
// the files published beside the release. A value given replaces the file's first:
//   node scripts/pins.mjs LIBRECHAT_IMAGE=registry.librechat.ai/librechat-ai/librechat:v0.8.9 COMPOSE_VERSION=v2.40.3
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

const file = new URL('../templates/pins.env', import.meta.url)
const accept = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ')

/** Splits "mongo:8.0.20@sha256:..." as Docker does: Docker Hub, and its folder `library`, need not be said. */
function parts(image) {
  const [named = ''] = image.split('@')
  const at = named.lastIndexOf(':')
  const [first = '', ...rest] = named.slice(0, at).split('/')
  const tag = named.slice(at + 1)
  if (rest.length > 0 && /[.:]/.test(first))
    return { registry: first, repository: rest.join('/'), tag, named }
  const repository = rest.length > 0 ? [first, ...rest].join('/') : `library/${first}`
  return { registry: 'registry-1.docker.io', repository, tag, named }
}

/** The digest that a tag names today; asks for a token where the registry wants one (distribution spec). */
async function digestOf({ registry, repository, tag }) {
  const url = `https://${registry}/v2/${repository}/manifests/${tag}`
  let response = await fetch(url, { method: 'HEAD', headers: { accept } })
  if (response.status === 401) {
    const challenge = response.headers.get('www-authenticate') ?? ''
    const field = (name) => new RegExp(`${name}="([^"]*)"`).exec(challenge)?.[1] ?? ''
    const scope = `repository:${repository}:pull`
    const query = new URLSearchParams({ service: field('service'), scope })
    const { token } = await (await fetch(`${field('realm')}?${query}`)).json()
    response = await fetch(url, { method: 'HEAD', headers: { accept, authorization: `Bearer ${token}` } })
  }
  const digest = response.headers.get('docker-content-digest')
  if (!response.ok || !digest) throw new Error(`${url} answered ${response.status}`)
  return digest
}

async function checksumOf(url) {
  const response = await fetch(`${url}.sha256`)
  const sum = (await response.text()).trim().split(/\s+/)[0] ?? ''
  if (!response.ok || !/^[0-9a-f]{64}$/.test(sum))
    throw new Error(`${url}.sha256 answered ${response.status}`)
  return sum
}

const text = readFileSync(file, 'utf8')
const pins = new Map([...text.matchAll(/^([A-Z0-9_]+)=(.*)$/gm)].map(([, key, value]) => [key, value]))
for (const argument of parseArgs({ allowPositionals: true }).positionals) {
  const [key = '', value = ''] = argument.split(/=(.*)/s)
  if (!pins.has(key)) throw new Error(`There is no pin ${key}.`)
  pins.set(key, value)
}

for (const [key, image] of pins) {
  if (!/_IMAGE(_FALLBACK)?$/.test(key)) continue
  const { named, ...place } = parts(image)
  const digest = await digestOf(place)
  // Portainer's own two follow their tags.
  pins.set(key, key.startsWith('PORTAINER_') ? named : `${named}@${digest}`)
  console.log(`${key}=${pins.get(key)}`)
}
for (const machine of ['x86_64', 'aarch64']) {
  const release = `${pins.get('COMPOSE_URL')}/${pins.get('COMPOSE_VERSION')}/docker-compose-linux-${machine}`
  pins.set(`COMPOSE_SHA256_${machine.toUpperCase()}`, await checksumOf(release))
}
pins.set('MEILISEARCH_VOLUME', parts(pins.get('MEILISEARCH_IMAGE')).tag)
writeFileSync(
  file,
  text.replace(/^([A-Z0-9_]+)=.*$/gm, (_, key) => `${key}=${pins.get(key)}`),
)
