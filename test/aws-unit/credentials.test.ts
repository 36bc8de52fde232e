import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { advise } from '../../src/aws/advice.js'
import { type ConnectOptions, connect } from '../../src/aws/connect.js'
import { configuredRegion } from '../../src/aws/region.js'
import { printedFix } from '../support/printed.js'
import { environment, home } from './environment.js'
import { fakeAws } from './fake-aws.js'

const { signal } = new AbortController()
const keys = { AWS_ACCESS_KEY_ID: 'AKIAKEYS', AWS_SECRET_ACCESS_KEY: 'secret' }
const stored = (profile: string) =>
  `[${profile}]\naws_access_key_id = AKIA${profile.toUpperCase()}\naws_secret_access_key = s\n`

interface Given {
  config?: string
  credentials?: string
  env?: Record<string, string>
  options?: ConnectOptions
  mfaCode?: (serial: string) => Promise<string>
}

/** A connection with these files and variables: the ARN names the access key that signed. */
async function connected({ config = '', credentials, env, options = {}, mfaCode }: Given) {
  const assumeRole: string[] = []
  const aws = await fakeAws({ assumeRole })
  const all = { AWS_REGION: 'us-east-1', AWS_ENDPOINT_URL: aws.url, ...home(config, credentials), ...env }
  const connection = await connect(options, { env: environment(all), signal, mfaCode })
  return { ...connection, assumeRole }
}

const refused = (given: Given) =>
  connected(given).then(
    ({ arn }) => expect.fail(`was let in as ${arn}`),
    (error) => advise(error),
  )

describe('which credentials count, as with the AWS CLI', () => {
  const credentials = stored('work') + stored('default')

  it('keys in the environment rather than AWS_PROFILE, and says so', async () => {
    const { arn, credentialSource, credentialConflict } = await connected({
      credentials,
      env: { ...keys, AWS_PROFILE: 'work' },
    })
    expect(arn).toMatch(/AKIAKEYS/)
    expect(credentialSource).toBe('environment variables')
    expect(credentialConflict).toMatch(/AWS_ACCESS_KEY_ID .* overrides AWS_PROFILE=work.*--profile work/)
  })

  it('--profile rather than keys in the environment', async () => {
    const { arn, credentialSource } = await connected({
      credentials,
      env: keys,
      options: { profile: 'work' },
    })
    expect(arn).toMatch(/AKIAWORK/)
    expect(credentialSource).toBe('profile "work" (access key)')
  })

  it.each([
    ['AWS_PROFILE', { AWS_PROFILE: 'work' }, 'AKIAWORK'],
    ['AWS_DEFAULT_PROFILE', { AWS_DEFAULT_PROFILE: 'work' }, 'AKIAWORK'],
    ['an empty AWS_PROFILE', { AWS_PROFILE: '' }, 'AKIADEFAULT'],
    ['nothing', {}, 'AKIADEFAULT'],
  ])('the profile of %s', async (_, env, key) => {
    expect((await connected({ credentials, env: env as Record<string, string> })).arn).toMatch(key)
  })

  it('refuses half an access key', async () => {
    const error = await refused({ credentials, env: { AWS_ACCESS_KEY_ID: 'AKIAKEYS' } })
    expect(error).toMatchObject({
      code: 'half-a-key',
      message: expect.stringMatching(/AWS_SECRET_ACCESS_KEY is not/),
    })
  })

  it('a profile that does not exist: names those that do, with a region or without', async () => {
    for (const env of [{}, { AWS_REGION: '' }]) {
      const error = await refused({ credentials, env, options: { profile: 'wrok' } })
      expect(error.code).toBe('no-such-profile')
      expect(error.why).toMatch(/work, default/)
    }
  })
})

describe('multi-factor authentication', () => {
  const config = `[profile admin]\nrole_arn = arn:aws:iam::1:role/admin\nsource_profile = work\nmfa_serial = arn:aws:iam::1:mfa/me\n`
  const given = { config, credentials: stored('work'), options: { profile: 'admin' } }

  it('asks for the code of the device, once, and takes the role with it', async () => {
    const asked: string[] = []
    const mfaCode = async (serial: string) => {
      asked.push(serial)
      return '123456'
    }
    const { arn, assumeRole, credentialSource, credentials } = await connected({ ...given, mfaCode })
    await credentials()
    expect(asked).toEqual(['arn:aws:iam::1:mfa/me'])
    expect(assumeRole).toHaveLength(1)
    expect(assumeRole[0]).toMatch(/TokenCode=123456/)
    expect(arn).toMatch(/AKIAASSUMED/)
    expect(credentialSource).toBe('profile "admin" (assumed role)')
  })

  it('without a terminal: says that a code is needed, and both ways on', async () => {
    const error = await refused(given)
    expect(error.code).toBe('mfa-needed')
    expect(printedFix(error)).toMatch(/in a terminal[\s\S]*aws configure export-credentials --profile admin/)
  })
})

describe('a source that gives no credentials', () => {
  it('aws login, not signed in: how to sign in, and no path', async () => {
    const config = '[profile dev]\nlogin_session = arn:aws:iam::1:user/me\n'
    const error = await refused({ config, options: { profile: 'dev' } })
    expect(error.code).toBe('signed-out')
    expect(error.fix[0]).toMatchObject({ run: 'aws login --profile dev' })
    expect(`${error.message} ${error.why}`).not.toMatch(/ENOENT|\.json/)
  })

  it('single sign-on, not signed in: also at the end of a chain of profiles', async () => {
    const sso =
      '[sso-session acme]\nsso_start_url = https://acme.example\nsso_region = us-east-1\n[profile sso]\nsso_session = acme\nsso_account_id = 1\nsso_role_name = r\n'
    const chained = '[profile deep]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = sso\n'
    for (const profile of ['sso', 'deep']) {
      const error = await refused({ config: sso + chained, options: { profile } })
      expect(error.code).toBe('signed-out')
      expect(error.fix[0]).toMatchObject({ run: 'aws sso login --profile sso' })
    }
  })

  it('credential_process: its own words, run once, and no other identity in its place', async () => {
    const files = home('')
    const count = `${files.HOME}/count`
    const config = `[profile vault]\ncredential_process = sh -c "echo x >> ${count}; echo the vault is sealed >&2; exit 3"\n`
    const env = {
      AWS_WEB_IDENTITY_TOKEN_FILE: '/nowhere/token',
      AWS_ROLE_ARN: 'arn:aws:iam::1:role/pod',
    }
    const error = await refused({ config, env, options: { profile: 'vault' } })
    expect(error.code).toBe('credential-process-failed')
    expect(error.why).toMatch(/the vault is sealed/)
    expect(readFileSync(count, 'utf8')).toBe('x\n')
  })

  it('credential_process that works', async () => {
    const json = '{\\"Version\\":1,\\"AccessKeyId\\":\\"AKIAVAULT\\",\\"SecretAccessKey\\":\\"s\\"}'
    const config = `[profile vault]\ncredential_process = sh -c "echo '${json}'"\n`
    const { arn, credentialSource } = await connected({ config, options: { profile: 'vault' } })
    expect(arn).toMatch(/AKIAVAULT/)
    expect(credentialSource).toBe('profile "vault" (credential_process)')
  })

  it('a web identity token file that is missing: its name, not a bug', async () => {
    const env = { AWS_WEB_IDENTITY_TOKEN_FILE: '/nowhere/token', AWS_ROLE_ARN: 'arn:aws:iam::1:role/pod' }
    const config =
      '[profile pod]\nweb_identity_token_file = /elsewhere/token\nrole_arn = arn:aws:iam::1:role/pod\n'
    expect(existsSync('/nowhere/token')).toBe(false)
    expect(await refused({ env })).toMatchObject({
      code: 'no-token-file',
      message: expect.stringMatching(/\/nowhere\/token/),
    })
    const options = { profile: 'pod' }
    expect(await refused({ config, options })).toMatchObject({
      code: 'no-token-file',
      message: expect.stringMatching(/\/elsewhere\/token/),
    })
  })

  it('nothing at all: the ways to get some', async () => {
    const error = await refused({})
    expect(error.code).toBe('no-credentials')
    expect(printedFix(error)).toMatch(/aws configure sso[\s\S]*aws configure[\s\S]*AWS_ACCESS_KEY_ID/)
  })
})

describe('the region', () => {
  it.each([
    ['AWS_REGION', { AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'eu-west-2' }, 'eu-west-1'],
    [
      'AWS_DEFAULT_REGION where AWS_REGION is empty',
      { AWS_REGION: '', AWS_DEFAULT_REGION: 'eu-west-2' },
      'eu-west-2',
    ],
    ['the profile', { AWS_PROFILE: 'far' }, 'sa-east-1'],
    ['the default profile', {}, 'eu-north-1'],
  ])('is that of %s', async (_, env, region) => {
    const config = '[default]\nregion = eu-north-1\n[profile far]\nregion = sa-east-1\n'
    const all = environment({ ...home(config), ...(env as Record<string, string>) })
    await expect(configuredRegion({}, all)).resolves.toBe(region)
  })

  it('with AWS_REGION empty reaches the call itself', async () => {
    const { region } = await connected({ env: { ...keys, AWS_REGION: '', AWS_DEFAULT_REGION: 'eu-west-2' } })
    expect(region).toBe('eu-west-2')
  })

  it.each(['eusc-de-east-1', 'us-gov-west-1', 'cn-northwest-1', 'us-isof-south-1', 'mx-central-1'])(
    'may be %s',
    async (region) => {
      expect((await connected({ env: keys, options: { region } })).region).toBe(region)
    },
  )

  it.each([false, true])('may be no command (rehearsal: %s)', async (rehearse) => {
    const options = { region: '$(id)', rehearse }
    expect(await refused({ env: keys, options })).toMatchObject({ code: 'bad-region', fault: 'user' })
  })

  it('that is missing: advises no other command than the one typed', async () => {
    const error = await refused({ env: { ...keys, AWS_REGION: '' } })
    expect(error.code).toBe('no-region')
    expect(printedFix(error)).not.toMatch(/librechat-lab up/)
  })
})

it.each(['AWS_USE_FIPS_ENDPOINT', 'AWS_USE_DUALSTACK_ENDPOINT'])(
  '%s with an endpoint of one’s own is a contradiction, not a bug',
  async (name) => {
    const error = await refused({ env: { ...keys, [name]: 'true' } })
    expect(error.fault).not.toBe('program')
    expect(printedFix(error)).toMatch(name)
  },
)
