import { gunzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { carriedBy } from '../support/archive.js'
import { run } from '../support/cli.js'
import { lab, only } from '../support/lab.js'
import { describeAccount } from '../support/suite.js'

const password = 'correct horse battery staple'

describeAccount('a secret', (account) => {
  /** All that went to AWS, unpacked: what Run Command carried, and user data, are read as a person could read them. */
  const sent = (): string[] =>
    account().calls.map(({ action, params }) => {
      const text = JSON.stringify(params)
      if (action !== 'SendCommand') return `${action} ${text}`
      const script = (params.Parameters as { commands: string[] }).commands.join('\n')
      if (script.includes('CHAT_PROOF=')) return `${action} ${text}`
      const files = [...carriedBy(script).files].map(([path, content]) => `${path}\n${content}`)
      return `${action} ${text}\n${files.join('\n')}`
    })

  it('that a person typed goes to the host encrypted to a key that the host made for it, and nowhere else', async () => {
    const typed = { input: `${password}\n` }
    const up = await run(account(), ['up', '--yes', '--email', 'ana@example.org', '--password-stdin'], typed)
    expect(up.code, up.stdout + up.stderr).toBe(0)
    const add = await run(account(), ['user', 'add', 'bob@example.org', '--password-stdin'], typed)
    expect(add.code, add.stderr).toBe(0)
    expect(sent().filter((text) => text.includes(password))).toEqual([])
    const secrets = account().calls.filter(({ params }) => String(params.Name).includes('/secret/'))
    expect(secrets).toEqual([])
    const { passwords, keys } = account().hosts.of(only((await lab(account())).instances).InstanceId ?? '')
    expect([...passwords]).toEqual([
      ['ana@example.org', password],
      ['bob@example.org', password],
    ])
    expect(keys.size).toBe(0)
    for (const { stdout, stderr } of [up, add]) expect(stdout + stderr).not.toContain(password)
  })

  it('that the host made is shown to the user once, and stands in no JSON, no call and no second run', async () => {
    const up = await run(account(), ['up', '--yes', '--email', 'ana@example.org'])
    const made = /Password +(\S+)/.exec(up.stdout)?.[1] ?? ''
    expect(made.length, up.stdout).toBeGreaterThan(8)
    expect(sent().join('\n')).not.toContain(made)
    const json = await run(account(), ['user', 'add', 'bob@example.org', '--json'])
    expect(json.code).toBe(0)
    expect(Object.keys(json.json())).toEqual(['email', 'made', 'allowedFrom'])
    expect(json.stderr).toMatch(/(not part of|does not contain).*(JSON|password)/)
    const portainer = await run(account(), ['portainer', 'password', '--json'])
    expect(portainer.stdout + portainer.stderr).not.toContain('portainer-secret')
    const again = await run(account(), ['up', '--yes'])
    expect(again.stdout + again.stderr).not.toContain(made)
  })

  it('of the operator’s own is in nothing that is sent, written down or said', async () => {
    const { accessKeyId, secretAccessKey } = account().credentials
    const said: string[] = []
    for (const args of [
      ['up', '--yes', '--user-data', '--debug'],
      ['status', '--json'],
      ['doctor'],
      ['destroy', '--confirm', 'default'],
    ]) {
      const { stdout, stderr } = await run(account(), args)
      said.push(stdout, stderr)
    }
    for (const text of [...said, ...sent()]) {
      expect(text).not.toContain(secretAccessKey)
      expect(text).not.toContain(accessKeyId)
    }
  })

  it('is in no tag, no name and no user data, and none is made here: user data makes them on the host', async () => {
    await run(account(), ['up', '--yes', '--user-data', '--email', 'ana@example.org'])
    const launch = only(account().calls.filter(({ action }) => action === 'RunInstances')).params
    const script = gunzipSync(Buffer.from(String(launch.UserData), 'base64')).toString()
    const input = [
      script,
      ...account()
        .hosts.of(only((await lab(account())).instances).InstanceId ?? '')
        .input.values(),
    ]
    for (const text of input) {
      expect(text).not.toMatch(/AKIA|ASIA|BEGIN [A-Z ]*PRIVATE KEY/)
      expect(text).not.toMatch(/^(CREDS_KEY|CREDS_IV|JWT_SECRET|JWT_REFRESH_SECRET|MEILI_MASTER_KEY)=\S/m)
    }
  })

  it.each([
    ['$(touch /tmp/librechat-lab-was-here)', 0],
    ['`reboot` "; rm -rf / #', 0],
    ["o'brien {{ssm:/prod/password}} $HOME", 0],
    ['a\nb', 1],
    ['-rf', 1],
  ])('or a name is never part of a command: %j', async (name, code) => {
    await run(account(), ['up', '--yes'])
    account().forget()
    const ended = await run(account(), ['user', 'add', 'bob@example.org', '--display-name', name])
    expect(ended.code, ended.stderr).toBe(code)
    const commands = account().calls.filter(({ action }) => action === 'SendCommand')
    expect(commands).toHaveLength(code === 0 ? 1 : 0)
    for (const { params } of commands) {
      const script = (params.Parameters as { commands: string[] }).commands.join('\n')
      expect(JSON.stringify(params)).not.toContain(name)
      expect(script).not.toContain('{{')
      const request = JSON.parse(carriedBy(script).files.get('input/request.json') ?? '{}')
      expect(request.name).toBe(name)
    }
  })
})
