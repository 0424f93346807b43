"""How long an audit is kept: whole months are taken away, and the chain says so before they are."""

from pathlib import Path

from cspon.errors import InputError
from serving.audit.chain import Chain, archive_of, last_lines

SHORTEST_MONTHS = 6
"""GB/T 22239 asks that audit records be kept; six months is what 网络安全法 art. 21 names for network logs."""


def prune(file: Path, chain: Chain, *, keep_months: int, this_month: str, by: str) -> list[str]:
    """Remove the months before the last `keep_months`; return those removed, oldest first.

    Args:
        file: The audit file.
        chain: Its writer.
        keep_months: Months to keep, this one included.
        this_month: `YYYY-MM`.
        by: Who asks.

    Raises:
        InputError: fewer months than must be kept.
        SetupError: the chain cannot be written; then nothing is removed.
    """
    import json

    if keep_months < SHORTEST_MONTHS:
        raise InputError(
            f"审计记录至少保留 {SHORTEST_MONTHS} 个月", field="months", mend="加大保留月数"
        )
    year, month = map(int, this_month.split("-"))
    first = year * 12 + month - 1 - (keep_months - 1)
    oldest = f"{first // 12:04d}-{first % 12 + 1:02d}"
    gone = [part for part in sorted(archive_of(file).glob("*.jsonl")) if part.stem < oldest]
    if not gone:
        return []
    with gone[-1].open("rb") as lines:
        whole, _ = last_lines(lines.fileno(), gone[-1].stat().st_size)
    last = json.loads(whole or b"{}")
    chain.append(
        "audit.pruned",
        {
            "user": by,
            "months": [part.stem for part in gone],
            "last_seq": last.get("seq", 0),
            "last_mac": last.get("mac", ""),
        },
    )
    for part in gone:
        part.unlink()
    return [part.stem for part in gone]
