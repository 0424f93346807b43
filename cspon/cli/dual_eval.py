"""`cspon dual-eval CONFIG`: 双评价 from a configuration, with maps, tables, report and run record."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cspon.cli.tables import print_json, say_saved, show_result
from cspon.errors import InputError
from cspon.settings import load_settings

if TYPE_CHECKING:
    from tools.dual_evaluation.evaluate import DualEvaluation
    from tools.dual_evaluation.inputs import Inputs
    from tools.dual_evaluation.readiness import Readiness
    from tools.dual_evaluation.sensitivity import Sensitivity
    from tools.raster.cluster import Cluster


def command(
    config: Annotated[
        Path | None, typer.Argument(help="双评价配置（YAML）；不给时按图层目录中的角色取数")
    ] = None,
    layers: Annotated[
        Path | None, typer.Option(help="图层目录（含 layers.yaml），默认演示县")
    ] = None,
    scheme: Annotated[str | None, typer.Option(help="2020（默认）或 2019")] = None,
    part: Annotated[
        list[str] | None,
        typer.Option(help="只做一部分，可重复：ecology、agriculture、urban、carrying"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="另存栅格、图斑、表格、地图、报告和运行记录的目录")
    ] = None,
    pdf: Annotated[bool, typer.Option("--pdf", help="报告另存 PDF（需 LibreOffice）")] = False,
    check: Annotated[bool, typer.Option("--check", help="只检查数据准备情况，不评价")] = False,
    show: Annotated[
        bool, typer.Option("--show", help="列出方案的阈值、来源与可改写的字段")
    ] = False,
    from_record: Annotated[
        Path | None, typer.Option(help="按运行记录 run.json 重新运行，并核对栅格是否逐像元相同")
    ] = None,
    base: Annotated[
        Path | None,
        typer.Option(help="与 --from-record 同用：输入文件现在所在的目录（记录生成后移动过）"),
    ] = None,
    place: Annotated[
        str | None,
        typer.Option(help="解释某地的限制因素：乡镇名、城北等方位，或坐标 x,y；几处用顿号分开"),
    ] = None,
    sensitivity: Annotated[
        list[str] | None,
        typer.Option(help="阈值敏感性分析，可重复：ecology、agriculture、urban"),
    ] = None,
    demo: Annotated[
        Path | None, typer.Option(help="在该目录生成演示县的双评价输入和配置（合成数据）")
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, help="并行计算的条带数；结果与逐条计算逐像元相同")
    ] = 1,
    ray: Annotated[
        bool,
        typer.Option("--ray", help="条带交给本机的 Ray 计算（可选安装项 ray），进程数为 --workers"),
    ] = False,
    ray_address: Annotated[
        str | None,
        typer.Option(help="已有 Ray 集群的地址 host:port；输入须在各节点以相同路径可读"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="标准输出为 JSON")] = False,
) -> int:
    """双评价：退出码 0 为已评价，1 为按记录重跑的结果不同，2 为输入有误或没有一项能评价."""
    from tools.dual_evaluation.config import PARTS, DualConfig, check_names, read_config
    from tools.dual_evaluation.evaluate import evaluate, prepare
    from tools.dual_evaluation.save import save_evaluation
    from tools.dual_evaluation.sensitivity import require_salib
    from tools.dual_evaluation.tool import outcome_of
    from tools.postgis.connection import one_state
    from tools.raster.cluster import Cluster

    if show:
        _show(scheme or "2020")
        return 0
    if demo is not None:
        from tools.dual_evaluation.demo_inputs import make_demo_inputs

        made_config = make_demo_inputs(load_settings(layers=layers).layers, demo)
        typer.echo(
            f"已生成 {made_config}，接着运行：cspon dual-eval {made_config} --out 结果", err=True
        )
        return 0
    cluster = Cluster(workers, ray_address) if ray or ray_address else None
    if from_record is not None:
        with one_state():
            return _again(
                from_record, out, layers=layers, base=base, workers=workers, cluster=cluster
            )
    if sensitivity:
        require_salib()
    wanted = read_config(config) if config is not None else DualConfig()
    for name in part or ():
        if name not in PARTS:
            raise InputError(
                f"没有“{name}”这一部分", field="part", mend=f"可用：{'、'.join(PARTS)}"
            )
    changes = {k: v for k, v in (("scheme", scheme), ("parts", tuple(part or ()) or None)) if v}
    wanted = wanted.model_copy(update=changes)
    check_names(wanted, config)
    folder = load_settings(layers=layers).layers
    beside = config.resolve().parent if config is not None else None
    with one_state(), tempfile.TemporaryDirectory(prefix="cspon-dual-") as work:
        if check:
            _readiness(*prepare(wanted, folder, work=Path(work), base=beside))
            return 0
        made = evaluate(
            wanted, folder, work=Path(work), base=beside, workers=workers, cluster=cluster
        )
        moved = _sensitivities(made, sensitivity or [])
        result = outcome_of(made, place=place, moved=tuple(moved))
        if out is not None:
            say_saved(*save_evaluation(made, result, out, pdf=pdf, moved=moved))
    if as_json:
        print_json(result)
    else:
        figures = [t.name for t in result.tables if t.name.endswith("_scheme")]
        lead = [p["headline"] for p in result.data["parts"]]
        lead += [found["text"] for found in result.data["explanations"]]
        show_result(result, lead=lead, skip=figures)
    done = any(p["status"] != "未评价" for p in result.data["parts"])
    return 0 if done or result.data["carrying"] else 2


def _sensitivities(made: "DualEvaluation", names: list[str]) -> list["Sensitivity"]:
    from tools.dual_evaluation.sensitivity import sensitivity

    return [sensitivity(made, name) for name in names]


def _show(scheme: str) -> None:
    from tools.dual_evaluation.overrides import CHANGEABLE
    from tools.dual_evaluation.scheme import load_scheme, methods_of
    from tools.dual_evaluation.sources import corroboration, formula_sources
    from tools.dual_evaluation.tables import figures_of

    found, methods = load_scheme(scheme), methods_of(scheme)
    typer.echo(f"{found.title}\n依据：{found.document}\n说明：{found.note}")
    for evaluation in found.evaluations:
        typer.echo(f"\n{evaluation.title}（{evaluation.id}）")
        for step in evaluation.steps:
            mark = "已核对" if step.verified else "未核对"
            typer.echo(f"  {evaluation.id}.{step.id}  {step.title}：{figures_of(step) or '—'}")
            typer.echo(f"      来源：{step.source}（{mark}）{step.note}")
            typer.echo(f"      旁证：{corroboration(step.secondary)}")
            fields = [name for name in type(step).model_fields if name in CHANGEABLE]
            typer.echo(f"      可改写：{'、'.join(fields)}")
            others = methods.get(f"{evaluation.id}.{step.id}")
            if others:
                typer.echo(f"      其他方法（methods）：{'、'.join(others)}")
    typer.echo("\n参数（parameters）")
    for name, value in found.parameters.items():
        typer.echo(
            f"  parameters.{name}  {value.title} {value.value:g} {value.unit}；来源：{value.source}。{value.note}"
        )
        typer.echo(f"      旁证：{corroboration(value.secondary)}")
    typer.echo("\n公式与通用数值")
    for formula in formula_sources():
        mark = "已核对" if formula.verified else "未核对"
        typer.echo(f"  {formula.title}：{formula.figures}")
        typer.echo(
            f"      来源：{formula.source}（{mark}）；旁证：{corroboration(formula.secondary)}"
        )


def _readiness(inputs: "Inputs", rows: tuple["Readiness", ...]) -> None:
    from cspon.cli.tables import console, print_table
    from tools.dual_evaluation.readiness import readiness_table

    print_table(console(), readiness_table(rows))
    for notice in inputs.notices:
        typer.echo(f"注意：{notice}", err=True)


def _again(
    file: Path,
    out: Path | None,
    *,
    layers: Path | None,
    base: Path | None,
    workers: int,
    cluster: "Cluster | None",
) -> int:
    """Run a record again and compare every raster, pixel by pixel."""
    from tools.dual_evaluation.evaluate import evaluate
    from tools.dual_evaluation.record import compare, read_record, record_of
    from tools.dual_evaluation.save import save_evaluation
    from tools.dual_evaluation.tool import outcome_of

    record = read_record(file)
    recorded = Path(record.config_folder) if record.config_folder else None
    beside = None if recorded is None else base or recorded
    folder = layers or Path(record.layers)
    with tempfile.TemporaryDirectory(prefix="cspon-dual-") as work:
        made = evaluate(
            record.config, folder, work=Path(work), base=beside, workers=workers, cluster=cluster
        )
        if out is not None:
            say_saved(*save_evaluation(made, outcome_of(made), out))
        told = compare(record, record_of(made))
    for line in told:
        typer.echo(line)
    if not told:
        typer.echo(f"重新运行的 {len(record.rasters)} 幅栅格与记录逐像元相同")
    return 1 if told else 0
