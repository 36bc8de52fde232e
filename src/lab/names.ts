import { LabError } from '../core/error.js'

const defaultName = 'default'

export const isName = (text: string): boolean => /^[a-z][a-z0-9-]{0,30}[a-z0-9]$|^[a-z]$/.test(text)

/** Lower-case letters, digits and dashes, 32 at most; LabError `bad-name`. */
export function checkedName(name: string = defaultName): string {
  if (isName(name)) return name
  throw new LabError({
    code: 'bad-name',
    what: `${JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name)} is not a valid name for a lab.`,
    why: 'The names of its resources contain it: use 1 to 32 lower-case letters, digits and dashes, and start with a letter.',
    fix: [{ command: { path: 'up', flags: { name: 'team-a' } }, text: 'creates a lab of this name' }],
  })
}

const suffix = (name: string) => (name === defaultName ? '' : `-${name}`)

/** The names of the lab's resources. */
export const names = (lab: string) => ({
  role: `LibreChatInstanceRole${suffix(lab)}`,
  group: `LibreChatSecurityGroup${suffix(lab)}`,
  instance: `LibreChat${suffix(lab)}`,
  policy: 'LibreChatBedrock',
  scheduleRole: `LibreChatScheduleRole${suffix(lab)}`,
  scheduleGroup: `LibreChat${suffix(lab)}`,
  budget: `LibreChat${suffix(lab)}`,
  settings: `/librechat-lab/${lab}/spec`,
  lock: `/librechat-lab/${lab}/lock`,
})
