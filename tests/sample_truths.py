"""What a sample says about its planted truths: plain SQL and numpy on the raw feeds, nothing from cj_helpers.

    python tests/sample_truths.py FOLDER

prints one row per truth: number, what, value and standard error. The tests use the same functions.
"""

from __future__ import annotations

import argparse
import itertools
from dataclasses import dataclass
from math import factorial
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from scipy.optimize import minimize

DAY = 86400.0
ITEMS = ["information", "ease", "self_service", "personalisation", "communication", "helpfulness"]


@dataclass(frozen=True)
class Rules:
    """The journey rules of one journey in dataset.yml, typed again by hand."""

    members: tuple[str, ...]
    start: str
    success: str
    abandon: str = ""
    timeout: int = 14
    after: tuple[str, int] = ("", 0)
    waiting: str = ""


RULES = {
    "outage": Rules(
        ("outage_reported", "line_test", "status_checked", "bot_opened", "bot_solved", "agent_joined", "outage_call",
         "outage_store", "technician_booked", "service_restored"),
        "outage_reported", "service_restored", timeout=7, waiting="technician_booked",
    ),
    "move": Rules(
        ("address_form", "services_chosen", "move_call", "move_date_set", "move_confirmed", "move_completed"),
        "address_form", "move_completed", after=("move_confirmed", 45),
    ),
    "renewal": Rules(
        ("renewal_opened", "tariff_compared", "renewal_call", "renewal_store", "offer_sent", "renewal_signed",
         "offer_declined"),
        "renewal_opened", "renewal_signed", "offer_declined", after=("offer_sent", 30),
    ),
    "order": Rules(
        ("site_visited", "tariff_viewed", "availability_checked", "order_placed", "order_confirmed",
         "order_cancelled", "line_activated", "first_bill_paid"),
        "site_visited", "first_bill_paid", "order_cancelled", after=("line_activated", 45),
    ),
}  # fmt: skip


def open_feeds(folder: Path) -> duckdb.DuckDBPyConnection:
    """Read the feeds into `events` (person, t, touchpoint, channel, device, mode), repaired, up to as_of."""
    con = duckdb.connect()
    con.execute("SET preserve_insertion_order = false")
    con.execute("CREATE TABLE identities AS SELECT * FROM read_csv(?)", [str(folder / "identities.csv")])
    con.execute(
        """
        CREATE TABLE raw AS
        SELECT coalesce(i.customer, w.visitor) AS person, ts AS moment, page AS touchpoint, 'web' AS channel, device,
               'self_service' AS mode
        FROM (SELECT DISTINCT * FROM read_parquet($web)) w LEFT JOIN identities i ON i.visitor = w.visitor
        UNION ALL SELECT "user", time, screen, 'app', 'mobile', 'self_service' FROM read_parquet($app)
        UNION ALL SELECT Kundennr, strptime(Zeitpunkt, '%d.%m.%Y %H:%M'), Anliegen, 'phone', NULL, 'assisted'
        FROM (SELECT DISTINCT * FROM read_csv($calls, delim=';', encoding='latin-1', all_varchar=true))
        UNION ALL SELECT customer, said_at, event, 'chat', NULL, handled FROM read_csv($chat)
        UNION ALL SELECT card, time, subject, 'store', NULL, 'assisted' FROM read_csv($store)
        UNION ALL SELECT recipient, sent_at, mail, 'email', NULL, NULL FROM read_csv($email)
        """,
        {
            "web": str(folder / "web/*.parquet"),
            "app": str(folder / "app/*.parquet"),
            "calls": str(folder / "calls.csv"),
            "chat": str(folder / "chat.csv"),
            "store": str(folder / "store.csv.gz"),
            "email": str(folder / "email/*.csv"),
        },
    )
    con.execute(
        """
        CREATE TABLE events AS
        WITH sane AS (SELECT * FROM raw WHERE moment < DATE '2027-01-01'),
        last AS (SELECT min(last) AS as_of FROM (SELECT max(moment) AS last FROM sane GROUP BY channel))
        SELECT person, epoch(moment) AS t, lower(trim(touchpoint)) AS touchpoint, channel, device, mode
        FROM sane, last WHERE moment <= as_of AND person IS NOT NULL
        """
    )
    con.execute("CREATE TABLE customers AS SELECT * FROM read_csv(?)", [str(folder / "customers.csv")])
    con.execute("CREATE TABLE surveys AS SELECT * FROM read_csv(?)", [str(folder / "surveys.csv")])
    return con


def as_of(con: duckdb.DuckDBPyConnection) -> float:
    """Last second of the phone export, local clock."""
    return float(con.execute("SELECT max(t) FROM events").fetchone()[0])  # type: ignore[index]


def build(con: duckdb.DuckDBPyConnection, key: str) -> pd.DataFrame:
    """Build journeys by the rules: `<key>_steps` in the database and one row per journey as a frame."""
    rules = RULES[key]
    con.execute(
        f"""
        CREATE OR REPLACE TABLE {key}_steps AS
        WITH own AS (
            SELECT *, CASE WHEN touchpoint = $waiting THEN 1e12 WHEN touchpoint = $special THEN $special_days
                      ELSE $days END * 86400 AS patience
            FROM events WHERE list_contains($members, touchpoint)
        ), gaps AS (
            SELECT *, lag(touchpoint) OVER w AS prev, t - lag(t) OVER w AS gap, lag(patience) OVER w AS prev_patience
            FROM own WINDOW w AS (PARTITION BY person ORDER BY t, touchpoint = $success)
        ), parts AS (
            SELECT *, sum(CASE WHEN prev IS NULL OR prev IN ($success, $abandon) OR gap > prev_patience
                          THEN 1 ELSE 0 END) OVER (PARTITION BY person ORDER BY t, touchpoint = $success) AS part
            FROM gaps
        ), begun AS (
            SELECT *, min(CASE WHEN touchpoint = $start THEN t END) OVER (PARTITION BY person, part) AS started
            FROM parts
        )
        SELECT person, part, started, t, touchpoint, channel, device, patience,
               lead(touchpoint) OVER j AS next, lead(channel) OVER j AS next_channel, lead(t) OVER j - t AS wait
        FROM begun WHERE started IS NOT NULL AND t >= started
        WINDOW j AS (PARTITION BY person, part ORDER BY t, touchpoint = $success)
        """,  # noqa: S608  (the table name comes from RULES above)
        {
            "members": list(rules.members),
            "start": rules.start,
            "success": rules.success,
            "abandon": rules.abandon,
            "days": rules.timeout,
            "special": rules.after[0],
            "special_days": rules.after[1],
            "waiting": rules.waiting,
        },
    )
    frame = con.execute(
        f"""
        SELECT person, started, max(t) AS last, arg_max(patience, t) AS patience,
               max(CASE WHEN touchpoint = $success THEN t END) AS done,
               max(CASE WHEN touchpoint = $abandon THEN t END) AS refused,
               min(CASE WHEN channel = 'chat' AND next_channel = 'phone' THEN t + wait END) AS handoff,
               min(CASE WHEN touchpoint = 'outage_store' THEN t END) AS store,
               any_value(country) AS country, any_value(customer_type) AS customer_type
        FROM {key}_steps LEFT JOIN customers ON customer_id = person GROUP BY person, part, started
        ORDER BY person, started
        """,  # noqa: S608
        {"success": rules.success, "abandon": rules.abandon},
    ).df()
    now = as_of(con)
    silent = frame["last"] + frame["patience"]
    ended = frame["done"].fillna(frame["refused"]).fillna(silent)
    conditions = [frame["done"].notna(), frame["refused"].notna() | (silent <= now)]
    frame["outcome"] = np.select(conditions, ["completed", "abandoned"], "open")
    frame["ended"] = np.where(frame["outcome"] == "open", now, ended)
    frame["days"] = (frame["ended"] - frame["started"]) / DAY
    return frame


def incidence(days: np.ndarray, outcome: np.ndarray, horizon: float) -> tuple[float, float]:
    """Aalen-Johansen incidence of completion at the horizon, with a standard error as if nothing were censored."""
    order = np.lexsort((outcome == "open", days))  # events before censoring at the same time
    days, outcome = days[order], outcome[order]
    at_risk = np.arange(len(days), 0, -1)
    left = np.cumprod(1 - (outcome != "open") / at_risk)
    before = np.concatenate([[1.0], left[:-1]])
    estimate = float(np.sum((before * (outcome == "completed") / at_risk)[days <= horizon]))
    return estimate, float(np.sqrt(estimate * (1 - estimate) / len(days)))


def share(flags: pd.Series | np.ndarray) -> tuple[float, float]:
    """Mean of a mask and its standard error."""
    p, n = float(np.mean(flags)), max(len(flags), 1)
    return p, float(np.sqrt(p * (1 - p) / n))


def median(values: pd.Series | np.ndarray) -> tuple[float, float]:
    """Median, and its standard error from the order statistics around it."""
    ordered = np.sort(np.asarray(values, float))
    n = len(ordered)
    low, high = (int(np.clip(n / 2 + z * np.sqrt(n) / 2, 0, n - 1)) for z in (-1, 1))
    return float(np.median(ordered)), float((ordered[high] - ordered[low]) / 2)


TICKS_A_DAY, LAST_TICK = 144, 60 * 144  # ten minutes, sixty days
WEEKDAYS = [f"weekday_{d}" for d in range(1, 7)]
TERMS = ["austria", "switzerland", "business_early", "business_late", "handoff", "store", *WEEKDAYS]
PATTERNS = list(itertools.product(("DE", "AT", "CH"), ("residential", "business"), range(7), (0, 1), (0, 1)))


def _tick(days: np.ndarray) -> np.ndarray:
    return np.minimum(np.ceil(days * TICKS_A_DAY), LAST_TICK).astype(int)


def _at_risk(journeys: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Count outages at risk and completed, by pattern of covariates and tick."""
    country, kind = journeys["country"].to_numpy(), journeys["customer_type"].to_numpy()
    weekday = ((journeys["started"] // DAY).astype(int) + 3).to_numpy() % 7  # 1970-01-01 was a Thursday
    end, event = _tick(journeys["days"].to_numpy()), (journeys["outcome"] == "completed").to_numpy()
    switches = [_tick(((journeys[c] - journeys["started"]) / DAY).fillna(1e6).to_numpy()) for c in ("handoff", "store")]
    at_risk = np.zeros((len(PATTERNS), LAST_TICK + 2))
    died = np.zeros_like(at_risk)
    for row, (c, k, d, *flags) in enumerate(PATTERNS):
        who = (country == c) & (kind == k) & (weekday == d)
        begin, stop, dies = np.zeros(who.sum(), int), end[who], event[who]
        for flag, switch in zip(flags, (s[who] for s in switches), strict=True):
            if flag:
                begin = np.maximum(begin, switch)
            else:
                dies = dies & (stop <= switch)
                stop = np.minimum(stop, switch)
        begin, stop, dies = (x[begin < stop] for x in (begin, stop, dies))
        entered, left = (np.bincount(x + 1, minlength=LAST_TICK + 2)[: LAST_TICK + 2] for x in (begin, stop))
        at_risk[row] = np.cumsum(entered - left)
        died[row] = np.bincount(stop[dies], minlength=LAST_TICK + 2)
    return at_risk, died


def _covariate(term: str, early: bool) -> np.ndarray:
    """Value of a term in each pattern, before or after day 2."""
    country, kind, weekday, handoff, store = (np.array(column) for column in zip(*PATTERNS, strict=True))
    values = {"austria": country == "AT", "switzerland": country == "CH", "handoff": handoff, "store": store}
    values |= {"business": kind == "business", "business_early": (kind == "business") & early}
    values |= {"business_late": (kind == "business") & (not early)}
    return (weekday == int(term[-1]) if term in WEEKDAYS else values[term]).astype(float)


def cox(counts: tuple[np.ndarray, np.ndarray], terms: list[str]) -> pd.DataFrame:
    """Cause-specific Cox model of completion; ties by Breslow, hand-off, store and business time-varying."""
    at_risk, died = counts
    early = np.arange(LAST_TICK + 2) <= 2 * TICKS_A_DAY
    parts = []
    for when, is_early in ((early, True), (~early, False)):
        used = when & (died.sum(axis=0) > 0)
        z = np.column_stack([_covariate(term, is_early) for term in terms])
        parts.append((z, at_risk[:, used], died[:, used]))
    beta = np.zeros(len(terms))
    for _ in range(12):
        score, information = np.zeros_like(beta), np.zeros((len(beta), len(beta)))
        for z, n, d in parts:
            weight = n * np.exp(z @ beta)[:, None]
            total, deaths = weight.sum(axis=0), d.sum(axis=0)
            mean = (z.T @ weight) / total
            score += z.T @ d.sum(axis=1) - mean @ deaths
            square = (z.T * (weight * (deaths / total)).sum(axis=1)) @ z
            information += square - (mean * deaths) @ mean.T
        beta = beta + np.linalg.solve(information, score)
    return pd.DataFrame({"term": terms, "estimate": beta, "std_error": np.sqrt(np.diag(np.linalg.inv(information)))})


def logit(x: np.ndarray, events: np.ndarray, trials: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Grouped logistic regression by Newton steps: coefficients and standard errors."""
    beta = np.zeros(x.shape[1])
    beta[0] = np.log(events.sum() / (trials.sum() - events.sum()))
    for _ in range(15):
        p = 1 / (1 + np.exp(-x @ beta))
        information = (x.T * (trials * p * (1 - p))) @ x
        beta = beta + np.linalg.solve(information, x.T @ (events - trials * p))
    return beta, np.sqrt(np.diag(np.linalg.inv(information)))


def ordinal(y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit a proportional-odds logit on the scores 0-10: slopes and standard errors (outer product of scores)."""
    k = 10

    def pieces(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        cuts = np.concatenate([[-40.0], np.cumsum(np.concatenate([theta[:1], np.exp(theta[1:k])])), [40.0]])
        eta = x @ theta[k:]
        return cuts[y + 1] - eta, cuts[y] - eta

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
        return _negative(theta)[0], _negative(theta)[1].sum(axis=0)

    def _negative(theta: np.ndarray) -> tuple[float, np.ndarray]:
        upper, lower = pieces(theta)
        cu, cl = 1 / (1 + np.exp(-upper)), 1 / (1 + np.exp(-lower))
        p = np.maximum(cu - cl, 1e-300)
        du, dl = cu * (1 - cu) / p, cl * (1 - cl) / p
        by_cut = np.zeros((len(y), k))
        inside = y < k
        by_cut[np.flatnonzero(inside), y[inside]] -= du[inside]
        inside = y > 0
        by_cut[np.flatnonzero(inside), y[inside] - 1] += dl[inside]
        gradient = np.empty((len(y), len(theta)))
        gradient[:, k:] = (du - dl)[:, None] * x
        tail = by_cut[:, ::-1].cumsum(axis=1)[:, ::-1]
        gradient[:, 0] = tail[:, 0]
        gradient[:, 1:k] = tail[:, 1:] * np.exp(theta[1:k])
        return float(-np.log(p).sum()), gradient

    counts = np.bincount(y, minlength=11) / len(y)
    cuts = np.log(np.cumsum(counts)[:-1] / (1 - np.cumsum(counts)[:-1]))
    start = np.concatenate([cuts[:1], np.log(np.maximum(np.diff(cuts), 0.05)), np.zeros(x.shape[1])])
    found = minimize(objective, start, jac=True, method="BFGS", options={"gtol": 1e-4 * len(y) ** 0.5})
    scores = _negative(found.x)[1]
    error = np.sqrt(np.diag(np.linalg.inv(scores.T @ scores)))
    return found.x[k:], error[k:]


def lmg(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Shares of R-squared averaged over orderings (Lindeman, Merenda & Gold 1980), by all subsets."""
    r = np.corrcoef(np.column_stack([x, y]), rowvar=False)
    p = x.shape[1]
    fit = {(): 0.0}
    for size in range(1, p + 1):
        for s in itertools.combinations(range(p), size):
            fit[s] = float(r[list(s), p] @ np.linalg.solve(r[np.ix_(s, s)], r[list(s), p]))
    shares = np.zeros(p)
    for j in range(p):
        others = [i for i in range(p) if i != j]
        for size in range(p):
            weight = factorial(size) * factorial(p - size - 1) / factorial(p)
            for s in itertools.combinations(others, size):
                shares[j] += weight * (fit[tuple(sorted((*s, j)))] - fit[s])
    return shares / shares.sum()


def survey_frame(con: duckdb.DuckDBPyConnection, abandoned: pd.DataFrame) -> pd.DataFrame:
    """Complete answers with what the model of truths 8 to 10 needs."""
    con.register("abandoned", abandoned)
    return con.execute(
        """
        SELECT s.*, epoch(answered_at) AS t, customer_type = 'business' AS business,
               EXISTS (FROM abandoned a WHERE a.person = s.customer AND a.ended <= epoch(s.answered_at)
                       AND a.ended > epoch(s.answered_at) - 30 * 86400) AS recently,
               (year(answered_at) - 2025) * 12 + month(answered_at) AS month
        FROM surveys s JOIN customers ON customer_id = customer
        WHERE recommend BETWEEN 0 AND 10 ORDER BY customer, answered_at
        """
    ).df()


def survey_truths(answers: pd.DataFrame) -> list[tuple]:
    """Truths 8, 9 and 10."""
    columns = [f"q_{item}" for item in ITEMS]
    whole = answers.dropna(subset=columns)
    items = whole[columns].to_numpy(float) - 3
    not_used = whole["q_self_service"].to_numpy() == 6
    items[not_used, 2] = 0
    extra = [not_used, whole["recently"], whole["business"], whole["month"] >= 9]
    slopes, errors = ordinal(whole["recommend"].to_numpy(int), np.column_stack([items, *extra]).astype(float))
    names = [f"slope {item}" for item in ITEMS] + ["slope not used", "abandoned recently", "business", "from month 9"]
    rows = [(9 if "aband" in n else 10 if "month" in n or n == "business" else 8, n, s, e)
            for n, s, e in zip(names, slopes, errors, strict=True)]  # fmt: skip
    used = whole[~not_used]
    for item in ("self_service", "personalisation"):
        r = np.corrcoef(used["q_ease"], used[f"q_{item}"])[0, 1]
        rows.append((8, f"r(ease, {item})", r, (1 - r * r) / np.sqrt(len(used))))
    rows.append((8, "self-service not used", *share(not_used)))
    for name, value in zip(ITEMS, lmg(used["recommend"].to_numpy(float), used[columns].to_numpy(float)), strict=True):
        rows.append((8, f"LMG share {name} (answers that used self-service)", value, np.nan))
    points = 100.0 * ((answers["recommend"] >= 9).astype(float) - (answers["recommend"] <= 6))
    groups = points.groupby(answers["month"])
    nps, error = groups.mean(), groups.std() / np.sqrt(groups.size())
    rows.append((10, "NPS overall", points.mean(), points.std() / np.sqrt(len(points))))
    rows.append((10, "NPS month 9 - month 8", nps[9] - nps[8], float(np.hypot(error[9], error[8]))))
    later, before = points[answers["month"] >= 9], points[answers["month"] < 9]
    rows.append((10, "NPS months 9-18 without 14 - months 1-8", points[(answers["month"] >= 9) &
                 (answers["month"] != 14)].mean() - before.mean(),
                 float(np.hypot(later.std() / len(later) ** 0.5, before.std() / len(before) ** 0.5))))  # fmt: skip
    rows.append((10, "NPS month 14 - month 13, raw", nps[14] - nps[13], float(np.hypot(error[14], error[13]))))
    kinds = points.groupby([answers["month"], answers["business"]]).mean()
    weight = answers.loc[answers["month"] != 14, "business"].mean()
    fixed = {m: kinds[m, True] * weight + kinds[m, False] * (1 - weight) for m in (13, 14)}
    rows.append((10, "NPS month 14 - month 13, same mix", fixed[14] - fixed[13],
                 1.2 * float(np.hypot(error[14], error[13]))))  # fmt: skip
    return rows


def churn_truths(con: duckdb.DuckDBPyConnection, abandoned: pd.DataFrame) -> list[tuple]:
    """Truth 11 and the null of the newsletter, from person-months grouped by pattern."""
    con.register("abandoned", abandoned)
    table = con.execute(
        """
        WITH months AS (
            SELECT make_date(2025 + m // 12, m % 12 + 1, 1) AS begin,
                   make_date(2025 + (m + 1) // 12, (m + 1) % 12 + 1, 1) AS next_begin
            FROM range(17) AS t(m)
        ), panel AS (
            SELECT c.*, begin, epoch(begin::TIMESTAMP) AS b,
                   exit_reason IS NOT DISTINCT FROM 'voluntary'
                   AND notice_at >= begin AND notice_at < next_begin AS leaves
            FROM customers c, months
            WHERE started_at < begin AND coalesce(notice_at, DATE '9999-01-01') >= begin
              AND coalesce(ended_at, DATE '9999-01-01') >= begin
        ), gone AS (SELECT DISTINCT customer_id, p.b FROM panel p JOIN abandoned a
                    ON a.person = customer_id AND a.ended <= p.b AND a.ended > p.b - 90 * 86400),
        complaint AS (
            SELECT person, t, touchpoint, lead(touchpoint) OVER w AS next, lead(t) OVER w AS closed FROM events
            WHERE touchpoint IN ('complaint_filed', 'complaint_closed') WINDOW w AS (PARTITION BY person ORDER BY t)
        ), filed AS (SELECT DISTINCT customer_id, p.b FROM panel p JOIN complaint x ON x.person = customer_id
                     AND touchpoint = 'complaint_filed' AND x.t <= p.b
                     AND (next IS NULL OR next = 'complaint_filed' OR closed > p.b)),
        raised AS (SELECT DISTINCT customer_id, p.b FROM panel p JOIN events e ON e.person = customer_id
                   AND touchpoint = 'price_rise_notice' AND e.t <= p.b AND e.t > p.b - 90 * 86400)
        SELECT gone.b IS NOT NULL AS abandoned_journey, filed.b IS NOT NULL AS complaint,
               raised.b IS NOT NULL AS price_rise,
               coalesce(bound_until > panel.begin, false) AS bound, loyalty_programme AS loyal, newsletter,
               count(*) AS n, count(*) FILTER (leaves) AS k
        FROM panel LEFT JOIN gone USING (customer_id, b) LEFT JOIN filed USING (customer_id, b)
        LEFT JOIN raised USING (customer_id, b) GROUP BY ALL ORDER BY ALL
        """
    ).df()
    k, n = table["k"].to_numpy(float), table["n"].to_numpy(float)
    names = ["abandoned_journey", "complaint", "price_rise", "bound", "loyal", "newsletter"]
    ones = np.ones((len(table), 1))
    beta, error = logit(np.column_stack([ones, table[names].to_numpy(float)]), k, n)
    rows = [(11 if t != "newsletter" else 13, f"log-odds {t.replace('_', ' ')}", b, e)
            for t, b, e in zip(names, beta[1:], error[1:], strict=True)]  # fmt: skip
    raw, raw_error = logit(np.column_stack([ones, table[["newsletter"]].to_numpy(float)]), k, n)
    rows.append((13, "odds ratio newsletter, raw", float(np.exp(raw[1])), float(np.exp(raw[1]) * raw_error[1])))
    exits = con.execute("SELECT exit_reason FROM customers WHERE exit_reason IS NOT NULL").df()["exit_reason"]
    rows.append((11, "share of exits involuntary", *share(exits == "involuntary")))
    rows.append((11, "share of customers who left", con.execute(
        "SELECT count(exit_reason) / count(*) FROM customers").fetchone()[0], np.nan))  # type: ignore[index]  # fmt: skip
    offer = con.execute(
        "SELECT avg(retention_offer::INT) FILTER (exit_reason = 'voluntary'), "
        "avg(retention_offer::INT) FILTER (exit_reason IS NULL) FROM customers"
    ).fetchone()
    kinds = ("after", "without")
    return [*rows, *((12, f"retention_offer {kind} notice", x, np.nan) for kind, x in zip(kinds, offer, strict=True))]


def outage_truths(con: duckdb.DuckDBPyConnection, outages: pd.DataFrame) -> list[tuple]:
    """Truths 1, 2, 4, 6, 7 and the nulls of outages."""
    closed = outages["outcome"] != "open"
    kind = outages["outcome"].to_numpy()
    rows = [
        (1, "completed within 14 days", *incidence(outages["days"].to_numpy(), kind, 14)),
        (1, "completed of closed", *share(outages.loc[closed, "outcome"] == "completed")),
        (1, "open at the end", *share(~closed)),
        (2, "share with hand-off chat to phone", *share(outages["handoff"].notna())),
    ]
    waits = con.execute("SELECT channel, next_channel, wait / 3600 AS h FROM outage_steps WHERE wait IS NOT NULL").df()
    chat_phone = (waits["channel"] == "chat") & (waits["next_channel"] == "phone")
    rows.append((2, "wait chat to phone, h", *median(waits.loc[chat_phone, "h"])))
    rows.append((2, "wait elsewhere, h", *median(waits.loc[~chat_phone, "h"])))
    other = ~chat_phone & (waits["channel"] != waits["next_channel"])
    rows.append((2, "wait of other hand-offs, h", *median(waits.loc[other, "h"])))
    booked = con.execute(
        "SELECT next, wait / 86400 AS d FROM outage_steps WHERE touchpoint = 'technician_booked' AND t < ?",
        [as_of(con) - 40 * DAY],
    ).df()
    came = booked["next"] == "service_restored"
    rows.append((4, "technician: median days", *median(booked.loc[came, "d"])))
    days = booked.loc[came, "d"].to_numpy()
    rows.append((4, "technician: P90 days", float(np.quantile(days, 0.9)), 13 / max(len(days), 1) ** 0.5))
    rows.append((4, "technician: completed", *share(came)))
    number = {"austria": 6, "business": 7, "business_early": 7, "business_late": 7, "handoff": 2}
    counts = _at_risk(outages)
    models = [(cox(counts, TERMS), "")]
    models += [(cox(counts, terms), " alone") for terms in (["austria", "switzerland"], ["business"], ["handoff"])]
    for model, note in models:
        for term, b, e in model.itertuples(index=False):
            rows.append((number.get(term, 13), f"hazard ratio {term}{note}", float(np.exp(b)), float(np.exp(b) * e)))
    return rows


def bot_truths(con: duckdb.DuckDBPyConnection) -> list[tuple]:
    """Truth 5: bot conversations that began at least 7 days before as_of."""
    bots = con.execute(
        """
        WITH bot AS (
            SELECT person, t, lead(touchpoint) OVER w AS next, lead(t) OVER w AS solved_at FROM events
            WHERE channel = 'chat' WINDOW w AS (PARTITION BY person ORDER BY t)
            QUALIFY touchpoint = 'bot_opened')
        SELECT coalesce(next = 'bot_solved', false) AS solved,
               EXISTS (FROM events e WHERE e.person = bot.person AND e.mode = 'assisted' AND e.t > solved_at
                       AND e.t <= solved_at + 7 * 86400) AS called
        FROM bot WHERE t < ? - 8 * 86400
        """,
        [as_of(con)],
    ).df()
    solved = bots["solved"]
    return [
        (5, "bot conversations solved", *share(solved)),
        (5, "of these with assisted contact in 7 days", *share(bots.loc[solved, "called"])),
        (5, "contained", *share(solved & ~bots["called"])),
    ]


def form_truths(con: duckdb.DuckDBPyConnection) -> list[tuple]:
    """Truth 3: the address form by device, in and outside the broken weeks (2025-05-14 to 2025-06-24)."""
    form = con.execute(
        """
        SELECT device, next IS NOT NULL AS goes_on,
               make_timestamp((t * 1000000)::BIGINT)::DATE BETWEEN DATE '2025-05-14' AND DATE '2025-06-24' AS broken
        FROM move_steps WHERE touchpoint = 'address_form' AND t < ?
        """,
        [as_of(con) - 14 * DAY],
    ).df()
    rows = []
    for device, broken in itertools.product(("mobile", "desktop"), (True, False)):
        part = form[(form["device"] == device) & (form["broken"] == broken)]
        when = "weeks 20-25" if broken else "other weeks"
        rows.append((3, f"P(next) after address_form {device}, {when}", *share(part["goes_on"])))
        if broken:
            rows.append((3, f"starts {device}, {when}", float(len(part)), np.nan))
    return rows


def measure(folder: Path) -> pd.DataFrame:
    """One row per figure: truth (13: nulls), what, value, std_error."""
    con = open_feeds(folder)
    journeys = {key: build(con, key) for key in RULES}
    abandoned = pd.concat(
        [frame.loc[frame["outcome"] == "abandoned", ["person", "ended"]] for frame in journeys.values()]
    )
    rows = outage_truths(con, journeys["outage"]) + form_truths(con) + bot_truths(con)
    rows += survey_truths(survey_frame(con, abandoned)) + churn_truths(con, abandoned)
    for key, frame in journeys.items():
        rows.append((0, f"{key}: journeys", float(len(frame)), np.nan))
        for outcome in ("completed", "abandoned", "open"):
            rows.append((0, f"{key}: {outcome}", *share(frame["outcome"] == outcome)))
    rows.append((0, "events", float(con.execute("SELECT count(*) FROM events").fetchone()[0]), np.nan))  # type: ignore[index]
    rows.append((0, "answers", float(con.execute("SELECT count(*) FROM surveys").fetchone()[0]), np.nan))  # type: ignore[index]
    table = pd.DataFrame(rows, columns=["truth", "what", "value", "std_error"])
    return table.sort_values("truth", kind="stable", ignore_index=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    print(measure(parser.parse_args().folder).to_string(index=False, float_format=lambda v: f"{v:.4f}"))
