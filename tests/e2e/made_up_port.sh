#!/usr/bin/env bash
# Copyright 2026 the Mesura authors
# SPDX-License-Identifier: Apache-2.0
#
# made_up_port.sh DIRECTORY PTY COMMAND...: runs COMMAND where PTY is /dev/ttyUSB9, a USB adapter with an FTDI chip. For
# `unshare --mount`.
set -euo pipefail
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
dir=$1 pty=$2
shift 2
mount --make-rprivate /
mkdir -p "$dir/dev/pts"
mount --rbind /dev/pts "$dir/dev/pts"
for node in null zero urandom random; do
  : >"$dir/dev/$node"
  mount --bind "/dev/$node" "$dir/dev/$node"
done
ln -sfn "$pty" "$dir/dev/ttyUSB9"
ln -sfn pts/ptmx "$dir/dev/ptmx"
mount --rbind "$dir/dev" /dev
mount -t tmpfs none /sys/class/tty
mkdir -p /sys/class/tty/ttyUSB9/device
echo 0403 >/sys/class/tty/ttyUSB9/device/idVendor
echo 6001 >/sys/class/tty/ttyUSB9/device/idProduct
echo 'FT232R USB UART' >/sys/class/tty/ttyUSB9/device/product
exec "$@"
