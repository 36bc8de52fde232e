import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'

const code = new URL('../../templates', import.meta.url).pathname
const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const email = 'me@example.org'

let work: string
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'librechat-lab-first-user-'))
  for (const name of ['bin', 'state', 'input']) mkdirSync(join(work, name))
  const made = work
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  const asked = {
    ...{ action: 'add', first: true, email, name: 'Me', password: null },
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }),
  }
  writeFileSync(join(work, 'input/request.json'), JSON.stringify(asked))
  writeFileSync(join(work, 'users'), '')
  writeFileSync(join(work, 'calls'), '')
})

/** LibreChat's scripts by their output; the real programs' words are in test/host/images/librechat. */
function libreChat({ list = 'works', create = 'works' } = {}): void {
  const docker = `#!/bin/bash
printf '%s\\n' "$(grep -oE '(list-users|create-user)' <<<"$*")" >>'${work}/calls'
case "$*" in
  *config/list-users.js*)
    [ ${list} != down ] || { echo 'Error listing users: no connection'; exit 1; }
    [ ${list} != silent ] || exit 0
    while read -r one; do printf 'ID: 1\\nEmail: %s\\nName: One\\nCreated: today\\n' "$one"; done <'${work}/users'
    printf '\\nTotal Users: %s\\n' "$(wc -l <'${work}/users')" ;;
  *config/create-user.js*)
    [ ${create} = nothing ] || echo '${email}' >>'${work}/users'
    [ ${create} != works ] || echo 'User created successfully!' ;;
esac`
  writeFileSync(join(work, 'bin/docker'), docker)
  chmodSync(join(work, 'bin/docker'), 0o755)
}

/** What the stage stack runs: which of LibreChat's scripts it ran, and what it answers or fails with. */
function user(...args: string[]) {
  writeFileSync(join(work, 'calls'), '')
  const answer = join(work, 'answer')
  rmSync(answer, { force: true })
  const program = ['-c', `exec python3 "$0" "$@" 3>'${answer}'`, join(code, 'host/user.py'), ...args]
  spawnSync('bash', program, {
    env: {
      ...process.env,
      ...{ PATH: `${join(work, 'bin')}:${process.env.PATH}`, PYTHONDONTWRITEBYTECODE: '1' },
      ...{ LAB: work, RUN: work, CODE: code, INPUT: join(work, 'input') },
    },
  })
  const scripts = readFileSync(join(work, 'calls'), 'utf8').split('\n').filter(Boolean)
  const text = readFileSync(answer, 'utf8')
  return { scripts, made: text === '' ? undefined : JSON.parse(text).user?.made }
}

describe('the first user', () => {
  it('waits for one script where the stage has seen that there is none', () => {
    libreChat()
    expect(user('look').scripts).toEqual(['list-users'])
    expect(user()).toEqual({ scripts: ['create-user'], made: true })
  })

  it('is not made where somebody is there, whether or not the stage has looked', () => {
    libreChat()
    writeFileSync(join(work, 'users'), 'ana@example.org\n')
    expect(user()).toEqual({ scripts: ['list-users'], made: false })
    user('look')
    expect(user()).toEqual({ scripts: ['list-users'], made: false })
  })

  it.each(['down', 'silent'])('is looked for again where the first look found LibreChat %s', (list) => {
    libreChat({ list })
    user('look')
    libreChat()
    writeFileSync(join(work, 'users'), 'ana@example.org\n')
    expect(user()).toEqual({ scripts: ['list-users'], made: false })
  })

  it('is looked for where LibreChat does not say that it was created', () => {
    libreChat({ create: 'wordless' })
    user('look')
    expect(user()).toEqual({ scripts: ['create-user', 'list-users'], made: true })
  })

  it('that is not there afterwards is an error', () => {
    libreChat({ create: 'nothing' })
    user('look')
    expect(user()).toEqual({ scripts: ['create-user', 'list-users'], made: undefined })
  })
})
