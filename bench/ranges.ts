// The ranges of a first `up`: bench/first.ts computes with them, bench/host/first-boot.ts makes its delays of them.

/** Seconds: at the fast and at the slow end of a range. */
export type Range = readonly [fast: number, slow: number]

export const middle = ([fast, slow]: Range): number => (fast + slow) / 2

/**
 * Where a range is from. "cited" names a published measurement; "counted" is counted in this repository; what nobody
 * has published for these machines is an "estimate", to be replaced by what `status` shows on real ones.
 */
export const ranges = {
  call: { range: [0.05, 0.1], source: 'counted: bench/chain.ts, at 50 to 100 ms a call' },
  profile: {
    range: [1, 10],
    source: 'cited: IAM is eventually consistent, "several seconds" (IAM User Guide, troubleshooting)',
  },
  boot: {
    range: [17, 26],
    source:
      'cited: RunInstances to SSH, 22.6 to 25.8 s on t3.medium to m7i.large (brevdev/ec2-coldboot-research)',
  },
  agent: {
    range: [30, 90],
    source: 'cited: from 30 s to minutes after launch (DataDog/stratus-red-team#108); above 90 s left out',
  },
  system: { range: [2, 2], source: 'estimate' },
  dnf: { range: [10, 25], source: 'estimate: metadata and about 100 MB of packages' },
  daemon: { range: [1, 3], source: 'estimate' },
  downloadMBps: {
    range: [100, 40],
    source: 'cited above: 1.5 GB in 8 s on a large machine (moby/moby#21814); a T3 bursts to 5 Gbit/s',
  },
  unpackSecondsPerGB: {
    range: [23, 34],
    source: 'cited: 35 to 40 s for 1.5 GB (moby/moby#21814); the slow end a quarter more for a T3',
  },
  diskMBps: { range: [125, 125], source: 'cited: gp3 without extra throughput (EBS User Guide)' },
  compose: { range: [2, 5], source: 'estimate: 70 MB from GitHub' },
  databases: { range: [4, 12], source: 'estimate' },
  librechat: { range: [10, 25], source: 'estimate: to /readyz' },
  user: { range: [3, 8], source: 'estimate: one of LibreChat’s scripts' },
  proxy: { range: [3, 7], source: 'estimate' },
  health: { range: [1, 3], source: 'estimate' },
  chat: { range: [2, 8], source: 'estimate: all models at once' },
  command: { range: [0.5, 1.5], source: 'estimate: to the agent and back, and half a poll' },
} as const satisfies Record<string, { range: Range; source: string }>

/** Compressed; unpacked it has 3.5 GB. Images of LibreChat shrink 3.1 to 4.1 times (danny-avila/LibreChat#2691). */
export const librechatGB: Range = [0.85, 1.1]
export const unpackedGB = 3.5
/** MongoDB, Meilisearch, Caddy and Portainer together: an estimate. */
export const othersGB: Range = [0.4, 0.6]
