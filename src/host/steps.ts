import * as z from 'zod'
import type { Prose } from '../core/error.js'

/** The advice of the host's programs, by its code: they don't know how the user calls this program. */
const steps = {
  up: () => ['Run: ', { path: 'up' }],
  update: () => ['Update again: ', { path: 'update' }],
  start: () => ['Start it: ', { path: 'start' }],
  'see-status': () => ['See the lab’s health: ', { path: 'status' }],
  'larger-disk': () => ['Make the disk larger: ', { path: 'up', flags: { disk: '<GB>' } }],
  'open-port-80': () => ['Open port 80 to everyone: ', { path: 'up', flags: { 'open-port-80': true } }],
  'own-certificate': () => [
    'Use the lab’s own certificate and close port 80: ',
    { path: 'up', flags: { 'no-trusted-certificate': true } },
  ],
  'set-allowance': () => [
    'Set one for each user and month: ',
    { path: 'up', flags: { allowance: '<dollars>' } },
  ],
  'raise-limit': () => ['Lift it: ', { path: 'up', flags: { limit: '<dollars>' } }],
  'list-users': () => ['List the users: ', { path: 'user list' }],
  'list-dumps': () => ['List the dumps on the host: ', { path: 'backup list' }],
  'reset-password': ({ email = '<email>' }) => [
    'Set a new password: ',
    { path: 'user reset-password', args: [email] },
  ],
} as const satisfies Readonly<Record<string, (parameters: { email?: string | undefined }) => Prose>>

/** A text, or a code with its parameters: `{"code": "reset-password", "email": "me@example.org"}`. */
const stepSchema = z.union([
  z.string(),
  z.object({
    code: z.enum(Object.keys(steps) as [keyof typeof steps]),
    email: z.email().optional(),
  }),
])

/** What to do, as a program on the host prints it (templates/host/lab.py), with its commands as data. */
export const fixSchema = z.array(stepSchema).transform((fix) => fix.map(stepOf))

const stepOf = (step: z.infer<typeof stepSchema>): Prose =>
  typeof step === 'string' ? step : steps[step.code](step)
