import { DescribeRegionsCommand } from '@aws-sdk/client-ec2'
import { GetParameterCommand } from '@aws-sdk/client-ssm'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { advise } from '../../src/aws/advice.js'
import { connect } from '../../src/aws/connect.js'
import { internet } from '../../src/aws/internet.js'
import { agentsFor } from '../../src/aws/proxy.js'
import { upgradeHeaders } from '../../src/tunnel/sign.js'
import { environment } from './environment.js'
import { fakeAws, impostor, officeProxy } from './fake-aws.js'

const { signal } = new AbortController()
const minutes = 60_000

const keys = {
  HOME: '/nowhere',
  AWS_ACCESS_KEY_ID: 'AKIAKEYS',
  AWS_SECRET_ACCESS_KEY: 'secret',
  AWS_REGION: 'us-east-1',
  AWS_EC2_METADATA_DISABLED: 'true',
}

describe('a clock that is wrong', () => {
  it.each([
    ['behind', 12 * minutes],
    ['ahead', -20 * minutes],
  ])(
    '%s: every client signs by the time that AWS told one of them, those without retries too',
    async (_, aheadMs) => {
      const aws = await fakeAws({ aheadMs })
      const env = environment({ ...keys, AWS_ENDPOINT_URL: aws.url })
      const { clients, clock } = await connect({}, { env, signal })
      expect(Math.abs(clock.ms - aheadMs)).toBeLessThan(5_000)
      await clients.ec2Once.send(new DescribeRegionsCommand({}))
      await clients.ssm.send(new GetParameterCommand({ Name: 'x' }))
      expect(aws.requests.filter((one) => !one.startsWith('sts'))).toEqual(['ec2 AKIAKEYS', 'ssm AKIAKEYS'])
    },
  )

  it('is carried over to another region', async () => {
    const aws = await fakeAws({ aheadMs: 12 * minutes })
    const env = environment({ ...keys, AWS_ENDPOINT_URL: aws.url })
    const here = await connect({}, { env, signal })
    const there = await connect({ region: 'eu-west-1' }, { env, signal }, here)
    await expect(there.clients.ec2Once.send(new DescribeRegionsCommand({}))).resolves.toBeTruthy()
  })

  it('does not reach the signature of a session’s data channel', async () => {
    const aws = await fakeAws({ aheadMs: 12 * minutes })
    const env = environment({ ...keys, AWS_ENDPOINT_URL: aws.url })
    const { region, credentials, clock } = await connect({}, { env, signal })
    const signer = { region, credentials, clockOffset: () => clock.ms }
    const url = 'wss://ssmmessages.us-east-1.amazonaws.com/v1/data-channel/s-1?role=publish_subscribe'
    const headers = await upgradeHeaders(url, signer, Date.parse('2026-11-26T01:00:00Z'))
    expect(headers['x-amz-date']).toMatch(/^20261126T011[12]/)
  })

  it('is named where AWS refuses a signature for it, not the credentials', async () => {
    const aws = await fakeAws({ aheadMs: 12 * minutes, refuses: true })
    // The SDK's waits between two tries are multiples of it.
    const random = vi.spyOn(Math, 'random').mockReturnValue(0)
    onTestFinished(() => random.mockRestore())
    const env = environment({ ...keys, AWS_ENDPOINT_URL: aws.url })
    const error = await connect({}, { env, signal }).catch((e) => e)
    expect(advise(error).message).toBe("This computer's clock is 12 minutes behind AWS's.")
  })

  it('is not blamed where the clock is right', async () => {
    const aws = await fakeAws({ refuses: true })
    const env = environment({ ...keys, AWS_ENDPOINT_URL: aws.url })
    const error = await connect({}, { env, signal }).catch((e) => e)
    expect(advise(error).message).not.toMatch(/clock/)
  })
})

describe('an impostor with an untrusted certificate', () => {
  const untrusted = { NODE_TLS_REJECT_UNAUTHORIZED: '0' }

  it.each(['straight', 'through a proxy'])('gets no request for STS (%s)', async (way) => {
    const { url, requests } = await impostor()
    const proxy: Record<string, string> = way === 'straight' ? {} : { HTTPS_PROXY: (await officeProxy()).url }
    const env = environment({ ...keys, ...untrusted, ...proxy, AWS_ENDPOINT_URL: url })
    await expect(connect({}, { env, signal: AbortSignal.timeout(20_000) })).rejects.toThrow(/self.signed/i)
    expect(requests).toEqual([])
  })

  it.each(['ec2', 'ec2Once', 'ssm'] as const)('gets no request for %s', async (name) => {
    const { url, requests } = await impostor()
    const aws = await fakeAws()
    const env = environment({
      ...keys,
      ...untrusted,
      AWS_ENDPOINT_URL: aws.url,
      AWS_ENDPOINT_URL_EC2: url,
      AWS_ENDPOINT_URL_SSM: url,
    })
    const { clients } = await connect({}, { env, signal })
    const asked =
      name === 'ssm'
        ? clients.ssm.send(new GetParameterCommand({ Name: 'x' }))
        : clients[name].send(new DescribeRegionsCommand({}))
    await expect(asked).rejects.toThrow(/self.signed/i)
    expect(requests).toEqual([])
  })

  it.each(['straight', 'through a proxy'])('is not asked for the public address (%s)', async (way) => {
    const { url, requests } = await impostor()
    const proxy: Record<string, string> = way === 'straight' ? {} : { HTTPS_PROXY: (await officeProxy()).url }
    const env = environment({ ...untrusted, ...proxy, LIBRECHAT_LAB_CHECKIP_URL: url })
    const net = internet(env, signal, await agentsFor(env))
    await expect(net.publicAddress()).rejects.toMatchObject({ code: 'no-public-ip' })
    expect(requests).toEqual([])
  })
})

describe('the public address', () => {
  it('is asked for through the proxy that AWS calls take', async () => {
    const proxy = await officeProxy((_, response) => void response.end('81.2.69.161\n'))
    const env = environment({ HTTP_PROXY: proxy.url, LIBRECHAT_LAB_CHECKIP_URL: 'http://checkip.example/' })
    await expect(internet(env, signal, await agentsFor(env)).publicAddress()).resolves.toBe('81.2.69.161')
    expect(proxy.requests).toEqual(['http://checkip.example/'])
  })

  it('is asked for straight where NO_PROXY says so', async () => {
    const proxy = await officeProxy((_, response) => void response.end('81.2.69.161'))
    const source = await officeProxy((_, response) => void response.end('81.2.69.162'))
    const env = environment({
      HTTP_PROXY: proxy.url,
      NO_PROXY: '127.0.0.1',
      LIBRECHAT_LAB_CHECKIP_URL: source.url,
    })
    await expect(internet(env, signal, await agentsFor(env)).publicAddress()).resolves.toBe('81.2.69.162')
  })

  it.each(['100.64.1.1', '10.0.0.7', '127.0.0.1', '999.1.1.1', '<html>'])(
    'is asked of the next source where the first says %s',
    async (first) => {
      const one = await officeProxy((_, response) => void response.end(first))
      const two = await officeProxy((_, response) => void response.end('81.2.69.163'))
      const env = environment({ LIBRECHAT_LAB_CHECKIP_URL: `${one.url},${two.url}` })
      await expect(internet(env, signal, await agentsFor(env)).publicAddress()).resolves.toBe('81.2.69.163')
    },
  )
})
