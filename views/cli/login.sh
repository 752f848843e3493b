#!/bin/sh
# Logs docker and podman in to a registry with your browser.
#
#   sh login.sh [--user EMAIL] [--no-browser] REGISTRY
#
# It asks the Dockpass below for a code, shows it, waits until you have approved it in your browser, and hands the password
# that it is given to `docker login` and `podman login` on standard input. It stores nothing itself.

installation() {
  url='@PUBLIC_URL@'
  only_registry='@REGISTRY@'
  protocols='@PROTOCOLS@'
}
# --- The same for every Dockpass of this version from here on; docs/terminal.md says how to compare it with the release notes.

main() {
  { set +x; } 2>/dev/null # a trace would show the password
  [ -z "${ZSH_VERSION:-}" ] || emulate sh
  set -u
  umask 077
  installation
  registry='' expected='' browser=yes
  while [ $# -gt 0 ]; do
    case $1 in
      --user) [ $# -ge 2 ] || die '--user needs an e-mail address'; expected=$(lower "$2"); shift ;;
      --no-browser) browser=no ;;
      -h | --help) usage; exit 0 ;;
      -*) die "there is no option $1; try --help" ;;
      *) [ -z "$registry" ] || die 'name one registry'; registry=$1 ;;
    esac
    shift
  done
  [ -n "$registry" ] || registry=$only_registry
  [ -n "$registry" ] || { usage >&2; exit 2; }
  command -v curl >/dev/null || die 'curl is not installed; install it, then run this again'
  # Without it, no one could be asked before the login of someone else is replaced.
  [ -n "${HOME:-}${DOCKER_CONFIG:-}" ] || die 'HOME is not set; set it to your home folder'
  find_tools
  ask_for_code
  wait_for_approval
  log_in
}

usage() {
  cat <<'USAGE'
Usage: sh login.sh [--user EMAIL] [--no-browser] REGISTRY

Logs docker and podman in to REGISTRY with your browser.

  --user EMAIL    accept only an approval by this account
  --no-browser    do not try to open a browser here
USAGE
}

# Writes a line. Where printf is a program of its own, as in mksh, everyone on this machine could read a secret among its
# arguments.
put() { if [ -n "${KSH_VERSION:-}" ]; then print -r -- "$1"; else printf '%s\n' "$1"; fi; }
say() { put "$*" >&2; }
die() { say "login.sh: $*"; exit 1; }
lower() { put "$1" | tr '[:upper:]' '[:lower:]'; }
now() { date +%s; }

find_tools() {
  tools=''
  for tool in docker podman; do
    if command -v "$tool" >/dev/null; then tools="$tools $tool"; fi
  done
  [ -n "$tools" ] || die 'neither docker nor podman is installed; install one of them, then run this again'
}

# post PATH NAME VALUE [NAME VALUE]...: the body of the answer in $answer, its status in $http_code, 000 where there is none.
# Values reach curl on standard input, so that no argument shows them.
post() {
  target=$1
  shift
  if answer=$(
    while [ $# -gt 0 ]; do
      put "data-urlencode = \"$1=$(put "$2" | sed 's/[\\"]/\\&/g')\""
      shift 2
    done | curl --config - --silent --show-error --max-time 30 --proto "$protocols" --write-out '\n%{http_code}' \
      --header 'Accept: application/json' "$url$target" 2>&1
  ); then
    http_code=$(put "$answer" | tail -n 1)
    answer=$(put "$answer" | sed '$d')
  else
    http_code=000
    answer=$(put "$answer" | head -n 1 | printable)
  fi
}

printable() { LC_ALL=C tr -cd '[:print:]'; }
# Addresses can have letters of other scripts; none begins with this byte, as control characters can.
address() { LC_ALL=C tr -d '\000-\037\177\302'; }

# A text or a number of a flat JSON object, without anything that a terminal would act on.
text() { put "$answer" | sed -n -e "s/\\\\\"/'/g" -e 's/.*"'"$1"'":"\([^"\\]*\)".*/\1/p'; }
field() { text "$1" | printable; }
number() { put "$answer" | sed -n 's/.*"'"$1"'":\([0-9][0-9]*\).*/\1/p'; }
reason() { text=$(field error_description); put "${text:-$url answered with status $http_code; its log says why}"; }

understood() {
  for part; do
    [ -n "$part" ] || die "$url gave an unexpected answer; is this script of another version?"
  done
}

ask_for_code() {
  machine=$(uname -n 2>/dev/null || put terminal)
  post /oauth/device client_id dockpass-cli registry "$registry" purpose login machine "$machine"
  [ "$http_code" != 000 ] || die "$url does not answer: $answer"
  [ "$http_code" = 200 ] || die "$(reason)"
  device_code=$(field device_code) user_code=$(field user_code) page=$(field verification_uri)
  interval=$(number interval) lifetime=$(number expires_in)
  understood "$device_code" "$user_code" "$interval" "$lifetime"
  ends=$(($(now) + lifetime))
  say ''
  say "  Open   $page"
  say "  Type   $user_code"
  say ''
  if [ "$browser" = yes ] && [ -z "${SSH_CONNECTION:-}" ]; then open_browser "$page"; fi
  say 'Waiting for your approval (Ctrl+C gives up) ...'
}

open_browser() {
  case $(uname -s) in
    Darwin) opener=open ;;
    *) opener=xdg-open
      [ -z "${WSL_DISTRO_NAME:-}" ] || opener=wslview
      [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}${WSL_DISTRO_NAME:-}" ] || return 0 ;;
  esac
  if command -v "$opener" >/dev/null; then "$opener" "$1" >/dev/null 2>&1 </dev/null & fi
}

# An answer that is lost is asked for again: Dockpass gives it once more for a minute.
wait_for_approval() {
  while :; do
    sleep "$interval"
    [ "$(now)" -le "$ends" ] || die 'the code has expired; start again'
    post /oauth/token client_id dockpass-cli grant_type urn:ietf:params:oauth:grant-type:device_code device_code "$device_code"
    case $http_code:$(field error) in
      200:*) break ;;
      *:authorization_pending | *:temporarily_unavailable | *:server_error | 000:* | 5??:*) ;;
      *:slow_down) interval=$((interval + 5)) ;;
      *) die "$(reason)" ;;
    esac
  done
  user=$(text username | address) password=$(field access_token)
  understood "$user" "$password"
  if [ -n "$expected" ] && [ "$(lower "$user")" != "$expected" ]; then
    die "it was approved by $user, not by $expected; nothing was logged in. Revoke it at $url"
  fi
}

docker_file() { put "${DOCKER_CONFIG:-$HOME/.docker}/config.json"; }

# Where podman keeps a login: with DOCKER_CONFIG, in the file of docker.
podman_file() {
  if [ -n "${REGISTRY_AUTH_FILE:-}" ]; then put "$REGISTRY_AUTH_FILE"
  elif [ -n "${DOCKER_CONFIG:-}" ]; then docker_file
  elif [ "$(uname -s)" = Darwin ]; then put "$HOME/.config/containers/auth.json"
  elif [ -n "${XDG_RUNTIME_DIR:-}" ]; then put "$XDG_RUNTIME_DIR/containers/auth.json"
  elif [ "$(id -u)" = 0 ]; then put /run/containers/0/auth.json
  else put "${XDG_CONFIG_HOME:-$HOME/.config}/containers/auth.json"; fi # which every podman reads
}

# Who is logged in now, as podman says itself, or the file of docker or its credential helper.
current_user() {
  if [ "$1" = podman ]; then
    podman login --get-login "$registry" 2>/dev/null </dev/null | address
    return
  fi
  file=$(docker_file)
  [ -r "$file" ] || return 0
  name=$(put "$registry" | sed 's/[.[\*^$/]/\\&/g')
  keeper=$(flat '"credHelpers":{[^}]*"'"$name"'":"\([A-Za-z0-9._-]*\)"')
  [ -n "$keeper" ] || keeper=$(flat '"credsStore":"\([A-Za-z0-9._-]*\)"')
  if [ -n "$keeper" ] && command -v "docker-credential-$keeper" >/dev/null; then
    put "$registry" | "docker-credential-$keeper" get 2>/dev/null | sed -n 's/.*"Username" *: *"\([^"\\]*\)".*/\1/p' | address
  else
    flat '"'"$name"'":{"auth":"\([A-Za-z0-9+/=]*\)"' | base64 -d 2>/dev/null | cut -d : -f 1 | address
  fi
}
flat() { tr -d ' \t\r\n' <"$file" | sed -n 's/.*'"$1"'.*/\1/p'; }

log_in() {
  say "Signed in as $user."
  failed='' finished=''
  scratch=$(mktemp -d) || die 'no temporary file can be made'
  errors=$scratch/errors
  trap 'rm -rf "$scratch"' EXIT
  for tool in $tools; do
    before=$(current_user "$tool")
    if [ -n "$before" ] && [ "$before" != "$user" ] && [ "$before" != '<token>' ]; then
      confirm "$tool is logged in to $registry as $before. Replace that with $user?" || { say "$tool was left as it is."; continue; }
    fi
    if log_in_with "$tool" || { [ "$tool" = podman ] && grep -qi 'identity token' "$errors" && log_in_podman; }; then
      say "$tool is logged in to $registry."
      finished="$finished $tool"
    else
      failed=yes
      say "$tool login failed: $(head -n 3 "$errors" | printable)"
    fi
  done
  [ -z "$failed" ] || exit 1
}

log_in_with() { put "$password" | "$1" login --username "$user" --password-stdin "$registry" >/dev/null 2>"$errors"; }

# podman refuses to log in where docker keeps an identity token. Where both have one file, docker's login is that of both.
log_in_podman() {
  file=$(podman_file)
  case "$file:$finished" in "$(docker_file)":*docker*) return 0 ;; esac
  (
    export REGISTRY_AUTH_FILE="$file" DOCKER_CONFIG="$scratch"
    log_in_with podman
  )
}

confirm() {
  if ! (: </dev/tty) 2>/dev/null; then # in a shell of its own, which this ends where there is none
    say "$1 There is no terminal to ask on: use --user."
    [ -n "$expected" ]
    return
  fi
  printf '%s [y/N] ' "$1" >&2
  read -r reply </dev/tty || reply=n
  case $reply in [yY]*) return 0 ;; *) return 1 ;; esac
}

main "$@"
