#!/usr/bin/env bash
# The source distribution builds the wheel, and the wheel alone is the whole product.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
.venv/bin/python -m build --outdir "$work/dist" . >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q "$work"/dist/*.whl
cd "$work"
"$work/venv/bin/isogate" check "$OLDPWD/examples/relay.toml"
"$work/venv/bin/isogate" decode 30383030383232303030303030303030303030303034303030303030303030303030303031313233303030303030303030303031333031
"$work/venv/bin/python" - <<'PY'
from importlib import resources
for package in ("codec", "routing", "gateway", "bench"):
    assert (resources.files(package) / "py.typed").is_file(), package
assert list(resources.files("routing.mappings").iterdir())
for folder in ("boards", "dashboards", "rules", "rules/tests"):
    assert list(resources.files("gateway.ops").joinpath(folder).iterdir()), folder
PY
