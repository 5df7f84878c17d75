"""Generated from proto/cometbft by scripts/generate_proto.py; never edited."""
