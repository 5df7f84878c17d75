"""The picture is drawn of whatever a result holds."""

from pathlib import Path

import pytest

from omg_abci.bench.figures import NAMES
from omg_abci.bench.peers import PEERS
from omg_abci.bench.plot import draw_document
from tests.bench.documents import make_whole


@pytest.mark.parametrize("names", [NAMES, ("match",), ("state",), ("growth",), ("e2e_single",), ()])
def test_any_figures_can_be_drawn(tmp_path: Path, names: tuple[str, ...]) -> None:
    """All figures, one of each kind, and none."""
    document = make_whole(0.7)
    document["figures"] = [each for each in document["figures"] if each["name"] in names]
    draw_document(document, tmp_path / "all.png")
    assert (tmp_path / "all.png").read_bytes().startswith(b"\x89PNG")


def test_same_result_same_picture(tmp_path: Path) -> None:
    """A drawing as SVG is the same bytes each time."""
    for name in ("one.svg", "two.svg"):
        draw_document(make_whole(control=1.0), tmp_path / name)
    one, two = (tmp_path / name for name in ("one.svg", "two.svg"))
    assert one.read_bytes() == two.read_bytes()


def test_figures_without_value_or_stages(tmp_path: Path) -> None:
    """What could not be measured is left out."""
    document = make_whole()
    document["commit"] = None
    for figure in document["figures"]:
        if figure["name"] == "e2e_batch":
            figure["value"] = None
        figure["stages"] = None
    draw_document(document, tmp_path / "part.png")
    assert (tmp_path / "part.png").stat().st_size > 10_000


def test_peers_belong_to_figures() -> None:
    """Whoever is compared with us is compared with a figure that there is."""
    assert all(place.split()[0] in NAMES for place in PEERS)
    assert all(peer.value > 0 for peers in PEERS.values() for peer in peers)
