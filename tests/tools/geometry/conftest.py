"""Small self-made boundary files in every format."""

import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from shapely import Polygon

HEADER = {
    "格式版本号": "1.01",
    "数据产生单位": "某测绘单位",
    "数据产生日期": "2026-6-15",
    "坐标系": "2000国家大地坐标系",
    "几度分带": "3",
    "投影类型": "高斯克吕格",
    "计量单位": "米",
    "带号": "38",
    "精度": "0.001",
    "转换参数": ",,,,,,",
}


class Writer:
    """Writes boundaries into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def bytes(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def text(self, name: str, content: str, encoding: str = "utf-8") -> Path:
        return self.bytes(name, content.encode(encoding))

    def geojson(self, geometry, crs="EPSG:4547", properties=None, name="boundary.geojson"):
        node = geometry if isinstance(geometry, dict) else json.loads(shapely.to_geojson(geometry))
        feature = {"type": "Feature", "properties": properties or {}, "geometry": node}
        document = {"type": "FeatureCollection", "features": [feature]}
        if crs:
            document["crs"] = {"type": "name", "properties": {"name": crs}}
        return self.text(name, json.dumps(document, ensure_ascii=False))

    def vector(self, name, geometries, crs="EPSG:4547", fields=None, kind="Polygon", **options):
        from pyogrio.raw import write

        fields = fields or {"名称": ["拟建项目"] * len(geometries)}
        path = self.folder / name
        write(
            path,
            np.array([shapely.to_wkb(g) for g in geometries], dtype=object),
            field_data=[np.array(values, dtype=object) for values in fields.values()],
            fields=list(fields),
            geometry_type=kind,
            crs=crs,
            **options,
        )
        return path

    def txt(
        self,
        rings,
        *,
        header=None,
        count=None,
        area="",
        closed=True,
        plot="{count},{area},1,一号地块,面,,工业用地,1001,@",
        name="boundary.txt",
        encoding="gbk",
        newline="\r\n",
    ):
        """Write one plot; rings are arrays (n, 2) of east, north without the closing point."""
        lines = ["[属性描述]"]
        lines += [f"{k}={v}" for k, v in {**HEADER, **(header or {})}.items() if v is not None]
        lines.append("[地块坐标]")
        points, label = [], 1
        for number, ring in enumerate(rings, start=1):
            first = label
            for east, north in ring:
                points.append(f"J{label},{number},{north:.3f},{east:.3f}")
                label += 1
            if closed:
                points.append(f"J{first},{number},{ring[0][1]:.3f},{ring[0][0]:.3f}")
        lines.append(plot.format(count=len(points) if count is None else count, area=area))
        return self.text(name, newline.join(lines + points) + newline, encoding)

    def dxf(self, draw, *, version="R2010", encoding=None, units=6, name="boundary.dxf"):
        """Write a DXF; `draw` receives the model space."""
        import ezdxf

        document = ezdxf.new(version)
        document.header["$INSUNITS"] = units
        draw(document.modelspace())
        if encoding:
            document.encoding = encoding
        path = self.folder / name
        document.saveas(path, encoding=encoding)
        return path


@pytest.fixture
def write(tmp_path) -> Writer:
    return Writer(tmp_path)


@pytest.fixture
def plot() -> Polygon:
    """A plot with a hole and a three-decimal corner, EPSG:4547."""
    return Polygon(
        [
            (512_345.678, 3_412_345.123),
            (512_745.5, 3_412_350.25),
            (512_740, 3_412_700),
            (512_340, 3_412_690.001),
        ],
        [
            [
                (512_400, 3_412_400),
                (512_400, 3_412_450.5),
                (512_450.5, 3_412_450.5),
                (512_450.5, 3_412_400),
            ]
        ],
    )
