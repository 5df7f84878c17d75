"""Generated from proto/cometbft/crypto by scripts/generate_proto.py; never edited."""
