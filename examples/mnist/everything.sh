#!/usr/bin/env bash
# Everything, end to end, in this folder:
#   bash everything.sh               # downloads MNIST (11 MB)
#   bash everything.sh --data DIR    # with MNIST's files that are there already
set -euo pipefail

data=()
if [ "${1:-}" = --data ]; then
    data=(--data "$(realpath "$2")")
fi
cd "$(dirname "$0")"
export MLFLOW_TRACKING_URI=sqlite:///mlflow.db
step() { printf '\n== %s\n' "$*"; }

step "The environment, from the lock"
uv sync

step "Training: logged, sealed, registered"
uv run digits train "${data[@]}"
uv run holdfast show models:/digits@champion

step "The sealed model, in an environment of its own, on digits it has never seen"
uv run holdfast verify models:/digits@champion
uv run digits evaluate "${data[@]}" --at-least 0.97

step "A drawing"
uv run digits predict seven.png

step "The same, asked of a server"
port=$(uv run python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
uv run holdfast serve models:/digits@champion --port "$port" &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
curl --silent --fail --output /dev/null \
    --retry 120 --retry-delay 1 --retry-all-errors "http://127.0.0.1:$port/ping"
uv run digits predict seven.png --server "http://127.0.0.1:$port"
kill "$server"
wait "$server"
trap - EXIT

step "An image"
if [ -n "${HOLDFAST_IMAGE_BASE:-}" ]; then
    uv run holdfast image models:/digits@champion --slim -o digits.oci
else
    echo "left out: HOLDFAST_IMAGE_BASE names what brings an image its Python, say"
    echo "  HOLDFAST_IMAGE_BASE=registry.example/python:3.12-slim bash everything.sh"
fi
