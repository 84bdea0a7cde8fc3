#!/usr/bin/env bash
# Installs the Debian packages that the tests' real parts come from. What it cannot install it names, and it never fails:
# a test whose part is missing says SKIPPED itself.
set -u
# debian-archive-keyring: on Ubuntu debootstrap has no key for Debian's archive. On Ubuntu chromium is a snap, not a package.
packages=(chromium debian-archive-keyring debootstrap mosquitto mosquitto-clients redis-server)
installed() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'install ok installed'; }
say_skipped() { echo "The tests that need $1 will be SKIPPED: $2" >&2; }

missing=()
for package in "${packages[@]}"; do
    installed "$package" || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    say_skipped "${missing[*]}" "to run them: sudo apt-get install ${missing[*]}"
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
# A service that starts by itself would take the ports the tests measure; policy-rc.d forbids it while we install.
policy=/usr/sbin/policy-rc.d
made=
[ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' >$policy && chmod +x $policy && made=yes; }
trap '[ -n "$made" ] && rm -f $policy; exit 0' EXIT

apt-get update -qq || echo "apt-get update failed; going on with the lists that are here" >&2
known=()
for package in "${missing[@]}"; do
    # A transitional package that only calls snap has a version naming it; it installs nothing usable here.
    about=$(apt-cache show --no-all-versions "$package" 2>/dev/null)
    if [ -z "$about" ] || grep -q '^Version:.*snap' <<<"$about"; then
        say_skipped "$package" "this system's archive has no such package"
    else
        known+=("$package")
    fi
done
[ ${#known[@]} -eq 0 ] && exit 0
echo "installing ${known[*]} ..."
if ! apt-get install -y -qq --no-install-recommends "${known[@]}" >/dev/null; then
    # One that cannot be installed must not take the others with it.
    for package in "${known[@]}"; do
        installed "$package" && continue
        apt-get install -y -qq --no-install-recommends "$package" >/dev/null || say_skipped "$package" "apt-get cannot install it"
    done
fi
