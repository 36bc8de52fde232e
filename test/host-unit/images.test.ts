import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'

const code = new URL('../../templates', import.meta.url).pathname
const work = mkdtempSync(join(tmpdir(), 'librechat-lab-images-'))
afterEach(() => rmSync(work, { recursive: true, force: true }))

const limit = 'toomanyrequests: You have reached your unauthenticated pull rate limit.'

/** Runs the images stage against a Docker whose registries refuse what `refused` says, with these words. */
function images(refused: RegExp, words: string) {
  for (const name of ['bin', 'state', 'images']) mkdirSync(join(work, name), { recursive: true })
  const here = join(work, 'here')
  writeFileSync(here, '')
  const shim = (name: string, text: string) => {
    writeFileSync(join(work, 'bin', name), `#!/bin/bash\n${text}\n`)
    chmodSync(join(work, 'bin', name), 0o755)
  }
  shim('sleep', '')
  shim('df', 'echo; echo / 1 1 999999 1 /')
  shim(
    'docker',
    `case "$1 $2" in
  'image inspect')
    if [ "$3" = -f ]; then echo "\${5%:*}@sha256:$(echo "$5" | sha256sum | cut -c 1-64)"; else grep -qxF "$3" '${here}'; fi ;;
  'info -f') echo / ;;
  'pull -q') if [[ $3 =~ ${refused.source} ]]; then echo '${words}' >&2; exit 1; fi; echo "$3" >>'${here}' ;;
esac`,
  )
  const env = { PATH: `${join(work, 'bin')}:${process.env.PATH}`, LAB: work, CODE: code }
  const argv = ['-c', `bash '${code}/stages/images.sh' 3>&1 >>'${work}/log' 2>&1`]
  const { status, stdout } = spawnSync('bash', argv, { env, encoding: 'utf8' })
  return {
    status,
    stdout,
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
})
