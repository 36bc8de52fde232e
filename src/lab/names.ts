import { LabError } from '../core/error.js'

const defaultName = 'default'

export const isName = (text: string): boolean => /^[a-z][a-z0-9-]{0,30}[a-z0-9]$|^[a-z]$/.test(text)

/** Lower-case letters, digits and dashes, 32 at most; LabError `bad-name`. */
export function checkedName(name: string = defaultName): string {
  if (isName(name)) return name
  throw new LabError({
    code: 'bad-name',
    what: `${JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name)} can't be a lab's name.`,
    why: 'AWS names are made from it: it takes 1 to 32 lower-case letters, digits and dashes, a letter first.',
    fix: ['librechat-lab up --name team-a'],
  })
}

const suffix = (name: string) => (name === defaultName ? '' : `-${name}`)

/** What the lab's things are called at AWS. */
export const names = (lab: string) => ({
  role: `LibreChatInstanceRole${suffix(lab)}`,
  group: `LibreChatSecurityGroup${suffix(lab)}`,
  instance: `LibreChat${suffix(lab)}`,
  policy: 'LibreChatBedrock',
  settings: `/librechat-lab/${lab}/spec`,
  lock: `/librechat-lab/${lab}/lock`,
})
