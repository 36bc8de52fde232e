// The ranges of a first `up`: bench/first.ts computes with them, bench/host/first-up.ts makes its delays of them.

/** Seconds: at the fast and at the slow end of a range. */
export type Range = readonly [fast: number, slow: number]

export const middle = ([fast, slow]: Range): number => (fast + slow) / 2

/**
 * Where a range is from. "cited" is a published measurement with the same ends; "counted" is counted in this repository.
 * All else is an "estimate", also one that a published figure supports, to be replaced by what `status` shows on real
 * machines.
 */
export const ranges = {
  call: { range: [0.05, 0.1], source: 'counted: the calls (bench/chain.ts); estimate: 50 to 100 ms each' },
  profile: {
    range: [1, 10],
    source: 'estimate: IAM is eventually consistent, "several seconds" (IAM User Guide, troubleshooting)',
  },
  boot: {
    range: [22.6, 25.8],
    source: 'cited: RunInstances to SSH, on t3.medium to m7i.large (brevdev/ec2-coldboot-research)',
  },
  agent: {
    range: [30, 90],
    source:
      'estimate: "from 30 s to minutes" after launch (DataDog/stratus-red-team#108); more than 90 s is a table of its own below',
  },
  system: { range: [2, 2], source: 'estimate' },
  dnf: { range: [10, 25], source: 'estimate: metadata and about 100 MB of packages' },
  daemon: { range: [1, 3], source: 'estimate' },
  downloadMBps: {
    range: [100, 40],
    source: 'estimate: half to a fifth of the 187 MB/s of a large machine, 1.5 GB in 8 s (moby/moby#21814)',
  },
  unpackSecondsPerGB: {
    range: [23, 34],
    source: 'estimate: 35 to 40 s for 1.5 GB (moby/moby#21814), at the slow end a quarter more for a T3',
  },
  diskMBps: { range: [125, 125], source: 'cited: gp3 without extra throughput (EBS User Guide)' },
  compose: { range: [2, 5], source: 'estimate: 70 MB from GitHub' },
  databases: { range: [4, 12], source: 'estimate' },
  librechat: { range: [10, 25], source: 'estimate: to /readyz' },
  user: { range: [3, 8], source: 'estimate: the script that creates one, which loads most of LibreChat' },
  list: { range: [1, 3], source: 'estimate: the script that lists users, which loads its database part' },
  proxy: { range: [3, 7], source: 'estimate' },
  cost: {
    range: [2, 3],
    source: 'counted: the host’s look takes 2.3 s, the start of mongosh (docs/benchmarks.md)',
  },
  health: { range: [1, 3], source: 'estimate' },
  chat: { range: [2, 8], source: 'estimate: all models at once' },
  command: { range: [0.5, 1.5], source: 'estimate: to the agent and back, and half a poll' },
} as const satisfies Record<string, { range: Range; source: string }>

/** Compressed; unpacked it has 3.5 GB. Images of LibreChat shrink 3.1 to 4.1 times (danny-avila/LibreChat#2691). */
export const librechatGB: Range = [0.85, 1.1]
export const unpackedGB = 3.5
/** MongoDB, Meilisearch, Caddy and Portainer together: an estimate. */
export const othersGB: Range = [0.4, 0.6]
