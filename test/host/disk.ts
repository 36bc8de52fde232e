import { createHash } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { pinnedCaddy } from '../support/authority.js'
import { imageSources, writeRegistry } from './images.js'
import { run } from './shell.js'

const guest = new URL('guest/', import.meta.url).pathname
export const cache = new URL('../../.cache/host/', import.meta.url).pathname

/** Debian 13, whose packages hold Docker 26 and the real Compose v2. */
const release = 'trixie'
const packages = [
  'systemd',
  'systemd-sysv',
  'dbus',
  'udev',
  'kmod',
  'iproute2',
  'python3-minimal',
  'libpython3-stdlib',
  'curl',
  'ca-certificates',
  'openssl',
  'procps',
  'util-linux',
  'e2fsprogs',
  'linux-image-cloud-amd64',
  'iptables',
  'busybox-static',
]
/** Downloaded beside it: what the guest's dnf installs, and what is taken apart. */
const docker = ['docker.io', 'docker-cli']
const apart = ['docker-compose']

const units: Record<string, string> = {
  'lab-agent.service': `[Unit]
Description=The test's channel
After=systemd-udev-settle.service
[Service]
ExecStart=/usr/bin/python3 /usr/local/lib/lab/agent.py
Restart=always
RestartSec=1
KillMode=process
[Install]
WantedBy=multi-user.target
`,
  'lab-registry.service': `[Unit]
Description=The test's registry
[Service]
ExecStart=/usr/bin/python3 /usr/local/lib/lab/registry.py
Restart=always
[Install]
WantedBy=multi-user.target
`,
}

/** As QEMU's user network gives it, without waiting for its DHCP. */
const network = `[Match]
Name=en*
[Network]
Address=10.0.2.15/24
Gateway=10.0.2.2
LinkLocalAddressing=no
`

export interface Disk {
  readonly image: string
  readonly kernel: string
  readonly initrd: string
}

/**
 * The machine's disk, made once and kept in .cache: Debian with the shim for dnf, Docker's packages not yet installed,
 * Compose and the images' stand-ins to fetch. Needs root, debootstrap, busybox and Caddy.
 */
export function disk(say: (text: string) => void): Disk {
  const recipe = [
    release,
    ...packages,
    ...docker,
    ...apart,
    network,
    JSON.stringify(units),
    imageSources(),
    process.version,
    basename(join(pinnedCaddy(), '../..')),
  ]
  for (const file of ['disk.ts', 'images.ts'])
    recipe.push(readFileSync(new URL(file, import.meta.url), 'utf8'))
  for (const name of readdirSync(guest).sort()) recipe.push(readFileSync(join(guest, name), 'utf8'))
  const key = createHash('sha256').update(recipe.join('\0')).digest('hex').slice(0, 12)
  const directory = join(cache, key)
  const made = {
    image: join(directory, 'disk.img'),
    kernel: join(directory, 'vmlinuz'),
    initrd: join(directory, 'initrd'),
  }
  if (existsSync(directory)) return made

  const root = bootstrapped(say)
  const work = join(cache, 'work')
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  say('adding the stand-ins and the shims')
  run('cp', ['-a', root, join(work, 'root')])
  furnish(join(work, 'root'), work)
  const boot = readdirSync(join(work, 'root/boot'))
  const take = (prefix: string, to: string): void => {
    const name = boot.find((file) => file.startsWith(prefix))
    if (name === undefined) throw new Error(`Debian's ${prefix} is missing`)
    cpSync(join(work, 'root/boot', name), join(work, to))
  }
  take('vmlinuz-', 'vmlinuz')
  take('initrd.img-', 'initrd')
  say('writing the disk')
  run('truncate', ['-s', '19G', join(work, 'disk.img')])
  run('mkfs.ext4', ['-q', '-d', join(work, 'root'), '-E', 'lazy_itable_init=1', join(work, 'disk.img')])
  // Larger than its file system, as one that was grown in EC2.
  run('truncate', ['-s', '20G', join(work, 'disk.img')])
  for (const leftover of ['root', 'layer', 'apart'])
    rmSync(join(work, leftover), { recursive: true, force: true })
  // The last one is enough: they are large.
  for (const old of readdirSync(cache)) {
    if (/^[0-9a-f]{12}$/.test(old)) rmSync(join(cache, old), { recursive: true, force: true })
  }
  renameSync(work, directory)
  return made
}

/** Debian's base and, downloaded beside it, Docker's packages. */
function bootstrapped(say: (text: string) => void): string {
  const key = createHash('sha256')
    .update([release, ...packages, ...docker, ...apart].join(' '))
    .digest('hex')
    .slice(0, 8)
  const root = join(cache, `debian-${key}`)
  if (existsSync(root)) return root
  const partial = `${root}.partial`
  rmSync(partial, { recursive: true, force: true })
  mkdirSync(cache, { recursive: true })
  say(`debootstrap ${release}`)
  run('debootstrap', ['--variant=minbase', `--include=${packages.join(',')}`, release, partial])
  run('chroot', [partial, 'apt-get', 'clean'])
  const archives = join(partial, 'var/cache/apt/archives')
  const download = (names: readonly string[], to: string): void => {
    run('chroot', [
      partial,
      'apt-get',
      '-y',
      '--no-install-recommends',
      '--download-only',
      'install',
      ...names,
    ])
    mkdirSync(join(partial, to))
    for (const file of readdirSync(archives)) {
      if (file.endsWith('.deb')) renameSync(join(archives, file), join(partial, to, file))
    }
  }
  download(docker, 'srv/debs')
  download(apart, 'srv/apart')
  renameSync(partial, root)
  return root
}

function furnish(root: string, work: string): void {
  const put = (path: string, text: string, mode = 0o644): void => {
    mkdirSync(join(root, path, '..'), { recursive: true })
    writeFileSync(join(root, path), text)
    chmodSync(join(root, path), mode)
  }
  for (const name of ['agent.py', 'registry.py', 'metadata.py', 'scan.py']) {
    put(`usr/local/lib/lab/${name}`, readFileSync(join(guest, name), 'utf8'))
  }
  put('usr/local/bin/metadata-start', readFileSync(join(guest, 'metadata-start'), 'utf8'), 0o755)
  for (const name of ['dnf', 'grubby']) put(`usr/bin/${name}`, readFileSync(join(guest, name), 'utf8'), 0o755)
  for (const [name, text] of Object.entries(units)) put(`etc/systemd/system/${name}`, text)
  put('etc/systemd/network/10-lab.network', network)
  put('etc/hostname', 'lab\n')
  put('etc/hosts', '127.0.0.1 localhost\n10.0.2.15 lab\n')
  put('etc/fstab', '/dev/vda / ext4 defaults 0 1\n')
  // Debian starts a service that it installs; Amazon Linux doesn't.
  put('usr/sbin/policy-rc.d', '#!/bin/sh\nexit 101\n', 0o755)
  const enabled = ['systemd-networkd', 'systemd-networkd-wait-online', ...Object.keys(units)]
  run('chroot', [root, 'systemctl', 'enable', ...enabled])
  run('chroot', [
    root,
    'systemctl',
    'disable',
    'apt-daily.timer',
    'apt-daily-upgrade.timer',
    'e2scrub_all.timer',
    'fstrim.timer',
  ])

  const unpacked = join(work, 'apart')
  for (const deb of readdirSync(join(root, 'srv/apart'))) {
    if (apart.some((name) => deb.startsWith(`${name}_`)))
      run('dpkg-deb', ['-x', join(root, 'srv/apart', deb), unpacked])
  }
  rmSync(join(root, 'srv/apart'), { recursive: true })
  writeRegistry(join(root, 'srv/registry'), work, root, pinnedCaddy())

  // Compose as its releases have it: <version>/docker-compose-linux-<machine>, and the checksum beside it.
  const asset = join(root, 'srv/compose/v2/docker-compose-linux-x86_64')
  mkdirSync(join(asset, '..'), { recursive: true })
  cpSync(join(unpacked, 'usr/libexec/docker/cli-plugins/docker-compose'), asset)
  const sum = createHash('sha256').update(readFileSync(asset)).digest('hex')
  writeFileSync(`${asset}.sha256`, `${sum}  docker-compose-linux-x86_64\n`)
}
