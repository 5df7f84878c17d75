"""Generated from every schema by scripts/generate_proto.py; never edited."""
