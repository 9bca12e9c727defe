#!/bin/sh
# Brings the engine's two databases to the schema of this engine's version. Runs at every start: it starts an empty
# database at 0.0, leaves a newer one as it is, and is how a newer engine's schema arrives.
# SQL_HOST, SQL_PORT, SQL_USER, SQL_PLUGIN and SQL_TLS_* say where and how; the password comes from a file.
set -eu
SQL_PASSWORD=$(cat /run/secrets/temporal-db-password)
export SQL_PASSWORD

bring_up() { # database, folder of its schema
  temporal-sql-tool --db "$1" setup-schema -v 0.0
  temporal-sql-tool --db "$1" update-schema -d "/etc/temporal/schema/postgresql/v12/$2/versioned"
}

bring_up temporal temporal
bring_up temporal_visibility visibility

echo 'engine schema: ready'
