/**
 * The calls of each command that must wait for one another, one a line: no arrangement of the rest makes the
 * command shorter than these. The models' profiles come in three pages in the tests' account; the host's five
 * stages and the proof of the chat are a command sent and an answer fetched each.
 */
export const chains = {
  up: [
    'who calls',
    ...['models, page 1', 'models, page 2', 'models, page 3', 'which may be called'],
    'what is there',
    ...['lock', 'settings unchanged under the lock', 'settings put'],
    ...['role', 'role into its profile', 'instance', 'instance runs', 'address to the instance'],
    'host online',
    ...['system', 'docker', 'images', 'stack', 'health', 'chat'].flatMap((stage) => [
      `${stage} sent`,
      `${stage} done`,
    ]),
    ...['what would refuse a release', 'unlock'],
  ],
  again: [
    'who calls',
    ...['what is there', 'the instance’s attributes', 'host online', 'health sent', 'health done'],
    'what would refuse a release',
  ],
  destroy: [
    'who calls',
    ...['what is there', 'the instance’s attributes', 'lock'],
    ...['termination allowed', 'instance ends', 'instance has ended'],
    ...['role out of its profile', 'profile', 'role', 'settings', 'unlock'],
    'what is left',
  ],
} as const
