# shellcheck shell=bash disable=SC2015,SC2034,SC2154 # read and set by bench/run
# Gets what the peers need, where that is missing: packages of Debian, packages of npm.

have() {
  case "$1" in
    /*) [[ -e "$1" ]] ;;
    *) command -v "$1" >/dev/null 2>&1 ;;
  esac
}

# install_packages NEED...: a need is a command or a file, a colon, and the package of Debian that brings it. What cannot
# be had stays missing; peers find out by themselves.
install_packages() {
  local need packages=() root=()
  for need in "$@"; do
    have "${need%%:*}" || packages+=("${need#*:}")
  done
  ((${#packages[@]})) || return 0
  if ! have apt-get; then
    say "no apt-get to install: ${packages[*]}"
    return 0
  fi
  if ((EUID != 0)); then
    have sudo || { say "neither root nor sudo to install: ${packages[*]}"; return 0; }
    root=(sudo)
  fi
  say "installing ${packages[*]} (apt-get)"
  forbid_services ${root[@]+"${root[@]}"}
  ${root[@]+"${root[@]}"} apt-get update -qq >&2 || true
  for need in "${packages[@]}"; do # one by one: one that is not there takes no other with it
    ${root[@]+"${root[@]}"} env DEBIAN_FRONTEND=noninteractive \
      apt-get install --yes --no-install-recommends -qq "$need" >/dev/null 2>&1 || say "could not install $need"
  done
  allow_services
}

# Debian starts the services that it installs; the benchmark starts its own, and none of Debian's. This file forbids
# starting them, unless somebody else decides about that already.
policy=""
forbid_services() {
  local file=/usr/sbin/policy-rc.d
  [[ ! -e "$file" ]] || return 0
  policy="$file" policy_root=("$@")
  printf '#!/bin/sh\nexit 101\n' | "$@" tee "$file" >/dev/null && "$@" chmod 755 "$file" \
    || say "could not write $file: installed services may be started"
}

allow_services() {
  [[ -n "$policy" ]] || return 0
  ${policy_root[@]+"${policy_root[@]}"} rm -f "$policy" || true
  policy=""
}

# npm_packages FOLDER: what its lock file names. Sets $reason and fails where that cannot be had.
npm_packages() {
  have npm || { reason="npm is not installed"; return 1; }
  if [[ "$1/node_modules/.package-lock.json" -nt "$1/package-lock.json" ]]; then return 0; fi
  say "npm ci in ${1#"$here"/}"
  (cd "$1" && npm ci --no-progress >"$scratch/npm.log" 2>&1) && return 0
  reason="npm ci failed: $(grep -v '^npm warn' "$scratch/npm.log" | head -1)"
  return 1
}
