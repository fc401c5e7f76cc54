#!/bin/sh
# Runs a module (services.profiles, services.cli topics ensure ...) or any other command, as the container's process 1.
set -eu

# numba uses a cache only where it may write, and the image's file system may be read-only: it works on a copy.
if [ -z "${NUMBA_CACHE_DIR:-}" ]; then
  export NUMBA_CACHE_DIR="${TMPDIR:-/tmp}/kernels"
  { mkdir -p "$NUMBA_CACHE_DIR" && cp -R /app/kernels/. "$NUMBA_CACHE_DIR"; } \
    || echo "acquaint: recommendations needs a writable ${TMPDIR:-/tmp} or NUMBA_CACHE_DIR for its compiled kernels" >&2
fi

case "${1:-}" in
  services.*) exec python3 -m "$@" ;;
  *) exec "$@" ;;
esac
