from dataclasses import dataclass
from pathlib import Path

import pytest

from tools.quality_check.packs import load_pack
from tools.quality_check.seeding.clean import clean_draft
from tools.quality_check.survey import Quality, check_database

PACK = "county_master_plan"


@dataclass
class Written:
    """A written database with its tables."""

    place: Path
    indicators: Path
    upper: Path

    def check(self, **more) -> Quality:
        given = {"indicators": self.indicators, "upper": self.upper, "workers": 1}
        return check_database(self.place, load_pack(PACK), **(given | more))

    @property
    def package(self) -> Path:
        return next((self.place / "空间数据").glob("*.gpkg"))


@pytest.fixture
def draft():
    """A clean database of 12 × 12 parcels that a test may spoil."""
    return clean_draft(12, 1)


@pytest.fixture
def write(tmp_path):
    def written(draft) -> Written:
        return Written(*draft.write(tmp_path))

    return written


def found(quality):
    """List what was found: check, layer, fid."""
    return [(f.check, f.layer, f.fid) for f in quality.findings]
