import type { Actual } from './actual.js'
import { countAddresses } from './cidr.js'
import { type PlainKey, plainKeys, plainSetting } from './plain-settings.js'
import { hasRate } from './rates.js'
import { scheduleText } from './schedule.js'
import { row, type SettingRow } from './setting.js'
import type { Settings } from './settings.js'

export type { SettingRow } from './setting.js'

/** Every setting that changes what the lab is or who reaches it, compared with what is there. */
export function settingRows(settings: Settings, actual: Actual): SettingRow[] {
  const { allow, domain } = settings
  const openPort80 = settings.openPort80 || allow.cidrs.includes('0.0.0.0/0')
  return [
    row('allowed from', rangesText(allow.cidrs), actual.allowed && portsText(actual.allowed)),
    row(
      'port 80',
      port80Text(openPort80),
      actual.port80 === undefined ? undefined : port80Text(actual.port80),
    ),
    row('domain', domain ?? 'none', actual.domain),
    ...certificateRow(settings, actual),
    userRow(settings, actual),
    modelsRow(settings, actual),
    ...plainKeys.flatMap((key) => plainRow(key, settings[key], actual) ?? []),
    ...(settings.schedule ? [row('schedule', scheduleText(settings.schedule), undefined)] : []),
    ...budgetRow(settings.budget, actual),
    ...unratedRow(settings),
  ]
}

const plainRow = (key: PlainKey, value: unknown, actual: Actual): SettingRow | undefined =>
  plainSetting(key).row?.(value, actual)

/** Shown if a trusted certificate is wanted or exists, for the address or for a domain. */
function certificateRow({ domain, trustedCertificate }: Settings, actual: Actual): SettingRow[] {
  const text = (named: string | undefined, trusted: boolean | undefined) => {
    if (named === undefined && !trusted) return own
    return `publicly trusted; public logs list ${named ?? 'the address'}`
  }
  const own = 'the lab’s own'
  const was = actual.domain === 'none' ? undefined : actual.domain
  const from = actual.trustedCertificate === undefined ? undefined : text(was, actual.trustedCertificate)
  const to = text(domain, trustedCertificate)
  return to === own && (from ?? own) === own ? [] : [row('certificate', to, from)]
}

const port80Text = (open: boolean) => (open ? 'open to everybody' : 'open to the allowed ranges')

/** "81.2.69.0/24 (256 addresses), 81.2.70.1 (1 address)" */
function rangesText(cidrs: readonly string[]): string {
  if (cidrs.length === 0) return 'nobody'
  return [...cidrs].sort().map(rangeText).join(', ')
}

/** LibreChat's and Portainer's ports, separately if they differ. */
function portsText(allowed: NonNullable<Actual['allowed']>): string {
  const [chat, portainer] = [rangesText(allowed[443]), rangesText(allowed[9443])]
  return chat === portainer ? chat : `443: ${chat}; 9443: ${portainer}`
}

function rangeText(cidr: string): string {
  if (cidr === '0.0.0.0/0') return '0.0.0.0/0 (everybody)'
  const count = countAddresses([cidr])
  // A source that was added by hand, such as a prefix list, has no known size.
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

/** Models without a price in LibreChat, if an allowance or a limit is set. */
function unratedRow({ allowance, limit, models }: Settings): SettingRow[] {
  const unrated = models.filter(({ id }) => !hasRate(id)).map(({ label }) => label)
  if (unrated.length === 0 || (allowance === undefined && limit === undefined)) return []
  return [{ what: 'without a rate', to: `${unrated.join(', ')}: LibreChat counts a default price` }]
}

/** Shown if there is one, in the settings or in AWS. */
function budgetRow(budget: Settings['budget'], actual: Actual): SettingRow[] {
  if (!budget && !actual.budget) return []
  const text = (one: Actual['budget']) =>
    one
      ? `$${one.usd.toFixed(2)} a month for the whole account; AWS notifies ${[...one.alerts].sort().join(', ') || 'nobody'}`
      : 'none'
  return [row('AWS budget', text(budget), actual.budget && text(actual.budget))]
}
