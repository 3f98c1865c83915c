"""Hands: what a journey has done for it. Each activity is idempotent."""
