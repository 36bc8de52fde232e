/** The whole rehearsal account, as it is in the state file. Times are milliseconds since the epoch. */
export interface Account {
  /** Raised when the format changes: an older file is then ignored, and a new account starts. */
  version: 1
  roles: Record<string, Role>
  profiles: Record<string, InstanceProfile>
  /** Inline policies of users and single roles, by user name, then policy name. */
  users: Record<string, Record<string, string>>
  useCase?: string
  /** Models whose licence was accepted, with the time from which they can be called. */
  agreements: Record<string, number>
  regions: Record<string, Region>
  /** Absent in an account of an older version. */
  budgets?: Record<string, BudgetHere>
}

export interface BudgetHere {
  /** Each as it was sent. */
  budget: object
  notices: {
    notification: { NotificationType?: string | undefined; Threshold?: number | undefined }
    subscribers: object[]
  }[]
  tags: Tags
}

export type Tags = Record<string, string>

export interface Role {
  id: string
  trust: string
  description?: string
  boundary?: string
  maxSession: number
  createdAt: number
  tags: Tags
  attached: string[]
  inline: Record<string, string>
}

export interface InstanceProfile {
  id: string
  createdAt: number
  tags: Tags
  role?: string
  /** When EC2 has heard of it. */
  knownAt: number
}

export interface Region {
  vpcs: Record<string, Vpc>
  subnets: Record<string, Subnet>
  groups: Record<string, Group>
  instances: Record<string, Instance>
  addresses: Record<string, Address>
  parameters: Record<string, Parameter>
  commands: Record<string, RunCommand>
  sessions: Record<string, Session>
  /** Absent in an account of an older version. */
  scheduleGroups?: Record<string, ScheduleGroup>
  snapshots?: Record<string, Snapshot>
}

export interface Snapshot {
  volume: string
  size: number
  startedAt: number
  completeAt: number
  encrypted: boolean
  tags: Tags
}

export interface ScheduleGroup {
  createdAt: number
  tags: Tags
  /** Each as it was sent. */
  schedules: Record<string, object>
}

export interface Vpc {
  default: boolean
  cidr: string
  internetGateway: string
  routeTable: string
}

interface Subnet {
  vpc: string
  zone: string
  cidr: string
}

export interface Rule {
  id: string
  egress: boolean
  /** "tcp", "-1". */
  protocol: string
  from?: number
  to?: number
  cidr4?: string
  cidr6?: string
  group?: string
  description?: string
  tags: Tags
}

export interface Group {
  name: string
  description: string
  vpc: string
  tags: Tags
  rules: Rule[]
}

export type InstanceState = 'pending' | 'running' | 'shutting-down' | 'terminated' | 'stopping' | 'stopped'

export interface Volume {
  id: string
  device: string
  size: number
  type: string
  iops: number
  throughput: number
  encrypted: boolean
  deleteOnTermination: boolean
  /** Set if it was deleted separately, after its instance was terminated without it. */
  deleted?: true
  tags: Tags
}

export interface Association {
  id: string
  /** The profile's name, and its id at that moment: a re-created one has the same name and another id. */
  profile: string
  profileId: string
}

export interface Instance {
  state: InstanceState
  next?: { state: InstanceState; at: number }
  type: string
  image: string
  subnet: string
  privateIp: string
  publicIp: string
  interface: string
  reservation: string
  launchedAt: number
  tags: Tags
  groups: string[]
  volume: Volume
  association?: Association
  tokens: {
    HttpTokens: string
    HttpPutResponseHopLimit: number
    HttpEndpoint: string
    InstanceMetadataTags: string
  }
  terminationProtected: boolean
  stopProtected: boolean
  /** "stop" where it is absent. */
  shutdownBehavior?: string
  /** When and why it was last stopped. */
  stopped?: { at: number; code: string }
  userData: string
  credits: string
  clientToken?: { token: string; parameters: string }
  /** When the agent reports to Systems Manager, if its role allows that. */
  onlineAt: number
  host: Host
}

/** What the stages have installed on an instance. */
export interface Host {
  /** The payload's digest, once the stack runs. */
  release?: string
  /** The last chat proof. */
  proof?: unknown
  done: string[]
  /** Digests of the versions whose files it has. */
  versions: string[]
  /** Unused private keys that it created for passwords, as PEM. */
  keys: Record<string, string>
  /** How long the first set-up took, once it has ended; in seconds. */
  firstSetup?: { seconds: number; stages: Record<string, number> }
  /** LibreChat's users: e-mail, name, day of creation. */
  users: string[][]
  /** The dumps on its disk, with the users that LibreChat had and their own allowances. */
  dumps?: {
    id: string
    at: string
    reason: string
    bytes: number
    librechat: string
    users: string[][]
    allowances?: Record<string, number>
  }[]
  /** The name or address in its certificate. */
  site?: string
  /** Whether its address gets a trusted certificate. */
  trusted?: boolean
  /** The ids in LibreChat's menu. */
  models?: string[]
  /** The text of its librechat.yaml. */
  librechatYaml?: string
  /** US dollars a month; absent: none. */
  allowance?: number
  limit?: number
  /** Users' own allowances, by e-mail address in lower case. */
  allowances?: Record<string, number>
  /** Minutes until it stops itself; 0: never. */
  idleStop?: number
  /** Idle stop was switched off, because a shutdown would terminate the instance. */
  idleHeld?: boolean
  /** The suffix of the volumes in use, after a restore. */
  data?: string
  /** The dump that these were restored from, and the dump of the data before. */
  restored?: { id: string; before: string }
  /** LibreChat's version, if it is not this release's. */
  librechat?: string
  /** The result of the last update. */
  update?: { at: string; result: string; detail: string; to: Record<string, string> }
}

export interface Address {
  ip: string
  tags: Tags
  instance?: string
  association?: string
  reverse?: string
  /** The account that a transfer is offered to. */
  transferTo?: string
}

export interface Parameter {
  value: string
  type: string
  version: number
  modifiedAt: number
  tags: Tags
  description?: string
}

export interface RunCommand {
  instance: string
  comment: string
  document: string
  timeoutSeconds: number
  requestedAt: number
  endsAt: number
  /** Its output when it ends. */
  outcome: { code: number; output: string; errors: string }
  /** The state of the host when it ends. */
  leaves: Partial<Host>
  settled: boolean
}

export interface Session {
  target: string
  document: string
  parameters: Record<string, string[]>
  reason?: string
  startedAt: number
  endedAt?: number
}

/** The account id of AWS's documentation. */
export const accountId = '123456789012'
export const userName = 'rehearsal'
export const callerArn = `arn:aws:iam::${accountId}:user/${userName}`

export const freshAccount = (): Account => ({
  version: 1,
  roles: {},
  profiles: {},
  users: { [userName]: {} },
  agreements: {},
  regions: {},
})
