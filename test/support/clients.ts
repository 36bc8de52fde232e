import { BudgetsClient } from '@aws-sdk/client-budgets'
import { EC2Client } from '@aws-sdk/client-ec2'
import { IAMClient } from '@aws-sdk/client-iam'
import { SchedulerClient } from '@aws-sdk/client-scheduler'
import { SSMClient } from '@aws-sdk/client-ssm'
import { STSClient } from '@aws-sdk/client-sts'

export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

/** The SDK's clients straight at moto, past the gateway and past our program: the witness of what was made. */
export interface Witness {
  readonly region: string
  readonly ec2: EC2Client
  readonly iam: IAMClient
  readonly ssm: SSMClient
  readonly scheduler: SchedulerClient
  readonly sts: STSClient
  readonly budgets: BudgetsClient
}

/** One set of clients a region, made when first asked for. */
export function witnesses(endpoint: string, credentials: Credentials): (region: string) => Witness {
  const made = new Map<string, Witness>()
  return (region) => {
    const options = { endpoint, credentials, region, maxAttempts: 1 }
    const witness = made.get(region) ?? {
      region,
      ec2: new EC2Client(options),
      iam: new IAMClient(options),
      ssm: new SSMClient(options),
      scheduler: new SchedulerClient(options),
      sts: new STSClient(options),
      budgets: new BudgetsClient(options),
    }
    made.set(region, witness)
    return witness
  }
}
