# shellcheck shell=bash disable=SC2034,SC2154 # read and set by bench/run
# What is measured. A workload is a name and: `kind` (what a peer must be able to do), `title`, `does`, `work_options`
# (the generator's), `cost` (about how many seconds it takes) and `most_rounds`.

workload_names() {
  if [[ "$mode" == smoke ]]; then
    echo fan-out-paced unicast-16
    return
  fi
  echo fan-out-paced fan-out-serial fan-out-many-paced fan-out-many-serial burst \
    acked-paced acked-full unicast-1 unicast-16 unicast-64 bursts batch half-load \
    idle storm storm-plain slow-reader noisy
}

# choose_size MODE: how much of everything.
choose_size() {
  case "$1" in
    full) defaults="" default_rounds=3 default_seconds=3 warm=1 few=1000 many=5000 devices=500 steps=5000,10000,15000 hold=25 storm=10000 ;;
    quick) defaults="postroom,node" default_rounds=1 default_seconds=2 warm=1 few=1000 many=5000 devices=500 steps=2000,4000,6000 hold=25 storm=4000 ;;
    smoke) defaults="postroom,node" default_rounds=1 default_seconds=1 warm=0.2 few=50 many=50 devices=20 steps=50 hold=1 storm=50 ;;
  esac
  peers="${peers:-$defaults}" rounds="${rounds:-$default_rounds}" seconds="${seconds:-$default_seconds}"
}

# describe NAME: what it is.
describe() {
  most_rounds=1000
  cost=$(awk "BEGIN { print int($seconds + 4) }")
  local length="$seconds" each
  each=$(awk "BEGIN { print int($seconds * 2 + 0.5) }")
  case "$1" in
    fan-out-paced)
      the plain "Fan-out to $(grouped "$few"), 10 a second" "One message for everybody, 10 times a second"
      work fan-out --clients "$few" --rate 10
      ;;
    fan-out-serial)
      the plain "Fan-out to $(grouped "$few"), one POST at a time" "One message for everybody; the next POST when the last is answered"
      work fan-out --clients "$few" --concurrency 1
      ;;
    fan-out-many-paced)
      the plain "Fan-out to $(grouped "$many"), 10 a second" "One message for everybody, 10 times a second"
      work fan-out --clients "$many" --rate 10
      ;;
    fan-out-many-serial)
      the plain "Fan-out to $(grouped "$many"), one POST at a time" "One message for everybody; the next POST when the last is answered"
      work fan-out --clients "$many" --concurrency 1
      ;;
    burst)
      the plain "Burst: fan-out to $(grouped "$many"), 16 POSTs at once" "Messages for everybody, as fast as 16 senders are answered"
      work fan-out --clients "$many" --concurrency 16
      ;;
    acked-paced)
      the acked "Acknowledged fan-out to $(grouped "$few") devices, 10 a second" "One message for everybody, 10 times a second, kept until each device has acknowledged it"
      work fan-out --clients "$few" --rate 10
      ;;
    acked-full)
      the acked "Acknowledged fan-out to $(grouped "$few") devices, full speed" "The same, as fast as 4 senders are answered"
      work fan-out --clients "$few" --concurrency 4
      ;;
    unicast-*)
      the acked "Acknowledged message for one device, ${1#*-} at once" "Each POST is for one of $(grouped "$devices") devices, kept until it has acknowledged it; as fast as ${1#*-} senders are answered"
      work unicast --clients "$devices" --concurrency "${1#*-}"
      ;;
    bursts)
      the acked "100 acknowledged messages at once, every second" "Each is for one of $(grouped "$devices") devices. With a machine that has time, this is about latency"
      work bursts --clients "$devices" --burst 100
      ;;
    batch)
      the batch "Batch: 100 acknowledged messages in a POST" "POST /v1/sites/{site}/messages, 4 at once, each message for one of $(grouped "$devices") devices"
      work unicast --clients "$devices" --concurrency 4 --publish batch --items 100
      ;;
    half-load)
      the acked "Half load" "Messages for one of $(grouped "$devices") devices at half of the rate that 64 senders reach"
      work half-load --clients "$devices"
      cost=$((cost + each))
      ;;
    idle)
      the plain "Idle connections" "Connections that do nothing but answer pings"
      work idle --steps "$steps" --hold "$hold"
      most_rounds=1 cost=45
      ;;
    storm)
      the acked "Reconnect storm: $(grouped "$storm") devices, each with 10 messages waiting" "All were connected, left, got 10 messages each, and come back within 5 s"
      work storm --clients "$storm" --queue 10 --within 5
      most_rounds=1 cost=30
      ;;
    storm-plain)
      the plain "Reconnect storm: $(grouped "$storm") clients without a queue" "All were connected, left, and come back within 5 s"
      work storm --clients "$storm" --queue 0 --within 5
      most_rounds=1 cost=18
      ;;
    slow-reader)
      the plain "A slow reader among $(grouped "$few")" "20 messages a second for everybody; one client stops to read, and is sent 1.3 MB a second besides"
      length="$each"
      work slow-reader --clients "$few" --slow 1 --patience 20
      most_rounds=1 cost=$((each * 2 + 10))
      ;;
    noisy)
      the sites "A noisy site beside a quiet one" "The quiet site sends 20 acknowledged messages a second to single devices; beside it another sends to $(grouped "$few") devices as fast as 16 senders are answered"
      length="$each"
      work noisy --clients 100 --noisy-site noisy --noisy-clients "$few"
      most_rounds=1 cost=$((each * 4 + 8))
      ;;
    *) return 1 ;;
  esac
}

# 1000 as 1,000.
grouped() { sed ':a;s/\B[0-9]\{3\}\>/,&/;ta' <<<"$1"; }

the() {
  kind="$1" title_of_work="$2" does="$3"
}

# work SUBCOMMAND OPTION...: for $length seconds, with the site that goes with the kind.
work() {
  work_options=("$@" --seconds "$length" --warm "$warm")
  case "$kind" in
    plain) work_options+=(--site plain) ;;
    *) work_options+=(--site demo --ack) ;;
  esac
}

# Whether the peer that was met last takes part in the workload that was described last.
fits() {
  [[ " $can " == *" $kind "* ]] || return 1
  # A peer with another store or adapter behind it differs in what goes through that; these do not.
  if [[ -n "$variant_of" && " idle storm-plain slow-reader bursts " == *" $1 "* ]]; then return 1; fi
  # What stuffs the slow reader goes to its own room, which those without Socket.IO have not joined.
  [[ "$1" != slow-reader || " $can " == *" acked "* ]] || return 1
  # Who can keep messages is in the storm with messages.
  [[ "$1" != storm-plain || " $can " != *" acked "* || "$CORE" == *" $2 "* ]]
}
