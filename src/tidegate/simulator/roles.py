"""Which role each route of Defender, Graph, Sentinel and its logs demands, as documented."""

import re

READS_ALERTS = frozenset({"Alert.Read.All", "Alert.ReadWrite.All"})
READS_MACHINES = frozenset({"Machine.Read.All", "Machine.ReadWrite.All"})
WRITES_INDICATORS = frozenset({"Ti.ReadWrite", "Ti.ReadWrite.All"})
READS_INCIDENTS = frozenset({"SecurityIncident.Read.All", "SecurityIncident.ReadWrite.All"})
READS_GRAPH_ALERTS = frozenset({"SecurityAlert.Read.All", "SecurityAlert.ReadWrite.All"})
# Whoever may begin an action may cancel it; which action it is, the route does not know.
CANCELS = frozenset(
    {
        "Machine.CollectForensics",
        "Machine.Isolate",
        "Machine.LiveResponse",
        "Machine.RestrictExecution",
        "Machine.Scan",
        "Machine.StopAndQuarantine",
    }
)

DEFENDER = [
    ("GET", "/api/alerts.*", READS_ALERTS),
    ("PATCH", "/api/alerts/.*", frozenset({"Alert.ReadWrite.All"})),
    (".*", "/api/indicators.*", WRITES_INDICATORS),
    ("GET", "/api/machines/.*", READS_MACHINES),
    ("GET", "/api/files/[^/]*/machines", READS_MACHINES),
    ("GET", "/api/files/.*", frozenset({"File.Read.All"})),
    (".*", "/api/libraryfiles", frozenset({"Library.Manage"})),
    ("GET", "/api/machineactions.*", READS_MACHINES),
    ("POST", "/api/machineactions/[^/]*/cancel", CANCELS),
    ("POST", "/api/machines/[^/]*/tags", frozenset({"Machine.ReadWrite.All"})),
    ("POST", "/api/machines/[^/]*/runliveresponse", frozenset({"Machine.LiveResponse"})),
    ("POST", "/api/machines/[^/]*/(un)?isolate", frozenset({"Machine.Isolate"})),
    ("POST", "/api/machines/[^/]*/runAntiVirusScan", frozenset({"Machine.Scan"})),
    (
        "POST",
        "/api/machines/[^/]*/(un)?restrictCodeExecution",
        frozenset({"Machine.RestrictExecution"}),
    ),
    (
        "POST",
        "/api/machines/[^/]*/collectInvestigationPackage",
        frozenset({"Machine.CollectForensics"}),
    ),
    (
        "POST",
        "/api/machines/[^/]*/StopAndQuarantineFile",
        frozenset({"Machine.StopAndQuarantine"}) | READS_MACHINES,
    ),
]
GRAPH = [
    ("GET", "/v1.0/security/alerts_v2.*", READS_GRAPH_ALERTS),
    ("PATCH|POST", "/v1.0/security/alerts_v2/.*", frozenset({"SecurityAlert.ReadWrite.All"})),
    ("GET", "/v1.0/security/incidents/.*", READS_INCIDENTS),
    ("PATCH|POST", "/v1.0/security/incidents/.*", frozenset({"SecurityIncident.ReadWrite.All"})),
    ("POST", "/v1.0/security/runHuntingQuery", frozenset({"ThreatHunting.Read.All"})),
]
# Roles in Azure, of the workspace: not in a real token, but here they have no other place.
AZURE = [
    (
        "POST",
        "/workspaces/[^/]*/threat-intelligence-stix-objects:upload",
        frozenset({"Microsoft Sentinel Contributor"}),
    ),
]
LOGS = [("POST", "/v1/workspaces/[^/]*/query", frozenset({"Log Analytics Reader"}))]


def needed(method: str, path: str) -> frozenset[str]:
    """Return the roles of which a caller needs one; none for a route that nobody wrote down."""
    for methods, paths, roles in (*DEFENDER, *GRAPH, *AZURE, *LOGS):
        if re.fullmatch(methods, method) and re.fullmatch(paths, path):
            return roles
    return frozenset()


def _all(table: list[tuple[str, str, frozenset[str]]]) -> frozenset[str]:
    return frozenset().union(*(roles for _, _, roles in table))


DEFENDER_ROLES = _all(DEFENDER)
GRAPH_ROLES = _all(GRAPH)
AZURE_ROLES = _all(AZURE)
LOGS_ROLES = _all(LOGS)
EVERY_ROLE = DEFENDER_ROLES | GRAPH_ROLES | AZURE_ROLES | LOGS_ROLES
