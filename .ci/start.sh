#!/usr/bin/env bash
# Runs the start command of the README on an empty memory database and waits until the example answers with its metadata.
set -um
command=$1
export PORT=${START_PORT:-19971} DATABASE_URL=memory:
# Job control gives the command a process group of its own: the wrappers around the server do not pass a signal on.
bash -c "$command" &
pid=$!
trap 'kill -TERM -- "-$pid" 2>/dev/null; wait "$pid" 2>/dev/null' EXIT

for _ in $(seq 1 120); do
  if curl -fsS "http://127.0.0.1:$PORT/.well-known/oauth-protected-resource/mcp" 2>/dev/null; then
    echo
    status=$(curl -s -o /dev/null -w '%{http_code}' -X POST -H 'content-type: application/json' -d '{}' "http://127.0.0.1:$PORT/mcp")
    [ "$status" = 401 ] && exit 0
    echo "/mcp without a token answered $status instead of 401"
    exit 1
  fi
  kill -0 "$pid" 2>/dev/null || { echo 'the example ended'; exit 1; }
  sleep 1
done
echo 'the example did not answer within 120 seconds'
exit 1
