#!/bin/bash
# Boots the system of a directory that resolved-stage.ts made: systemd as the first process, with dbus, systemd-resolved and
# two links, and the rest of the machine as it is. Run in namespaces of its own (mount, network, processes, cgroups).
set -euo pipefail
system=$1 project=$2 node=$3
mount --make-rprivate /

# /etc is a copy, with resolved's user, and with programs asking it.
cp -a /etc/. "$system/etc/"
grep -q '^systemd-resolve:' "$system/etc/passwd" || echo 'systemd-resolve:x:991:991::/:/usr/sbin/nologin' >>"$system/etc/passwd"
grep -q '^systemd-resolve:' "$system/etc/group" || echo 'systemd-resolve:x:991:' >>"$system/etc/group"
sed -i 's/^hosts:.*/hosts: files resolve [!UNAVAIL=return] dns/' "$system/etc/nsswitch.conf"
rm -rf "$system/etc/systemd/system" "$system/etc/systemd/resolved.conf.d" "$system/etc/resolv.conf"
mkdir -p "$system/etc/systemd/system" "$system/etc/systemd/resolved.conf.d"
ln -s /run/systemd/resolve/stub-resolv.conf "$system/etc/resolv.conf"
printf '[Resolve]\nFallbackDNS=\nDNS=\nLLMNR=no\nMulticastDNS=no\n' >"$system/etc/systemd/resolved.conf.d/stage.conf"
mount --bind "$system/etc" /etc

# /usr has the unpacked packages over it. The only units are those that are needed.
mount -t overlay overlay -o "lowerdir=$system/local:$system/usr:/usr" /usr
units=$system/units
for unit in basic sysinit shutdown multi-user network-online network network-pre nss-lookup nss-user-lookup sockets timers \
  paths slices local-fs swap umount final exit halt poweroff rescue emergency; do
  cp "/usr/lib/systemd/system/$unit.target" "$units/"
done
cp /usr/lib/systemd/system/{systemd-resolved,systemd-exit,dbus}.service /usr/lib/systemd/system/dbus.socket "$units/"
mkdir -p "$units/multi-user.target.wants"
ln -s ../dbus.service ../systemd-resolved.service "$units/multi-user.target.wants/"
# It is restarted more often here than systemd would let it.
mkdir "$units/systemd-resolved.service.d"
printf '[Unit]\nStartLimitIntervalSec=0\n' >"$units/systemd-resolved.service.d/often.conf"
mount --bind "$units" /usr/lib/systemd/system
mount -t tmpfs tmpfs /usr/lib/systemd/system-generators
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /opt
mount -t tmpfs tmpfs /var/lib
mkdir /opt/mesos-doh
mount --bind "$project" /opt/mesos-doh
touch /opt/node
mount --bind "$node" /opt/node

umount -R /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup
mount -o bind,ro /proc/sys /proc/sys

# eth0 is the network this machine would be in; what is at its other end is asked for all names.
ip link set lo up
ip link add eth0 type veth peer name eth1
ip addr add 10.99.0.1/24 dev eth0
ip addr add 10.99.0.2/24 dev eth1
ip link set eth0 up
ip link set eth1 up

# A kernel without dummy links has a pair instead.
if ip link add try0 type dummy 2>/dev/null; then
  ip link del try0
else
  mkdir -p "$system/local/local/sbin"
  cat >"$system/local/local/sbin/ip" <<'WRAPPER'
#!/bin/sh
[ "$*" = 'link add mesos0 type dummy' ] || exec /usr/sbin/ip "$@"
/usr/sbin/ip link add mesos0 type veth peer name mesos1 && exec /usr/sbin/ip link set mesos1 up
WRAPPER
  chmod 755 "$system/local/local/sbin/ip"
  mount -t overlay overlay -o "lowerdir=$system/local/local:/usr/local" /usr/local
fi

exec env -i container=test PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin /usr/lib/systemd/systemd --system \
  --unit=multi-user.target --log-target=console --show-status=no --default-standard-output=null
