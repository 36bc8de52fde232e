import type { Run } from '../app/context.js'

/** An option or argument as it stands on the command line. */
export interface Flag {
  /** "--disk <GB>"; a `...` takes several. */
  flags: string
  text: string
  choices?: readonly string[]
}

/** A command as data: what its help, its completions and its parser are made from. */
export interface CommandNode {
  name: string
  summary: string
  /** Command lines without the program's name, each with a word. */
  examples: readonly (readonly [line: string, why: string])[]
  args?: readonly { name: string; text: string; choices?: readonly string[] }[]
  options?: readonly Flag[]
  /** The exit codes beside 0 done, 1 failed and 130 interrupted. */
  exits?: string
  /** Speaks to AWS: says who and where first, and can be rehearsed. */
  callsAws?: boolean
  /** Is about an account, not about one lab. */
  ofNoLab?: boolean
  load?: () => Promise<{ run: Run<never> }>
  children?: readonly CommandNode[]
}

export const globalFlags: readonly Flag[] = [
  { flags: '--name <name>', text: 'the lab’s name (default: "default")' },
  { flags: '--profile <profile>', text: 'the AWS profile to use' },
  { flags: '--region <region>', text: 'the AWS region (else AWS_REGION, else the profile’s)' },
  { flags: '--rehearse [scenario]', text: 'play it on an account in memory: nothing is made at AWS' },
  { flags: '--json', text: 'one JSON object on stdout, errors included' },
  { flags: '--no-color', text: 'no colours (NO_COLOR and FORCE_COLOR are obeyed)' },
  { flags: '--debug', text: 'show where an error comes from' },
]

const yes: Flag = { flags: '-y, --yes', text: 'ask nothing; never covers what destroys data' }

const noSuchLab = '3 no such lab'

export const tree: readonly CommandNode[] = [
  {
    name: 'up',
    summary: 'Make the lab, or mend it, or change it: run it as often as you like',
    examples: [
      ['up', 'asks what it must, shows the plan and the cost, asks once'],
      ['up --rehearse', 'the same on an account in memory, at no cost'],
      ['up --yes --email me@example.org', 'asks nothing; the first user is made'],
      ['up --dry-run', 'the plan alone, without one changing call'],
    ],
    options: [
      yes,
      { flags: '--dry-run', text: 'show what would be done, and do nothing' },
      { flags: '--email <address>', text: 'LibreChat’s first user, its admin' },
      { flags: '--ask-password', text: 'type the first user’s password; else the host makes one' },
      { flags: '--instance-type <type>', text: 'default t3.medium; 4 GiB of memory at least' },
      { flags: '--disk <GB>', text: 'default 30, at least 20; can only grow' },
      {
        flags: '--allow-cidr <range...>',
        text: 'who may reach it; default: your public address only (detect)',
      },
      { flags: '--allow-everyone', text: 'needed for ranges that together are wider than a /16' },
      { flags: '--models <ids>', text: 'the models in the menu, comma-separated; see: librechat-lab models' },
      { flags: '--without-chat', text: 'go on although no model can be called' },
      { flags: '--accept-licences', text: 'accept the models’ licences, and what they cost by use' },
      { flags: '--use-case-file <file>', text: 'the answers to Anthropic’s form, as JSON' },
      { flags: '--domain <host>', text: 'a domain of yours that points to the lab: a trusted certificate' },
      { flags: '--no-domain', text: 'back to the lab’s own certificate' },
      { flags: '--open-port-80', text: 'let everybody reach port 80: a certificate’s challenge needs it' },
      { flags: '--no-open-port-80', text: 'close it again' },
      { flags: '--subnet-id <id>', text: 'a public subnet; default: one of the default VPC' },
      { flags: '--create-default-vpc', text: 'make the default VPC where there is none; it stays' },
      {
        flags: '--tag <key=value...>',
        text: 'tags that your organization demands, on each resource created',
      },
      { flags: '--permissions-boundary <arn>', text: 'for accounts that demand one on every role' },
      { flags: '--user-data', text: 'install Docker at first boot already' },
      { flags: '--no-user-data', text: 'not any more' },
      { flags: '--adopt', text: 'take over what bears the lab’s names and not its tags' },
      {
        flags: '--replace-instance <id>',
        text: 'end this instance, with all that is on it, and make a new one',
      },
    ],
    exits: '2 partly done: run it again to finish',
    callsAws: true,
    load: () => import('../commands/up.js'),
  },
  {
    name: 'status',
    summary: 'Look at everything anew and tell the truth about it',
    examples: [
      ['status', 'each resource, the host’s health, who can reach it, the cost'],
      ['status --chat', 'also let each model answer once'],
      ['status --json', 'for a script'],
    ],
    options: [{ flags: '--chat', text: 'prove that each model in the menu answers' }],
    exits: '0 healthy, 2 there but not as it should be, 3 no such lab',
    callsAws: true,
    load: () => import('../commands/status.js'),
  },
  {
    name: 'destroy',
    summary: 'Remove the lab and all that it holds, in the right order',
    examples: [
      ['destroy', 'shows what goes and wants the lab’s name typed'],
      ['destroy --confirm default', 'without a terminal'],
      ['destroy --release-address 198.51.100.7', 'gives the address back too'],
    ],
    options: [
      { flags: '--confirm <name>', text: 'the lab’s name: yes, destroy it and its data' },
      { flags: '--release-address <address>', text: 'release the protected Elastic IP as well' },
      { flags: '--dry-run', text: 'show what would go, and do nothing' },
    ],
    exits: '2 partly done: run it again to finish',
    callsAws: true,
    load: () => import('../commands/destroy.js'),
  },
  {
    name: 'tunnel',
    summary: 'Reach LibreChat on localhost through Session Manager: no open port, nothing to install',
    examples: [
      ['tunnel', 'LibreChat on http://localhost:8080'],
      ['tunnel --open', 'and the browser with it'],
      ['tunnel portainer', 'Portainer on https://localhost:9443'],
      ['tunnel 443:8443 portainer', 'several at once'],
    ],
    args: [{ name: '[targets...]', text: 'librechat, portainer, or <port on the host>[:<local port>]' }],
    options: [
      { flags: '--open', text: 'open the browser' },
      { flags: '--bind <address>', text: 'listen there instead of on loopback only' },
      { flags: '--sessions <n>', text: 'spread connections over so many sessions: faster downloads' },
      { flags: '--plugin', text: 'hand over to AWS’s session-manager-plugin' },
    ],
    exits: noSuchLab,
    callsAws: true,
    load: () => import('../commands/tunnel.js'),
  },
  {
    name: 'open',
    summary: 'Open LibreChat in the browser',
    examples: [
      ['open', 'https://<address of the lab>'],
      ['open portainer', 'Portainer'],
    ],
    args: [
      { name: '[target]', text: 'librechat (default) or portainer', choices: ['librechat', 'portainer'] },
    ],
    exits: noSuchLab,
    callsAws: true,
    load: () => import('../commands/open.js'),
  },
  {
    name: 'list',
    summary: 'All labs of a region, or of every region',
    examples: [
      ['list', 'this region'],
      ['list --all-regions', 'everywhere at once'],
    ],
    options: [{ flags: '--all-regions', text: 'look in every region that the account has enabled' }],
    callsAws: true,
    ofNoLab: true,
    load: () => import('../commands/list.js'),
  },
  {
    name: 'models',
    summary: 'The models that this account can call here, and why others can’t be called',
    examples: [
      ['models', 'by family, newest first'],
      ['models --region eu-west-1 --json', 'somewhere else, for a script'],
    ],
    callsAws: true,
    ofNoLab: true,
    load: () => import('../commands/models.js'),
  },
  {
    name: 'doctor',
    summary: 'Every check of up, without changing anything; tells what to do, in order',
    examples: [
      ['doctor', 'before the first up'],
      ['doctor --instance-type m7g.large', 'for what you have in mind'],
    ],
    options: [
      { flags: '--instance-type <type>', text: 'check for this type' },
      { flags: '--subnet-id <id>', text: 'check this subnet' },
      { flags: '--models <ids>', text: 'check these models' },
    ],
    callsAws: true,
    load: () => import('../commands/doctor.js'),
  },
  {
    name: 'user',
    summary: 'LibreChat’s users',
    examples: [
      ['user add me@example.org', 'makes a user; the password is shown once'],
      ['user list', 'who there is'],
      ['user reset-password me@example.org', 'a new password'],
    ],
    children: [
      {
        name: 'add',
        summary: 'Make a user; the password is made on the host, or asked for',
        examples: [['user add me@example.org', 'the password is shown once']],
        args: [{ name: '<email>', text: 'the user’s e-mail address' }],
        options: [
          { flags: '--display-name <name>', text: 'how LibreChat calls them' },
          { flags: '--ask-password', text: 'type the password yourself' },
        ],
        exits: noSuchLab,
        callsAws: true,
        load: async () => ({ run: (await import('../commands/user.js')).add }),
      },
      {
        name: 'list',
        summary: 'Who there is',
        examples: [['user list', '']],
        exits: noSuchLab,
        callsAws: true,
        load: async () => ({ run: (await import('../commands/user.js')).list }),
      },
      {
        name: 'remove',
        summary: 'Remove a user and their conversations',
        examples: [['user remove me@example.org', 'wants the address typed again']],
        args: [{ name: '<email>', text: 'the user’s e-mail address' }],
        options: [{ flags: '--confirm <email>', text: 'the address again: yes, remove them' }],
        exits: noSuchLab,
        callsAws: true,
        load: async () => ({ run: (await import('../commands/user.js')).remove }),
      },
      {
        name: 'reset-password',
        summary: 'Give a user a new password',
        examples: [['user reset-password me@example.org', 'it is shown once']],
        args: [{ name: '<email>', text: 'the user’s e-mail address' }],
        options: [{ flags: '--ask-password', text: 'type the password yourself' }],
        exits: noSuchLab,
        callsAws: true,
        load: async () => ({ run: (await import('../commands/user.js')).resetPassword }),
      },
    ],
  },
  {
    name: 'portainer',
    summary: 'Portainer’s admin',
    examples: [['portainer password', 'show the admin’s first password']],
    children: [
      {
        name: 'password',
        summary: 'Show or reset the admin’s password',
        examples: [
          ['portainer password', 'the first one'],
          ['portainer password --reset', 'a new one'],
        ],
        options: [{ flags: '--reset', text: 'make a new one' }],
        exits: noSuchLab,
        callsAws: true,
        load: async () => ({ run: (await import('../commands/portainer.js')).password }),
      },
    ],
  },
  {
    name: 'shell',
    summary: 'A shell on the host, through Session Manager',
    examples: [['shell', 'leave it with exit']],
    exits: noSuchLab,
    callsAws: true,
    load: () => import('../commands/shell.js'),
  },
  {
    name: 'logs',
    summary: 'What the services write',
    examples: [
      ['logs', 'LibreChat’s last lines'],
      ['logs proxy --follow', 'go on as they come'],
    ],
    args: [{ name: '[service]', text: 'librechat, mongodb, meilisearch, proxy, portainer' }],
    options: [{ flags: '-f, --follow', text: 'go on as they come' }],
    exits: noSuchLab,
    callsAws: true,
    load: () => import('../commands/logs.js'),
  },
  {
    name: 'address',
    summary: 'The Elastic IP’s protection',
    examples: [['address policy', 'print the policy that refuses a release']],
    children: [
      {
        name: 'policy',
        summary: 'Print the policy that refuses a release of the address, or attach it',
        examples: [
          ['address policy', 'print it'],
          ['address policy --attach-to-role Admin', 'attach it to an IAM role'],
        ],
        options: [
          { flags: '--attach-to-user <user>', text: 'attach it to this IAM user' },
          { flags: '--attach-to-role <role>', text: 'attach it to this IAM role' },
        ],
        exits: noSuchLab,
        callsAws: true,
        load: () => import('../commands/address-policy.js'),
      },
    ],
  },
  {
    name: 'policy',
    summary: 'Print the least IAM policy that a person needs for all this',
    examples: [
      ['policy', 'for everything'],
      ['policy status tunnel', 'for these commands alone'],
    ],
    args: [{ name: '[commands...]', text: 'the commands it is for; default: all' }],
    load: () => import('../commands/policy.js'),
  },
  {
    name: 'completion',
    summary: 'Print a completion script for your shell',
    examples: [
      ['completion bash', 'into ~/.bashrc: source <(librechat-lab completion bash)'],
      ['completion zsh', 'into ~/.zshrc, after compinit: source <(librechat-lab completion zsh)'],
      ['completion fish', 'into config.fish: librechat-lab completion fish | source'],
    ],
    args: [{ name: '<shell>', text: 'bash, zsh or fish', choices: ['bash', 'zsh', 'fish'] }],
    load: () => import('../commands/completion.js'),
  },
]
