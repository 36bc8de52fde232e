import { describe, expect, it } from 'vitest'
import {
  gp3,
  hopLimit,
  type InstanceOptions,
  type InstanceState,
} from '../../../src/resources/instance/describe.js'
import { differences } from '../../../src/resources/instance/update.js'
import { lab } from '../context.js'

const wanted = { lab, type: 't3.medium', diskGb: 30 } as InstanceOptions
const state = {
  instanceId: 'i-lab',
  state: 'running',
  type: 't3.medium',
  profileId: 'AIPA',
  groupIds: ['sg-lab'],
  tokensRequired: true,
  hopLimit,
  metadataOn: true,
  terminationProtected: true,
  shutdownBehavior: 'stop',
  superseded: [],
  moreInterfaces: [],
  moreVolumes: [],
  volume: { volumeId: 'vol-1', type: 'gp3', sizeGb: 30, encrypted: true, ...gp3, deletedWithInstance: true },
} as unknown as InstanceState
const changes = (there: Partial<InstanceState>) =>
  differences({ ...state, ...there }, wanted, 'AIPA', 'sg-lab')
const volume = (there: object) => ({
  volume: { ...state.volume, ...there } as NonNullable<InstanceState['volume']>,
})

describe('the differences of an instance', () => {
  it('are none when it is as it should be, or is just starting', () => {
    expect(changes({})).toEqual([])
    expect(changes({ state: 'pending' })).toEqual([])
  })

  it.each<[string, Partial<InstanceState>, object]>([
    ['stopped', { state: 'stopped' }, { what: 'state', from: 'stopped', to: 'running' }],
    ['of another type', { type: 't3.large' }, { what: 'type', from: 't3.large', to: 't3.medium' }],
    ['with another profile', { profileId: 'AIPB' }, { what: 'instance profile', from: 'another' }],
    ['in other groups', { groupIds: ['sg-lab', 'sg-x'] }, { what: 'security groups', to: 'sg-lab' }],
    ['with IMDSv1', { tokensRequired: false }, { what: 'IMDSv2', from: 'optional', to: 'required' }],
    ['without protection', { terminationProtected: false }, { what: 'termination protection', from: 'off' }],
    [
      'gone after a shutdown from inside',
      { shutdownBehavior: 'terminate' },
      { what: 'after a shutdown from inside', to: 'stopped' },
    ],
    ['with a smaller disk', volume({ sizeGb: 20 }), { what: 'disk size', from: '20 GB', to: '30 GB' }],
    [
      'with a replacement that was interrupted',
      { superseded: ['i-old'], movesFrom: 'i-old' },
      { what: 'replacement of i-old, which still has the data', to: 'finished' },
    ],
    ['with a replaced one left', { superseded: ['i-old'] }, { from: 'i-old', to: 'terminated' }],
  ])('show one that is %s', (_, there, change) => {
    expect(changes(there)).toMatchObject([change])
  })

  it('are left to the user where only a new instance or another size helps', () => {
    expect(changes(volume({ encrypted: false }))).toMatchObject([
      { what: 'disk encryption', byHand: expect.arrayContaining([expect.objectContaining({ path: 'up' })]) },
    ])
    expect(changes(volume({ sizeGb: 50 }))).toMatchObject([
      { what: 'disk size', byHand: expect.arrayContaining([{ path: 'up', flags: { disk: '50' } }]) },
    ])
  })
})
