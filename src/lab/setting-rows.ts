import { defaultMaxTokens } from '../host/librechat-yaml.js'
import type { Actual } from './actual.js'
import { countAddresses } from './cidr.js'
import { idleText } from './idle-time.js'
import { hasRate } from './rates.js'
import { scheduleText } from './schedule.js'
import type { Settings } from './settings.js'

/** One setting as the plan shows it: `from` only where AWS or the host has something else. */
export interface SettingRow {
  what: string
  from?: string
  to: string
}

/** Every setting that changes what the lab is or who reaches it, compared with what is there. */
export function settingRows(settings: Settings, actual: Actual): SettingRow[] {
  const { domain, openPort80, permissionsBoundary, subnetId, instanceType, diskGb } = settings
  return [
    row('allowed from', rangesText(settings.allow.cidrs), actual.allowed && portsText(actual.allowed)),
    row(
      'port 80',
      port80Text(openPort80),
      actual.port80 === undefined ? undefined : port80Text(actual.port80),
    ),
    row('domain', domain ?? 'none', actual.domain),
    ...certificateRow(settings, actual),
    userRow(settings, actual),
    modelsRow(settings, actual),
    ...answerRows(settings, actual),
    row('permissions boundary', permissionsBoundary ?? 'none', actual.boundary),
    row('subnet', subnetId ?? actual.subnetId ?? 'a public one of the default VPC', actual.subnetId),
    row('instance type', instanceType, actual.instanceType),
    row('disk', `${diskGb} GB`, actual.diskGb === undefined ? undefined : `${actual.diskGb} GB`),
    ...(settings.schedule ? [row('schedule', scheduleText(settings.schedule), undefined)] : []),
    ...idleRow(settings, actual),
    ...moneyRows(settings, actual),
  ]
}

/** Shown where the trusted one is wanted, or there. */
function certificateRow({ trustedCertificate }: Settings, actual: Actual): SettingRow[] {
  if (!trustedCertificate && !actual.trustedCertificate) return []
  const text = (trusted: boolean | undefined) =>
    trusted ? 'publicly trusted; public logs list the address' : 'the lab’s own'
  const was = actual.trustedCertificate
  return [row('certificate', text(trustedCertificate), was === undefined ? undefined : text(was))]
}

/** Shown where it is on, here or on the host. */
function idleRow({ idleStop }: Settings, actual: Actual): SettingRow[] {
  if (idleStop === undefined && !actual.idleStop) return []
  const text = (minutes: number | undefined) => (minutes ? `after ${idleText(minutes)} without use` : 'off')
  return [row('idle stop', text(idleStop), actual.idleStop === undefined ? undefined : text(actual.idleStop))]
}

const row = (what: string, to: string, from: string | undefined): SettingRow => ({
  what,
  ...(from === undefined || from === to ? {} : { from }),
  to,
})

const port80Text = (open: boolean) => (open ? 'open to everybody' : 'open to the allowed ranges')

/** "81.2.69.0/24 (256 addresses), 81.2.70.1 (1 address)" */
function rangesText(cidrs: readonly string[]): string {
  if (cidrs.length === 0) return 'nobody'
  return [...cidrs].sort().map(rangeText).join(', ')
}

/** LibreChat's and Portainer's ports, apart where they differ. */
function portsText(allowed: NonNullable<Actual['allowed']>): string {
  const [chat, portainer] = [rangesText(allowed[443]), rangesText(allowed[9443])]
  return chat === portainer ? chat : `443: ${chat}; 9443: ${portainer}`
}

/** Longer answers cost more. The host tells only what the last proof asked for, so an equal length is not shown. */
function answerRows({ maxTokens = defaultMaxTokens }: Settings, { maxTokens: there }: Actual): SettingRow[] {
  if (there === undefined || there === maxTokens) return []
  return [row('longest answer', `${maxTokens} tokens`, `${there} tokens`)]
}

function rangeText(cidr: string): string {
  if (cidr === '0.0.0.0/0') return '0.0.0.0/0 (everybody)'
  const count = countAddresses([cidr])
  // A source by hand, such as a prefix list, has no size that can be told.
  if (count === 0) return cidr
  return `${cidr.replace(/\/32$/, '')} (${count.toLocaleString('en')} address${count === 1 ? '' : 'es'})`
}

function userRow({ email }: Settings, { users }: Actual): SettingRow {
  if (users === undefined || users === 0)
    return row('first user', email ?? 'none', users === 0 ? 'none' : undefined)
  return { what: 'users', to: String(users) }
}

function modelsRow({ models }: Settings, { models: there }: Actual): SettingRow {
  const labelOf = (id: string) => models.find((model) => model.id === id)?.label ?? id
  const text = (ids: readonly string[]) => ids.map(labelOf).join(', ') || 'none'
  return row('models', text(models.map(({ id }) => id)), there && text(there))
}

/** What the models may cost, and what LibreChat can't price. */
function moneyRows({ allowance, limit, budget, models }: Settings, actual: Actual): SettingRow[] {
  const was = (text: (usd: number | undefined) => string, usd: number | null | undefined) =>
    usd === undefined ? undefined : text(usd ?? undefined)
  const unrated = models.filter(({ id }) => !hasRate(id)).map(({ label }) => label)
  return [
    row('allowance', allowanceText(allowance), was(allowanceText, actual.allowance)),
    row('limit', limitText(limit), was(limitText, actual.limit)),
    ...budgetRow(budget, actual),
    ...(unrated.length > 0 && (allowance !== undefined || limit !== undefined)
      ? [{ what: 'without a rate', to: `${unrated.join(', ')}: LibreChat counts a default price` }]
      : []),
  ]
}

/** Shown where there is one, here or in AWS. */
function budgetRow(budget: Settings['budget'], actual: Actual): SettingRow[] {
  if (!budget && !actual.budget) return []
  const text = (one: Actual['budget']) =>
    one
      ? `$${one.usd.toFixed(2)} a month for the whole account; AWS notifies ${[...one.alerts].sort().join(', ') || 'nobody'}`
      : 'none'
  return [row('AWS budget', text(budget), actual.budget && text(actual.budget))]
}

const allowanceText = (usd: number | undefined) =>
  usd === undefined ? 'none' : `$${usd.toFixed(2)} a user and month for models`
const limitText = (usd: number | undefined) =>
  usd === undefined ? 'none' : `$${usd.toFixed(2)} a month for models, then new messages stop`
