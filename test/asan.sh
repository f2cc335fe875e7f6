#!/usr/bin/env bash
# asan.sh [TEST...]: runs the tests that drive the engine from end to end, or those that are named, with the addon that
# `node-gyp build --debug` has built, under AddressSanitizer and UndefinedBehaviorSanitizer. A report by any process that
# a test starts is a failure, whatever the test itself says.
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
# Freed memory is kept for a while, to find who uses it; not so much that it looks like a leak to a test.
export ASAN_OPTIONS=$common:detect_leaks=0:quarantine_size_mb=16
export UBSAN_OPTIONS=$common

# These hang in setlocale(3) with the runtime before they do anything, and are not what is examined.
for program in curl wget aria2c; do
  real=$(command -v $program) || continue
  printf '#!/bin/sh\nunset LD_PRELOAD\nexec %s "$@"\n' "$real" >"$programs/$program"
  chmod +x "$programs/$program"
done
export PATH=$programs:$PATH

[ $# -gt 0 ] || set -- test/server test/static test/soak test/requests.test.ts test/simple-server.test.ts
status=0
LD_PRELOAD=$runtime node_modules/.bin/vitest run "$@" || status=$?
if [ -n "$(ls "$reports")" ]; then
  cat "$reports"/*
  status=1
fi
exit $status
