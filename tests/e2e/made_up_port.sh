#!/usr/bin/env bash
# Copyright 2026 the Mesura authors
# SPDX-License-Identifier: Apache-2.0
#
# made_up_port.sh DIRECTORY PTY SOCKET COMMAND...: runs COMMAND where PTY is /dev/ttyUSB9, a USB adapter with an FTDI chip,
# and SOCKET /dev/hidraw9, an inverter's (for the tests' own hidapi). For `unshare --mount`.
set -euo pipefail
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
dir=$1 pty=$2 socket=$3
shift 3
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
ln -sfn "$socket" "$dir/dev/hidraw9"
mount -t tmpfs none /sys/class
mkdir -p /sys/class/hidraw/hidraw9/device
printf 'HID_ID=0003:00000665:00005161\nHID_NAME=INNO TECH USB to Serial\n' >/sys/class/hidraw/hidraw9/device/uevent
mkdir -p /sys/class/tty/ttyUSB9/device
echo 0403 >/sys/class/tty/ttyUSB9/device/idVendor
echo 6001 >/sys/class/tty/ttyUSB9/device/idProduct
echo 'FT232R USB UART' >/sys/class/tty/ttyUSB9/device/product
exec "$@"
