import * as z from 'zod'

// The JSON of each command, as scripts know it. What stands here is only added to: a field that goes away or changes
// its type breaks somebody's script.

const text = z.string().min(1)
const object = z.strictObject
const list = z.array

const change = object({ what: text, from: text.optional(), to: text.optional(), byHand: text.optional() })

const snapshot = object({
  name: text,
  id: text,
  at: text,
  state: text,
  sizeGb: z.number(),
  mostMonthlyUsd: z.number().nullable(),
})

const strangers = list(
  object({
    kind: z.enum([
      'instance',
      'address',
      'group',
      'role',
      'profile',
      'schedule-group',
      'volume',
      'parameter',
      'snapshot',
      'image',
      'interface',
    ]),
    id: text,
    name: z.string(),
    why: text,
  }),
)

const spec = object({
  version: z.int(),
  generation: text,
  previousGeneration: text.optional(),
  creations: object({
    address: text.optional(),
    group: text.optional(),
    role: text.optional(),
    profile: text.optional(),
    budget: text.optional(),
    scheduleRole: text.optional(),
    scheduleGroup: text.optional(),
  }).optional(),
  adopted: object({
    instanceId: text.optional(),
    allocationId: text.optional(),
    groupId: text.optional(),
  }).optional(),
  instanceType: text,
  diskGb: z.int(),
  allow: object({ from: z.enum(['detected', 'given']), cidrs: list(text), everyone: z.boolean() }),
  openPort80: z.boolean(),
  domain: text.optional(),
  trustedCertificate: z.literal(true).optional(),
  subnetId: text.optional(),
  permissionsBoundary: text.optional(),
  tags: z.record(text, text).optional(),
  schedule: object({ start: text, stop: text, days: list(text), timezone: text }).optional(),
  idleStop: z.int().optional(),
  userData: z.boolean(),
  email: text.optional(),
  passwordDue: z.literal(true).optional(),
  models: list(object({ id: text, label: text })),
  defaultModel: text.optional(),
  titleModel: text.optional(),
  maxTokens: z.int().optional(),
  allowance: z.number().optional(),
  limit: z.number().optional(),
  budget: object({ usd: z.number(), alerts: list(text) }).optional(),
  profileArns: list(text),
})

const cost = object({
  lines: list(object({ item: text, unit: text, monthlyUsd: z.number().nullable() })),
  monthlyUsd: z.number().nullable(),
  modelsMostUsd: z.number().nullable(),
  source: text,
})

const urls = object({ librechat: z.url(), portainer: z.url(), sessionManager: z.url() })
const answers = object({ https: z.boolean(), portainer: z.boolean() })
const finding = object({ code: text, text, fix: list(text) })
const update = object({
  at: text,
  result: text,
  detail: text.optional(),
  to: z.record(text, text).optional(),
}).nullable()
const byService = <T extends z.ZodType>(value: T) =>
  object({ librechat: value, mongodb: value, meilisearch: value, proxy: value, portainer: value })

const certificate = object({ notAfter: text, issuer: text, sha256: z.string() })

const health = object({
  healthy: z.boolean(),
  release: z.string(),
  services: byService(text),
  restarts: byService(z.number()),
  images: byService(text),
  disk: object({ totalBytes: z.number(), freeBytes: z.number() }),
  memory: object({
    totalBytes: z.number(),
    availableBytes: z.number(),
    swapTotalBytes: z.number(),
    swapFreeBytes: z.number(),
  }),
  load: object({
    cores: z.int(),
    load15: z.number(),
    busyShare: z.number(),
    stealShare: z.number(),
    uptimeSeconds: z.number(),
    oomKills: z.int(),
    memoryPressure: z.number().nullable(),
    restarts: byService(z.number()),
  }).nullable(),
  certificate: certificate.nullable(),
  ownCertificate: certificate.nullable(),
  portainerCertificate: certificate.nullable(),
  trustedCertificate: object({
    served: z.boolean(),
    last: object({ at: text, result: text, detail: text.optional() }).nullable(),
  }).nullable(),
  metadataProtected: z.boolean(),
  hostPortsProtected: z.boolean(),
  site: z.string(),
  models: list(text),
  users: z.int().nullable(),
  versions: z.record(text, text),
  data: z.string(),
  updates: object({ portainer: update, system: update, librechat: update }),
  updatePending: z.boolean(),
  dump: object({
    at: text,
    result: text,
    detail: text.optional(),
    id: text.optional(),
    bytes: z.number().optional(),
    seconds: z.number().optional(),
    stoppedSeconds: z.number().optional(),
  }).nullable(),
  money: object({
    allowance: z.number().nullable(),
    limit: z.number().nullable(),
    own: object({ users: z.int(), usd: z.number() }),
    month: text,
    usd: z.number(),
    at: z.iso.datetime(),
    stopped: z.boolean(),
  }).nullable(),
  rebootNeeded: z.boolean(),
  running: z.string(),
  idleStop: object({ minutes: z.int(), idleSince: text, awake: z.string(), held: z.boolean() }).nullable(),
  firstSetup: object({ seconds: z.number(), stages: z.record(text, z.number()) }).nullable(),
  problems: list(finding),
  warnings: list(finding),
})

const chat = list(
  z.discriminatedUnion('ok', [
    object({
      model: text,
      ok: z.literal(true),
      firstTokenMs: z.number(),
      text: z.string(),
      since: z.iso.datetime(),
      mayStillTurn: z.boolean(),
    }),
    object({
      model: text,
      ok: z.literal(false),
      error: text,
      reason: text,
      cause: text,
      fix: list(text),
    }),
  ]),
)

const verdict = z.enum(['ready', 'degraded', 'notReady', 'without'])
const chatTitle = object({ model: text, ok: z.boolean(), error: text.optional() }).nullable()

const where = { lab: text, region: text, account: z.string().regex(/^\d{12}$/) }

const plan = {
  ...where,
  resources: list(
    object({
      name: text,
      action: z.enum(['create', 'change', 'keep', 'remove']),
      id: text.nullable(),
      changes: list(change),
    }),
  ),
  host: text.nullable(),
  replaces: text.nullable(),
  movesData: z.boolean(),
  spec,
  settings: list(object({ what: text, from: text.optional(), to: text })),
  strangers,
  leftSecrets: list(text),
  createsDefaultVpc: z.boolean(),
  cost,
}

const policy = object({
  Version: z.literal('2012-10-17'),
  Statement: list(
    object({
      Sid: text,
      Effect: z.enum(['Allow', 'Deny']),
      Action: list(text),
      Resource: z.union([text, list(text)]),
      Condition: z.record(text, z.record(text, z.union([text, list(text)]))).optional(),
    }),
  ),
})

const user = object({ email: z.email(), made: z.boolean() })
const tokens = {
  inputTokens: z.int(),
  outputTokens: z.int(),
  cacheWriteTokens: z.int(),
  cacheReadTokens: z.int(),
  calls: z.int(),
}
const used = { ...tokens, usd: z.number() }

const ingress = list(
  object({
    protocol: text,
    fromPort: z.int(),
    toPort: z.int(),
    source: text,
    description: text.optional(),
  }),
)

const access = {
  ...where,
  from: z.enum(['detected', 'given']),
  everyone: z.boolean(),
  openPort80: z.boolean(),
  ranges: list(object({ cidr: text, addresses: z.int(), open: z.boolean(), here: z.boolean() })),
  unlisted: ingress,
  here: z.ipv4().nullable(),
}

const verified = {
  file: text,
  bytes: z.number(),
  lab: text,
  region: text,
  at: z.iso.datetime(),
  librechat: text,
  mongodb: text,
}

export const shapes = {
  plan: object({ ...plan, dryRun: z.literal(true) }),
  up: object({
    ...plan,
    changed: z.boolean(),
    address: z.ipv4(),
    instanceId: text,
    urls,
    health: health.nullable(),
    chat: chat.nullable(),
    chatVerdict: verdict,
    chatTitle,
    leftOut: list(object({ names: list(text), why: text, fix: text })),
    answers,
    tookMs: z.number().nullable(),
    addressRelease: object({ refusedBy: z.enum(['nothing', 'policy', 'reverse-dns']) }),
    firstUser: user.nullable(),
    warnings: list(text),
  }),
  backup: object({ ...verified, stoppedSeconds: z.number() }),
  s3Backup: object({
    url: text,
    bytes: z.number(),
    checksum: text,
    region: text,
    lab: text,
    at: text,
    stoppedSeconds: z.number(),
  }),
  verified: object(verified),
  restored: object({
    lab: text,
    id: text,
    before: text,
    seconds: z.number(),
    stoppedSeconds: z.number(),
    search: z.boolean(),
    migrated: list(text).optional(),
  }),
  graduate: object({
    folder: text,
    files: list(text),
    lab: text,
    region: text,
    namespace: text,
    host: text,
    replicas: z.number(),
    chart: text,
    image: text,
    keys: z.enum(['written', 'sealed', 'in-backup']),
  }),
  dumps: object({
    dumps: list(object({ id: text, at: text, reason: text, bytes: z.number(), librechat: text.nullable() })),
    snapshots: list(snapshot),
  }),
  snapshot: object({ snapshot }),
  snapshotRemoved: object({ removed: snapshot }),
  status: object({
    ...where,
    exitCode: z.literal([0, 2]),
    strangers,
    ingress: ingress.nullable(),
    leftSecrets: list(text),
    exists: z.literal(true),
    healthy: z.boolean(),
    spec: spec.nullable(),
    resources: list(
      object({
        name: text,
        id: text.nullable(),
        state: z.enum(['ok', 'drifted', 'missing']),
        drift: list(change),
      }),
    ),
    address: object({
      publicIp: z.ipv4(),
      protection: object({
        transferOffered: text.nullable(),
        tagged: z.boolean(),
        releaseRefusedBy: z.enum(['nothing', 'policy', 'reverse-dns']).nullable(),
      }),
    }).nullable(),
    urls: urls.nullable(),
    health: health.nullable(),
    capacity: object({ limits: list(object({ code: text, text })), next: list(text) }).nullable(),
    hostCurrent: z.boolean(),
    answers,
    here: object({ address: z.ipv4(), allowed: z.boolean() }).nullable(),
    lostModels: list(text),
    chat: chat.nullable(),
    chatVerdict: verdict.nullable(),
    chatTitle,
    chatAt: z.iso.datetime().nullable(),
    cost,
    budget: object({
      usd: z.number(),
      alerts: list(text),
      spentUsd: z.number().nullable(),
      forecastUsd: z.number().nullable(),
    }).nullable(),
    stopped: object({
      by: z.enum(['stop', 'schedule', 'idle', 'unknown']),
      since: z.iso.datetime().nullable(),
      cost,
    }).nullable(),
  }),
  stop: object({
    ...where,
    instanceId: text,
    changed: z.boolean(),
    stopped: z.literal(true),
    since: z.iso.datetime().nullable(),
    nextStart: z.iso.datetime().nullable(),
    cost,
    runningCost: cost,
  }),
  start: object({
    ...where,
    instanceId: text,
    changed: z.boolean(),
    tookMs: z.number(),
    healthy: z.boolean(),
    health,
    urls,
    nextStop: z.iso.datetime().nullable(),
  }),
  schedule: object({
    ...where,
    changed: z.boolean(),
    schedule: object({ start: text, stop: text, days: list(text), timezone: text }).nullable(),
    nextStart: z.iso.datetime().nullable(),
    nextStop: z.iso.datetime().nullable(),
    skipped: list(object({ event: z.enum(['start', 'stop']), date: text })),
    drift: list(object({ name: text, missing: z.boolean(), changes: list(change) })),
    cost,
    alwaysCost: cost,
  }),
  statusOfKeptAddress: object({
    ...where,
    exitCode: z.literal(3),
    strangers,
    exists: z.literal(false),
    keptAddress: z.ipv4(),
    keptAddressMonthlyUsd: z.number(),
  }),
  update: object({
    ...where,
    available: z.boolean(),
    versions: z.record(text, text),
    pinned: z.record(text, text),
    changes: list(object({ service: text, name: text, from: text, to: text })),
    migrations: list(
      object({ name: text, below: text, dryRun: list(text), command: list(text), source: z.url() }),
    ),
    last: update,
    pending: z.boolean(),
    updated: z.boolean(),
    chatVerdict: verdict.optional(),
  }),
  destroy: object({
    ...where,
    removed: list(text),
    left: list(text),
    keptAddress: z.ipv4().nullable(),
    strangers,
    going: list(text).optional(),
    kept: list(object({ text, why: text })).optional(),
    dryRun: z.literal(true).optional(),
    keptSnapshots: list(snapshot),
    backup: text.nullable(),
    lastBackup: object({ kind: z.enum(['file', 'snapshot']), at: text })
      .nullable()
      .optional(),
  }),
  tunnel: object({
    tunnels: list(
      object({
        target: text,
        url: z.url(),
        bind: text,
        addresses: list(text),
        localPort: z.int(),
        remotePort: z.int(),
      }),
    ),
  }),
  open: object({ url: z.url(), opened: z.boolean() }),
  list: object({
    labs: list(
      object({
        name: text,
        region: text,
        state: text.nullable(),
        type: text.nullable(),
        address: z.ipv4().nullable(),
        instanceId: text.nullable(),
        whole: z.boolean(),
        ambiguous: z.boolean(),
      }),
    ),
    skippedRegions: list(text),
  }),
  models: object({
    region: text,
    account: text,
    default: text.nullable(),
    title: text.nullable(),
    models: list(
      object({
        id: text,
        modelId: text,
        name: text,
        provider: text,
        callable: z.boolean(),
        doubt: text.nullable(),
        picked: z.boolean(),
        problem: object({ reason: text, what: text, fix: text }).nullable(),
        released: z.iso.date().nullable(),
        routes: list(
          object({
            id: text,
            kind: z.enum(['region', 'geographic', 'global']),
            regions: list(text).nullable(),
          }),
        ),
      }),
    ),
  }),
  doctor: object({
    ok: z.boolean(),
    checks: list(
      object({
        name: text,
        ok: z.boolean(),
        detail: text.nullable(),
        advice: list(text),
        problem: object({ code: text, what: text, why: text.nullable(), fix: list(text) }).nullable(),
      }),
    ),
  }),
  access: object(access),
  accessChange: object({
    ...access,
    changes: list(change),
    locksOut: z.boolean(),
    changed: z.boolean(),
    dryRun: z.literal(true).optional(),
  }),
  user,
  userAdd: user.extend({ allowedFrom: list(text) }),
  userList: object({ users: list(object({ email: z.email(), name: text, created: z.iso.date() })) }),
  userAllowance: object({
    usd: z.number(),
    more: z.int(),
    users: list(
      object({
        email: z.email(),
        usd: z.number(),
        own: z.boolean(),
        used: z.number(),
        before: z.number().nullable(),
        left: z.number(),
      }),
    ),
  }),
  userRemove: object({ removed: z.email() }),
  portainerPassword: object({ username: z.literal('admin'), works: z.boolean().nullable() }),
  usage: object({
    ...where,
    month: z.string().regex(/^\d{4}-\d\d$/),
    total: object(used),
    days: list(object({ day: z.iso.date(), ...used })),
    models: list(
      object({ model: text.nullable(), label: text.nullable(), count: z.int().optional(), ...used }),
    ),
    users: list(object({ email: z.string().nullable(), count: z.int().optional(), ...used })),
    months: list(object({ month: z.string(), ...used })),
    counted: list(object({ model: text, label: text.nullable(), ...tokens })).nullable(),
    hostMonthlyUsd: z.number().nullable(),
    page: text.optional(),
  }),
  logs: object({ service: text, lines: list(z.string()) }),
  policy,
  completion: object({ shell: z.enum(['bash', 'zsh', 'fish']), script: text }),
  help: object({ topic: z.string(), text }),
  error: object({
    error: object({
      code: z.string().regex(/^[a-z0-9-]+$/),
      what: text,
      why: text.optional(),
      fix: list(text),
      exitCode: z.int().min(1),
      requestId: text.optional(),
    }),
  }),
}
