#!/bin/sh
# Run once by the image of PostgreSQL, before it listens on the network: brandq's roles, and the passwords that deploy/compose-secrets drew.
set -eu
roles="psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username $POSTGRES_USER --dbname $POSTGRES_DB"
$roles --file /etc/brandq/roles.sql
# psql reads the files itself, so that no password stands in a list of processes
$roles <<'SQL'
\set owner `cat /run/secrets/postgres-owner-password`
\set app `cat /run/secrets/postgres-app-password`
ALTER ROLE brandq_owner LOGIN PASSWORD :'owner';
ALTER ROLE brandq_app LOGIN PASSWORD :'app';
SQL
