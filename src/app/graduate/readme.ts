import { balancerHourly, compare, eksHourly } from './compare.js'
import { policyName, roleName } from './iam.js'
import { cluster, drainSeconds, graceSeconds, imageOf, keyNames, type Plan, ports } from './objects.js'
import { rendered } from './serve.js'
import { chart } from './values.js'

/** How the folder contains the lab's keys. */
export type Keys = 'written' | 'sealed' | 'in-backup'

/** The Kubernetes versions that the files were validated against. */
const kubernetes = { from: '1.31', to: '1.37', at: '2026-11-26' } as const

/** The steps from the lab to the cluster, each with a check, and how to go back. */
export function readme(plan: Plan, keys: Keys): string {
  return `${[
    intro(plan),
    needs(plan),
    roleStep(plan),
    baseStep(plan),
    backupStep(plan),
    keysStep(plan, keys),
    restoreStep(plan),
    serveStep(plan),
    dnsStep(plan),
    wayBack(plan),
    afterwards(plan),
    changes(plan),
    costs(plan),
  ].join('\n\n')}\n`
}

const block = (...lines: string[]) => ['```sh', ...lines, '```'].join('\n')
const lab = ({ source }: Plan, command: string) =>
  `npx librechat-lab ${command} --name ${source.lab.name} --region ${source.lab.region}`
const kubectl = ({ target }: Plan, rest: string) => `kubectl -n ${target.namespace} ${rest}`

const intro = (plan: Plan) => {
  const { target, source } = plan
  const { registry, repository, tag } = imageOf(source)
  return `# LibreChat on Kubernetes: ${target.host}

These files move the lab "${source.lab.name}" in ${source.lab.region} to Kubernetes, with its users, conversations and files.
librechat-lab wrote them and changed nothing. Read them before you apply them.

| | |
|---|---|
| chart | ${chart.address}, version ${chart.version} |
| image | ${registry}/${repository}:${tag} |
| namespace | ${target.namespace} |
| replicas | ${target.replicas}${target.replicas > 1 ? ` to ${target.replicas * 2}, by load` : ''} |
| Kubernetes | ${kubernetes.from} to ${kubernetes.to} (those that EKS supports on ${kubernetes.at} are among them) |

Run all commands in this folder, in bash or zsh. Set this first:

${block(
  'CLUSTER=my-cluster                # the name of your EKS cluster',
  `REGION=${source.lab.region}${' '.repeat(Math.max(1, 27 - source.lab.region.length))}# the cluster’s region`,
  'kubectl config current-context    # must be that cluster',
)}`
}

const needs = (plan: Plan) => {
  const { target } = plan
  const several = target.replicas > 1
  return `## What the cluster needs

| need | check |
|---|---|
| EKS Pod Identity Agent | \`kubectl -n kube-system get daemonset eks-pod-identity-agent\` |
| AWS Load Balancer Controller | \`kubectl get ingressclass alb\` |
| a certificate in ACM for ${target.host} | \`aws acm list-certificates --region $REGION\` |
| network policies switched on in the VPC CNI | \`kubectl -n kube-system get daemonset aws-node -o yaml \\| grep enable-network-policy\` |
| a storage class${several ? ' that several nodes can mount, such as EFS' : ''} | \`kubectl get storageclass\` |
${several ? '| metrics-server, for autoscaling | `kubectl top nodes` |\n' : ''}| MongoDB 8 or a compatible database, empty | it accepts connections from the cluster |
${target.redis ? '| Redis | it accepts connections from the cluster |\n' : ''}${target.bucket ? `| the bucket ${target.bucket} in ${plan.source.lab.region}, private | \`aws s3api get-public-access-block --bucket ${target.bucket}\` |\n` : ''}`.trimEnd()
}

const roleStep = (plan: Plan) => {
  const role = roleName(plan)
  return `## 1. The IAM role

The pods get the lab’s permissions for Bedrock${plan.target.bucket ? ' and the bucket' : ''}, and no others, through EKS Pod Identity.

${block(
  `aws iam create-role --role-name ${role} --assume-role-policy-document file://iam/trust.json`,
  `aws iam put-role-policy --role-name ${role} --policy-name ${policyName} --policy-document file://iam/policy.json`,
  `ROLE=$(aws iam get-role --role-name ${role} --query Role.Arn --output text)`,
  `aws eks create-pod-identity-association --region "$REGION" --cluster-name "$CLUSTER" --namespace ${plan.target.namespace} --service-account ${cluster.account} --role-arn "$ROLE"`,
)}

Check: the association is listed.

${block(`aws eks list-pod-identity-associations --region "$REGION" --cluster-name "$CLUSTER" --namespace ${plan.target.namespace}`)}`
}

const baseStep = (plan: Plan) => `## 2. The namespace and what comes first

${block('kubectl apply -f 1-base/')}

Check: the claim and five network policies are there. The search engine waits for its key, which comes in step 4.

${block(kubectl(plan, 'get persistentvolumeclaim,networkpolicy,statefulset'))}`

const backupStep = (plan: Plan) => `## 3. The backup
${plan.source.backupBytes === undefined ? '' : '\nThese files were made from a backup. What was written in the lab since is not in it, so a new one is made here.\n'}
Users can’t chat from here until step 7. Choose a quiet hour: what is written between these two commands is lost.

${block(lab(plan, 'backup lab.backup'), lab(plan, 'stop'))}

Check:

${block('npx librechat-lab backup verify lab.backup')}`

function keysStep(plan: Plan, keys: Keys): string {
  const { target } = plan
  const head = `## 4. The keys

The same keys as in the lab: users stay signed in, and what LibreChat encrypted stays readable.`
  const check = `Check: ${keyNames.length} keys in the first, ${target.redis ? 'two URIs' : 'one URI'} in the second.

${block(kubectl(plan, `describe secret ${cluster.keys} ${cluster.databases}`))}${target.database.isDocumentDb ? `\n\n${authorityText(plan)}` : ''}`
  if (keys === 'written')
    return `${head}

${block('kubectl apply -f secrets.yaml')}

Delete secrets.yaml then: it holds the keys in the clear.

${check}`
  const from =
    keys === 'sealed'
      ? `openssl cms -decrypt -binary -inform DER -inkey sealed/key.pem -in sealed/secrets.env.cms |
  ${kubectl(plan, `create secret generic ${cluster.keys} --from-env-file=/dev/stdin`)}`
      : `mkdir -p sealed && tar -xf lab.backup -C sealed key.pem secrets.env.000000.cms
openssl cms -decrypt -binary -inform DER -inkey sealed/key.pem -in sealed/secrets.env.000000.cms |
  ${kubectl(plan, `create secret generic ${cluster.keys} --from-env-file=/dev/stdin`)}`
  return `${head} They are sealed to the key of the backup. OpenSSL 3 asks for the backup’s passphrase.

${block(from)}

Then the URIs of the databases: run this, replace each value in angle brackets, and end with Ctrl-D.

${block(kubectl(plan, `create secret generic ${cluster.databases} --from-env-file=/dev/stdin`))}

\`\`\`
MONGO_URI=${target.database.shown}
${target.redis ? `REDIS_URI=${target.redis.shown}\n` : ''}\`\`\`

${check}`
}

const authorityText = (plan: Plan) => `DocumentDB’s certificates are signed by AWS’s own authority:

${block(
  'curl -fsSO https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem',
  kubectl(plan, `create configmap ${cluster.authority} --from-file=ca.pem=global-bundle.pem`),
)}`

const restoreStep = (plan: Plan) => `## 5. The restore

The job checks the whole backup, restores it into the empty database and the empty volume, and rebuilds the search index.

${block(
  "printf 'Passphrase of the backup: ' && read -rs PASSPHRASE && echo",
  `printf '%s\\n' "$PASSPHRASE" | ${kubectl(plan, `create secret generic ${cluster.passphrase} --from-file=passphrase=/dev/stdin`)}`,
  'unset PASSPHRASE',
  'kubectl apply -f 2-restore/',
  `until ${kubectl(plan, `logs job/${cluster.restore} -c restore`)} 2>/dev/null | grep -q waiting; do sleep 2; done`,
  'SUM=$(openssl dgst -sha256 -r lab.backup | cut -c 1-64)',
  `${kubectl(plan, `exec -i job/${cluster.restore} -c restore --`)} sh -c 'cat >/backup/lab.backup && [ "$(sha256sum </backup/lab.backup | cut -c 1-64)" = "$1" ] && touch /backup/complete' sh "$SUM" <lab.backup`,
  kubectl(plan, `wait job/${cluster.restore} --for=condition=complete --timeout=2h`),
)}

Check: the last line of the log is "restore: done" with the name of the backup.

${block(kubectl(plan, `logs job/${cluster.restore} -c restore --tail=5`))}

Where the copy breaks off, run its command again. Where the job has failed, its log says why. To start it again:

${block(kubectl(plan, `delete job ${cluster.restore}`), 'kubectl apply -f 2-restore/')}

When it is complete:

${block(kubectl(plan, `delete secret ${cluster.passphrase}`), kubectl(plan, `delete job ${cluster.restore}`))}`

const serveStep = (plan: Plan) => `## 6. LibreChat

Version ${chart.version} of the chart has no value for the time that LibreChat gets to end its answers, nor for its spread over zones. So the chart is rendered into ${rendered} first, and Kustomize, which is part of kubectl, adds both.

${block(
  `helm template ${chart.release} ${chart.address} --version ${chart.version} --namespace ${plan.target.namespace} --values values.yaml --skip-tests >${rendered}`,
  'kubectl diff -k . || true',
  'kubectl apply -k .',
  kubectl(plan, `rollout status deployment/${cluster.app} --timeout=10m`),
)}

Check: LibreChat is ready, and its users are there.

${block(
  kubectl(plan, `exec deployment/${cluster.app} -- wget -q -O - http://127.0.0.1:${ports.app}/readyz`),
  kubectl(plan, `exec deployment/${cluster.app} -- npm run list-users`),
)}

Check: the pods have the address of Pod Identity. If this prints nothing, the association of step 1 is missing; delete the pods after it is made.

${block(kubectl(plan, `exec deployment/${cluster.app} -- printenv AWS_CONTAINER_CREDENTIALS_FULL_URI`))}

Check: the load balancer has an address and serves LibreChat${plan.source.settings.allow.cidrs.length > 0 ? ' to the addresses that the lab allows' : ', within the VPC only, because no address is allowed to reach the lab'}.

${block(
  `BALANCER=$(${kubectl(plan, `get ingress ${cluster.app} -o jsonpath='{.status.loadBalancer.ingress[0].hostname}'`)})`,
  `curl -fsS --connect-to ${plan.target.host}:443:"$BALANCER":443 https://${plan.target.host}/readyz`,
)}

Sign in through the load balancer and send a message before step 7.`

const dnsStep = (plan: Plan) => `## 7. The cut-over

Point ${plan.target.host} to the load balancer: an alias record in Route 53, or a CNAME to "$BALANCER". ${
  plan.source.settings.domain === plan.target.host
    ? 'The lab has the same name: its record to the Elastic IP is replaced. Lower its TTL a day before.'
    : 'Tell the users the new address.'
}

Check, from a computer that may reach it:

${block(`curl -fsS https://${plan.target.host}/readyz`)}`

const wayBack = (plan: Plan) => `## The way back

The lab is stopped, and has all that was written until step 3. What was written in the cluster since is not in it.

${block(kubectl(plan, `scale deployment/${cluster.app} --replicas=0`), lab(plan, 'start'), lab(plan, 'status'))}

${plan.target.replicas > 1 ? `The autoscaler leaves a Deployment with no replicas alone. ` : ''}Then point ${plan.target.host} to the lab again, where it had this name. To remove everything from the cluster:

${block(
  'kubectl delete -k .',
  `kubectl delete namespace ${plan.target.namespace}`,
  `aws eks delete-pod-identity-association --region "$REGION" --cluster-name "$CLUSTER" --association-id "$(aws eks list-pod-identity-associations --region "$REGION" --cluster-name "$CLUSTER" --namespace ${plan.target.namespace} --query 'associations[0].associationId' --output text)"`,
  `aws iam delete-role-policy --role-name ${roleName(plan)} --policy-name ${policyName}`,
  `aws iam delete-role --role-name ${roleName(plan)}`,
)}`

const afterwards = (plan: Plan) => `## Afterwards

Keep the lab stopped for some days: it costs its disk and its address. Then delete it, and keep lab.backup.

${block(lab(plan, `destroy --confirm ${plan.source.lab.name}`))}

To update LibreChat: read its upgrade notes, back the database up, change \`image.tag\` in values.yaml, and run step 6 again. \`kubectl -n ${plan.target.namespace} rollout undo deployment/${cluster.app}\` goes back to the version before.`

const changes = ({ target, source }: Plan) => {
  const { allowance, limit, models } = source.settings
  const rows = [
    'Nobody backs the database up: use your provider’s backups.',
    'Nobody updates LibreChat, Meilisearch or the nodes.',
    'There is no Portainer. Logs are in `kubectl logs`.',
    'The lab’s proxy refuses an administrator the deletion of the own account; here only users without that role are refused.',
    `A pod that ends gets ${drainSeconds} s to leave the load balancer and ${graceSeconds - drainSeconds} s to end its answers.`,
    ...(allowance === undefined
      ? []
      : [
          `Allowances ($${allowance} a user and month) are set by a CronJob at the first minute of each month, UTC. \`3-serve/allowances.yaml\` has them; \`librechat-lab user allowance\` no longer changes them.`,
        ]),
    ...(limit === undefined
      ? []
      : [`The limit of $${limit} a month for all users together does not act here. Use AWS Budgets.`]),
    ...(models.length === 0 ? ['The lab has no models, so there is no chat here either.'] : []),
    ...(target.bucket
      ? [
          `New files go to the bucket ${target.bucket}: librechat.yaml has \`fileStrategy: s3\` added. Files from the lab stay on the volume.`,
        ]
      : []),
    ...(source.backupBytes === undefined
      ? []
      : [
          'librechat.yaml was made from the settings in the backup, and holds all models of the lab. Changes that were made by hand on the host are not in it.',
        ]),
  ]
  return `## What is different

${rows.map((row) => `- ${row}`).join('\n')}`
}

function costs(plan: Plan): string {
  const { lab: now, cluster: then, clusterUsd } = compare(plan)
  const usd = (amount: number | undefined) =>
    amount === undefined ? 'by your choice' : `$${amount.toFixed(2)}`
  return `## What it costs

US dollars a month of 730 hours, without the models. ${now.source}. EKS costs $${eksHourly} an hour, and the load balancer $${balancerHourly} in us-east-1.

| | |
|---|---|
| the lab | ${now.monthlyUsd === undefined ? 'unknown here' : usd(now.monthlyUsd)} |
${then.map(({ item, usd: amount }) => `| ${item} | ${usd(amount)} |`).join('\n')}
| **the cluster, without what is by your choice** | **${usd(clusterUsd)}** |`
}
