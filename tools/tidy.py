#!/usr/bin/env python3
# Copyright 2026 the Mesura authors
# SPDX-License-Identifier: Apache-2.0
"""Runs clang-tidy over the translation units of a compile database, each only once.

usage: tidy.py [--jobs N] BUILD_DIR FILE...

A unit is examined when it is among the FILEs. One that was found clean is remembered in .cache/tidy under a hash of
all that decides the outcome (its preprocessed text with comments, the checks, clang-tidy itself), so a second run
costs only the preprocessing. Findings go to standard output; the exit status is 1 if there are any.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "tidy"
KEEP_DAYS = 30


def compile_arguments(entry):
    """The compiler and its options, without the output file and -c."""
    arguments = shlex.split(entry["command"])
    result = []
    skip = False
    for argument in arguments:
        if skip or argument in ("-c", "-o"):
            skip = argument == "-o"
            continue
        result.append(argument)
    return result


def key_of(entry, salt):
    """The hash of all that decides the outcome; None where the unit does not even preprocess."""
    arguments = compile_arguments(entry)
    # -C keeps comments: NOLINT stands in them.
    text = subprocess.run(arguments + ["-E", "-C"], cwd=entry["directory"], capture_output=True, check=False)
    if text.returncode != 0:
        return None
    digest = hashlib.sha256(salt)
    digest.update("\0".join(arguments).encode())
    digest.update(text.stdout)
    return digest.hexdigest()


def examine(entry, build_dir, salt):
    """Returns (file, seconds, output); output is empty for a clean unit, seconds is None for a remembered one."""
    started = time.monotonic()
    key = key_of(entry, salt)
    if key is not None and (CACHE / key).exists():
        (CACHE / key).touch()
        return entry["file"], None, ""
    run = subprocess.run(["clang-tidy", "--quiet", "-p", build_dir, entry["file"]], cwd=ROOT, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    seconds = time.monotonic() - started
    if run.returncode == 0:
        if key is not None:
            (CACHE / key).touch()
        return entry["file"], seconds, ""
    # Standard error counts the suppressed warnings of system headers, and says what kept clang-tidy from working.
    return entry["file"], seconds, run.stdout or run.stderr


def forget_old():
    limit = time.time() - KEEP_DAYS * 86400
    for path in CACHE.iterdir():
        if path.stat().st_mtime < limit:
            path.unlink(missing_ok=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("build_dir")
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()

    wanted = {os.path.realpath(file) for file in options.files}
    entries = {}  # one per file: a source compiled into several targets is examined once
    for entry in json.loads((pathlib.Path(options.build_dir) / "compile_commands.json").read_text()):
        if os.path.realpath(entry["file"]) in wanted:
            entries.setdefault(os.path.realpath(entry["file"]), entry)

    CACHE.mkdir(parents=True, exist_ok=True)
    forget_old()
    version = subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True).stdout
    salt = version + (ROOT / ".clang-tidy").read_bytes()

    bad = 0
    remembered = 0
    started = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        units = [pool.submit(examine, entry, options.build_dir, salt) for entry in entries.values()]
        for unit in concurrent.futures.as_completed(units):
            file, seconds, output = unit.result()
            remembered += seconds is None
            if output:
                bad += 1
                print(f"{os.path.relpath(file, ROOT)} ({seconds:.1f} s)\n{output}", flush=True)
    took = time.monotonic() - started
    print(f"{len(entries)} units in {took:.0f} s, {remembered} of them known, {bad} with findings", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
