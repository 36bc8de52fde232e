import { EC2Client } from '@aws-sdk/client-ec2'
import { SSMClient } from '@aws-sdk/client-ssm'

/** What a client answers to a call, by the call's name: "DescribeSubnets". An error is thrown. */
export type Answers = Record<string, (input: never) => object | Error>

/** A client of the SDK whose answers the test gives; a call without one fails the test. */
function answering<Client extends EC2Client | SSMClient>(client: Client, answers: Answers): Client {
  const stack = client.middlewareStack as EC2Client['middlewareStack']
  stack.add(
    (_next, context) => async (args) => {
      const name = String(context.commandName).replace(/Command$/, '')
      const answer = answers[name]
      if (!answer) throw new Error(`The test gives no answer to ${name}.`)
      const output = answer(args.input as never)
      if (output instanceof Error) throw output
      return { output: { $metadata: {}, ...output }, response: {} }
    },
    { step: 'build', name: 'answering' },
  )
  return client
}

const config = {
  region: 'us-east-1',
  credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  maxAttempts: 1,
}
export const ec2Answering = (answers: Answers, region = 'us-east-1') =>
  answering(new EC2Client({ ...config, region }), answers)
export const ssmAnswering = (answers: Answers, region = 'us-east-1') =>
  answering(new SSMClient({ ...config, region }), answers)

/** As AWS throws it. */
export const refusal = (code: string, message = code, status = 400): Error =>
  Object.assign(new Error(message), {
    name: code,
    Code: code,
    $fault: status < 500 ? 'client' : 'server',
    $metadata: { httpStatusCode: status, requestId: '00000000-0000-4000-8000-000000000000' },
  })
