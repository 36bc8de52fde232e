import { spawnSync } from 'node:child_process'
import { constants, generateKeyPairSync, privateDecrypt, publicEncrypt } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { fixSchema } from '../../src/host/steps.js'

const code = new URL('../../templates', import.meta.url).pathname
const there =
  spawnSync('python3', ['-c', 'pass']).status === 0 && spawnSync('openssl', ['version']).status === 0
const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }
const email = 'ann@example.org'

let work: string
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'librechat-lab-programs-'))
  for (const name of ['bin', 'state', 'input', 'keys', 'app/config'])
    mkdirSync(join(work, name), { recursive: true })
  // LibreChat's container: `docker compose exec|run ... librechat node ...` runs node in app/.
  shim(
    'docker',
    `echo "$*" | cut -c 1-60 >>'${work}/log'
case "$2" in
  exec | run) while [ "$1" != node ]; do shift; done; cd '${work}/app' && shift && exec '${process.execPath}' "$@" ;;
  up) [ ! -e '${work}/broken' ] || { echo 'no space left on device' >&2; exit 1; } ;;
esac`,
  )
  shim('systemd-run', `echo "systemd-run $*" >>'${work}/log'`)
  shim('systemctl', `echo "systemctl $*" >>'${work}/log'`)
  listed(email)
  const made = work
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
})

function shim(name: string, text: string): void {
  writeFileSync(join(work, 'bin', name), `#!/bin/bash\n${text}\n`)
  chmodSync(join(work, 'bin', name), 0o755)
}

const app = (name: string, text: string) => writeFileSync(join(work, 'app/config', name), text)

/** LibreChat's users, as its list-users.js prints them. */
const listed = (...emails: string[]) =>
  app(
    'list-users.js',
    emails.map((one) => `console.log('ID: 1\\nEmail: ${one}\\nName: x\\nCreated: y\\n---')`).join('\n'),
  )

/** A script of LibreChat's that asks its questions one after another, each with a reader of its own. */
const asking = (questions: string[], then: string) => `
const readline = require('node:readline')
const ask = (query) => new Promise((resolve) => {
  const reader = readline.createInterface({ input: process.stdin, output: process.stdout })
  reader.question(query + '\\n> ', (answer) => { reader.close(); resolve(answer) })
})
;(async () => {
  const said = []
  for (const question of ${JSON.stringify(questions)}) said.push(await ask(question))
  ${then}
})()`

/** Runs one of the host's programs; what it answered through file 3, and the error that it left. */
function program(name: string, request?: object, { quietMs = 3000 } = {}) {
  if (request) writeFileSync(join(work, 'input/request.json'), JSON.stringify(request))
  const env = {
    ...process.env,
    PATH: `${work}/bin:${process.env.PATH}`,
    LAB: work,
    CODE: code,
    RUN: work,
    INPUT: `${work}/input`,
    PYTHONDONTWRITEBYTECODE: '1',
    ANSWER_QUIET_MS: String(quietMs),
  }
  const argv = [
    '-c',
    `umask 077; python3 '${code}/host/${name}.py' 3>'${work}/answer' >>'${work}/stage.log' 2>&1`,
  ]
  const { status } = spawnSync('bash', argv, { env })
  const read = (path: string) => (existsSync(join(work, path)) ? readFileSync(join(work, path), 'utf8') : '')
  return {
    status,
    answer: JSON.parse(read('answer') || 'null'),
    error: JSON.parse(read('state/error.json') || 'null'),
    log: read('log'),
    stageLog: read('stage.log'),
  }
}

const { publicKey: answers } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const publicKey = answers.export({ type: 'spki', format: 'pem' })

/** Spares the tests that are not about it the seconds that a key of 4096 bits takes. */
const { privateKey: ready } = generateKeyPairSync('rsa', { modulusLength: 4096 })
function withReadyKey(): void {
  writeFileSync(join(work, 'ready'), ready.export({ type: 'pkcs8', format: 'pem' }))
  shim(
    'openssl',
    `[ "$1" != genpkey ] || exec cp '${work}/ready' "\${@: -1}"
PATH=\${PATH#*:} exec openssl "$@"`,
  )
}

describe.skipIf(!there)('the host’s key for a password', () => {
  const reset = 'reset-password.js'
  const questions = ['Enter user email: ', 'Enter new password: ', 'Confirm new password: ']
  const done = `require('node:fs').writeFileSync('heard', JSON.stringify(said)); console.log('Password successfully reset!'); process.exit(0)`

  function sealed(password: string, purpose: string) {
    const { key } = program('key').answer
    const oaepLabel = Buffer.from(purpose)
    const text = publicEncrypt({ key: key.publicKey, ...oaep, oaepLabel }, Buffer.from(password))
    return { key: key.id, sealed: text.toString('base64') }
  }
  const ask = (password: object, to = email) =>
    program('user', { action: 'reset-password', email: to, password, publicKey })

  it('decrypts the password for the script that sets it, once, and is gone', () => {
    app(reset, asking(questions, done))
    const secret = `${'☃'.repeat(100)} $(id) "x" 'y' \\`
    const password = sealed(secret, `reset-password ${email}`)
    expect(readdirSync(join(work, 'keys'))).toHaveLength(1)
    const { status, answer, stageLog } = ask(password)
    expect(stageLog).not.toContain(secret)
    expect([status, answer]).toEqual([0, { user: { email } }])
    expect(JSON.parse(readFileSync(join(work, 'app/heard'), 'utf8'))).toEqual([email, secret, secret])
    expect(readdirSync(join(work, 'keys'))).toEqual([])
    expect(ask(password)).toMatchObject({ status: 1, error: { code: 'password-key', refused: false } })
  })

  it.each([
    ['another user', 'reset-password bob@example.org'],
    ['another action', `add ${email}`],
    ['no one', ''],
  ])('opens no password that was encrypted for %s, and is gone', (_, purpose) => {
    withReadyKey()
    app(reset, asking(questions, done))
    expect(ask(sealed('long enough', purpose))).toMatchObject({ status: 1, error: { code: 'password-key' } })
    expect(readdirSync(join(work, 'keys'))).toEqual([])
    expect(existsSync(join(work, 'app/heard'))).toBe(false)
  })

  it('is gone when the request is refused for another reason', () => {
    withReadyKey()
    const { error } = ask(sealed('long enough', 'reset-password bob@example.org'), 'bob@example.org')
    expect(error).toMatchObject({ code: 'user-unknown', refused: true })
    expect(fixSchema.parse(error.fix)).toEqual([['List the users: ', { path: 'user list' }]])
    expect(readdirSync(join(work, 'keys'))).toEqual([])
  })

  it.each(['../secrets/env', '', 'a'.repeat(24)])('is looked for under a key’s name alone: %j', (key) => {
    mkdirSync(join(work, 'secrets'))
    writeFileSync(join(work, 'secrets/env'), 'kept')
    expect(ask({ key, sealed: 'AAAA' })).toMatchObject({ status: 1, error: { code: 'password-key' } })
    expect(readFileSync(join(work, 'secrets/env'), 'utf8')).toBe('kept')
  })
})

describe.skipIf(!there)('removing a user', () => {
  const removes = (questions: string[]) =>
    asking(
      questions,
      `if (said.some((one) => !/^y(es)?$/.test(one))) { console.log('Aborted.'); process.exit(1) }
  require('node:fs').writeFileSync('config/list-users.js', '')
  process.exit(0)`,
    )

  it.each([
    [['Confirm ALL LibreChat processes are stopped before continuing. (y/N)']],
    [
      [
        `Really delete user ${email} (1) and ALL their data? (y/N)`,
        'Also delete all transaction history for this user? (y/N)',
        'Confirm ALL LibreChat processes are stopped before continuing. (y/N)',
      ],
    ],
    [['Are you sure? [Y/n]', 'Continue (yes/no)?', 'And this? (Y / N)', 'And that? [yes/no]']],
    [[]],
  ])('answers all that LibreChat’s script asks: %j', (questions) => {
    app('delete-user.js', removes(questions))
    const { status, answer, log } = program('user', { action: 'remove', email })
    expect([status, answer]).toEqual([0, { user: { email } }])
    expect(log).toMatch(/compose stop librechat[\s\S]*compose up -d/)
  })

  it.each([
    [
      'fails',
      `console.error('2026-11-26 10:00:00 error: [indexSync] no search'); console.log('Error: the database is read-only'); process.exit(3)`,
      'Error: the database is read-only',
    ],
    ['throws', `throw new Error('Topology is closed')`, 'Error: Topology is closed'],
    ['aborts', `console.log('---------------'); console.log('Aborted.'); process.exit(0)`, 'Aborted.'],
    ['says nothing', `process.exit(3)`, 'It ended with code 3 and gave no reason.'],
  ])('shows the script’s own reason when it %s, and starts LibreChat again', (_, text, reason) => {
    app('delete-user.js', text)
    const { status, error, log } = program('user', { action: 'remove', email })
    expect(status).toBe(1)
    expect(error).toMatchObject({ code: 'user-refused', why: reason })
    expect(log).toMatch(/compose stop librechat[\s\S]*compose up -d --pull never --wait/)
  })

  it('fails on an unexpected question of the script, and starts LibreChat again', () => {
    app('delete-user.js', asking(['Type DELETE to confirm:'], ''))
    const { error, log } = program('user', { action: 'remove', email }, { quietMs: 500 })
    expect(error.why).toMatch(/asked what nobody can answer/)
    expect(log).toMatch(/compose stop librechat[\s\S]*compose up -d/)
  })

  it('has LibreChat started by a timer when it is killed in the middle, and takes the timer away when it is not', () => {
    app('delete-user.js', removes([]))
    const { log } = program('user', { action: 'remove', email })
    const lines = log.split('\n')
    const at = (start: string) => lines.findIndex((line) => line.startsWith(start))
    expect(
      at('systemd-run --quiet --collect --unit=librechat-lab-recover-later --on-active=2min'),
    ).toBeGreaterThanOrEqual(0)
    expect(at('systemd-run')).toBeLessThan(at('compose stop'))
    expect(lines.lastIndexOf('systemctl stop librechat-lab-recover-later.timer')).toBeGreaterThan(
      at('compose up'),
    )
  })

  it('says that LibreChat did not start again, which matters most', () => {
    writeFileSync(join(work, 'broken'), '')
    app('delete-user.js', removes([]))
    expect(program('user', { action: 'remove', email }).error).toMatchObject({
      code: 'librechat-unreachable',
      why: 'no space left on device',
    })
  })

  it('refuses one that is not there, without stopping LibreChat', () => {
    const { error, log } = program('user', { action: 'remove', email: 'bob@example.org' })
    expect(error).toMatchObject({ code: 'user-unknown', refused: true })
    expect(fixSchema.parse(error.fix)).toEqual([['List the users: ', { path: 'user list' }]])
    expect(log).not.toContain('compose stop')
  })
})

describe.skipIf(!there)('adding a user', () => {
  it('shows the script’s own reason, not its questions or LibreChat’s log', () => {
    app(
      'create-user.js',
      asking(
        ['\x1b[36mPassword: (leave blank, to generate one)'],
        `console.error('2026-11-26 10:00:00 error: There was an error with the search'); console.log('\\x1b[31mError: name: String must contain 3 to 80 characters\\x1b[0m'); process.exit(1)`,
      ),
    )
    const { error } = program('user', { action: 'add', email: 'bob@example.org', name: 'Bob', publicKey })
    expect(error.why).toBe('Error: name: String must contain 3 to 80 characters')
  })

  it('refuses one that exists', () => {
    const { error, log } = program('user', {
      action: 'add',
      email: 'ANN@example.org',
      name: 'Ann',
      publicKey,
    })
    expect(error).toMatchObject({ code: 'user-exists', refused: true })
    expect(log).not.toContain('create-user')
  })
})

it.skipIf(!there)('what a host seals for this program can be opened by it alone', () => {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
  listed('carl@example.org')
  app(
    'reset-password.js',
    asking(
      ['Enter user email: ', 'Enter new password: ', 'Confirm new password: '],
      `require('node:fs').writeFileSync('heard', said[1]); console.log('Password successfully reset!'); process.exit(0)`,
    ),
  )
  const { answer } = program('user', {
    action: 'reset-password',
    email: 'carl@example.org',
    password: null,
    publicKey: pair.publicKey.export({ type: 'spki', format: 'pem' }),
  })
  const opened = privateDecrypt({ key: pair.privateKey, ...oaep }, Buffer.from(answer.user.sealed, 'base64'))
  expect(opened.toString()).toBe(readFileSync(join(work, 'app/heard'), 'utf8'))
})
