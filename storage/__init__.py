"""Postgres: one file per aggregate, and the SQL migrations."""
