"""Generated from proto/cometbft/version by scripts/generate_proto.py; never edited."""
