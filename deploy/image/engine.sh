# What builds and runs containers here; sourced by `build` and `try`. Sets `engine` to docker, where its engine answers, or to podman, which needs
# none, and `made` to the folder for what is made beside the image. `containers ARGUMENTS` is the chosen one.

root=$(cd "$(dirname "$0")/../.." && pwd)
made="$root/build/image"
mkdir -p "$made"

# need PACKAGE...: has apt-get install them, as root or with a sudo that asks nothing; otherwise says in one sentence what to install
need() {
  if ! command -v apt-get >/dev/null; then
    echo "An image needs: $*. Install them with this system's package manager, or start docker's engine." >&2
    return 1
  elif [ "$(id -u)" = 0 ]; then
    as_root=""
  elif sudo -n true 2>/dev/null; then
    as_root="sudo -n"
  else
    echo "An image needs: $*. Ask for: sudo apt-get install $*, or start docker's engine." >&2
    return 1
  fi
  echo "Installing $* with apt-get ..." >&2
  # none of them has to start a service, and they are told not to, in the way Debian provides, unless this machine has a rule already
  policy=/usr/sbin/policy-rc.d
  kept=yes
  if [ ! -e "$policy" ]; then
    kept=no
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod 755 "$policy"
  fi
  installed=no
  if $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y update >"$made/apt.log" 2>&1 &&
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends "$@" >>"$made/apt.log" 2>&1; then
    installed=yes
  fi
  [ "$kept" = yes ] || $as_root rm -f "$policy"
  if [ "$installed" = no ]; then
    tail -n 20 "$made/apt.log" >&2
    echo "apt-get could not install $*; the whole of what it said is in $made/apt.log" >&2
    return 1
  fi
}

# podman may be called docker
if docker info >/dev/null 2>&1 && ! docker --version | grep -qi podman; then
  engine=docker
else
  engine=podman
  command -v podman >/dev/null || need podman runc
fi

# Where this is a container itself, or a machine without systemd, podman's own defaults ask for more than there is: limits above its own, a
# journal, a manager of cgroups. So it is told what always works, by the file that it has for that, unless the reader has one.
if [ "$engine" = podman ] && [ -z "${CONTAINERS_CONF:-}" ] && [ ! -d /run/systemd/system ]; then
  cat >"$made/containers.conf" <<'CONF'
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "runc"
CONF
  command -v runc >/dev/null || need runc
  export CONTAINERS_CONF="$made/containers.conf"
fi

# Without systemd podman has no timer for a healthcheck, and says so in two lines at each start; the checks ask by hand
containers() {
  "$engine" "$@" 2>"$made/engine.err" && status=0 || status=$?
  grep -v 'systemd connection to .* healthchecks' "$made/engine.err" >&2 || true
  return "$status"
}
