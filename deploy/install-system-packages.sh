#!/usr/bin/env bash
# Installs the Debian packages that the tests' real parts come from. Where it may not, it says what to install.
set -u
packages=(chromium debootstrap mosquitto mosquitto-clients redis-server)
missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "The tests of these parts will be SKIPPED; to run them: sudo apt-get install ${missing[*]}" >&2
    exit 0
fi
echo "installing ${missing[*]} ..."
export DEBIAN_FRONTEND=noninteractive
# A service that starts by itself would take the ports the tests measure; policy-rc.d forbids it while we install.
policy=/usr/sbin/policy-rc.d
made=
[ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' >$policy && chmod +x $policy && made=yes; }
trap '[ -n "$made" ] && rm -f $policy' EXIT
apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
