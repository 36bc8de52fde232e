import type { LabId } from '../resources/ownership.js'

/** A lab's addresses, in a browser and in the AWS console. */
export interface Urls {
  librechat: string
  portainer: string
  /** The instance's page in Session Manager. */
  sessionManager: string
}

const consoles: Record<string, string> = {
  'aws-us-gov': 'console.amazonaws-us-gov.com',
  'aws-cn': 'console.amazonaws.cn',
}

/** @param domain serves LibreChat alone */
export function urlsOf(
  { region, partition }: LabId,
  address: string,
  instanceId: string,
  domain?: string,
): Urls {
  const home = consoles[partition] ?? 'console.aws.amazon.com'
  return {
    librechat: `https://${domain ?? address}`,
    // LibreChat sends HSTS for a domain, which covers every port: browsers then refuse Portainer's own certificate.
    portainer: `https://${address}:9443`,
    sessionManager: `https://${region}.${home}/systems-manager/session-manager/${instanceId}?region=${region}`,
  }
}
