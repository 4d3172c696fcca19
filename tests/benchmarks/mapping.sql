-- What cj_helpers.mapping computes, as an analyst would write it by hand; read by mapping_peers.py beside it.
-- table: steps
CREATE TABLE steps AS
WITH span AS (SELECT min(timestamp) AS first FROM '{log}'),
members AS (
  SELECT e.customer_id, e.timestamp, e.touchpoint, e.channel, e.row_number, r.journey, r.stage, r.is_start,
    r.succeeds OR r.abandons AS ends, e.timestamp + to_seconds(r.patience) AS deadline,
    e.timestamp <= (SELECT first FROM span) + to_seconds(r.usual) AS early
  FROM '{log}' e JOIN rules r USING (touchpoint) WHERE e.timestamp <= TIMESTAMP '{as_of}'),
gaps AS (
  SELECT *, lag(ends) OVER w AS b_ends, lag(deadline) OVER w AS b_deadline FROM members
  WINDOW w AS (PARTITION BY journey, customer_id ORDER BY timestamp, row_number)),
blocks AS (
  SELECT * EXCLUDE (b_ends, b_deadline, ends, deadline), b_ends IS NULL AND NOT is_start AND early AS cut,
    sum(CASE WHEN b_ends IS NULL OR b_ends OR timestamp > b_deadline THEN 1 ELSE 0 END) OVER (
      PARTITION BY journey, customer_id ORDER BY timestamp, row_number ROWS UNBOUNDED PRECEDING) AS block
  FROM gaps),
opened AS (
  SELECT *, max(is_start OR cut) OVER (
    PARTITION BY journey, customer_id, block ORDER BY timestamp, row_number ROWS UNBOUNDED PRECEDING) AS open
  FROM blocks)
SELECT journey, customer_id || '#' || CAST(block AS VARCHAR) AS journey_id, customer_id,
  row_number() OVER b AS position, timestamp, touchpoint, channel, stage, lead(touchpoint) OVER b AS next_touchpoint,
  lead(channel) OVER b AS next_channel, (epoch(lead(timestamp) OVER b) - epoch(timestamp)) / 3600 AS wait,
  row_number() OVER (
    PARTITION BY journey, customer_id, block, touchpoint ORDER BY timestamp, row_number) > 1 AS is_repeat,
  coalesce(channel <> lead(channel) OVER b, false) AS is_handoff, cut AS is_left_truncated
FROM opened WHERE open WINDOW b AS (PARTITION BY journey, customer_id, block ORDER BY timestamp, row_number)
-- table: journeys
CREATE TABLE journeys AS
WITH g AS (
  SELECT s.journey, journey_id, any_value(customer_id) AS customer_id, min(timestamp) AS started_at,
    max(timestamp) AS last_event_at, max(CASE WHEN next_touchpoint IS NULL THEN s.touchpoint END) AS last_touchpoint,
    min(CASE WHEN succeeds THEN position END) AS sp, min(CASE WHEN succeeds THEN timestamp END) AS success_at,
    min(CASE WHEN abandons THEN position END) AS ap, min(CASE WHEN abandons THEN timestamp END) AS abandon_at,
    count(*) AS n_steps, count(*) FILTER (is_repeat) AS n_repeats, count(*) FILTER (is_handoff) AS n_handoffs,
    count(DISTINCT channel) AS n_channels, max(stage_no) AS sn, bool_or(is_left_truncated) AS is_left_truncated
  FROM steps s JOIN rules r ON r.journey = s.journey AND r.touchpoint = s.touchpoint GROUP BY ALL),
o AS (
  SELECT g.*, promise, last_event_at + to_seconds(patience) AS deadline,
    CASE WHEN sp IS NOT NULL AND (ap IS NULL OR sp < ap) THEN 'completed' WHEN ap IS NOT NULL THEN 'abandoned'
      WHEN last_event_at + to_seconds(patience) <= TIMESTAMP '{as_of}' THEN 'abandoned' ELSE 'open' END AS outcome
  FROM g JOIN rules r ON r.journey = g.journey AND r.touchpoint = g.last_touchpoint),
e AS (
  SELECT *, CASE outcome WHEN 'completed' THEN success_at WHEN 'abandoned' THEN coalesce(abandon_at, deadline) END
    AS ended_at FROM o),
names AS (SELECT DISTINCT journey, stage_no AS sn, stage AS furthest_stage FROM rules)
SELECT journey, journey_id, customer_id, started_at, last_event_at, ended_at, outcome, n_steps, n_repeats, n_handoffs,
  n_channels, furthest_stage, (epoch(coalesce(ended_at, TIMESTAMP '{as_of}')) - epoch(started_at)) / 86400 AS duration,
  is_left_truncated,
  coalesce(outcome = 'open' AND last_event_at + to_seconds(promise) < TIMESTAMP '{as_of}', false) AS is_overdue
FROM e LEFT JOIN names USING (journey, sn)
-- table: transitions
SELECT s.journey, touchpoint AS source, coalesce(next_touchpoint, '(' || outcome || ')') AS target,
  count(*) AS n_transitions, count(DISTINCT s.journey_id) AS n_journeys, count(DISTINCT s.customer_id) AS n_customers,
  quantile_cont(wait, 0.25) AS wait_p25_hours, median(wait) AS wait_median_hours,
  quantile_cont(wait, 0.75) AS wait_p75_hours
FROM steps s JOIN journeys j ON j.journey = s.journey AND j.journey_id = s.journey_id GROUP BY ALL
-- table: variants
WITH p AS (
  SELECT journey, journey_id, string_agg(touchpoint, '>' ORDER BY position) AS path FROM steps GROUP BY ALL)
SELECT j.journey, path, count(*) AS n_journeys, avg((outcome = 'completed')::INT) AS completed_share,
  count(DISTINCT customer_id) AS n_customers, median(duration) AS median_days
FROM journeys j JOIN p USING (journey, journey_id) GROUP BY ALL
-- table: funnel
WITH p AS (
  SELECT s.journey, journey_id, string_agg(coalesce(stage_no, 9)::VARCHAR, '' ORDER BY position) AS path
  FROM steps s JOIN rules r ON r.journey = s.journey AND r.touchpoint = s.touchpoint GROUP BY ALL),
f AS (
  SELECT j.journey, j.customer_id, (started_at <= TIMESTAMP '{as_of}' - to_seconds(horizon))::INT AS ripe, 1 AS b0,
    (path LIKE '%0%')::INT AS b1, (path LIKE '%0%1%')::INT AS b2, (path LIKE '%0%1%2%')::INT AS b3,
    (path LIKE '%0%1%2%3%')::INT AS b4, (path LIKE '%0%1%2%3%4%')::INT AS b5
  FROM journeys j JOIN p USING (journey, journey_id)
  JOIN (SELECT DISTINCT journey, horizon FROM rules) h ON h.journey = j.journey),
long AS (
  SELECT journey, customer_id, ripe, unnest([0, 1, 2, 3, 4]) AS stage_no, unnest([b1, b2, b3, b4, b5]) AS r,
    unnest([b0, b1, b2, b3, b4]) AS b
  FROM f),
k AS (
  SELECT journey, customer_id, stage_no, sum(r) AS r, sum(b) AS b, sum(r * ripe) AS rr, sum(b * ripe) AS br
  FROM long GROUP BY ALL)
SELECT k.journey, stage, sum(r) AS n_reached, sum(b) AS n_previous, sum(br) AS n_matured,
  sum(rr) / sum(br) AS matured_share, count(*) FILTER (b > 0) AS n_customers, sum(r * r) AS xx, sum(r * b) AS xm,
  sum(b * b) AS mm, sum(rr * rr) AS matured_xx, sum(rr * br) AS matured_xm, sum(br * br) AS matured_mm
FROM k JOIN (SELECT DISTINCT journey, stage_no, stage FROM rules) n USING (journey, stage_no) GROUP BY ALL
