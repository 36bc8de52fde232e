import { addresses } from './addresses.js'
import { attached } from './attached.js'
import { groups } from './groups.js'
import { instances } from './instances.js'
import { network } from './network.js'
import { types } from './types.js'

export const ec2 = { ...network, ...types, ...groups, ...instances, ...attached, ...addresses }
