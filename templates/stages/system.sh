#!/bin/bash
# Prepares the machine: swap, the tools that the other stages use, and security fixes.
# shellcheck source=common.sh
. "$CODE/stages/common.sh"

step "preparing the system"
# MongoDB 8.0 refuses to start on these kernels (SERVER-121912).
kernel=$(uname -r | grep -oE '^[0-9]+\.[0-9]+(\.[0-9]+)?')
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]; }
if at_least "$kernel" 6.19 && ! at_least "$kernel" 7.0.14; then
  fail kernel-unfit "MongoDB doesn't start on this machine's Linux $kernel." \
    "Kernels from 6.19 to 7.0.13 and MongoDB $MONGODB_IMAGE don't work together (SERVER-121912)." \
    "Launch a new instance from the current image of Amazon Linux 2023, or boot this one with an older kernel."
fi

case $(uname -m) in
  x86_64 | aarch64) ;;
  *) fail machine-unfit "This machine's processor is a $(uname -m)." "The images are built for x86_64 and aarch64." ;;
esac

memory=$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)
[ "$memory" -ge 3400 ] || fail machine-unfit "This machine has $memory MiB of memory." \
  "The stack's memory limits add up to 3520 MiB." "Choose an instance type with 4 GiB or more: t3.medium."

missing=()
for tool in curl openssl flock; do
  command -v "$tool" >/dev/null || missing+=("$tool")
done
if [ ${#missing[@]} -gt 0 ]; then retry dnf -y install "${missing[@]/flock/util-linux}"; fi

# Grows the partition and then the file system after the disk was made larger.
grow_root() {
  local device type
  read -r device type < <(findmnt -nro SOURCE,FSTYPE /)
  if [ "$(lsblk -dnro TYPE "$device")" = part ]; then
    # Its exit code is 1 if the partition already has the full size.
    growpart "/dev/$(lsblk -dnro PKNAME "$device")" "$(cat "/sys/class/block/${device##*/}/partition")" ||
      [ $? -eq 1 ] || return 1
  fi
  case $type in
    xfs) xfs_growfs / ;;
    ext4) resize2fs "$device" ;;
    *) return 1 ;;
  esac
}
grow_root || say "the file system could not be extended; restart the instance to extend it"

# Swap, so that a peak slows the machine down instead of killing the database.
if ! swapon --show=NAME --noheadings | grep -qx /swapfile; then
  need_space 4096 "2 GiB of swap" /
  rm -f /swapfile
  fallocate -l 2G /swapfile
  chmod 600 /swapfile
  mkswap /swapfile
  if ! swapon /swapfile; then
    # A file system with unwritten blocks: write them.
    dd if=/dev/zero of=/swapfile bs=1M count=2048 status=none
    mkswap /swapfile
    swapon /swapfile
  fi
fi
grep -q '^/swapfile ' /etc/fstab || echo '/swapfile none swap sw 0 0' >>/etc/fstab

# MongoDB recommends these; swap is only for peaks.
if put "$CODE/units/sysctl.conf" /etc/sysctl.d/90-librechat-lab.conf 644; then
  sysctl -q -p /etc/sysctl.d/90-librechat-lab.conf
fi

# Security fixes once a day. The image is tied to its own release of Amazon Linux, so the script asks for the
# newest expressly.
put "$CODE/bin/update-system" "$LAB/bin/update-system" 755 || true
changed=no
for unit in librechat-lab-system.service librechat-lab-system.timer; do
  if put "$CODE/units/$unit" "/etc/systemd/system/$unit" 644; then changed=yes; fi
done
if [ $changed = yes ]; then systemctl daemon-reload; fi
enable_units --now librechat-lab-system.timer

say "Linux $kernel, $memory MiB of memory, 2 GiB of swap"
