#!/usr/bin/env bash
# Copyright 2026 the Mesura authors
# SPDX-License-Identifier: Apache-2.0
#
# soak_table.sh LOG TABLE: enters the lines "SOAK | name | count | result" of a ctest log into the Markdown file TABLE.
# A name's newer result replaces the older one; results of tests that did not run this time stay.
set -euo pipefail
log=$1 table=$2
today=$(date -u +%F)
commit=$(git describe --always --dirty --exclude '*')
cpu=$(awk -F': *' '/^model name/ { print $2; exit }' /proc/cpuinfo)
old=/dev/null
if [[ -f $table ]]; then old=$table; fi

new=$(mktemp)
trap 'rm -f "$new"' EXIT
cat >"$new" <<'END'
# Soak results

The full counts of the tests labelled `soak`, written by `./dev soak`; `./dev test` runs the same tests with short
counts. One row a test, from its latest complete run.

| Test | Count | Result | Date | Commit | Machine |
|---|---|---|---|---|---|
END
awk -v run=" $today | $commit | ${cpu:-unknown}, $(nproc) cores |" '
  function trim(s) { gsub(/^[ \t]+|[ \t\r]+$/, "", s); return s }
  pass == 1 {
    if ($0 ~ /^\| / && $0 !~ /^\| Test \|/) { split($0, f, "|"); row[trim(f[2])] = $0 }
    next
  }
  # ctest --verbose puts "12: " in front.
  match($0, /SOAK \| /) {
    n = split(substr($0, RSTART), f, "|")
    if (n == 4) row[trim(f[2])] = "| " trim(f[2]) " | " trim(f[3]) " | " trim(f[4]) " |" run
  }
  END { for (name in row) print row[name] }' pass=1 "$old" pass=2 "$log" | LC_ALL=C sort >>"$new"
cat "$new" >"$table"
