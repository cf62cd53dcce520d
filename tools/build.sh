#!/usr/bin/env bash
# Builds the programs that the project runs but does not link:
#
#   tools/build.sh TARGET [BIN_DIR]
#
# TARGET is a folder beside this script, a Go module whose `tool` lines name
# the programs: kubernetes, opentofu, lint, docs, vuln or release. The only
# output is the folder that holds the binaries; progress goes to stderr.
#
# Binaries are kept outside the source tree, so that every checkout on a
# machine shares them, in a folder named by a hash of all that decides their
# content. What is there already is not built again. BIN_DIR, if given,
# receives a copy.
#
# TWELVEFACTOR_TOOLS_DIR moves the cache.
#
# To update a program: `go get MODULE@VERSION && go mod tidy` in its folder.
# The head of tools/kubernetes/go.mod tells what else Kubernetes needs.
set -euo pipefail

heartbeat_seconds=15

say() { echo "tools/build.sh: $*" >&2; }
fail() {
  say "$*"
  exit 1
}

# PROGRAM:MINUTES, where the minutes are those from the start of a build with
# nothing cached, on two cores: programs are built side by side and share
# packages, so a target takes as long as its slowest program.
programs_of() {
  case $1 in
    kubernetes) echo "etcd:2 kube-apiserver:4 kube-scheduler:5 kube-controller-manager:5 kubectl:2 kwok:2" ;;
    opentofu) echo "tofu:3" ;;
    lint) echo "golangci-lint:2" ;;
    docs) echo "tfplugindocs:1" ;;
    vuln) echo "govulncheck:1" ;;
    release) echo "goreleaser:3" ;;
    *) fail "unknown target \"$1\": use kubernetes, opentofu, lint, docs, vuln or release" ;;
  esac
}

linker_flags() {
  local flags="-s -w" version minor package
  if [ "$1" = kubernetes ]; then
    # Kubernetes' own build takes these from its git tags. Without them the
    # API server reports v0.0.0-master, which clients cannot compare.
    version=$(awk '$1 == "k8s.io/kubernetes" { print $2 }' go.mod)
    minor=${version#v1.}
    for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
      flags+=" -X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=${minor%%.*}"
    done
  fi
  echo "$flags"
}

# Shows that the build is alive until it ends: compiling kube-apiserver alone
# is minutes without a word.
heartbeat() {
  local pid=$1 bin=$2 log=$3 waited=0 packages ready
  while sleep 1 && kill -0 "$pid" 2>/dev/null; do
    waited=$((waited + 1))
    if [ $((waited % heartbeat_seconds)) -eq 0 ]; then
      packages=$(grep -vc '^go: ' "$log" || true)
      ready=$(find "$bin" -type f | wc -l)
      say "  ${waited}s: $packages packages compiled, $((ready)) programs ready"
    fi
  done
}

# build TARGET BIN LOG builds all programs of a target in one go command,
# which compiles what they share once and keeps every core busy.
build() {
  go build -v -trimpath -ldflags "$(linker_flags "$1")" -o "$2/" tool 2>"$3" &
  build_pid=$!
  heartbeat "$build_pid" "$2" "$3"
  if ! wait "$build_pid"; then
    tail -n 40 "$3" >&2
    fail "$1: the build failed"
  fi
  build_pid=
  # Go names a binary after its import path, and etcd's ends in /server/v3.
  if [ "$1" = kubernetes ]; then mv "$2/server" "$2/etcd"; fi
}

stop() {
  if [ -n "$build_pid" ]; then kill "$build_pid" 2>/dev/null || true; fi
  rm -rf "$work"
}

if [ $# -lt 1 ] || [ $# -gt 2 ]; then fail "usage: tools/build.sh TARGET [BIN_DIR]"; fi
target=$1
programs=$(programs_of "$target")
if [ $# -eq 2 ]; then
  mkdir -p "$2"
  bin_dir=$(cd "$2" && pwd)
fi
cd "$(dirname "${BASH_SOURCE[0]}")/$target"

# The same binaries wherever and by whomever they are built: no C compiler,
# no workspace, no flags and no target platform from the environment.
unset GOOS GOARCH
export CGO_ENABLED=0 GOWORK=off GOFLAGS="-mod=readonly -buildvcs=false"

cache=${TWELVEFACTOR_TOOLS_DIR:-${XDG_CACHE_HOME:-${HOME:?must be set, or TWELVEFACTOR_TOOLS_DIR}/.cache}/terraform-provider-twelvefactor}
# git is the one hashing command that every supported system has.
hash=$({ cat go.mod go.sum ../build.sh && go env GOVERSION GOOS GOARCH; } | git hash-object --stdin)
name=$target-${hash:0:16}

if [ ! -d "$cache/$name" ]; then
  mkdir -p "$cache"
  # Left by builds that were killed.
  find "$cache" -maxdepth 1 -name '.building-*' -mtime +1 -exec rm -rf {} +
  work=$(mktemp -d "$cache/.building-$target.XXXXXX")
  build_pid=
  trap stop EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  mkdir "$work/$name"
  for program in $programs; do
    say "building ${program%:*} (about ${program#*:} min the first time on two cores)"
  done
  build "$target" "$work/$name" "$work/log"
  # A rename, so that an interrupted build never looks complete. It fails if
  # a concurrent build of the same was faster; then that one serves.
  mv "$work/$name" "$cache/" 2>/dev/null || [ -d "$cache/$name" ]
  say "$target is ready after ${SECONDS}s"
fi

if [ -z "${bin_dir:-}" ]; then
  echo "$cache/$name"
else
  cp -f "$cache/$name"/* "$bin_dir/"
  echo "$bin_dir"
fi
