"""Tests, and what they share: strategies, the oracle, vectors."""
