#!/usr/bin/env bash
# Runs the fuzz targets one after the other: core_rs/fuzz/run.sh SECONDS [target ...]. Everything it makes lies under
# target/fuzz: builds, the corpora that grow from run to run, logs, and under artifacts/ the inputs that broke a promise.
# Stable Rust: coverage comes from LLVM flags that are stable, the memory that AddressSanitizer would watch is safe Rust's.
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-600}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(hl7 device_json mqtt journal snapshot model settings)
here=${CARGO_TARGET_DIR:-target}/fuzz
mkdir -p "$here"
here=$(cd "$here" && pwd)
command -v c++ >/dev/null || { echo "libFuzzer is C++: install a compiler (apt-get install g++)" >&2; exit 1; }
export PATH=$here/tools/bin:$PATH
if ! command -v cargo-fuzz >/dev/null; then
    echo "installing cargo-fuzz ..."
    cargo install --quiet --locked --version 0.13.2 --root "$here/tools" cargo-fuzz
fi
NIGHTLAMP_FUZZ_SEEDS=$here/seeds cargo test --quiet --locked -p nightlamp-core --test fuzz_short -- --ignored --exact write_seeds >/dev/null
echo "building the targets ..."
cargo fuzz build --fuzz-dir core_rs/fuzz --sanitizer none --target-dir "$here/build" 2>"$here/build.log" || { tail -40 "$here/build.log"; exit 1; }
host=$(rustc -vV | sed -n 's/^host: //p')
failed=0
for target in "${targets[@]}"; do
    mkdir -p "$here/corpus/$target" "$here/artifacts/$target" "core_rs/fuzz/corpus/$target"
    echo "$target for $seconds s ..."
    "$here/build/$host/release/$target" "$here/corpus/$target" "$here/seeds/$target" "core_rs/fuzz/corpus/$target" \
        -artifact_prefix="$here/artifacts/$target/" -dict="core_rs/fuzz/dictionaries/$target.dict" -max_len=65536 -len_control=10 \
        -timeout=20 -rss_limit_mb=1024 -print_final_stats=1 -seed="${FUZZ_SEED:-4}" -max_total_time="$seconds" \
        >"$here/$target.log" 2>&1 || { failed=1; echo "$target broke a promise:"; grep -aE "panicked|live at once|of CPU|ERROR|Test unit" -A1 "$here/$target.log" | head -8; }
    grep -aE "cov: " "$here/$target.log" | tail -1 || true
    grep -aE "^stat::(number_of_executed_units|average_exec_per_sec|peak_rss_mb)" "$here/$target.log" || true
done
exit $failed
