#!/bin/sh
# As in the official image: options alone are meant for mongod.
set -eu

case "${1:-}" in
  -*) exec mongod "$@" ;;
  *) exec "$@" ;;
esac
