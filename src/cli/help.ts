import { LabError } from '../core/error.js'
import { monthlyCost } from '../lab/prices.js'
import { nothingChosen } from '../lab/settings.js'
import { columns, usd } from '../ui/table.js'

const { instanceType, diskGb } = nothingChosen

const topics: Record<string, () => string> = {
  costs: () => {
    const cost = monthlyCost({ region: 'us-east-1', instanceType, diskGb, addresses: 1 })
    const rows = cost.lines.map(({ item, unit, monthlyUsd }) => [`  ${item}`, unit, usd(monthlyUsd)])
    return `COSTS

A lab of the default size that runs all the time in us-east-1:

${columns([...rows, ['  Total', 'a month, before tax', usd(cost.monthlyUsd)]]).join('\n')}

Prices are ${cost.source}.

You pay for models only when you use them: https://aws.amazon.com/bedrock/pricing. The first 100 GB a month of traffic
to the internet are free for the whole account. The lab has no load balancer, NAT gateway, log group or snapshot.

  librechat-lab up --dry-run   shows the cost of your choices, line by line
  librechat-lab destroy        stops all costs except that of a kept address
`
  },
  security: () => `SECURITY

Who can reach it. The security group allows ports 80, 443 and 9443 from the addresses that you choose, by default
only your own. No SSH port is open and there is no key pair: tunnel, shell and logs use Session Manager, and IAM decides
who may use it. Nobody can sign up in LibreChat; its first user is created before a port is open.

What the host can do. Its role lets Systems Manager manage it and lets it call Bedrock's models, nothing else. Only
LibreChat's own container can get the role's credentials; IMDSv2 is required.

Secrets. They are generated on the host and stay there. A password that you type goes encrypted to a one-time key of
the host. A password that the host generates comes back encrypted to a one-time key. There is no state file
and no key on your machine.

The disk is encrypted. The instance is protected against termination, and the address is protected against destroy.

  librechat-lab status           shows every difference from your settings
  librechat-lab address policy   prints a policy that denies releasing the address
`,
  permissions: () => `PERMISSIONS

  librechat-lab policy                 prints the least-privilege IAM policy for all commands
  librechat-lab policy status tunnel   prints the one for a person who only uses the lab

The policy contains the calls that the program makes. iam:PassRole is limited to the lab's role and to EC2. Calls that
change something are limited to resources with the lab's tags, where AWS can check that. If your organisation requires
a permissions boundary on every role: librechat-lab up --permissions-boundary <arn>
`,
}

export const topicNames = Object.keys(topics)

/** A topic's page; LabError `no-such-topic`. */
export function topicPage(topic: string): string {
  const page = topics[topic.toLowerCase()]
  if (page) return page()
  throw new LabError({
    code: 'no-such-topic',
    what: `There is no help topic ${JSON.stringify(topic.slice(0, 60))}.`,
    fix: [
      ...topicNames.map((name) => ({ run: `librechat-lab help ${name}` })),
      { run: 'librechat-lab --help', text: 'lists the commands' },
    ],
  })
}
