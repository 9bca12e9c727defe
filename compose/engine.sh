#!/bin/sh
# Starts the engine as its image does, with the database's password from a file: what is set in the compose file can be
# read by everybody who may ask docker.
set -eu
POSTGRES_PWD=$(cat /run/secrets/temporal-db-password)
export POSTGRES_PWD
exec /etc/temporal/entrypoint.sh
