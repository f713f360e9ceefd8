#!/bin/sh
# make_root.sh SUITE FOLDER [apt-get options] PACKAGE...
#
# Makes a Debian of SUITE in FOLDER, with those packages in it: a Krita of another version than this machine's.
# Wants root, debootstrap and network; some two minutes and 1.3 GB. "-t experimental" adds that archive.
set -eu

if [ -z "${IN_OWN_NAMESPACE:-}" ]; then
    # what is mounted here is gone when this ends, however it ends
    IN_OWN_NAMESPACE=1 exec unshare --mount --propagation private "$0" "$@"
fi

suite=$1
folder=$2
shift 2

# the archive that this machine itself installs from is near, and known to work
archive=$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p; s/^deb \(\[[^]]*\] \)\?\([^ ]*\) .*/\2/p' \
    /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null | grep -v security | head -n 1)
archive=${archive:-http://deb.debian.org/debian}

# an older debootstrap does not know the newest names, and has the same recipe for all
recipe=/usr/share/debootstrap/scripts/$suite
[ -e "$recipe" ] || recipe=/usr/share/debootstrap/scripts/sid

debootstrap --variant=minbase --keyring=/usr/share/keyrings/debian-archive-keyring.gpg "$suite" "$folder" "$archive" "$recipe"

inside() {
    chroot "$folder" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive "$@"
}

mount -t proc proc "$folder/proc"
mount --bind /dev "$folder/dev"

# no service is to be started in there, nobody reads manuals there, and it can be made again after a power cut
printf '#!/bin/sh\nexit 101\n' >"$folder/usr/sbin/policy-rc.d"
chmod +x "$folder/usr/sbin/policy-rc.d"
printf 'path-exclude=/usr/share/%s/*\n' doc man locale >"$folder/etc/dpkg/dpkg.cfg.d/small"
echo force-unsafe-io >"$folder/etc/dpkg/dpkg.cfg.d/quick"

# lists of sid go out of date within days, on a mirror sooner than that; signatures are checked all the same
echo 'Acquire::Check-Valid-Until "false";' >"$folder/etc/apt/apt.conf.d/90lists"
if [ "$1" = -t ]; then
    echo "deb $archive $2 main" >"$folder/etc/apt/sources.list.d/$2.list"
fi

inside apt-get update -q
inside apt-get install -q -y --no-install-recommends "$@"
inside apt-get clean
rm -rf "$folder"/var/lib/apt/lists/*
