#!/bin/sh
# Asks the platform for an ID token, exchanges it for a short-lived password, and logs the client in with that. A composite
# action can't clean up after the job, so the login is kept below RUNNER_TEMP, which the runner empties. No secret is an
# argument, where every user of the machine could read it.
set -eu
umask 077

fail() {
  echo "::error::$1"
  exit 1
}

# The text of one field of a JSON object. Reasons have quotes in them.
field() {
  sed -nE "s/.*\"$1\" *: *\"(([^\"\\\\]|\\\\.)*)\".*/\\1/p" | sed 's/\\\(.\)/\1/g'
}

# Scheme, host and port of an address.
origin_of() {
  printf '%s\n' "$1" | sed -n 's#^\(https\{0,1\}://[^/?\#]*\).*#\1#p'
}

url=${DOCKPASS_URL%/}
origin=$(origin_of "$url")
case $origin in
https://?* | http://localhost | http://localhost:* | http://127.0.0.1 | http://127.0.0.1:*) ;;
*) fail "url must begin with https://, not \"$url\"" ;;
esac
[ -n "${ACTIONS_ID_TOKEN_REQUEST_URL:-}" ] ||
  fail 'This job gets no ID token: it needs "permissions: id-token: write" (Forgejo: "enable-openid-connect: true").'

known=$(curl -sSf --max-time 30 "$url/.well-known/dockpass") || fail "Dockpass does not answer at $url."
audience=${DOCKPASS_AUDIENCE:-}
if [ -z "$audience" ]; then
  audience=$(printf '%s' "$known" | field audience)
  [ -n "$audience" ] || fail "Dockpass at $url has no workloads file."
  # Another host could name the audience of a victim, and use the token there.
  [ "$(origin_of "$audience")" = "$origin" ] || fail "$url names the audience $audience, which is not its own: set audience if you mean it."
fi
endpoint=$(printf '%s' "$known" | field token_endpoint)
[ "$(origin_of "$endpoint")" = "$origin" ] || fail "$url names the token endpoint $endpoint, which is not its own."

id_token=$(
  printf 'header = "Authorization: Bearer %s"\n' "$ACTIONS_ID_TOKEN_REQUEST_TOKEN" |
    curl -sSf --max-time 30 --retry 2 --config - --get --data-urlencode "audience=$audience" "$ACTIONS_ID_TOKEN_REQUEST_URL" |
    field value
)
[ -n "$id_token" ] || fail 'The platform gave no ID token.'
echo "::add-mask::$id_token"

service=${DOCKPASS_SERVICE:+"data-urlencode = \"audience=$DOCKPASS_SERVICE\""}
answer=$(
  curl -sS --max-time 30 --config - "$endpoint" <<END
data-urlencode = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange"
data-urlencode = "subject_token_type=urn:ietf:params:oauth:token-type:id_token"
data-urlencode = "subject_token=$id_token"
$service
END
) || fail "Dockpass does not answer at $endpoint."
password=$(printf '%s' "$answer" | field access_token)
reason=$(printf '%s' "$answer" | field error_description)
[ -n "$password" ] || fail "Dockpass refuses this job: ${reason:-it gives no reason, so ask $endpoint yourself, or read its log}"
echo "::add-mask::$password"
username=$(printf '%s' "$answer" | field username)

client=${DOCKPASS_CLIENT:-docker}
folder=$(mktemp -d "${RUNNER_TEMP:-/tmp}/dockpass.XXXXXX")
case $client in
docker)
  # Logins at other registries go on working.
  before=${DOCKER_CONFIG:-${HOME:-}/.docker}
  [ ! -f "$before/config.json" ] || cp "$before/config.json" "$folder/config.json"
  # What else docker looks for there: the context that the configuration names, plugins, and the builders of buildx.
  for name in contexts cli-plugins buildx; do
    [ ! -d "$before/$name" ] || ln -s "$(cd "$before/$name" && pwd -P)" "$folder/$name"
  done
  export DOCKER_CONFIG="$folder"
  variable="DOCKER_CONFIG=$folder"
  ;;
podman)
  before=${REGISTRY_AUTH_FILE:-}
  [ ! -f "$before" ] || cp "$before" "$folder/auth.json"
  # An identity token that docker keeps would make podman refuse to log in; there's no config.json in this folder.
  export REGISTRY_AUTH_FILE="$folder/auth.json" DOCKER_CONFIG="$folder"
  variable="REGISTRY_AUTH_FILE=$folder/auth.json"
  ;;
*) fail "client must be docker or podman, not \"$client\"" ;;
esac
for registry in $DOCKPASS_REGISTRY; do
  # shellcheck disable=SC2086 # more options of the client, as words
  printf '%s' "$password" | "$client" login ${DOCKPASS_CLIENT_OPTIONS:-} --username "$username" --password-stdin "$registry"
done
echo "$variable" >>"$GITHUB_ENV"
