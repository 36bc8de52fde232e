import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'

const code = new URL('../../templates', import.meta.url).pathname
const work = mkdtempSync(join(tmpdir(), 'librechat-lab-images-'))
afterEach(() => rmSync(work, { recursive: true, force: true }))

const limit = 'toomanyrequests: You have reached your unauthenticated pull rate limit.'

const compose = '#!/bin/sh\n'
const composeSum = createHash('sha256').update(compose).digest('hex')

/** Runs a stage's script against a Docker whose registries refuse what `refused` says, with these words. */
function images(refused: RegExp, words: string, { first = true, more = '' } = {}) {
  for (const name of ['bin', 'state', 'images', 'plugins']) mkdirSync(join(work, name), { recursive: true })
  const here = join(work, 'here')
  writeFileSync(here, '')
  const { COMPOSE_VERSION } = Object.fromEntries(
    readFileSync(join(code, 'pins.env'), 'utf8')
      .split('\n')
      .map((line) => line.split('=') as [string, string]),
  )
  writeFileSync(join(work, 'plugins/docker-compose'), compose, { mode: 0o755 })
  writeFileSync(join(work, 'state/compose-version'), `${COMPOSE_VERSION} ${composeSum}  -\n`)
  if (!first) {
    writeFileSync(join(work, 'state/release'), 'earlier')
    mkdirSync(join(work, 'state/applied/images'), { recursive: true })
  }
  const shim = (name: string, text: string) => {
    writeFileSync(join(work, 'bin', name), `#!/bin/bash\n${text}\n`)
    chmodSync(join(work, 'bin', name), 0o755)
  }
  shim('sleep', '')
  shim('sync', `[ $# -gt 0 ] || { ls '${work}/images' >>'${work}/synced'; echo synced >>'${work}/synced'; }`)
  shim('df', 'echo; echo / 1 1 999999 1 /')
  shim(
    'docker',
    `case "$1 $2" in
  'image inspect')
    if [ "$3" = -f ]; then echo "\${5%:*}@sha256:$(echo "$5" | sha256sum | cut -c 1-64)"; else grep -qxF "$3" '${here}'; fi ;;
  'info -f') echo / ;;
  'pull -q') echo "began $3" ;;
  'pull '*)
    if [[ $2 =~ ${refused.source} ]]; then echo '${words}' >&2; exit 1; fi
    printf '%s\\n' 'a: Pulling fs layer' 'b: Pulling fs layer' 'a: Pull complete'
    echo "$2" >>'${here}' ;;
esac`,
  )
  shim('systemctl', 'exit 3')
  shim('systemd-run', `while [ "$1" != docker ]; do shift; done; "$@" >>'${work}/background'`)
  const env = {
    PATH: `${join(work, 'bin')}:${process.env.PATH}`,
    LAB: work,
    CODE: code,
    DOCKER_PLUGINS: join(work, 'plugins'),
  }
  const stage = more === '' ? `'${code}/stages/images.sh'` : `-c '${more}'`
  const argv = ['-c', `bash ${stage} 3>&1 >>'${work}/log' 2>&1`]
  const { status, stdout } = spawnSync('bash', argv, { env, encoding: 'utf8' })
  return {
    status,
    stdout,
    written: (path: string) => readFileSync(join(work, path), 'utf8'),
    error: () => JSON.parse(readFileSync(join(work, 'state/error.json'), 'utf8')),
    kept: (name: string) =>
      readFileSync(join(work, 'images', name), 'utf8')
        .split('\n')
        .slice(0, 2),
  }
}

describe('the images stage', () => {
  it.each([
    ['MONGODB_IMAGE', 'mongo:8.0.20'],
    ['CADDY_IMAGE', 'caddy:2.10.2'],
  ])('takes %s from its second source when Docker Hub refuses', (name, tag) => {
    const { status, kept } = images(/^(mongo|caddy):/, limit)
    expect(status).toBe(0)
    const [asked, resolved] = kept(name)
    expect(asked).toBe(tag)
    expect(resolved).toMatch(new RegExp(`^public\\.ecr\\.aws/docker/library/${tag.split(':')[0]}@sha256:`))
  })

  it('says what Docker Hub’s limit is and that an earlier owner of the address may have used it up', () => {
    const { status, error } = images(/meilisearch/, limit)
    expect(status).toBe(1)
    expect(error()).toMatchObject({
      code: 'image-limit',
      what: expect.stringContaining('getmeili/meilisearch'),
      why: expect.stringMatching(/100 downloads in 6 hours.*earlier owner/),
    })
    expect(JSON.stringify(error())).not.toContain('some minutes')
  })

  it('quotes the registry when it is something else', () => {
    const { error } = images(/portainer/, 'Error response from daemon: no basic auth credentials')
    expect(error()).toMatchObject({
      code: 'image-pull',
      why: 'The registry said: Error response from daemon: no basic auth credentials',
    })
  })

  it('leaves LibreChat to the background on a new host, and waits for it on one that has been set up', () => {
    const fresh = images(/^never$/, '')
    expect(fresh.status).toBe(0)
    expect(fresh.written('background')).toMatch(/^began registry\.librechat\.ai\S+\n$/)
    expect(fresh.stdout).toContain('still downloading')
    expect(() => fresh.kept('LIBRECHAT_IMAGE')).toThrow('ENOENT')
    const later = images(/^never$/, '', { first: false })
    expect(later.status).toBe(0)
    expect(later.kept('LIBRECHAT_IMAGE')[1]).toMatch(/^registry\.librechat\.ai\S+@sha256:/)
  })

  it('has an image’s layers on the disk before it is recorded', () => {
    const fetch = `. ${code}/stages/common.sh; . ${code}/stages/fetch.sh
      fetch LIBRECHAT_IMAGE $LIBRECHAT_IMAGE; fetch LIBRECHAT_IMAGE $LIBRECHAT_IMAGE`
    const { kept, written } = images(/^never$/, '', { first: false, more: fetch })
    expect(kept('LIBRECHAT_IMAGE')[1]).toContain('@sha256:')
    expect(written('synced')).toBe('synced\n')
  })

  it('reports how many layers of an image are downloaded to a command that waits', () => {
    const fetch = `. ${code}/stages/common.sh; . ${code}/stages/fetch.sh; follow=LibreChat
      fetch LIBRECHAT_IMAGE $LIBRECHAT_IMAGE; cat $LAB/state/step >&3`
    const { stdout, kept } = images(/^never$/, '', { more: fetch })
    expect(stdout).toBe('downloading LibreChat, 1 of 2 layers done\n')
    expect(kept('LIBRECHAT_IMAGE')[1]).toContain('@sha256:')
  })

  it('reports LibreChat’s refusal where the image is waited for', () => {
    const fetch = `. ${code}/stages/common.sh; . ${code}/stages/fetch.sh
      fetch LIBRECHAT_IMAGE $LIBRECHAT_IMAGE $LIBRECHAT_IMAGE_FALLBACK || refused $LIBRECHAT_IMAGE`
    const { status, error } = images(/librechat/, 'denied', { more: fetch })
    expect(status).toBe(1)
    expect(error()).toMatchObject({ code: 'image-pull', why: 'The registry said: denied' })
  })
})
