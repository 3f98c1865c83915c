"""Signed webhooks of shops: each source has one adapter, which checks the signature and tells the same events."""
