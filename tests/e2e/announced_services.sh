#!/usr/bin/env bash
# Copyright 2026 the Mesura authors
# SPDX-License-Identifier: Apache-2.0
#
# announced_services.sh DIRECTORY COMMAND...: runs COMMAND beside a bus and an Avahi daemon of its own that announces some
# services, on a network of its own. For `unshare --net --mount --pid --fork --kill-child --mount-proc`: nothing of it is
# seen outside, or outlives it.
set -euo pipefail
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
dir=$1
shift
ip link set lo up
ip link add v0 type veth peer name v1
ip address add 10.77.0.1/24 dev v0
ip link set v0 up
ip link set v1 up
mount -t tmpfs none /run
mkdir /run/avahi-daemon
mount -t tmpfs none /etc/avahi/services
services=(_elec._tcp:54322:smartmeter001 _telnet._tcp:2001:P1-Bridge _mqtt._tcp:1883:broker _http._tcp:631:printer)
for service in "${services[@]}"; do
  IFS=: read -r type port name <<<"$service"
  cat >"/etc/avahi/services/$name.service" <<END
<?xml version="1.0" standalone="no"?><!DOCTYPE service-group SYSTEM "avahi-service.dtd">
<service-group><name>$name</name><service><type>$type</type><port>$port</port></service></service-group>
END
done
cat >"$dir/dbus.conf" <<END
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path=$dir/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>
END
printf '[server]\nhost-name=house\nuse-ipv6=no\nallow-interfaces=v0\n[publish]\npublish-workstation=no\n' >"$dir/avahi.conf"
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$dir/bus
dbus-daemon --config-file="$dir/dbus.conf" --fork 2>/dev/null # returns when the bus is there
exec 3< <(exec avahi-daemon --no-drop-root --no-chroot --no-rlimits -f "$dir/avahi.conf" 2>&1)
announced=0
while ((announced < ${#services[@]})) && read -r line <&3; do
  if [[ $line == *"successfully established"* ]]; then announced=$((announced + 1)); fi
done
((announced == ${#services[@]})) || { echo "avahi-daemon announced $announced services, then: ${line-}" >&2; exit 77; }
cat <&3 >/dev/null &
"$@"
