#!/usr/bin/env bash
# Says what the build needs and how to get it, before anything fails halfway.
set -u
missing=0
say() { printf '  missing: %s\n           %s\n' "$1" "$2" >&2; missing=1; }

python=${PYTHON:-python3}
"$python" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null ||
    say "Python 3.11 or later" "apt-get install python3 (Debian 12, Ubuntu 24.04 and later)"
"$python" -c 'import venv, ensurepip' 2>/dev/null ||
    say "Python's venv module" "apt-get install python3-venv"
command -v cc >/dev/null || say "a C compiler" "apt-get install build-essential"

wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
found=$(cargo --version 2>/dev/null | cut -d' ' -f2)
if [ -z "$found" ]; then
    say "Rust $wanted or later" "install rustup (https://rustup.rs), then: rustup toolchain install $wanted"
elif [ "$(printf '%s\n%s\n' "$wanted" "$found" | sort -V | head -n 1)" != "$wanted" ]; then
    say "Rust $wanted or later (this is $found)" "rustup toolchain install $wanted && rustup default $wanted"
fi
exit $missing
