import type { Target } from './choices.js'
import {
  classOf,
  cluster,
  containerSecurity,
  documents,
  environmentOf,
  fromSecret,
  labelsOf,
  metadata,
  type Plan,
  podSecurity,
  ports,
  selectorOf,
  variables,
  yaml,
} from './objects.js'
import type { Source } from './source.js'

/** What has to exist before LibreChat starts, and the search engine, which the restore fills. */
export function baseFiles({ target, source }: Plan): Map<string, string> {
  const { namespace } = target
  return new Map([
    ['1-base/0-namespace.yaml', yaml(namespaceOf(namespace))],
    [
      '1-base/service-account.yaml',
      yaml({
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: metadata(cluster.account, namespace),
        automountServiceAccountToken: false,
      }),
    ],
    ['1-base/network-policies.yaml', documents(...networkPolicies(target))],
    ['1-base/files.yaml', yaml(filesClaim(target))],
    ['1-base/search.yaml', documents(searchService(namespace), searchSet(namespace, source))],
  ])
}

const namespaceOf = (namespace: string) => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name: namespace,
    labels: {
      'app.kubernetes.io/part-of': cluster.app,
      'pod-security.kubernetes.io/enforce': 'restricted',
    },
  },
})

/** The volume for images and uploads, mounted by one replica's node, or by all nodes. */
const filesClaim = ({ namespace, replicas, storageClass }: Target) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: metadata(cluster.files, namespace),
  spec: {
    accessModes: [replicas > 1 ? 'ReadWriteMany' : 'ReadWriteOnce'],
    // The class that Amazon's EFS driver documents; EBS volumes belong to one node.
    ...classOf(storageClass ?? (replicas > 1 ? 'efs-sc' : undefined)),
    resources: { requests: { storage: '20Gi' } },
  },
})

const to = (port: number, protocol = 'TCP') => ({ protocol, port })
/** The cluster’s DNS, or its cache on each node: https://kubernetes.io/docs/tasks/administer-cluster/nodelocaldns/ */
const dns = {
  to: [{ namespaceSelector: {} }, { ipBlock: { cidr: '169.254.20.10/32' } }],
  ports: [to(53, 'UDP'), to(53)],
}
/** Link-local addresses, which include the metadata of instances and containers. */
const anywhere = { ipBlock: { cidr: '0.0.0.0/0', except: ['169.254.0.0/16'] } }
const anywhereOverIpv6 = { ipBlock: { cidr: '::/0', except: ['fd00:ec2::/32'] } }
/** https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html */
const podIdentity = {
  to: [{ ipBlock: { cidr: '169.254.170.23/32' } }, { ipBlock: { cidr: 'fd00:ec2::23/128' } }],
  ports: [to(80)],
}
const podsOf = (...names: string[]) => names.map((name) => ({ podSelector: selectorOf(name) }))

/** Only LibreChat can reach the search engine, and egress is limited to databases, AWS and Pod Identity. */
function networkPolicies(target: Target): object[] {
  const { namespace, database, redis } = target
  const policy = (name: string, podSelector: object, rules: object) => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: metadata(name, namespace),
    spec: { podSelector, policyTypes: ['Ingress', 'Egress'], ...rules },
  })
  const toDatabase = { to: [anywhere, anywhereOverIpv6], ports: database.ports.map((port) => to(port)) }
  const outside = [443, ...database.ports, ...(redis?.ports ?? [])]
  const toSearch = { to: podsOf(cluster.search), ports: [to(ports.search)] }
  return [
    policy('default-deny', {}, {}),
    policy(cluster.app, selectorOf(cluster.app), {
      // The load balancer's security group controls access.
      ingress: [{ ports: [to(ports.app)] }],
      egress: [
        dns,
        podIdentity,
        toSearch,
        {
          to: [anywhere, anywhereOverIpv6],
          ports: [...new Set(outside)].sort((a, b) => a - b).map((port) => to(port)),
        },
      ],
    }),
    policy(cluster.search, selectorOf(cluster.search), {
      ingress: [{ from: podsOf(cluster.app, cluster.restore), ports: [to(ports.search)] }],
    }),
    policy(cluster.restore, selectorOf(cluster.restore), { egress: [dns, toSearch, toDatabase] }),
    policy(cluster.allowances, selectorOf(cluster.allowances), { egress: [dns, toDatabase] }),
  ]
}

const searchService = (namespace: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: metadata(cluster.search, namespace, cluster.search),
  spec: {
    selector: selectorOf(cluster.search).matchLabels,
    ports: [{ name: 'http', port: ports.search, targetPort: 'http', protocol: 'TCP' }],
  },
})

const searchSet = (namespace: string, { versions }: Source) => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: metadata(cluster.search, namespace, cluster.search),
  spec: {
    serviceName: cluster.search,
    replicas: 1,
    selector: selectorOf(cluster.search),
    template: {
      metadata: { labels: labelsOf(cluster.search) },
      spec: {
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        securityContext: podSecurity,
        containers: [
          {
            name: 'meilisearch',
            image: `getmeili/meilisearch:${versions.meilisearch}`,
            env: [
              ...variables({ ...environmentOf('meilisearch'), MEILI_DB_PATH: '/meili_data/data.ms' }),
              fromSecret('MEILI_MASTER_KEY', cluster.keys),
            ],
            ports: [{ name: 'http', containerPort: ports.search, protocol: 'TCP' }],
            readinessProbe: { httpGet: { path: '/health', port: 'http' } },
            resources: { requests: { cpu: '100m', memory: '512Mi' }, limits: { memory: '1Gi' } },
            securityContext: containerSecurity,
            volumeMounts: [{ name: 'index', mountPath: '/meili_data' }],
          },
        ],
      },
    },
    volumeClaimTemplates: [
      {
        metadata: { name: 'index' },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Gi' } } },
      },
    ],
  },
})
