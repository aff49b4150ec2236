"""How fast IntelMQ parses a part of a URLhaus dump: `python intelmq_urlhaus.py DUMP ROWS`.

Needs IntelMQ, best in an environment of its own. Its parser of CSV, the one that its list of feeds
names for URLhaus, runs as a library: no broker, no store, no other bot. Prints rows and seconds as
JSON; `ingest_urlhaus.py --intelmq PYTHON` calls this.
"""

import json
import logging
import sys
import time
from itertools import islice
from pathlib import Path

from intelmq.bots.parsers.generic.parser_csv import GenericCsvParserBot
from intelmq.lib.bot import BotLibSettings
from intelmq.lib.message import Report

COLUMNS = [
    "extra.id",
    "time.source",
    "source.url",
    "status",
    "extra.last_online",
    "classification.type",
    "extra.tags",
    "extra.urlhaus_link",
    "extra.reporter",
]
SETTINGS = {
    "columns": COLUMNS,
    "type_translation": '{"malware_download": "malware-distribution"}',
    "logging_level": "ERROR",
}


def main() -> None:
    path, rows = Path(sys.argv[1]), int(sys.argv[2])
    with path.open(encoding="utf-8", newline="") as file:
        plain = (line for line in file if not line.startswith("#"))
        text = "".join(islice(plain, rows))
    logging.disable(logging.CRITICAL)
    bot = GenericCsvParserBot("urlhaus", settings=BotLibSettings | SETTINGS)
    report = Report(harmonization=bot.harmonization)
    report.add("feed.name", "URLhaus")
    report.add("raw", text)
    start = time.perf_counter()
    events = bot.process_message(report)["output"]
    print(json.dumps([len(events), time.perf_counter() - start]))


if __name__ == "__main__":
    main()
