import { BlockList, isIPv4 } from 'node:net'

/** Ranges that no public address lies in: https://www.iana.org/assignments/iana-ipv4-special-registry */
export const notPublic = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
]

const reserved = new BlockList()
for (const range of notPublic) {
  const [first = '', prefix] = range.split('/')
  reserved.addSubnet(first, Number(prefix))
}

/** Whether the text is one IPv4 address of the public internet. */
export const isPublicIpv4 = (text: string): boolean => isIPv4(text) && !reserved.check(text)
