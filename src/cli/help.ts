import { LabError } from '../core/error.js'
import { addressCost, monthlyCost } from '../lab/prices.js'
import { nothingChosen } from '../lab/settings.js'
import { columns, usd } from '../ui/table.js'

const { instanceType, diskGb } = nothingChosen

const topics: Record<string, () => string> = {
  costs: () => {
    const cost = monthlyCost({ region: 'us-east-1', instanceType, diskGb, addresses: 1 })
    const rows = cost.lines.map(({ item, unit, monthlyUsd }) => [`  ${item}`, unit, usd(monthlyUsd)])
    return `COSTS

A lab of the default size in us-east-1, running all the time:

${columns([...rows, ['  together', 'a month, before tax', usd(cost.monthlyUsd)]]).join('\n')}

Prices are ${cost.source}.

The models cost by use alone: https://aws.amazon.com/bedrock/pricing. Traffic out to the internet is free up to
100 GB a month over the whole account. No load balancer, NAT gateway, log group or snapshot is made.

  librechat-lab up --dry-run   the cost of what you have in mind, by line
  librechat-lab destroy        removes it; a kept address still costs ${addressCost('us-east-1')} there
`
  },
  security: () => `SECURITY

Who gets in. The security group lets 80, 443 and 9443 in from the addresses that you chose, by default your own
alone. No SSH port is open and there is no key pair: tunnel, shell and logs go through Session Manager and ask IAM.
Nobody can sign up in LibreChat; its first user is made before a port is open.

What the host may do. Its role can be reached by Systems Manager and can call Bedrock's models, nothing else. Only
LibreChat's own container can ask for the role's credentials; IMDSv2 is required.

Secrets. They are made on the host and stay there. A password that you type travels as an encrypted parameter that
is deleted at once; one that the host makes comes back encrypted to a key made for that one answer. There is no
state file and no key on your machine.

The disk is encrypted. The instance is protected against termination, and the address against destroy itself; what
else would refuse a release, librechat-lab status says layer by layer.

  librechat-lab status           shows every difference from what you chose
  librechat-lab address policy   a policy that refuses a release of the address
`,
  permissions: () => `PERMISSIONS

  librechat-lab policy                 the least IAM policy for everything
  librechat-lab policy status tunnel   for somebody who only uses the lab

The policy is made from what the program calls. iam:PassRole is limited to the lab's role and to EC2; changing calls
are limited to what carries the lab's tags, where AWS can check that. Where an organisation demands a permissions
boundary on every role: librechat-lab up --permissions-boundary <arn>.
`,
}

export const topicNames = Object.keys(topics)

/** A topic's page; LabError `no-such-topic`. */
export function topicPage(topic: string): string {
  const page = topics[topic.toLowerCase()]
  if (page) return page()
  throw new LabError({
    code: 'no-such-topic',
    what: `There is no help on ${JSON.stringify(topic.slice(0, 60))}.`,
    fix: [
      ...topicNames.map((name) => `librechat-lab help ${name}`),
      'librechat-lab --help   lists the commands',
    ],
  })
}
