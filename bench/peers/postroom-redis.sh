# shellcheck shell=bash disable=SC2034,SC2154 # read and set by bench/run
source "$here/peers/postroom.sh"
title="Postroom on Redis"
keeps_acked="durable: in Redis (appendfsync always) before the answer, until the device acknowledges it or it expires"
settings="one process, a worker per core; one Redis on the same machine, appendonly yes, appendfsync always; its CPU is counted apart"
needs=(redis-server:redis-server)
variant_of=postroom

version() { printf '%s, Redis %s' "$("$postroom" --version | awk '{ print $2 }')" "$(redis_version)"; }

start() {
  start_redis --appendonly yes --appendfsync always || return 1
  launch_postroom
}
