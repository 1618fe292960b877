# shellcheck shell=bash disable=SC2034,SC2154 # read and set by bench/run
title="socket.io on Node"
can="plain acked sites"
keeps_plain="nothing: who is connected gets it"
keeps_acked="in memory, until the device acknowledges it; a restart loses it"
settings="one process; NODE_ENV=production, perMessageDeflate off, ws without optional native parts"
needs=(node:nodejs npm:npm)

install() { npm_packages "$here/peers/node"; }

version() { printf '%s, Node %s' "$(npm_version node socket.io)" "$(node --version)"; }

# With $redis_port by the Redis adapter.
launch_node() {
  launch env NODE_ENV=production PORT="$port" API_KEY="$key" SITES="$sites" REDIS_PORT="${redis_port:-}" node "$here/peers/node/server.mjs"
  pids="$launched"
  await_ready "$port" /
}

start() { launch_node; }
