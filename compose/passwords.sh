#!/bin/sh
# Makes the folder `secrets` with what the compose file needs in it; what is there stays. Run it once, on the machine
# that runs the containers: sh compose/passwords.sh
# The folder is its owner's alone. A file in it can be read by everybody who gets that far: docker lays each single file
# into the containers that need it, where programs run as users of their own.
set -eu
umask 077

folder=${1:-secrets}
mkdir -p "$folder"
chmod 0700 "$folder"

for name in postgres-password temporal-db-password caseload-db-password keys-db-password; do
  if [ ! -s "$folder/$name" ]; then
    # By letters and digits alone: one of them stands in a configuration of the engine.
    head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$folder/$name"
    echo "$folder/$name: made"
  fi
done
# What stays empty is not set.
for name in smtp-password webhook-secret transit-token transit-secret-id; do
  [ -e "$folder/$name" ] || : >"$folder/$name"
done
chmod 0444 "$folder"/*
