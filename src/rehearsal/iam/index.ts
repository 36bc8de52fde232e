import { profiles } from './profiles.js'
import { roles } from './roles.js'
import { users } from './users.js'

export const iam = { ...roles, ...profiles, ...users }
