#!/bin/sh
# Logs docker and podman in to a registry with your browser: @PUBLIC_URL@
#
#   sh login.sh [--user EMAIL] [--no-browser] REGISTRY
#
# It asks @PUBLIC_URL@ for a code, shows it, waits until you have approved it in your browser, and hands the password that it
# is given to `docker login` and `podman login` on standard input. It stores nothing itself.

main() {
  { set +x; } 2>/dev/null # a trace would show the password
  [ -z "${ZSH_VERSION:-}" ] || emulate sh
  set -u
  umask 077
  url='@PUBLIC_URL@'
  registry='' expected='' browser=yes
  while [ $# -gt 0 ]; do
    case $1 in
      --user) [ $# -ge 2 ] || die '--user needs an e-mail address'; expected=$2; shift ;;
      --no-browser) browser=no ;;
      -h | --help) usage; exit 0 ;;
      -*) die "there is no option $1; try --help" ;;
      *) [ -z "$registry" ] || die 'name one registry'; registry=$1 ;;
    esac
    shift
  done
  [ -n "$registry" ] || registry='@REGISTRY@'
  [ -n "$registry" ] || { usage >&2; exit 2; }
  command -v curl >/dev/null || die 'curl is not installed'
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

say() { printf '%s\n' "$*" >&2; }
die() { say "login.sh: $*"; exit 1; }

find_tools() {
  tools=''
  for tool in docker podman; do
    if command -v "$tool" >/dev/null; then tools="$tools $tool"; fi
  done
  [ -n "$tools" ] || die 'neither docker nor podman is installed'
}

# post PATH NAME VALUE [NAME VALUE]...: the body of the answer in $answer, its http_code in $http_code. Values reach curl on standard
# input, so that no argument shows them.
post() {
  target=$1
  shift
  answer=$(
    while [ $# -gt 0 ]; do
      printf 'data-urlencode = "%s=%s"\n' "$1" "$(printf '%s' "$2" | sed 's/[\\"]/\\&/g')"
      shift 2
    done | curl --config - --silent --show-error --max-time 30 @PROTO@ --write-out '\n%{http_code}' \
      --header 'Accept: application/json' "$url$target" 2>&1
  ) || die "$url does not answer: $(printf '%s' "$answer" | head -n 1 | printable)"
  http_code=$(printf '%s' "$answer" | tail -n 1)
  answer=$(printf '%s' "$answer" | sed '$d')
}

printable() { LC_ALL=C tr -cd '[:print:]'; }

# A text or a number of a flat JSON object, without anything that a terminal would act on.
field() { printf '%s' "$answer" | sed -n 's/.*"'"$1"'":"\([^"\\]*\)".*/\1/p' | printable; }
number() { printf '%s' "$answer" | sed -n 's/.*"'"$1"'":\([0-9][0-9]*\).*/\1/p'; }
reason() { field error_description; }

understood() {
  for part; do
    [ -n "$part" ] || die "$url gave an answer that is not understood; is this script of another version?"
  done
}

ask_for_code() {
  machine=$(uname -n 2>/dev/null || echo terminal)
  post /oauth/device client_id dockpass-cli registry "$registry" purpose login machine "$machine"
  [ "$http_code" = 200 ] || die "$(reason)"
  device_code=$(field device_code) user_code=$(field user_code) page=$(field verification_uri)
  interval=$(number interval)
  understood "$device_code" "$user_code" "$interval"
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

wait_for_approval() {
  while :; do
    sleep "$interval"
    post /oauth/token client_id dockpass-cli grant_type urn:ietf:params:oauth:grant-type:device_code device_code "$device_code"
    [ "$http_code" != 200 ] || break
    case $(field error) in
      authorization_pending) ;;
      slow_down) interval=$((interval + 5)) ;;
      temporarily_unavailable | server_error) sleep "$interval" ;;
      *) die "$(reason)" ;;
    esac
  done
  user=$(field username) password=$(field access_token)
  understood "$user" "$password"
  if [ -n "$expected" ] && [ "$user" != "$expected" ]; then
    die "it was approved by $user and not by $expected; nothing was logged in. Revoke it at $url"
  fi
}

# Who is logged in now, as far as the file of the tool says.
current_user() {
  file=${DOCKER_CONFIG:-$HOME/.docker}/config.json
  [ "$1" = docker ] || file=${REGISTRY_AUTH_FILE:-${XDG_RUNTIME_DIR:-/run/user/$(id -u)}/containers/auth.json}
  [ -r "$file" ] || return 0
  tr -d ' \t\n' <"$file" | sed -n 's/.*"'"$(printf '%s' "$registry" | sed 's/[.[\*^$/]/\\&/g')"'":{"auth":"\([A-Za-z0-9+/=]*\)".*/\1/p' |
    base64 -d 2>/dev/null | cut -d : -f 1 | printable
}

log_in() {
  say "Signed in as $user."
  failed=''
  errors=$(mktemp) || die 'no temporary file can be made'
  trap 'rm -f "$errors"' EXIT
  for tool in $tools; do
    before=$(current_user "$tool")
    if [ -n "$before" ] && [ "$before" != "$user" ] && [ "$before" != '<token>' ]; then
      confirm "$tool is logged in to $registry as $before. Replace that with $user?" || { say "$tool was left as it is."; continue; }
    fi
    if printf '%s' "$password" | "$tool" login --username "$user" --password-stdin "$registry" >/dev/null 2>"$errors"; then
      say "$tool is logged in to $registry."
    else
      failed=yes
      say "$tool login failed: $(head -n 3 "$errors" | printable)"
    fi
  done
  [ -z "$failed" ] || exit 1
}

confirm() {
  if ! { : </dev/tty; } 2>/dev/null; then
    say "$1 There is no terminal to ask on: use --user."
    [ -n "$expected" ]
    return
  fi
  printf '%s [y/N] ' "$1" >&2
  read -r reply </dev/tty || reply=n
  case $reply in [yY]*) return 0 ;; *) return 1 ;; esac
}

main "$@"
