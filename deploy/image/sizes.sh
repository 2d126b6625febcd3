#!/bin/sh
# What is in the image: a line with what it was made of, then lines `MiB<TAB>name`, the largest first: Node, git-sidecar, and each Debian package by the
# files of it that are there. Runs in the stage of deploy/Containerfile that has the packages.
set -eu
. /etc/os-release
printf 'Debian %s, %s, Node %s\n' "${VERSION_ID-}" "$(dpkg --print-architecture)" "$(/node/lib/ld-linux* --library-path /node/lib /node/bin/node --version)"
{
  find /node -type f -printf '%s Node and its libraries\n'
  find /program -type f -printf '%s git-sidecar\n'
  # Each file once, however many names it has, under the first name that a package knows.
  find /image -type f -printf '%i %s /%P\n' | sort -k1,1n -u | while read -r _inode size path; do
    owner=$({ dpkg -S "$path" || dpkg -S "${path#/usr}" || echo 'made by the build: '; } 2> /dev/null | grep -v '^diversion ' | head -n 1)
    printf '%s %s\n' "$size" "${owner%%[:,]*}"
  done
} | awk '{ size = $1; $1 = ""; sum[substr($0, 2)] += size } END { for (name in sum) printf "%.2f\t%s\n", sum[name] / 1048576, name }' \
  | sort -k1,1nr -k2
