"""`python -m deploy.dashboard`: writes deploy/grafana/qianzhi.json, the dashboard of the front-end machines.

A table of panels, by Grafana's own builders, so that what is written is what Grafana reads. What is worth
waking a person for is not here but in deploy/prometheus/qianzhi.rules.yml.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DataSourceRef

FILE: Final = Path(__file__).resolve().parent / "grafana" / "qianzhi.json"
_SOURCE: Final = DataSourceRef(type_val="prometheus", uid="$datasource")
_COLUMNS: Final = 24
_NODE: Final = 'instance=~"$instance"'
_BANK: Final = f'{_NODE}, bank=~"$bank"'
_RATE: Final = "[$__rate_interval]"
_REFERENCES: Final = "ABCDEF"


class Panel(NamedTuple):
    """One panel: its unit in Grafana's words, its queries as PromQL and legend; `now` for one big figure."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    description: str = ""
    now: bool = False


ROWS: Final = (
    (
        "Service",
        (
            Panel(
                "Nodes that take transactions", "short", ((f"sum(qianzhi_ready{{{_NODE}}})", ""),), now=True
            ),
            Panel("Batches in doubt", "short", ((f"sum(qianzhi_in_doubt{{{_NODE}}})", ""),), now=True),
            Panel("Open business date", "none", ((f"max(qianzhi_business_date{{{_NODE}}})", ""),), now=True),
            Panel("Cut-over late", "s", ((f"max(qianzhi_cutover_late_seconds{{{_NODE}}})", ""),), now=True),
            Panel(
                "Certificate ends",
                "dateTimeFromNow",
                ((f"1000 * min(qianzhi_certificate_expiry_timestamp_seconds{{{_NODE}}})", ""),),
                now=True,
            ),
            Panel("Links", "short", ((f"sum(qianzhi_links{{{_BANK}}})", ""),), now=True),
            Panel(
                "Answers a second, by DE 39",
                "short",
                ((f"sum by (response) (rate(qianzhi_answers_total{{{_BANK}}}{_RATE}))", "{{response}}"),),
            ),
            Panel(
                "Answers a second, by MTI",
                "short",
                ((f"sum by (mti) (rate(qianzhi_answers_total{{{_BANK}}}{_RATE}))", "{{mti}}"),),
            ),
            Panel(
                "From arrival to answer",
                "s",
                tuple(
                    (
                        f"histogram_quantile({part}, sum by (le)"
                        f" (rate(qianzhi_latency_seconds_bucket{{{_NODE}}}{_RATE})))",
                        f"{part} of the answers within",
                    )
                    for part in ("0.5", "0.99")
                ),
                "Transactions only; to the upper bound of their bucket.",
            ),
            Panel(
                "Requests that wait for a batch", "short", ((f"qianzhi_queue{{{_NODE}}}", "{{instance}}"),)
            ),
            Panel(
                "Requests in a batch",
                "short",
                (
                    (
                        f"rate(qianzhi_batched_total{{{_NODE}}}{_RATE})"
                        f" / rate(qianzhi_batches_total{{{_NODE}}}{_RATE})",
                        "{{instance}}",
                    ),
                ),
                "More than one: the disk is slower than the banks. It costs time, not answers.",
            ),
            Panel(
                "Attempts to write a batch that failed, a second",
                "short",
                ((f"sum by (error) (rate(qianzhi_failed_batches_total{{{_NODE}}}{_RATE}))", "{{error}}"),),
                "Conflict is what nodes have that share a book; the batch goes again at once.",
            ),
        ),
    ),
    (
        "Banks",
        (
            Panel(
                "Answers a second",
                "short",
                ((f"sum by (bank) (rate(qianzhi_answers_total{{{_BANK}}}{_RATE}))", "{{bank}}"),),
            ),
            Panel(
                "Answers that are 91 or 96",
                "percentunit",
                (
                    (
                        f'sum by (bank) (rate(qianzhi_answers_total{{{_BANK}, response=~"91|96"}}{_RATE}))'
                        f" / sum by (bank) (rate(qianzhi_answers_total{{{_BANK}}}{_RATE}))",
                        "{{bank}}",
                    ),
                ),
            ),
            Panel("Links", "short", ((f"sum by (bank) (qianzhi_links{{{_BANK}}})", "{{bank}}"),)),
            Panel(
                "Links that the machine ended, a second",
                "short",
                ((f"sum by (bank) (rate(qianzhi_closed_links_total{{{_BANK}}}{_RATE}))", "{{bank}}"),),
                "Why stands in the journal: journalctl -u qianzhi-fep.",
            ),
            Panel(
                "Bad or missing MACs, a second",
                "short",
                ((f"sum by (bank) (rate(qianzhi_mac_failures_total{{{_BANK}}}{_RATE}))", "{{bank}}"),),
            ),
            Panel(
                "Connections refused, repeats, answers not sent, a second",
                "short",
                tuple(
                    (f"sum(rate(qianzhi_{name}_total{{{_NODE}}}{_RATE}))", legend)
                    for name, legend in (
                        ("refused_connections", "connections refused"),
                        ("replays", "first answers given again"),
                        ("undelivered", "answers not sent"),
                    )
                ),
            ),
        ),
    ),
    (
        "Surroundings",
        (
            Panel(
                "Disks, free",
                "percentunit",
                (
                    (
                        f"qianzhi_disk_free_bytes{{{_NODE}}} / qianzhi_disk_size_bytes{{{_NODE}}}",
                        "{{instance}} {{holds}}",
                    ),
                ),
                "A book's, where it is an SQLite file; PostgreSQL's disk is on its own machine.",
            ),
            Panel(
                "The book's write-ahead log",
                "bytes",
                ((f"qianzhi_book_wal_bytes{{{_NODE}}}", "{{instance}}"),),
            ),
            Panel("Memory", "bytes", ((f"process_resident_memory_bytes{{{_NODE}}}", "{{instance}}"),)),
            Panel(
                "Processor, of one",
                "percentunit",
                ((f"rate(process_cpu_seconds_total{{{_NODE}}}{_RATE})", "{{instance}}"),),
            ),
            Panel(
                "File descriptors, used",
                "percentunit",
                ((f"process_open_fds{{{_NODE}}} / process_max_fds{{{_NODE}}}", "{{instance}}"),),
            ),
            Panel("Running for", "s", ((f"time() - process_start_time_seconds{{{_NODE}}}", "{{instance}}"),)),
        ),
    ),
)


def made() -> str:
    """The dashboard as JSON, for Grafana to import."""
    board = (
        dashboard.Dashboard("Qianzhi front-end machines")
        .uid("qianzhi")
        .tags(["qianzhi"])
        .time("now-3h", "now")
        .refresh("30s")
        .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .with_variable(_choice("instance", "Node", "label_values(qianzhi_ready, instance)"))
        .with_variable(_choice("bank", "Bank", "label_values(qianzhi_links, bank)"))
    )
    number = 0
    for title, panels in ROWS:
        number += 1
        board.with_row(dashboard.Row(title).id(number))
        for panel in panels:
            number += 1
            board.with_panel(_panel(panel, number))
    return JSONEncoder(sort_keys=True, indent=1).encode(board.build()) + "\n"


def _choice(name: str, label: str, query: str) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(_SOURCE)
        .query(query)
        .multi(True)
        .include_all(True)
    )


def _panel(panel: Panel, number: int) -> stat.Panel | timeseries.Panel:
    drawn: stat.Panel | timeseries.Panel
    if panel.now:
        drawn = stat.Panel().reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    else:
        drawn = timeseries.Panel().legend(common.VizLegendOptions().show_legend(True))
    drawn.id(number).title(panel.title).datasource(_SOURCE).unit(panel.unit)
    drawn.span(_COLUMNS // (6 if panel.now else 3)).height(4 if panel.now else 7)
    if panel.description:
        drawn.description(panel.description)
    for reference, (expression, legend) in zip(_REFERENCES, panel.queries, strict=False):
        drawn.with_target(
            prometheus.Dataquery().ref_id(reference).expr(expression).legend_format(legend).range()
        )
    return drawn


def main() -> None:
    """Write the dashboard."""
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(made(), encoding="utf-8")
    print(f"wrote {FILE}")


if __name__ == "__main__":
    main()
