# shellcheck shell=bash disable=SC2034,SC2154 # read and set by bench/run and the files of the peers
# The peers: reading their files, getting what they need, asking for their versions.

# meet NAME: reads bench/peers/NAME.sh.
meet() {
  title="" can="" keeps_plain="" keeps_acked="" settings="" variant_of="" redis_port="" publish_port="" pids="" pids2=""
  needs=() generator=()
  # shellcheck source=/dev/null
  source "$here/peers/$1.sh"
}

# Meets and installs those of this run, in $present; who cannot be had is named in the results.
gather() {
  local peer wanted=() needed=()
  for peer in $known_peers; do
    chosen "$peer" "$peers" || continue
    wanted+=("$peer")
    meet "$peer"
    needed+=(${needs[@]+"${needs[@]}"})
  done
  ((${#wanted[@]})) || die "no peer is called that; --list names them"
  install_packages ${needed[@]+"${needed[@]}"}
  present=()
  for peer in "${wanted[@]}"; do
    meet "$peer"
    reason=""
    if needs_met && install; then
      present+=("$peer")
      peer_line "$peer"
    else
      say "missing: $peer ($reason)"
      line missing peer="$peer" title="$title" reason="$reason"
    fi
  done
}

needs_met() {
  local need
  for need in ${needs[@]+"${needs[@]}"}; do
    have "${need%%:*}" || { reason="${need%%:*} is not installed (Debian: ${need#*:})"; return 1; }
  done
}

postroom_binary() {
  if [[ -z "$postroom" ]]; then
    say "building Postroom (release)"
    (cd "$here/.." && cargo build --release --locked --quiet) || { reason="it does not build"; return 1; }
    postroom="${CARGO_TARGET_DIR:-$here/../target}/release/postroom"
  fi
  [[ -x "$postroom" ]] || { reason="$postroom is not there"; return 1; }
  postroom="$(realpath "$postroom")"
}

# crate_binary NAME [PROFILE]: a member of this workspace.
crate_binary() {
  say "building $1 (${2:-release})"
  (cd "$here" && cargo build --profile "${2:-release}" --locked --quiet --package "$1") && return 0
  reason="$1 does not build"
  return 1
}

crate_version() { sed -n "/^name = \"$1\"\$/{n;s/version = \"\(.*\)\"/\1/p;q}" "$here/Cargo.lock"; }

npm_version() { sed -n 's/^ *"version": "\(.*\)",*$/\1/p' "$here/peers/$1/node_modules/$2/package.json" | head -1; }

package_version() { dpkg-query --show --showformat='${Version}' "$1" 2>/dev/null || echo "of unknown version"; }

redis_version() { redis-server --version | sed 's/.* v=\([^ ]*\).*/\1/'; }

# start_redis OPTION...: one of this peer's own, at $redis_port.
start_redis() {
  find_port || return 1
  redis_port="$port_found"
  mkdir -p "$work/redis"
  launch redis-server --port "$redis_port" --bind 127.0.0.1 --save "" --dir "$work/redis" --loglevel warning "$@"
  pids2="$launched"
  await_port "$redis_port"
}
