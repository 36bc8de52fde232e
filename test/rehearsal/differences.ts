interface Difference {
  why: string
  /** By step of the script, the paths that differ: "Instances[].SecurityGroups". */
  in: Record<string, readonly string[]>
}

const atInstances = [
  'IamInstanceProfile.Id',
  'NetworkInterfaces[].Attachment.DeleteOnTermination',
  'SecurityGroups',
]
const under = (prefix: string, paths: readonly string[]) => paths.map((path) => `${prefix}.${path}`)

/**
 * Where the rehearsal account knowingly answers otherwise than moto. All but the names are AWS's own behaviour,
 * which moto lacks. docs/rehearsal.md tells them to people.
 */
export const differences: readonly Difference[] = [
  {
    why: 'names: the caller, the image, the key',
    in: {
      'who calls': ['Arn', 'UserId'],
      'the newest image': ['Parameters[].Version'],
      'its disk': ['Volumes[].KmsKeyId'],
    },
  },
  {
    why: 'moto checks no policy document, image, type, length, tagged id and state, and deletes a group in use',
    in: {
      'a document that is none': ['error'],
      'launch from an image that is none': ['error'],
      'launch a type that is none': ['error'],
      'a type while it runs': ['error'],
      'tag what is not there': ['error'],
      'too long a value': ['error'],
      'delete a group in use': ['error'],
    },
  },
  {
    why: 'moto fails on a role that is not in the profile',
    in: { 'take it out twice': ['error.class', 'error.code', 'error.fault', 'error.name', 'error.status'] },
  },
  {
    why: 'moto gives instance profiles ids of another form, and an instance the id of the association',
    in: {
      'create a profile': ['InstanceProfile.InstanceProfileId'],
      'get the profile': ['InstanceProfile.InstanceProfileId'],
      'its profile': ['IamInstanceProfileAssociations[].IamInstanceProfile.Id'],
    },
  },
  {
    why: 'moto gives the document of a role in a profile as it is, not percent-encoded',
    in: { 'get the profile': ['InstanceProfile.Roles[].AssumeRolePolicyDocument'] },
  },
  {
    why: 'moto leaves the groups out that came with a network interface, and how long the interface lives',
    in: {
      launch: under('Instances[]', atInstances),
      'it runs': under('Reservations[].Instances[]', atInstances),
      'the instance has it': under('Reservations[].Instances[]', atInstances),
    },
  },
  {
    why: 'moto forgets what a volume was asked to be',
    in: { 'its disk': ['Volumes[].Attachments[].DeleteOnTermination', 'Volumes[].Throughput'] },
  },
  {
    why: 'moto takes metadata options that were not named back to their defaults, at once',
    in: {
      'allow IMDSv1': under('InstanceMetadataOptions', [
        'HttpEndpoint',
        'HttpPutResponseHopLimit',
        'InstanceMetadataTags',
        'State',
      ]),
      'the instance has it': under('Reservations[].Instances[].MetadataOptions', [
        'HttpEndpoint',
        'HttpPutResponseHopLimit',
        'InstanceMetadataTags',
      ]),
    },
  },
  {
    why: 'moto answers a part only: tags, all new rules, pools, what was deleted',
    in: {
      'create a group': ['Tags'],
      'let somebody in': ['SecurityGroupRules'],
      'allocate an address': ['NetworkBorderGroup', 'PublicIpv4Pool'],
      'it is free': ['Addresses[].NetworkBorderGroup', 'Addresses[].PublicIpv4Pool'],
      'it is used': ['Addresses[].NetworkBorderGroup', 'Addresses[].PublicIpv4Pool'],
      'delete the group': ['GroupId', 'Return'],
    },
  },
  { why: 'moto describes an interface', in: { 'who uses the group': ['NetworkInterfaces[].Description'] } },
]

/** The paths that are known to differ in a step. */
export const knownIn = (step: string): string[] =>
  differences.flatMap((difference) => difference.in[step] ?? []).sort()
