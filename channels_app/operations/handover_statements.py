"""The statements of the page about handovers. Each begins with the newest rows, so that none reads a whole table."""

_HANDOVERS = """
WITH newest AS MATERIALIZED (SELECT * FROM offload_offload ORDER BY id DESC LIMIT %(handovers)s),
among AS MATERIALIZED (
    SELECT newest.*, conversation.channel_id, conversation.contact_id, coalesce(message.text, '') AS line,
        extract(epoch FROM newest.taken_at - newest.finished_at) / 60 AS taken,
        extract(epoch FROM newest.ended_at - newest.finished_at) / 60 AS minutes,
        channel.inbox = ANY(%(watched)s) AND channel.alert_minutes > 0 AND newest.reason <> 'message_left'
            AND coalesce(newest.taken_at, newest.ended_at, clock_timestamp())
                >= newest.finished_at + make_interval(mins => channel.alert_minutes) AS is_late
    FROM newest JOIN channels_app_conversation AS conversation ON conversation.id = newest.conversation_id
    JOIN channels_app_channel AS channel ON channel.id = conversation.channel_id
    LEFT JOIN channels_app_message AS message ON message.id = newest.bot_message_id
    WHERE newest.requested_at >= %(since)s AND newest.state IN ('handed_over', 'ended')
        AND (%(channel)s::bigint IS NULL OR conversation.channel_id = %(channel)s::bigint)
)
"""
# The time of a return is told as a difference, which no index has: else each line of the page could cost a look at all
# events of that day.
SPOTS = f"""{_HANDOVERS}
SELECT channel_id, left(line, %(letters)s), md5(line), count(*), count(*) FILTER (WHERE reason = ANY(%(failed)s)),
    count(*) FILTER (WHERE misses >= %(streak)s),
    count(*) FILTER (WHERE EXISTS (
            SELECT FROM channels_app_conversation AS later
            WHERE later.contact_id = among.contact_id AND later.id > among.conversation_id
                AND later.created_at BETWEEN among.finished_at AND among.finished_at + %(back)s)
        OR EXISTS (
            SELECT FROM channels_app_webhookevent AS again
            WHERE again.conversation_id = among.conversation_id AND again.type = 'conversation_started'
                AND again.received_at - among.finished_at BETWEEN interval '0' AND %(back)s)),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY taken), percentile_cont(0.5) WITHIN GROUP (ORDER BY minutes),
    array_agg(intent), jsonb_agg(topics),
    sum(count(*)) OVER ()
FROM among GROUP BY channel_id, line ORDER BY count(*) DESC, line LIMIT %(lines)s
"""
_TIMES = """count(*), count(*) FILTER (WHERE is_late),
    count(*) FILTER (WHERE ended_at IS NOT NULL), percentile_cont(0.5) WITHIN GROUP (ORDER BY taken),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY minutes)"""
_KNOWN = "(taken_at IS NOT NULL OR ended_at IS NOT NULL)"
_OF_GROUP = "GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT %(lines)s"
BY_TOPIC = f"""{_HANDOVERS}
SELECT topic, {_TIMES} FROM among CROSS JOIN LATERAL jsonb_array_elements_text(topics) AS topic
WHERE {_KNOWN} {_OF_GROUP}
"""
_AGENT = "coalesce(nullif(ended_by, ''), taken_by)"
BY_AGENT = f"{_HANDOVERS} SELECT {_AGENT}, {_TIMES} FROM among WHERE {_KNOWN} AND {_AGENT} <> '' {_OF_GROUP}"
BY_REASON = f"{_HANDOVERS} SELECT reason, {_TIMES} FROM among GROUP BY 1 ORDER BY count(*) DESC, 1"
_SILENT = """
WITH newest AS MATERIALIZED (
    SELECT id, channel_id, newest_sent_at FROM (
        SELECT * FROM channels_app_conversation ORDER BY id DESC LIMIT %(conversations)s) AS newest
    WHERE owner = 'bot' AND newest_sent_at BETWEEN %(since)s AND %(until)s
        AND (%(channel)s::bigint IS NULL OR channel_id = %(channel)s::bigint)),
among AS (
    SELECT newest.id AS conversation_id, channel_id, last.text AS line
    FROM newest CROSS JOIN LATERAL (
        SELECT author, text FROM channels_app_message AS message WHERE message.conversation_id = newest.id
        ORDER BY said_at DESC, id DESC LIMIT 1) AS last
    WHERE last.author = 'bot')
"""
DEAD_ENDS = f"""{_SILENT}
SELECT channel_id, left(line, %(letters)s), md5(line), count(*) FROM among
GROUP BY channel_id, line ORDER BY count(*) DESC, line LIMIT %(lines)s
"""
OFFERS = """
SELECT newest.id, newest.channel_id, newest.options, coalesce(message.text, '')
FROM (SELECT * FROM channels_app_conversation ORDER BY id DESC LIMIT %(conversations)s) AS newest
LEFT JOIN channels_app_message AS message
    ON message.event_id = (newest.options ->> 'chosen_by')::bigint AND message.author = 'contact'
WHERE newest.options ? 'options' AND newest.newest_sent_at >= %(since)s
    AND (%(channel)s::bigint IS NULL OR newest.channel_id = %(channel)s::bigint)
ORDER BY newest.id DESC LIMIT %(offers)s
"""
OF_LINE = {
    kind: f"{among} SELECT conversation_id FROM among WHERE md5(line) = %(key)s ORDER BY {order} DESC LIMIT %(page)s"
    for kind, among, order in (("handover", _HANDOVERS, "id"), ("silent", _SILENT, "conversation_id"))
}
