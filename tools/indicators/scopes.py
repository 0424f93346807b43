"""The part of a place that indicators are computed for: all of it, a town, or its urban area."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from cspon.errors import InputError
from cspon.schemas.spatial import LayerCatalogue, LayerSpec
from tools.geometry.area import ellipsoidal_area_m2
from tools.indicators.model import ScopeKind
from tools.layer_health import Finding
from tools.layer_inspection import inspect_layer
from tools.layers import layer_by_role
from tools.library.values import CatalogueLayer, Layer, specs_of
from tools.operators.functions.overlay import clip

URBAN = "城区"
URBAN_ROLE, TOWN_ROLE, BOUNDARY_ROLE = "urban_area", "admin_town", "urban_development_boundary"
OWN_URBAN_AREA = (
    "城区范围没有专门图层，以城镇开发边界在面积最大的一个乡镇（街道）内的部分代替（软件自定义）"
)


@dataclass
class ScopedLayers:
    """The layers of a place, read once and cut to a scope."""

    folder: Path
    catalogue: LayerCatalogue
    kind: ScopeKind
    name: str
    mask: Layer | None = None
    within: "ScopedLayers | None" = None
    """The whole place that this is a part of: what it has read and inspected serves every part."""
    remarks: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    _read: dict[str, Layer | CatalogueLayer] = field(default_factory=dict)
    _problems: dict[str, InputError | None] = field(default_factory=dict)
    _trees: dict[str, shapely.STRtree] = field(default_factory=dict)

    def part(self, kind: ScopeKind, name: str, mask: Layer | None = None) -> "ScopedLayers":
        """Return a part of this place; findings and remarks are those of the place."""
        return ScopedLayers(
            self.folder,
            self.catalogue,
            kind,
            name,
            mask,
            within=self,
            remarks=self.remarks,
            findings=self.findings,
            _problems=self._problems,
        )

    def town(self, name: str) -> "ScopedLayers":
        """Return the part that a town is.

        Raises:
            InputError: there is no such town.
        """
        return self.part("town", name, _town(self.folder, self.catalogue, name))

    def spec(self, role: str) -> LayerSpec | None:
        """Return the entry of a role; the urban area falls back on what it is made from."""
        found = layer_by_role(self.catalogue, role)
        if found is None and role == URBAN_ROLE:
            return layer_by_role(self.catalogue, BOUNDARY_ROLE)
        return found

    def problem(self, role: str) -> InputError | None:
        """Return why the layer of a role cannot be used; what is less wrong goes to `findings`."""
        if role not in self._problems:
            self._problems[role] = None
            spec = self.spec(role)
            try:
                if spec is not None:
                    self.findings += inspect_layer(spec, self.catalogue, self.folder)
            except InputError as error:
                self._problems[role] = error
        return self._problems[role]

    def layer(self, role: str) -> Layer | CatalogueLayer | None:
        """Return the layer of a role inside the scope, or None when the place has none.

        Raises:
            InputError: the layer is wrong.
        """
        if role not in self._read:
            found = self._whole(role) if self.within is None else self.within.layer(role)
            if found is None:
                return None
            if self.mask is not None and role != URBAN_ROLE:
                assert self.within is not None
                found = clip(self.within.near(role, found.whole(), self.mask), self.mask)["result"]
            self._read[role] = found
        return self._read[role]

    def near(self, role: str, layer: Layer, mask: Layer) -> Layer:
        """Return the features of a layer whose boxes meet a mask, in the order of the layer."""
        if role not in self._trees:
            self._trees[role] = shapely.STRtree(layer.geometries)
        found = self._trees[role].query(mask.geometries)[1]
        return layer.take(np.unique(found))

    def _whole(self, role: str) -> Layer | CatalogueLayer | None:
        spec = layer_by_role(self.catalogue, role)
        if spec is not None:
            whole = CatalogueLayer(spec, self.folder)
            try:
                return whole.whole()
            except InputError:
                return whole
        return self._urban() if role == URBAN_ROLE else None

    def _urban(self) -> Layer | None:
        """Make the urban area from the development boundary and the towns."""
        boundary = layer_by_role(self.catalogue, BOUNDARY_ROLE)
        towns = layer_by_role(self.catalogue, TOWN_ROLE)
        if boundary is None or towns is None:
            return None
        outline = CatalogueLayer(boundary, self.folder).whole()
        parts = CatalogueLayer(towns, self.folder).whole()
        whole = shapely.union_all(shapely.make_valid(outline.geometries))
        pieces = [
            shapely.intersection(whole, shapely.make_valid(town)) for town in parts.geometries
        ]
        if not pieces:
            return None
        largest = max(pieces, key=lambda piece: ellipsoidal_area_m2(piece, outline.epsg))
        self.remarks.append(OWN_URBAN_AREA)
        return Layer(
            "polygon",
            outline.epsg,
            np.array([largest], dtype=object),
            {},
            specs_of(outline, parts),
        )


def scoped_layers(folder: Path, catalogue: LayerCatalogue, scope: str) -> ScopedLayers:
    """Return the layers of a scope.

    Args:
        folder: Folder of the catalogue.
        catalogue: The layers.
        scope: `county` or the place's name, `urban` or 城区, or the name of a town.

    Raises:
        InputError: there is no such town, or no layer to tell the urban area by.
    """
    place = ScopedLayers(folder, catalogue, "county", catalogue.region_name)
    if scope in ("county", "县域", "市域", catalogue.region_name):
        return place
    if scope in ("urban", URBAN):
        found = place.part("urban", URBAN)
        area = found.layer(URBAN_ROLE)
        if area is None:
            raise InputError(
                "没有城区范围，也没有可代替的城镇开发边界与乡镇图层",
                field="scope",
                mend=f"在 layers.yaml 中加入角色为 {URBAN_ROLE} 的图层",
            )
        found.mask = area.whole()
        return found
    return place.town(scope)


def towns(folder: Path, catalogue: LayerCatalogue) -> tuple[str, ...]:
    """List the names of the towns, in the order of the layer."""
    spec = layer_by_role(catalogue, TOWN_ROLE)
    if spec is None or spec.name_field is None:
        return ()
    names = CatalogueLayer(spec, folder).whole().column("name").tolist()
    return tuple(dict.fromkeys(str(name) for name in names))


def town_shapes(folder: Path, catalogue: LayerCatalogue) -> dict[str, Any]:
    """Return the polygon of each town, by name; empty when the place has no town layer."""
    spec = layer_by_role(catalogue, TOWN_ROLE)
    if spec is None or spec.name_field is None:
        return {}
    layer = CatalogueLayer(spec, folder).whole()
    names = layer.column("name").astype(str)
    return {
        n: shapely.union_all(layer.geometries[names == n])
        for n in dict.fromkeys(np.unique(names).tolist())
    }


def _town(folder: Path, catalogue: LayerCatalogue, name: str) -> Layer:
    spec = layer_by_role(catalogue, TOWN_ROLE)
    known = towns(folder, catalogue)
    if spec is None or name not in known:
        listed = "、".join(known[:30]) or "（目录没有乡镇图层）"
        raise InputError(
            f"没有“{name}”这个范围", field="scope", mend=f"可用 county、城区；乡镇：{listed}"
        )
    layer = CatalogueLayer(spec, folder).whole()
    return layer.take(layer.column("name") == name)
