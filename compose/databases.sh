#!/bin/sh
# Makes the three users and their databases, and gives the users the passwords that are set now.
# Runs at every start; changes nothing else that is already so.
set -eu

secret() { # name
  cat "${SECRETS:-/run/secrets}/$1"
}

# In the environment of this shell and of psql, not in their arguments, which everybody on the machine can read.
PGPASSWORD=$(secret postgres-password)
TEMPORAL_DB_PASSWORD=$(secret temporal-db-password)
CASELOAD_DB_PASSWORD=$(secret caseload-db-password)
KEYS_DB_PASSWORD=$(secret keys-db-password)
export PGPASSWORD TEMPORAL_DB_PASSWORD CASELOAD_DB_PASSWORD KEYS_DB_PASSWORD

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --dbname postgres <<'SQL'
\getenv temporal_password TEMPORAL_DB_PASSWORD
\getenv caseload_password CASELOAD_DB_PASSWORD
\getenv keys_password KEYS_DB_PASSWORD
SELECT 'CREATE ROLE temporal LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'temporal') \gexec
SELECT 'CREATE ROLE homeward LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'homeward') \gexec
SELECT 'CREATE ROLE homeward_keys LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'homeward_keys') \gexec
ALTER ROLE temporal PASSWORD :'temporal_password';
ALTER ROLE homeward PASSWORD :'caseload_password';
ALTER ROLE homeward_keys PASSWORD :'keys_password';
SELECT format('CREATE DATABASE %I OWNER %I', name, owner)
  FROM (VALUES ('temporal', 'temporal'), ('temporal_visibility', 'temporal'), ('homeward', 'homeward'),
               ('homeward_keys', 'homeward_keys')) AS wanted (name, owner)
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = name) \gexec
-- No user reads another's database.
REVOKE CONNECT ON DATABASE temporal, temporal_visibility, homeward, homeward_keys FROM PUBLIC;
SQL

echo 'users and databases: ready'
