#!/bin/sh
# cargo calls this in the place of rustc for the crates of this repository (RUSTC_WORKSPACE_WRAPPER), where they are built as
# fuzz targets: coverage for libFuzzer, and code that it can learn from. The options are those of cargo-fuzz 0.13, without
# its sanitizer.
exec "$@" \
  -Cpasses=sancov-module \
  -Cllvm-args=-sanitizer-coverage-level=4 \
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
  -Cllvm-args=-sanitizer-coverage-pc-table \
  -Cllvm-args=-sanitizer-coverage-trace-compares \
  -Cllvm-args=-simplifycfg-branch-fold-threshold=0 \
  --cfg fuzzing
