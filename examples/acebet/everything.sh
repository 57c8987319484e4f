#!/usr/bin/env bash
# From an empty folder to an image: bash everything.sh [--data DIR] [--season YEAR]
#
# Every line is what one would type. Without --data, seasons are downloaded from their publisher.
# An image needs something that brings its Python: HOLDFAST_IMAGE_BASE names it.
set -euo pipefail
cd "$(dirname "$0")"

step() { printf '\n== %s (%ds)\n' "$*" "$SECONDS" >&2; }

data=()
season=()
while [ $# -gt 0 ]; do
    case $1 in
        --data) data=(--data "$(cd "$OLDPWD" && cd "$2" && pwd)") ;;
        --season) season=(--season "$2") ;;
        *) echo "usage: bash everything.sh [--data DIR] [--season YEAR]" >&2; exit 2 ;;
    esac
    shift 2
done
export MLFLOW_TRACKING_URI=sqlite:///mlflow.db
model=models:/acebet@champion

step "the environment"
uv sync --quiet

step "train, register, choose a champion"
uv run --no-sync acebet train "${data[@]}" "${season[@]}"

step "the champion, restored and proven"
uv run --no-sync holdfast show "$model"
uv run --no-sync holdfast verify "$model"

step "served, and asked"
uv run --no-sync holdfast serve "$model" --port 0 2>serve.log &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
for _ in $(seq 240); do
    address=$(grep -o 'http://127.0.0.1:[0-9]*' serve.log | head -1) && break
    kill -0 "$server" || { cat serve.log >&2; exit 3; }
    sleep 0.5
done
uv run --no-sync acebet features "${data[@]}" "Novak Djokovic" "Carlos Alcaraz" 2023-11-20 Hard \
    >question.json
curl --fail --silent --show-error --retry 30 --retry-connrefused --json @question.json \
    "$address/invocations"
echo
kill "$server"
wait "$server" || true
trap - EXIT

if [ -n "${HOLDFAST_IMAGE_BASE:-}" ]; then
    step "an image"
    uv run --no-sync holdfast image "$model" -o acebet.oci
else
    step "no image: set HOLDFAST_IMAGE_BASE to what brings its Python, and run"
    echo "uv run holdfast image $model -o acebet.oci" >&2
fi
step "done"
