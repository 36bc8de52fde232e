import type { Region, Vpc } from '../account.js'
import type { Answers } from '../answers.js'
import { Refusal } from '../refusal.js'
import type { World } from '../world.js'
import { chosen, passes } from './filter.js'
import { newGroup } from './groups.js'

/** The zones of a region. us-east-1 has six; its `e` is the old one without newer machines, as on AWS. */
export const zonesOf = (region: string): string[] =>
  [...(region === 'us-east-1' ? 'abcdef' : 'abc')].map((letter) => region + letter)

/** A region of a new account: a default VPC with one public subnet in each zone. */
export function freshRegion(world: Pick<World, 'region' | 'id'>): Region {
  const here: Region = {
    vpcs: {},
    subnets: {},
    groups: {},
    instances: {},
    addresses: {},
    parameters: {},
    commands: {},
    sessions: {},
    snapshots: {},
  }
  addDefaultVpc(here, world)
  return here
}

/** Deletes the default VPC, if it is empty. */
export function withoutDefaultVpc(here: Region): void {
  if (Object.keys(here.instances).length > 0 || Object.keys(here.groups).length > 1) return
  here.vpcs = {}
  here.subnets = {}
  here.groups = {}
}

function addDefaultVpc(here: Region, { region, id }: Pick<World, 'region' | 'id'>): string {
  const vpc = id('vpc')
  here.vpcs[vpc] = { default: true, cidr: '172.31.0.0/16', internetGateway: id('igw'), routeTable: id('rtb') }
  zonesOf(region).forEach((zone, i) => {
    here.subnets[id('subnet')] = { vpc, zone, cidr: `172.31.${i * 16}.0/20` }
  })
  here.groups[id('sg')] = newGroup(id, { name: 'default', description: 'default VPC security group', vpc })
  return vpc
}

const vpcView = (id: string, vpc: Vpc) => ({
  VpcId: id,
  State: 'available' as const,
  CidrBlock: vpc.cidr,
  IsDefault: vpc.default,
  InstanceTenancy: 'default' as const,
})

export const network = {
  DescribeRegions(input) {
    const known = ['us-east-1', 'us-east-2', 'us-west-2', 'ca-central-1', 'eu-west-1', 'eu-central-1']
    const more = [
      'eu-north-1',
      'eu-west-2',
      'eu-west-3',
      'ap-northeast-1',
      'ap-southeast-2',
      'ap-south-1',
      'sa-east-1',
    ]
    const asked = input.RegionNames ?? [...known, ...more]
    return {
      Regions: asked.map((RegionName) => ({
        RegionName,
        Endpoint: `ec2.${RegionName}.amazonaws.com`,
        OptInStatus: 'opt-in-not-required' as const,
      })),
    }
  },

  DescribeVpcs(input, { here }) {
    const vpcs = chosen(here.vpcs, input.VpcIds, 'InvalidVpcID.NotFound', 'vpc ID')
    return {
      Vpcs: vpcs
        .filter(([id, vpc]) =>
          passes(
            input.Filters,
            {},
            {
              'vpc-id': id,
              isDefault: String(vpc.default),
              'is-default': String(vpc.default),
              state: 'available',
              cidr: vpc.cidr,
            },
          ),
        )
        .map(([id, vpc]) => vpcView(id, vpc)),
    }
  },

  CreateDefaultVpc(_input, world) {
    if (Object.values(world.here.vpcs).some((vpc) => vpc.default)) {
      throw new Refusal(
        'DefaultVpcAlreadyExists',
        'A Default VPC already exists for this account in this region.',
      )
    }
    const id = addDefaultVpc(world.here, world)
    const vpc = world.here.vpcs[id]
    return vpc ? { Vpc: vpcView(id, vpc) } : {}
  },

  DescribeSubnets(input, { here }) {
    const subnets = chosen(here.subnets, input.SubnetIds, 'InvalidSubnetID.NotFound', 'subnet ID')
    return {
      Subnets: subnets
        .filter(([id, subnet]) =>
          passes(
            input.Filters,
            {},
            {
              'subnet-id': id,
              'vpc-id': subnet.vpc,
              'availability-zone': subnet.zone,
              availabilityZone: subnet.zone,
              'default-for-az': 'true',
              defaultForAz: 'true',
              'map-public-ip-on-launch': 'true',
              state: 'available',
            },
          ),
        )
        .map(([SubnetId, { vpc, zone, cidr }]) => ({
          SubnetId,
          VpcId: vpc,
          AvailabilityZone: zone,
          CidrBlock: cidr,
          State: 'available' as const,
          DefaultForAz: true,
          MapPublicIpOnLaunch: true,
          AvailableIpAddressCount: 4091,
        })),
    }
  },

  DescribeRouteTables(input, { here }) {
    const tables = Object.entries(here.vpcs).map(([VpcId, vpc]) => ({ VpcId, vpc }))
    return {
      RouteTables: tables
        .filter(({ VpcId, vpc }) =>
          passes(
            input.Filters,
            {},
            {
              'vpc-id': VpcId,
              'route-table-id': vpc.routeTable,
              'association.main': 'true',
              // The subnets of a default VPC use the VPC's main route table.
              'association.subnet-id': [],
              'route.destination-cidr-block': [vpc.cidr, '0.0.0.0/0'],
              'route.gateway-id': ['local', vpc.internetGateway],
            },
          ),
        )
        .map(({ VpcId, vpc }) => ({
          VpcId,
          RouteTableId: vpc.routeTable,
          Associations: [{ Main: true, RouteTableId: vpc.routeTable }],
          Routes: [
            { DestinationCidrBlock: vpc.cidr, GatewayId: 'local', State: 'active' as const },
            { DestinationCidrBlock: '0.0.0.0/0', GatewayId: vpc.internetGateway, State: 'active' as const },
          ],
        })),
    }
  },

  DescribeNetworkInterfaces(input, { here }) {
    const instances = Object.entries(here.instances).filter(([, { state }]) => state !== 'terminated')
    return {
      NetworkInterfaces: instances
        .filter(([id, instance]) =>
          passes(
            input.Filters,
            {},
            {
              'network-interface-id': instance.interface,
              'attachment.instance-id': id,
              'group-id': instance.groups,
              'subnet-id': instance.subnet,
              'vpc-id': here.subnets[instance.subnet]?.vpc,
              status: 'in-use',
            },
          ),
        )
        .filter(([, instance]) => input.NetworkInterfaceIds?.includes(instance.interface) ?? true)
        .map(([id, instance]) => ({
          NetworkInterfaceId: instance.interface,
          Description: '',
          InterfaceType: 'interface' as const,
          Status: 'in-use' as const,
          SubnetId: instance.subnet,
          PrivateIpAddress: instance.privateIp,
          Attachment: { InstanceId: id, DeviceIndex: 0, Status: 'attached' as const },
          Groups: instance.groups.map((GroupId) => ({ GroupId, GroupName: here.groups[GroupId]?.name })),
        })),
    }
  },
} satisfies Answers<typeof import('@aws-sdk/client-ec2')>
