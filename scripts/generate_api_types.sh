#!/usr/bin/env bash
# Writes frontend/src/api/schema.ts from the application's own OpenAPI document.
# With --check nothing is written: exit 1 if the file is not what would be written.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=frontend/src/api/schema.ts
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

.venv/bin/python -m plexcut.web.openapi >"$work/openapi.json"
.venv/bin/python scripts/page.py npm exec --no -- openapi-typescript "$work/openapi.json" --output "$work/schema.ts" >&2

if [ "${1:-}" = --check ]; then
    if ! diff -u "$target" "$work/schema.ts" >"$work/diff" 2>&1; then
        head -n 40 "$work/diff" >&2
        echo "plexcut: $target is not what the OpenAPI document says; run: make types" >&2
        exit 1
    fi
else
    cp "$work/schema.ts" "$target"
fi
