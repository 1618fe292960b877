# shellcheck shell=bash disable=SC2034,SC2154 # read and set by bench/run
source "$here/peers/node.sh"
title="socket.io on Node, Redis adapter"
can="plain"
keeps_acked=""
settings="as on Node; one Redis on the same machine, nothing written to disk; its CPU is counted apart"
needs+=(redis-server:redis-server)
variant_of=node

version() {
  printf '%s, @socket.io/redis-adapter %s, Node %s, Redis %s' "$(npm_version node socket.io)" \
    "$(npm_version node @socket.io/redis-adapter)" "$(node --version)" "$(redis_version)"
}

start() {
  start_redis --appendonly no || return 1
  launch_node
}
