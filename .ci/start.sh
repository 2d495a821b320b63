#!/usr/bin/env bash
# Runs the start command of the README in an empty data folder and waits until the example answers with its metadata.
set -u
command=$1
port=${START_PORT:-34971}
export PORT=$port DATABASE_URL=memory:
# shellcheck disable=SC2086 # the command is a line of the README
$command &
pid=$!
trap 'kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null' EXIT
for _ in $(seq 1 120); do
  if curl -fsS "http://127.0.0.1:$port/.well-known/oauth-protected-resource/mcp" 2>/dev/null; then
    echo
    status=$(curl -s -o /dev/null -w '%{http_code}' -X POST -H 'content-type: application/json' -d '{}' "http://127.0.0.1:$port/mcp")
    [ "$status" = 401 ] || { echo "/mcp without a token answered $status instead of 401"; exit 1; }
    exit 0
  fi
  kill -0 "$pid" 2>/dev/null || { echo 'the example ended'; exit 1; }
  sleep 1
done
echo 'the example did not answer within 120 seconds'
exit 1
