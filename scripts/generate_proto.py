"""Generate the Python modules of every schema under `proto/` into `omg_abci/gen/`.

Guarantees of the generated package:

* every module lives inside `omg_abci.gen`, so no top-level name such as `tendermint` is taken;
* every descriptor is registered under a file name that starts with `omg_abci/gen/`, and the
  messages of CometBFT under the package `omg_abci.tendermint`, so that another installed package
  may register the same schemas (neither name ever reaches a socket);
* the output depends on the schemas and on the version of the compiler only.

The schemas themselves stay as other languages want them: package `tendermint.abci`, imports
relative to `proto/`. `--check` writes nothing and fails when the generated files are stale.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from importlib import resources
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
SCHEMAS = ROOT / "proto"
PACKAGE_PATH = "omg_abci/gen"
GENERATED = ROOT / PACKAGE_PATH
SUFFIXES = (".py", ".pyi")

# The stub generators of mypy-protobuf stand beside the interpreter, on PATH or not.
SCRIPTS = Path(sys.executable).parent
STUBS = ("mypy", "mypy_grpc")

_OWN_IMPORT = re.compile(r'^(import\s+(?:public\s+)?")(?!google/)', re.MULTILINE)
_COMETBFT_PACKAGE = re.compile(r"^package tendermint\.", re.MULTILINE)
_SERVICE = re.compile(r"^service\s", re.MULTILINE)


class ProtocError(Exception):
    """Say that the schema compiler refused the schemas; its own message is on stderr."""


def rewrite_schema(text: str) -> str:
    """Return the schema as it is compiled: own imports and CometBFT's package prefixed."""
    text = _OWN_IMPORT.sub(rf"\g<1>{PACKAGE_PATH}/", text)
    return _COMETBFT_PACKAGE.sub("package omg_abci.tendermint.", text)


def _compile(source: Path, output: Path, names: list[str], flags: list[str]) -> None:
    if not names:
        return
    well_known = str(resources.files("grpc_tools") / "_proto")
    arguments = ["protoc", f"-I{source}", f"-I{well_known}"]
    arguments += [f"--plugin=protoc-gen-{name}={SCRIPTS / f'protoc-gen-{name}'}" for name in STUBS]
    arguments += [f"--{flag}{output}" for flag in flags]
    if protoc.main(arguments + names) != 0:
        raise ProtocError(" ".join(names))


def _package_docstring(directory: Path, root: Path) -> str:
    where = directory.relative_to(root).as_posix()
    what = "every schema" if where == "." else f"proto/{where}"
    return f'"""Generated from {what} by scripts/generate_proto.py; never edited."""\n'


def generate(schemas: Path) -> dict[str, str]:
    """Return the text of each generated file by its path below `omg_abci/gen`.

    Raises:
        ProtocError: if the compiler refuses a schema.
    """
    with tempfile.TemporaryDirectory() as scratch:
        source, output = Path(scratch, "source"), Path(scratch, "output")
        output.mkdir()
        messages, services = [], []
        for schema in sorted(schemas.rglob("*.proto")):
            name = f"{PACKAGE_PATH}/{schema.relative_to(schemas).as_posix()}"
            text = rewrite_schema(schema.read_text(encoding="utf-8"))
            target = source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
            messages.append(name)
            if _SERVICE.search(text):
                services.append(name)
        _compile(source, output, messages, ["python_out=", "mypy_out=quiet:"])
        _compile(source, output, services, ["grpc_python_out=", "mypy_grpc_out=quiet:"])
        root = output / PACKAGE_PATH
        root.mkdir(parents=True, exist_ok=True)
        for directory in (root, *(path for path in root.rglob("*") if path.is_dir())):
            text = _package_docstring(directory, root)
            (directory / "__init__.py").write_text(text, encoding="utf-8")
        return _read_tree(root)


def _read_tree(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(root.rglob("*"))
        if path.suffix in SUFFIXES
    }


def find_stale(wanted: dict[str, str], present: dict[str, str]) -> list[str]:
    """Return the sorted paths whose text differs, is missing or has no schema any more."""
    return sorted(
        name for name in wanted.keys() | present.keys() if wanted.get(name) != present.get(name)
    )


def write(wanted: dict[str, str], stale: list[str], root: Path) -> None:
    """Write or delete the stale files below root."""
    for name in stale:
        path = root / name
        if name in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[name], encoding="utf-8")
        else:
            path.unlink()


def main() -> int:
    """Generate, or with `--check` compare; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail when stale")
    check = parser.parse_args().check
    try:
        wanted = generate(SCHEMAS)
    except ProtocError as error:
        sys.stderr.write(f"the compiler refused the schemas: {error}\n")
        return 2
    stale = find_stale(wanted, _read_tree(GENERATED))
    if not check:
        write(wanted, stale, GENERATED)
    for name in stale:
        sys.stderr.write(f"{'stale' if check else 'updated'}: {PACKAGE_PATH}/{name}\n")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
