#!/usr/bin/env bash
# A real TimescaleDB for tests, without a container engine: Debian's own packages in a folder, started through chroot.
#
#   timescaledb-chroot.sh start NAME   builds the folder if need be, starts a fresh cluster, prints its URL on stdout
#   timescaledb-chroot.sh stop NAME    stops that cluster and deletes its data
#   timescaledb-chroot.sh build        only builds the folder
#
# The folder is $NIGHTLAMP_CACHE/timescaledb-root (default: .cache of the repository), about 500 MB, built once in half a minute.
# The cluster keeps PostgreSQL's defaults (fsync and full_page_writes on), listens on 127.0.0.1 on a free port and asks for a
# password that is made for it. Nothing is mounted: shared memory comes from mmap. Exit code 77 means "cannot run here", with the
# reason on stderr; any other failure is an error.
set -euo pipefail

readonly suite=trixie packages=postgresql-17,postgresql-17-timescaledb pg_bin=/usr/lib/postgresql/17/bin
readonly cannot_run_here=77 start_attempts_max=5

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${NIGHTLAMP_CACHE:-$here/.cache}
root=$cache/timescaledb-root

say() { echo "timescaledb-chroot: $*" >&2; }
skip() { say "SKIPPED: $*"; exit "$cannot_run_here"; }

# The mirror this machine already uses, so that none is named here; empty lets debootstrap take its own default.
mirror() {
    if [[ -n ${NIGHTLAMP_DEBIAN_MIRROR:-} ]]; then echo "$NIGHTLAMP_DEBIAN_MIRROR"; return; fi
    {
        grep -hsE '^deb ' /etc/apt/sources.list /etc/apt/sources.list.d/*.list |
            sed -E 's/^deb +(\[[^]]*\] +)?//' | awk '{print $1}' || true
        grep -hsE '^URIs:' /etc/apt/sources.list.d/*.sources | awk '{print $2}' || true
    } | grep -E '/debian/?$' | head -n 1 || true
}

# debootstrap mounts /proc and /sys while it works and may be interrupted; leave nothing behind.
unmount_below() {
    local point
    awk -v root="$1/" 'index($5, root) == 1 {print $5}' /proc/self/mountinfo | sort -r | while read -r point; do
        umount "$point" 2>/dev/null || umount -l "$point"
    done
}

build() {
    [[ $(id -u) == 0 ]] || skip "needs root (chroot)"
    command -v chroot >/dev/null || skip "chroot is not installed (package coreutils)"
    if [[ -x $root$pg_bin/postgres ]]; then return; fi
    command -v debootstrap >/dev/null || skip "debootstrap is not installed (apt-get install debootstrap)"

    mkdir -p "$cache"
    exec 9>"$cache/timescaledb.lock"
    flock 9
    if [[ -x $root$pg_bin/postgres ]]; then return; fi # built meanwhile by another test run

    local partial=$root.partial log=$cache/timescaledb-build.log
    unmount_below "$partial"
    rm -rf "$partial"
    say "building $root (once; log in $log)"
    # shellcheck disable=SC2046  # an empty mirror must vanish, not be an empty argument
    if ! debootstrap --variant=minbase --force-check-gpg --include="$packages" "$suite" "$partial" $(mirror) >"$log" 2>&1 9>&-; then
        unmount_below "$partial"
        tail -n 5 "$log" >&2
        skip "debootstrap could not fetch or unpack $suite"
    fi
    unmount_below "$partial"
    rm -rf "$partial"/var/cache/apt/archives/*.deb "$partial"/var/lib/postgresql/17/main
    # Without a tmpfs the directory itself serves for POSIX shared memory.
    install -d -m 1777 "$partial/dev/shm"
    mv "$partial" "$root"
    exec 9>&-
}

in_root() { chroot --userspec=postgres:postgres "$root" /usr/bin/env -i LC_ALL=C.UTF-8 PATH=/usr/bin:/bin "$@" 9>&-; }

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

start() {
    local name=$1 data=/var/lib/postgresql/nightlamp-$1 password attempt port
    build
    [[ ! -e $root$data/postmaster.pid ]] || stop "$name"
    rm -rf "${root:?}$data"
    password=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
    (umask 077 && echo "$password" >"$root/var/lib/postgresql/nightlamp-$name.pw")
    chown --reference="$root/var/lib/postgresql" "$root/var/lib/postgresql/nightlamp-$name.pw"
    in_root "$pg_bin/initdb" -D "$data" -U postgres --auth=scram-sha-256 --pwfile="/var/lib/postgresql/nightlamp-$name.pw" \
        --encoding=UTF8 --locale=C.UTF-8 >/dev/null
    rm -f "$root/var/lib/postgresql/nightlamp-$name.pw"
    {
        echo "listen_addresses = '127.0.0.1'"
        echo "unix_socket_directories = ''"
        echo "shared_preload_libraries = 'timescaledb'"
        echo "timescaledb.telemetry_level = 'off'"
        echo "dynamic_shared_memory_type = mmap"
    } >>"$root$data/postgresql.conf"

    for ((attempt = 1; attempt <= start_attempts_max; attempt++)); do
        port=$(free_port)
        if in_root "$pg_bin/pg_ctl" -D "$data" -w -t 60 -l "$data/server.log" -o "-p $port" start >/dev/null 2>&1 </dev/null; then
            echo "postgresql://postgres:$password@127.0.0.1:$port/postgres"
            return
        fi
    done
    tail -n 20 "$root$data/server.log" >&2
    say "the cluster did not start"
    exit 1
}

stop() {
    local data=/var/lib/postgresql/nightlamp-$1
    if [[ -e $root$data/postmaster.pid ]]; then
        in_root "$pg_bin/pg_ctl" -D "$data" -w -m fast stop >/dev/null 2>&1 || say "cluster $1 was not running"
    fi
    rm -rf "${root:?}$data"
}

verb=${1:-}
name=${2:-}
case $verb in
start | stop)
    [[ $name =~ ^[a-z0-9_-]{1,40}$ ]] || { say "usage: $0 $verb NAME (a-z, 0-9, - and _)"; exit 2; }
    "$verb" "$name"
    ;;
build) build ;;
*)
    say "usage: $0 start NAME | stop NAME | build"
    exit 2
    ;;
esac
