"""Where things are: the checkout and what devstack keeps in it."""

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
DATA = CHECKOUT / ".data"
RUN_DATA = DATA / "run"
DEMO_DATA = DATA / "demo"
TEST_DATA = DATA / "test"
