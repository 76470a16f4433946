# What a machine needs to build and run devbox: sourced by tests/run and examples/try, never run by itself.
#
# Names what is missing before it installs it, and installs it on Debian and its relatives only; elsewhere it stops after
# the naming. Nothing that is there already is touched. Every function is idempotent.

say() { printf '%s\n' "$*" >&2; }
stop() { say "error: $1"; [ $# -lt 2 ] || say "help: $2"; exit 1; }

# need WHAT-FOR PACKAGE…: installs the Debian packages, or names them.
need() {
  local reason=$1 as=()
  shift
  say "missing: $reason (Debian: $*)"
  type -P apt-get >/dev/null || stop "this is not a Debian system, nothing was installed" "install $reason yourself, then run this again"
  if [ "$(id -u)" != 0 ]; then
    type -P sudo >/dev/null || stop "installing packages needs root" "as root: apt-get install $*"
    as=(sudo)
  fi
  say "installing: apt-get install $*"
  "${as[@]}" apt-get update -qq >/dev/null
  "${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null
}

# A Rust toolchain and the C compiler that one of the dependencies (ring) is built with.
prepare_rust() {
  [ -x "$HOME/.cargo/bin/cargo" ] && PATH=$HOME/.cargo/bin:$PATH
  type -P cargo >/dev/null || stop "cargo is missing" "install Rust 1.89 or newer: https://rustup.rs"
  type -P cc >/dev/null || need "a C compiler" gcc libc6-dev
}

# An engine that answers, and the docker command that the image script uses.
prepare_engine() {
  type -P docker >/dev/null || need "the docker command" docker.io
  docker version >/dev/null 2>&1 && return
  if [ -z "${DOCKER_HOST:-}" ] && type -P dockerd >/dev/null && [ "$(id -u)" = 0 ]; then
    say "missing: a container engine that answers; starting the one that is installed"
    if [ -d /run/systemd/system ]; then systemctl start docker; else service docker start >/dev/null; fi
    for _ in $(seq 60); do docker version >/dev/null 2>&1 && return; sleep 0.5; done
  fi
  docker version 2>&1 | tail -n 1 >&2
  stop "no container engine answers" "start Docker, Podman, Colima or OrbStack, or set DOCKER_HOST, then run this again"
}

# prepare_images NAME…: pulled, or built from Debian's packages where no registry answers.
prepare_images() {
  local name missing=()
  for name in "$@"; do
    docker image inspect "$name" >/dev/null 2>&1 || missing+=("$name")
  done
  [ ${#missing[@]} = 0 ] && return
  say "missing: base images ${missing[*]}"
  local build=()
  for name in "${missing[@]}"; do
    # after one registry failure the others would fail alike; loggen is on no registry
    if [ ${#build[@]} = 0 ] && [ "$name" != loggen:latest ] && say "pulling $name" && timeout 600 docker pull -q "$name" >/dev/null; then
      continue
    fi
    build+=("$name")
  done
  [ ${#build[@]} = 0 ] && return
  if ! type -P apt-get >/dev/null && [ "${build[*]}" != loggen:latest ]; then
    stop "these images can't be pulled, and only Debian can build stand-ins: ${build[*]}" "check the network, then run this again"
  fi
  "$root/tests/images/build" "${build[@]}"
}
