import { addresses } from './addresses.js'
import { groups } from './groups.js'
import { instanceAttributes } from './instance-attributes.js'
import { instances } from './instances.js'
import { network } from './network.js'
import { associated } from './profile-associations.js'
import { snapshots } from './snapshots.js'
import { tags } from './tags.js'
import { types } from './types.js'
import { volumes } from './volumes.js'

export const ec2 = {
  ...network,
  ...types,
  ...groups,
  ...instances,
  ...instanceAttributes,
  ...tags,
  ...volumes,
  ...snapshots,
  ...associated,
  ...addresses,
}
