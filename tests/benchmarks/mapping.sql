-- What cj_helpers.mapping computes, as an analyst would write it by hand; read by mapping.py beside it.
-- table: steps
CREATE TABLE steps AS
WITH span AS (SELECT min(timestamp) AS first FROM '{log}'),
members AS (
  SELECT e.customer_id, e.timestamp, e.touchpoint, e.channel, e.row_number, r.journey, r.stage, r.is_start, r.succeeds OR r.abandons AS ends,
   e.timestamp + to_seconds(r.patience) AS deadline, e.timestamp <= (SELECT first FROM span) + to_seconds(r.usual) AS early
  FROM '{log}' e JOIN rules r USING (touchpoint) WHERE e.timestamp <= TIMESTAMP '{as_of}'),
gaps AS (SELECT *, lag(ends) OVER w AS b_ends, lag(deadline) OVER w AS b_deadline FROM members WINDOW w AS (PARTITION BY journey, customer_id ORDER BY timestamp, row_number)),
blocks AS (SELECT * EXCLUDE (b_ends,b_deadline,ends,deadline), b_ends IS NULL AND NOT is_start AND early AS cut,
   sum(CASE WHEN b_ends IS NULL OR b_ends OR timestamp > b_deadline THEN 1 ELSE 0 END) OVER (PARTITION BY journey, customer_id ORDER BY timestamp, row_number ROWS UNBOUNDED PRECEDING) AS block FROM gaps),
opened AS (SELECT *, max(is_start OR cut) OVER (PARTITION BY journey, customer_id, block ORDER BY timestamp,row_number ROWS UNBOUNDED PRECEDING) AS open FROM blocks)
SELECT journey, customer_id||'#'||CAST(block AS VARCHAR) AS journey_id, customer_id, row_number() OVER b AS position, timestamp, touchpoint, channel, stage,
  lead(touchpoint) OVER b AS next_touchpoint, lead(channel) OVER b AS next_channel, (epoch(lead(timestamp) OVER b)-epoch(timestamp))/3600 AS wait,
  row_number() OVER (PARTITION BY journey,customer_id,block,touchpoint ORDER BY timestamp,row_number) > 1 AS is_repeat,
  coalesce(channel <> lead(channel) OVER b, false) AS is_handoff, cut AS is_left_truncated
FROM opened WHERE open WINDOW b AS (PARTITION BY journey,customer_id,block ORDER BY timestamp,row_number)
-- table: journeys
CREATE TABLE journeys AS
WITH g AS (SELECT s.journey, journey_id, any_value(customer_id) customer_id, min(timestamp) started_at, max(timestamp) last_event_at, max(CASE WHEN next_touchpoint IS NULL THEN s.touchpoint END) last_touchpoint,
  min(CASE WHEN succeeds THEN position END) sp, min(CASE WHEN succeeds THEN timestamp END) success_at, min(CASE WHEN abandons THEN position END) ap, min(CASE WHEN abandons THEN timestamp END) abandon_at,
  count(*) n_steps, count(*) FILTER (is_repeat) n_repeats, count(*) FILTER (is_handoff) n_handoffs, count(DISTINCT channel) n_channels, max(stage_no) sn, bool_or(is_left_truncated) is_left_truncated
  FROM steps s JOIN rules r ON r.journey=s.journey AND r.touchpoint=s.touchpoint GROUP BY ALL),
o AS (SELECT g.*, last_event_at + to_seconds(patience) AS deadline, CASE WHEN sp IS NOT NULL AND (ap IS NULL OR sp<ap) THEN 'completed' WHEN ap IS NOT NULL THEN 'abandoned' WHEN last_event_at + to_seconds(patience) <= TIMESTAMP '{as_of}' THEN 'abandoned' ELSE 'open' END AS outcome
  FROM g JOIN rules r ON r.journey=g.journey AND r.touchpoint=g.last_touchpoint)
SELECT journey, journey_id, customer_id, started_at, last_event_at, CASE outcome WHEN 'completed' THEN success_at WHEN 'abandoned' THEN coalesce(abandon_at,deadline) END AS ended_at, outcome, n_steps,n_repeats,n_handoffs,n_channels,
 (SELECT stage FROM rules r2 WHERE r2.journey=o.journey AND r2.stage_no=sn LIMIT 1) AS furthest_stage,
 (epoch(coalesce(CASE outcome WHEN 'completed' THEN success_at WHEN 'abandoned' THEN coalesce(abandon_at,deadline) END, TIMESTAMP '{as_of}'))-epoch(started_at))/86400 AS duration, is_left_truncated,
 outcome='open' AND last_touchpoint='technician_booked' AND last_event_at+ INTERVAL 10 DAY < TIMESTAMP '{as_of}' AS is_overdue
FROM o
-- table: transitions
SELECT s.journey, touchpoint, coalesce(next_touchpoint,'('||outcome||')') tgt, count(*) n, count(DISTINCT s.journey_id) nj, count(DISTINCT s.customer_id) nc, median(wait), quantile_cont(wait,[0.25,0.75])
FROM steps s JOIN journeys j ON j.journey=s.journey AND j.journey_id=s.journey_id GROUP BY ALL
-- table: variants
WITH p AS (SELECT journey, journey_id, string_agg(touchpoint,'>' ORDER BY position) path FROM steps GROUP BY ALL)
SELECT j.journey, path, count(*) n, avg(CASE WHEN outcome='completed' THEN 1 ELSE 0 END), count(distinct customer_id), median(duration) FROM journeys j JOIN p USING (journey,journey_id) GROUP BY ALL
-- table: funnel
WITH c0 AS (SELECT s.journey, journey_id, position, stage_no FROM steps s JOIN rules r ON r.journey=s.journey AND r.touchpoint=s.touchpoint WHERE stage_no IS NOT NULL),
a0 AS (SELECT journey,journey_id,min(position) p FROM c0 WHERE stage_no=0 GROUP BY ALL),
a1 AS (SELECT journey,journey_id,min(position) p FROM c0 JOIN a0 USING(journey,journey_id) WHERE stage_no=1 AND position>p GROUP BY ALL),
a2 AS (SELECT journey,journey_id,min(position) p FROM c0 JOIN a1 USING(journey,journey_id) WHERE stage_no=2 AND position>p GROUP BY ALL),
a3 AS (SELECT journey,journey_id,min(position) p FROM c0 JOIN a2 USING(journey,journey_id) WHERE stage_no=3 AND position>p GROUP BY ALL),
a4 AS (SELECT journey,journey_id,min(position) p FROM c0 JOIN a3 USING(journey,journey_id) WHERE stage_no=4 AND position>p GROUP BY ALL),
f AS (SELECT j.journey, j.customer_id, j.started_at, (a0.p IS NOT NULL)::INT r0, (a1.p IS NOT NULL)::INT r1,(a2.p IS NOT NULL)::INT r2,(a3.p IS NOT NULL)::INT r3,(a4.p IS NOT NULL)::INT r4
 FROM journeys j LEFT JOIN a0 USING(journey,journey_id) LEFT JOIN a1 USING(journey,journey_id) LEFT JOIN a2 USING(journey,journey_id) LEFT JOIN a3 USING(journey,journey_id) LEFT JOIN a4 USING(journey,journey_id)),
k AS (SELECT journey, customer_id, count(*) m, sum(r0) r0,sum(r1) r1,sum(r2) r2,sum(r3) r3,sum(r4) r4 FROM f GROUP BY ALL)
SELECT journey, count(*) k, sum(m) n, sum(r0) AS r0, sum(r1) AS r1, sum(r2) AS r2, sum(r3) AS r3, sum(r4) AS r4, sum(r0*r0),sum(r0*m),sum(m*m),sum(r1*r1),sum(r1*r0),sum(r2*r2),sum(r2*r1),sum(r3*r3),sum(r3*r2),sum(r4*r4),sum(r4*r3) FROM k GROUP BY 1
