import type { BedrockClient } from '@aws-sdk/client-bedrock'
import type { BudgetsClient } from '@aws-sdk/client-budgets'
import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch'
import type { EC2Client } from '@aws-sdk/client-ec2'
import type { IAMClient } from '@aws-sdk/client-iam'
import type { SchedulerClient } from '@aws-sdk/client-scheduler'
import type { SSMClient } from '@aws-sdk/client-ssm'
import type { STSClient } from '@aws-sdk/client-sts'

/** The SDK's clients for one region, made once a run so that their connections are kept alive. */
export interface Clients {
  readonly region: string
  readonly ec2: EC2Client
  /** The same without automatic retries, for calls that must not be sent twice unnoticed. */
  readonly ec2Once: EC2Client
  readonly iam: IAMClient
  readonly ssm: SSMClient
  readonly scheduler: SchedulerClient
  readonly sts: STSClient
  readonly bedrock: BedrockClient
  /** In us-east-1, the only region that accepts Anthropic's form. */
  readonly bedrockHome: BedrockClient
  /** Global: the SDK sends its calls to us-east-1. */
  readonly budgets: BudgetsClient
  readonly cloudwatch: CloudWatchClient
}
