#!/usr/bin/env bash
# Runs the tests that drive the engine from end to end with the addon that `node-gyp build --debug` has built, under
# AddressSanitizer and UndefinedBehaviorSanitizer. A report by any process that a test starts is a failure, whatever
# the test itself says.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export UWSGIREF_ADDON=$PWD/build/Debug/uwsgiref.node
# Its runtime has to be there before anything is allocated, and node is not linked with it.
runtime=$(ldd "$UWSGIREF_ADDON" | awk '$1 ~ /^libasan/ { print $3 }')
[ -n "$runtime" ] || { echo "$UWSGIREF_ADDON is not linked with libasan: it has to be built by g++"; exit 1; }

scratch=$(mktemp -d "${TMPDIR:-/tmp}/uwsgiref-asan-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
reports=$scratch/reports
programs=$scratch/programs
mkdir "$reports" "$programs"
common=abort_on_error=1:print_stacktrace=1:log_path=$reports/report
export ASAN_OPTIONS=$common:detect_leaks=0
export UBSAN_OPTIONS=$common

# curl hangs in the runtime before it does anything, and is not what is examined.
cat >"$programs/curl" <<EOF
#!/bin/sh
unset LD_PRELOAD
exec $(command -v curl) "\$@"
EOF
chmod +x "$programs/curl"
export PATH=$programs:$PATH

status=0
LD_PRELOAD=$runtime node_modules/.bin/vitest run "$@" || status=$?
if [ -n "$(ls "$reports")" ]; then
  cat "$reports"/*
  status=1
fi
exit $status
