"""Metrics of what the money goes through: hosts, wire, journal, bounds, keys, the process."""

from __future__ import annotations

from typing import Final

from gateway.ops import words
from gateway.ops.labels import HOST, PEER
from gateway.ops.metric import OTHER, Label, Section
from routing.key_exchange import RESULTS
from routing.link_states import LINK_TROUBLES, STANDS, Health

COMMIT_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
BATCH_RECORDS: Final = (1.0, 16.0, 256.0, 4_096.0)
LAG_S: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)

# Hosts

HOSTS: Final = Section("Hosts")
LINKS: Final = HOSTS.gauge(
    "gateway_host_links",
    "links",
    "Links by how far they have come.",
    HOST,
    Label("state", STANDS),
)
LINKS_USABLE: Final = HOSTS.gauge(
    "gateway_host_links_usable", "links", "Links that may carry charges.", HOST
)
LINKS_LOST: Final = HOSTS.counter(
    "gateway_host_links_lost_total", "links", "Links that were lost, whoever ended them.", HOST
)
HOST_HEALTH: Final = HOSTS.gauge(
    "gateway_host_health",
    "0 or 1",
    "1 for how a host's links are; degraded: an echo missed, a new link, one aside, slow answers.",
    HOST,
    Label("health", tuple(Health)),
)
LINK_EVENTS: Final = HOSTS.counter(
    "gateway_host_link_events_total",
    "times",
    "What went wrong on links: echoes and sign-ons, links put aside for silence or closed for it.",
    HOST,
    Label("event", LINK_TROUBLES),
)
KEY_EXCHANGES: Final = HOSTS.counter(
    "gateway_host_key_exchanges_total",
    "exchanges",
    "MAC keys that came from hosts or were asked for, by what came of it.",
    HOST,
    Label("result", RESULTS),
)
HOST_KEY_AGE: Final = HOSTS.gauge(
    "gateway_host_key_age_seconds", "seconds", "How old the exchanged MAC key is.", HOST
)
KEYS_BLOCKED: Final = HOSTS.gauge(
    "gateway_host_keys_blocked",
    "0 or 1",
    "Whether a host gets nothing, because no MAC key is there or MACs are wrong under the new one.",
    HOST,
)
HOST_MAC_ERRORS: Final = HOSTS.counter(
    "gateway_host_mac_errors_total",
    "messages",
    "Wrong MACs of a host with which keys are exchanged, or of ours as it says.",
    HOST,
)
FAILED_OVER: Final = HOSTS.counter(
    "gateway_failed_over_total", "charges", "Charges that went to another host than the first."
)
IN_FLIGHT: Final = HOSTS.gauge(
    "gateway_host_in_flight", "requests", "Requests that wait for an answer.", HOST
)
IN_FLIGHT_MAX: Final = HOSTS.gauge(
    "gateway_host_in_flight_max", "requests", "The bound of the same.", HOST
)
KEYS: Final = HOSTS.gauge(
    "gateway_host_keys", "keys", "Keys in flight or kept for a late answer.", HOST
)
KEYS_MAX: Final = HOSTS.gauge("gateway_host_keys_max", "keys", "The bound of the same.", HOST)
UNMATCHED: Final = HOSTS.counter(
    "gateway_replies_unmatched_total",
    "messages",
    "Messages of hosts that answer nothing, and why: which field differs from the request's.",
    HOST,
    Label("reason", words.UNMATCHED),
)
BREAKER_OPEN: Final = HOSTS.gauge(
    "gateway_breaker_open", "0 or 1", "Whether the host is taken for silent.", HOST
)
BREAKER_OPENED: Final = HOSTS.counter(
    "gateway_breaker_opened_total", "times", "How often a host fell silent.", HOST
)
CANARY_OK: Final = HOSTS.gauge(
    "gateway_canary_ok", "0 or 1", "Whether the last test charge went well.", HOST
)
CANARY_FLIGHTS: Final = HOSTS.counter(
    "gateway_canary_flights_total",
    "charges",
    "Test charges.",
    HOST,
    Label("outcome", ("ok", "failed")),
)

# Terminals and the wire

WIRE: Final = Section("Terminals and the wire")
CONNECTED: Final = WIRE.gauge(
    "gateway_terminals_connected", "connections", "Connections of terminals."
)
ENDED: Final = WIRE.counter(
    "gateway_connections_ended_total",
    "connections",
    "Connections ended or refused, by reason.",
    Label("reason", (*words.ENDED, OTHER)),
)
FRAMES: Final = WIRE.counter(
    "gateway_frames_total", "frames", "Frames, hosts' included.", Label("direction", ("in", "out"))
)
MALFORMED: Final = WIRE.counter(
    "gateway_messages_malformed_total", "frames", "Frames that are no message.", PEER
)
DROPPED: Final = WIRE.counter(
    "gateway_messages_dropped_total",
    "messages",
    "Terminals' messages that got no answer, because too much waits or the journal can't be asked.",
)
REFUSED_FULL: Final = WIRE.counter(
    "gateway_messages_refused_full_total",
    "messages",
    "Terminals' messages told 96 because too much waits for the journal or the security module.",
)
PUT_OFF: Final = WIRE.counter(
    "gateway_wire_put_off_total",
    "times",
    "Too many for a turn came, shook hands, ended or had a clock to be looked at: next ones did.",
)
TURNS: Final = WIRE.counter("gateway_turns_total", "turns", "Turns of the engine.")
BATCHES: Final = WIRE.counter(
    "gateway_batches_total",
    "batches",
    "Batches that terminals closed, by result.",
    Label("result", ("balanced", "unbalanced")),
)
BATCH_DIFFERENCES: Final = WIRE.counter(
    "gateway_batch_differences_total",
    "sales",
    "Sales on which a terminal's batch and the journal differed.",
)

# The journal

JOURNAL: Final = Section("The journal")
COMMIT: Final = JOURNAL.histogram(
    "gateway_journal_commit_seconds", "seconds", "Time of one durable commit.", COMMIT_S
)
BATCH: Final = JOURNAL.histogram(
    "gateway_journal_batch_records", "records", "Records that one commit made durable.",
    BATCH_RECORDS
)  # fmt: skip
RECORDS: Final = JOURNAL.counter(
    "gateway_journal_records_total", "records", "Records made durable."
)
JOURNAL_ERRORS: Final = JOURNAL.counter(
    "gateway_journal_errors_total", "commits", "Commits and look-ups that failed."
)
JOURNAL_FAILING: Final = JOURNAL.gauge(
    "gateway_journal_failing",
    "0 or 1",
    "Whether the journal takes nothing: no new charge is taken.",
)

# Bounds

BOUNDS: Final = Section("Bounds and limits")
USED: Final = BOUNDS.gauge(
    "gateway_bound_used",
    "what the bound counts",
    "How much of a bound is taken; those of each host stand with the hosts.",
    Label("bound", words.BOUNDS),
)
MAX: Final = BOUNDS.gauge(
    "gateway_bound_max", "what the bound counts", "The bound itself.", Label("bound", words.BOUNDS)
)
UNSAID: Final = BOUNDS.counter(
    "gateway_tombstones_unsaid_total",
    "answers",
    "Answers not given because they could not be remembered.",
)
UPLOADS_FORGOTTEN: Final = BOUNDS.counter(
    "gateway_batch_uploads_forgotten_total",
    "batches",
    "Uploads forgotten at the bound; their terminals begin again.",
)
FORGOTTEN: Final = BOUNDS.counter(
    "gateway_counting_forgotten_total",
    "keys",
    "Cards, terminals and merchants no longer counted, at the bound.",
)
LIMIT_REJECTS: Final = BOUNDS.counter(
    "gateway_limit_rejects_total",
    "requests",
    "Refused by a limit on money or counts.",
    Label("code", ("61", "65")),
)
REPEATED_AMOUNTS: Final = BOUNDS.counter(
    "gateway_repeated_amounts_total", "requests", "Same card, amount and merchant within the time."
)
OVER_LIMIT: Final = BOUNDS.counter(
    "gateway_over_limit_approved_total",
    "charges",
    "Approved beyond a limit in force, and reversed.",
)

# Keys and certificates

SECRETS: Final = Section("Keys and certificates")
CERTIFICATE_ENDS: Final = SECRETS.gauge(
    "gateway_certificate_expiry_timestamp_seconds",
    "seconds since 1970",
    "When the certificate in use ends.",
    PEER,
)
KEY_CHANGED: Final = SECRETS.gauge(
    "gateway_key_changed_timestamp_seconds",
    "seconds since 1970",
    "When the file of the MAC key in use was last written.",
    PEER,
)
_USAGE: Final = Label("usage", ("tmk", "zmk", "zpk", "zak", "zdk"))
RING_KEYS: Final = SECRETS.gauge("gateway_keys", "keys", "Keys on the ring.", _USAGE)
KEY_AGE: Final = SECRETS.gauge(
    "gateway_key_age_seconds", "seconds", "Age of the oldest key on the ring, to the day.", _USAGE
)
CEREMONIES: Final = SECRETS.gauge(
    "gateway_key_ceremonies", "keys", "Keys whose components have not all come yet."
)
CUSTODY_ERRORS: Final = SECRETS.counter(
    "gateway_custody_errors_total",
    "calls",
    "What the custody refused, and what it could not be asked.",
    Label("why", ("refused", "unavailable")),
)
CUSTODY_S: Final = SECRETS.histogram(
    "gateway_custody_seconds",
    "seconds",
    "How long the custody took, whatever came of it.",
    buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 2.0),
)
MODULE_LINE: Final = SECRETS.counter(
    "gateway_hsm_commands_total",
    "commands",
    "Commands to the security module: answered; silent within their time; refused for want of room;"
    " answers that came too late; connections lost.",
    Label("event", ("answered", "silent", "refused", "late", "lost")),
)
MODULE_WAITING: Final = SECRETS.gauge(
    "gateway_hsm_waiting", "commands", "Commands that wait for the security module."
)

# The process

PROCESS: Final = Section("The process")
READY: Final = PROCESS.gauge("gateway_ready", "0 or 1", "Whether /readyz says ready.")
CLOCK: Final = PROCESS.gauge(
    "gateway_clock_seconds",
    "seconds since 1970",
    "The machine's clock, to be held against that of who scrapes.",
)
LAG: Final = PROCESS.histogram(
    "gateway_loop_lag_seconds",
    "seconds",
    "How much later than asked the event loop woke a task, ten times a second.",
    LAG_S,
)
BUILD: Final = PROCESS.gauge(
    "gateway_build_info",
    "1",
    "Which version runs.",
    Label("version", source="the package's version", most=lambda _: 1),
)
CPU: Final = PROCESS.counter("process_cpu_seconds_total", "seconds", "User and system time.")
RESIDENT: Final = PROCESS.gauge("process_resident_memory_bytes", "bytes", "Resident memory.")
STARTED: Final = PROCESS.gauge(
    "process_start_time_seconds", "seconds since 1970", "When the process started."
)
