/** The failures that a rehearsal can play, in the order in which `up` meets them. */
export const scenarios = [
  { name: 'credentials-expired', plays: 'the credentials expire before the host is set up' },
  { name: 'throttling', plays: 'AWS throttles every third kind of call' },
  { name: 'no-default-vpc', plays: 'the region has no default VPC' },
  { name: 'form-missing', plays: "Anthropic's use-case form was never sent, so Claude can't be called" },
  { name: 'no-callable-model', plays: 'AWS has not authorized the account for any model yet' },
  {
    name: 'payment-missing',
    plays: 'the account has no valid payment method, so only Amazon’s own models answer',
  },
  {
    name: 'data-retention',
    plays: 'the account does not allow data retention, which the newest Claude models require',
  },
  { name: 'zero-quota', plays: 'every token quota is zero, so no model answers' },
  { name: 'address-quota', plays: 'the quota of Elastic IPs is used up' },
  { name: 'no-capacity', plays: 'the first availability zone has no capacity' },
  { name: 'stage-failing', plays: 'the images cannot be pulled: a host stage fails' },
  { name: 'older-librechat', plays: 'the lab gets an older LibreChat, which can then be updated' },
  { name: 'update-failing', plays: 'the migration of an update fails: the host rolls it back' },
  {
    name: 'certificate-refused',
    plays: 'the certificate authority cannot reach port 80, so there is no trusted certificate',
  },
  { name: 'busy-host', plays: 'the host is at its limits, and status advises a larger one' },
] as const

export type Scenario = (typeof scenarios)[number]['name']
