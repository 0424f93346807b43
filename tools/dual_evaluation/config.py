"""What a user writes: scheme, grid, inputs by variable, own figures, what the place does not have."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from cspon.errors import InputError
from cspon.schemas.base import Frozen
from tools.dual_evaluation.variables import variables
from tools.library.reading import read_yaml

Resampling = Literal["nearest", "bilinear", "average", "mode"]
PartName = Literal["ecology", "agriculture", "urban", "carrying"]
PARTS: tuple[PartName, ...] = ("ecology", "agriculture", "urban", "carrying")


class RasterInput(Frozen):
    """A raster file; value = stored · scale + offset."""

    kind: Literal["raster"]
    file: str
    band: int | None = Field(None, ge=1)
    unit: str = ""
    scale: float = Field(1.0, gt=0)
    offset: float = 0.0
    nodata: float | None = None
    resampling: Resampling | None = None
    """None: the file must lie on the grid."""


class LayerInput(Frozen):
    """A layer of the catalogue by its role, for what a variable's default does not say."""

    kind: Literal["layer"]
    role: str
    unit: str = ""
    resampling: Resampling | None = None
    field: str | None = None
    classes: dict[str, str] = Field(default_factory=dict)
    outside: str | None = None


class VectorInput(Frozen):
    """Polygons with a category."""

    kind: Literal["vector"]
    file: str
    layer: str | None = None
    field: str
    classes: dict[str, str] = Field(default_factory=dict)
    """Value of the field to category; values that are not listed stand for themselves."""


class TableInput(Frozen):
    """Values by unit (CSV with heading): the unit's name or code, and the value or category."""

    kind: Literal["table"]
    file: str
    key: str
    value: str
    unit: str = ""


class StationInput(Frozen):
    """Station points (CSV with heading) that are interpolated."""

    kind: Literal["stations"]
    file: str
    x: str = "x"
    y: str = "y"
    epsg: int | None = None
    """Of x and y; None: as the grid."""
    value: str
    height: str | None = None
    """Column of the station's height, m; with it the value is reduced to height 0 and back."""
    lapse_per_100m: float | None = None
    """Fall of the value for every 100 m; None: from the scheme's parameters."""
    unit: str = ""
    smoothing: float = Field(0.0, ge=0)


class ConstantInput(Frozen):
    """One value everywhere, and why that holds."""

    kind: Literal["constant"]
    value: float | str
    unit: str = ""
    why: str = Field(min_length=1)


class DailyRainInput(Frozen):
    """Daily rain of stations, for the rain erosivity."""

    kind: Literal["daily_rain"]
    file: str
    """CSV with station, date (YYYY-MM-DD) and rain."""
    stations: str
    """CSV with station, x and y."""
    station: str = "站点"
    date: str = "日期"
    rain: str = "降水量"
    unit: str = "mm"
    x: str = "x"
    y: str = "y"
    epsg: int | None = None


class DailyWindInput(Frozen):
    """Daily mean wind of stations, for the weather factor of wind erosion."""

    kind: Literal["daily_wind"]
    file: str
    """CSV with station, date (YYYY-MM-DD) and daily mean wind, m/s."""
    stations: str
    """CSV with station, x and y."""
    station: str = "站点"
    date: str = "日期"
    wind: str = "风速"
    height_m: float = Field(10.0, gt=0, le=100)
    """Of the instrument above the ground."""
    x: str = "x"
    y: str = "y"
    epsg: int | None = None


class MonthlyClimateInput(Frozen):
    """Monthly temperature and humidity of stations, for the climate's comfort."""

    kind: Literal["monthly_climate"]
    file: str
    """CSV with x, y, height and twelve columns each."""
    temperature: str = "T{month}"
    """Column of the mean temperature, ℃, of month 1 to 12."""
    humidity: str = "H{month}"
    """Column of the relative humidity, %."""
    height: str = "高程"
    x: str = "x"
    y: str = "y"
    epsg: int | None = None


AnyInput = Annotated[
    RasterInput
    | LayerInput
    | VectorInput
    | TableInput
    | StationInput
    | ConstantInput
    | DailyRainInput
    | DailyWindInput
    | MonthlyClimateInput,
    Field(discriminator="kind"),
]


class GridChoice(Frozen):
    """The evaluation grid; as the elevation raster where nothing is said."""

    cell: float | None = Field(None, gt=0)
    """Metres; then the grid covers the area of evaluation on whole multiples."""


class UnitData(Frozen):
    """Yearly water for carrying scale (CSV with heading), m³."""

    file: str
    key: str = "单元"
    agriculture_water: str = "农业可用水量"
    urban_water: str = "城镇可用水量"
    rainfed_ha: str | None = "雨养耕地"


class Scenario(Frozen):
    """Changed climate and technology: factors on variables and parameters."""

    title: str
    variables: dict[str, float] = Field(default_factory=dict)
    """Variable to the factor on its values."""
    parameters: dict[str, float] = Field(default_factory=dict)
    """Parameter of the scheme to the factor on it."""
    water: float = Field(1.0, gt=0)
    """Factor on the water that is to be had."""


class DualConfig(Frozen):
    """One 双评价."""

    title: str = "双评价"
    scheme: str = "2020"
    parts: tuple[PartName, ...] = PARTS
    grid: GridChoice = GridChoice()
    unit_role: str = "admin_town"
    """Layer of the units that areas are told by."""
    inputs: dict[str, AnyInput] = Field(default_factory=dict)
    absent: dict[str, str] = Field(default_factory=dict)
    """Variable that the place does not have to the reason (本县不临海)."""
    overrides: dict[str, Any] = Field(default_factory=dict)
    methods: dict[str, str] = Field(default_factory=dict)
    """Step (`ecology.sand_fixation`) to another of its methods (`rweq`)."""
    water: UnitData | None = None
    centre: tuple[float, float] | None = None
    """Of the central town, in the grid's coordinates; the travel time is to it."""
    scenarios: tuple[Scenario, ...] = ()


def read_config(file: Path) -> DualConfig:
    """Read a configuration from YAML.

    Raises:
        InputError: no such file, no YAML, or a field that is wrong.
    """
    return parse_config(read_yaml(file), file)


def parse_config(raw: Any, file: Path | None = None) -> DualConfig:
    """Check a configuration that was read.

    Raises:
        InputError: a field that is wrong, or a variable that does not exist.
    """
    try:
        config = DualConfig.model_validate(raw or {})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise InputError(
            f"双评价配置有误：{first['msg']}", file=file, field=field, mend=f"改正 {field}"
        ) from None
    check_names(config, file)
    return config


def check_names(config: DualConfig, file: Path | None = None) -> None:
    """Check that every variable that is named exists, and none is both given and absent.

    Raises:
        InputError: one does not.
    """
    known = variables()
    named = [*config.inputs, *config.absent, *(v for s in config.scenarios for v in s.variables)]
    for name in named:
        if name not in known:
            raise InputError(
                f"没有名为 {name} 的因子",
                file=file,
                field=name,
                mend=f"可用：{'、'.join(known)}",
            )
    both = sorted(set(config.inputs) & set(config.absent))
    if both:
        raise InputError(
            f"{both[0]} 既给了数据又声明为没有", file=file, field=both[0], mend="只保留一处"
        )
