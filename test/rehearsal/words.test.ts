import { describe, expect, it } from 'vitest'
import { buildParser } from '../../src/cli/parser.js'
import { account, newFolder, runHere } from './in-process.js'

describe('the default VPC', () => {
  it('is a line of the plan and is not there before the user agrees', async () => {
    const { run, there } = account()
    const planned = await run('up --dry-run --create-default-vpc --scenario no-default-vpc')
    expect(planned.code, planned.stderr).toBe(0)
    expect(planned.stdout).toMatch(/\+ default VPC of us-east-1 {2}create\n +destroy keeps it/)
    // Without a terminal and without --yes, nobody agrees.
    const asked = await run('up --create-default-vpc --scenario no-default-vpc')
    expect(asked).toMatchObject({ code: 1, stdout: '' })
    expect(asked.stderr).toContain('default VPC of us-east-1  create')
    expect(there().regions['us-east-1']?.vpcs).toEqual({})
    const made = await run('up --yes --create-default-vpc --scenario no-default-vpc')
    expect(made.code, made.stderr).toBe(0)
    expect(made.stderr).toMatch(/✔ default VPC {2}created vpc-/)
    expect(Object.keys(there().regions['us-east-1']?.vpcs ?? {})).toHaveLength(1)
  })

  it('is advised where it is missing and the flag is not there', async () => {
    const { stderr, code } = await account().run('up --dry-run --scenario no-default-vpc')
    expect(code).toBe(1)
    expect(stderr).toContain('--create-default-vpc')
  })
})

describe('status', () => {
  it('is not healthy where no model was asked, and says what asks them', async () => {
    const { run, change } = account()
    await run('up --yes')
    expect(await run('status')).toMatchObject({ code: 0 })
    change(({ regions }) => {
      for (const { host } of Object.values(regions['us-east-1']?.instances ?? {})) delete host.proof
    })
    const never = await run('status')
    expect(never.code).toBe(2)
    expect(never.stdout).toContain('no model was asked yet')
    expect(never.stdout.trim().split('\n').at(-1)).toMatch(/status --rehearse --chat +asks each model$/)
    expect(await run('status --chat')).toMatchObject({ code: 0 })
    expect(await run('status')).toMatchObject({ code: 0 })
  })

  it('does not promise that up makes a model answer', async () => {
    const { run } = account()
    await run('up --yes --scenario zero-quota')
    const { code, stdout } = await run('status --scenario zero-quota')
    expect(code).toBe(2)
    expect(stdout).not.toContain('repairs what can be repaired')
    expect(stdout).toMatch(/up --rehearse +asks the models again, after you have fixed the cause/)
  })

  it('--watch shows it until it is stopped', async () => {
    const { run } = account()
    await run('up --yes')
    const watched = await run('status --watch', { stopAt: /Total/ })
    expect(watched.code).toBe(130)
    expect(watched.stdout.match(/^Lab "default"/gm)).toHaveLength(1)
    expect(watched.stderr).not.toContain('✖')
    for (const flag of ['--json', '--chat'])
      expect(await run(`status --watch ${flag}`)).toMatchObject({ code: 1 })
  })
})

describe('a flag is never ignored', () => {
  it('--use-case-file, where the form was sent before', async () => {
    const { run } = account()
    const refused = await run('up --yes --use-case-file /nonexistent')
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/can't be read[\s\S]*There is no such file/)
  })

  it('--password-stdin, where there is no user', async () => {
    const { run } = account()
    expect((await run('up --yes --password-stdin', { input: 'correct horse' })).stderr).toContain('--email')
  })

  it('--password-stdin, where there is a user already', async () => {
    const { run } = account()
    const short = await run('up --yes --email a@example.org --password-stdin', { input: 'short' })
    expect(short.stderr).toContain('shorter than 8 characters')
    const made = await run('up --yes --email a@example.org --password-stdin', { input: 'correct horse' })
    expect(made.code, made.stderr).toBe(0)
    expect(made.stdout + made.stderr).not.toMatch(/Password +\S|correct horse/)
    const again = await run('up --yes --password-stdin', { input: 'correct horse' })
    expect(again.stderr).toMatch(/password is not used[\s\S]*user reset-password --rehearse a@example\.org/)
  })

  it('--region, for a region that the rehearsed account cannot have', async () => {
    for (const region of ['eu-north-9', 'cn-north-1', 'us-gov-west-1'])
      expect((await account().run(`status --region ${region}`)).stderr, region).toContain('no region')
    expect(await account().run('list --region eu-north-1')).toMatchObject({ code: 0 })
  })
})

describe('help', () => {
  it('of a command that does not exist is an error, and not the help of the level above', async () => {
    for (const line of ['foo --help', 'user foo --help', 'foo bar -h']) {
      const ended = await runHere(line.split(' '), { folder: newFolder() })
      expect(ended.code, line).toBe(1)
      expect(ended.stderr, line).toContain('Unknown command')
    }
  })

  it('of a group has the exit codes of its commands', () => {
    const root = buildParser(
      '0.0.0',
      async () => {},
      async () => {},
    )
    for (const group of ['user', 'access', 'portainer', 'address'])
      expect(root.commands.find((one) => one.name() === group)?.helpInformation()).toMatch(
        /^ +3 +no such lab$/m,
      )
  })
})

it('Ctrl-C in a command that changes nothing does not speak of AWS calls', async () => {
  const { run } = account()
  const ended = await run('tunnel', { stopAt: /./ })
  expect(ended.code).not.toBe(0)
  expect(ended.stderr).not.toContain('continues where it stopped')
})

it('Ctrl-C in graduate repeats its options without the passwords in them', async () => {
  const { run } = account()
  await run('up --yes')
  const uris =
    '--mongodb mongodb+srv://bob:S3CRET@db.example.org/LibreChat --redis rediss://:HUNTER2@redis.example.org'
  for (const json of ['', ' --json']) {
    const ended = await run(`graduate --out ${newFolder()}/k8s --host chat.example.org ${uris}${json}`, {
      stopAt: /./,
    })
    expect(ended.code).toBe(130)
    expect(ended.stdout + ended.stderr).not.toMatch(/S3CRET|HUNTER2/)
    expect(ended.stderr).toMatch(/--host chat\.example\.org --mongodb <uri> --redis <uri>.* starts again/s)
  }
})

it('a list of users has a head', async () => {
  const { run } = account()
  await run('up --yes --email me@example.org')
  expect((await run('user list')).stdout).toMatch(/^E-MAIL +NAME +CREATED\nme@example\.org/)
})
