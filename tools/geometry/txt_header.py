"""The `[属性描述]` section of a boundary point file: datum, zone, projection and unit."""

import re
from pathlib import Path

from cspon.errors import InputError
from tools.geometry.crs import OTHER_DATUM_MEND, Zone, zone_by_number, zone_numbers

FORMAT_MEND = "请按界址点坐标交换格式改正该行后重试"


class TxtHeader:
    """Collects key=value lines, then checks what they say about the coordinates."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.attributes: dict[str, tuple[int, str]] = {}
        self.notices: list[str] = []

    def add(self, line: str, row: int) -> None:
        """Keep a key=value line; other lines of the section say nothing that is needed."""
        key, separator, value = line.partition("=")
        if not separator:
            key, separator, value = line.partition(":")
        if separator:
            self.attributes[key.strip()] = (row, value.strip())

    @property
    def stated_by(self) -> str:
        """The words that state the zone, for messages."""
        return f"文件头“带号={self.attributes['带号'][1]}”" if "带号" in self.attributes else ""

    def _error(self, message: str, row: int | None, field: str, mend: str = "") -> InputError:
        return InputError(message, file=self.file, row=row, field=field, mend=mend or FORMAT_MEND)

    def stated_zone(self) -> Zone | None:
        """Check the header and return the zone that it states, without prefix."""
        row, datum = self.attributes.get("坐标系", (None, ""))
        if re.search(r"80|西安|54|北京|WGS", datum, re.IGNORECASE):
            raise self._error(
                f"坐标系是“{datum}”，不是 2000 国家大地坐标系", row, "坐标系", OTHER_DATUM_MEND
            )
        if "2000" not in datum and "CGCS" not in datum.upper():
            if datum:
                raise self._error(f"坐标系“{datum}”无法识别", row, "坐标系")
            self.notices.append("文件头没有写坐标系，按 2000 国家大地坐标系处理，请核对")
        row, unit = self.attributes.get("计量单位", (None, ""))
        if unit not in ("", "米", "m", "M", "公尺"):
            raise self._error(f"计量单位是“{unit}”，应为米", row, "计量单位")
        row, projection = self.attributes.get("投影类型", (None, ""))
        if projection and "高斯" not in projection and "gauss" not in projection.lower():
            raise self._error(f"投影类型是“{projection}”，应为高斯-克吕格", row, "投影类型")
        _, shift = self.attributes.get("转换参数", (None, ""))
        if any(part.strip(" 0.") for part in shift.split(",")):
            self.notices.append("文件头写有转换参数；坐标按原值使用，没有套用转换参数")
        return self._zone_of_header()

    def _zone_of_header(self) -> Zone | None:
        row, text = self.attributes.get("带号", (None, ""))
        digits = re.sub(r"[^\d]", "", text)
        width_row, width_text = self.attributes.get("几度分带", (None, ""))
        width_digits = re.sub(r"[^\d]", "", width_text)
        if width_digits not in ("", "3", "6"):
            raise self._error(f"几度分带是“{width_text}”，应为 3 或 6", width_row, "几度分带")
        if not digits:
            return None
        zone = zone_by_number(int(digits[:6]), prefixed=False)
        if zone is None:
            raise self._error(
                f"带号 {text} 不是我国的带号（3 度带 25～45，6 度带 13～23）", row, "带号"
            )
        if width_digits and zone.width != int(width_digits):
            numbers = zone_numbers(int(width_digits))
            raise self._error(
                f"几度分带={width_text} 与带号={text} 矛盾："
                f"{width_digits} 度带的带号是 {numbers[0]}～{numbers[-1]}",
                row,
                "带号",
            )
        return zone
