# shellcheck shell=bash disable=SC2034,SC2154 # read and set by bench/run
title="socket.io on Bun"
can="plain acked sites"
keeps_plain="nothing: who is connected gets it"
keeps_acked="in memory, until the device acknowledges it; a restart loses it"
settings="one process; @socket.io/bun-engine, NODE_ENV=production"
needs=(node:nodejs npm:npm)

install() {
  npm_packages "$here/peers/bun" || return 1
  bun=""
  local candidate
  for candidate in "$here"/peers/bun/node_modules/@oven/bun-*/bin/bun "$here"/peers/bun/node_modules/bun/bin/bun.exe; do
    "$candidate" --version >/dev/null 2>&1 && bun="$candidate" && return 0
  done
  reason="no package of bun runs on this processor"
  return 1
}

version() { printf '%s, @socket.io/bun-engine %s, Bun %s' "$(npm_version bun socket.io)" "$(npm_version bun @socket.io/bun-engine)" "$("$bun" --version)"; }

start() {
  launch env NODE_ENV=production PORT="$port" API_KEY="$key" SITES="$sites" "$bun" "$here/peers/bun/server.mjs"
  pids="$launched"
  await_ready "$port" /
}
