-- The statements that every message passes through, each once and whole, in the order of a message's way.
--
-- Written by `make statements`, compared by a test. Values are named %(so)s. The product leaves out of a statement the
-- parts (WITH …) that would change nothing; what must be there in any case is the part that checks the fence (`held`).
-- How each is planned: tests/channels_app/test_statement_plans.py. Why they are what they are: decision 14.

-- conversations.events: An event of the inbox is stored, once per key, and opens its conversation if that is new.
-- `milestone` only for the first event of a channel; the look for an account short of calls unless the channel never,
-- or always, answers in the response.
WITH tick AS (SELECT clock_timestamp() AS at
), conversation AS (
    INSERT INTO channels_app_conversation (channel_id, external_id, wake_at)
    SELECT channel.id, %(external_id)s, tick.at FROM tick, channels_app_channel AS channel
    WHERE channel.id = %(channel_id)s AND channel.revision = %(revision)s
    ON CONFLICT (channel_id, external_id) DO UPDATE
        SET wake_at = LEAST(channels_app_conversation.wake_at, EXCLUDED.wake_at),
            arrivals = channels_app_conversation.arrivals + 1
    RETURNING id, wake_at
), event AS (
    INSERT INTO channels_app_webhookevent
        (source, channel_id, idempotency_key, type, conversation_id, sent_at, counter, inline_until)
    SELECT %(source)s, %(channel_id)s, %(key)s, %(type)s, conversation.id, %(sent_at)s, %(counter)s, CASE WHEN EXISTS (
    SELECT FROM channels_app_credential AS account
    WHERE account.account_key = %(account_key)s AND account.quota_used >= 0.9 * account.quota_limit
        AND account.quota_at > clock_timestamp() - make_interval(secs => 600.0)) THEN %(inline_until)s::timestamptz END
    FROM conversation
    ON CONFLICT (channel_id, source, idempotency_key) DO UPDATE
        SET duplicates = channels_app_webhookevent.duplicates + 1
    RETURNING id, xmax = 0 AS is_new, inline_until
), body AS (
    INSERT INTO channels_app_eventbody (event_id, raw) SELECT id, %(raw)s FROM event WHERE is_new
), milestone AS (
    UPDATE channels_app_channel AS channel SET first_event_at = coalesce(channel.first_event_at, clock_timestamp())
    FROM event WHERE channel.id = %(channel_id)s AND event.is_new
)
SELECT event.id, conversation.id, event.is_new, conversation.wake_at = tick.at, event.inline_until
FROM event, conversation, tick;

-- conversations.lookup: A bot's later reply: its conversation, with whether that is on its way to the agents.
SELECT bot.revision, conversation.id, conversation.channel_id, conversation.external_id, conversation.session_id,
    conversation.last_turn_id, conversation.owner, EXISTS (
    SELECT FROM (
        SELECT event.id, event.state FROM channels_app_webhookevent AS event
        WHERE event.conversation_id = conversation.id AND event.outcome IS NULL
        ORDER BY event.sent_at, event.id LIMIT %(most)s) AS open
    CROSS JOIN LATERAL (
        SELECT delivery.state, delivery.payload FROM channels_app_delivery AS delivery
        WHERE delivery.event_id = open.id ORDER BY delivery.seq DESC LIMIT 1) AS last
    WHERE open.state = 'sending' AND last.state IN ('pending', 'in_flight')
        AND last.payload #>> '{outgoing,complete}' IS NOT NULL)
FROM channels_app_bot AS bot
LEFT JOIN channels_app_conversation AS conversation ON conversation.session_id = %(session_id)s::uuid
    AND conversation.channel_id IN (SELECT id FROM channels_app_channel WHERE bot_id = bot.id)
WHERE bot.id = %(bot_id)s;

-- conversations.events: What a bot or an operator says in a conversation that we know is stored, once per key.
WITH tick AS (SELECT clock_timestamp() AS at
), conversation AS (
    UPDATE channels_app_conversation SET wake_at = LEAST(wake_at, tick.at), arrivals = arrivals + 1 FROM tick
    WHERE channels_app_conversation.id = %(conversation_id)s
    RETURNING id, wake_at
), event AS (
    INSERT INTO channels_app_webhookevent
        (source, channel_id, idempotency_key, type, conversation_id, sent_at, counter, signed_at)
    SELECT %(source)s, %(channel_id)s, %(key)s, %(type)s, conversation.id, %(sent_at)s, %(counter)s,
        %(signed_at)s::bigint[]
    FROM conversation
    ON CONFLICT (channel_id, source, idempotency_key) DO UPDATE
        SET duplicates = channels_app_webhookevent.duplicates + 1,
            signed_at = CASE WHEN channels_app_webhookevent.signed_at @> EXCLUDED.signed_at
                THEN channels_app_webhookevent.signed_at
                ELSE channels_app_webhookevent.signed_at || EXCLUDED.signed_at END
    RETURNING id, xmax = 0 AS is_new, inline_until
), body AS (
    INSERT INTO channels_app_eventbody (event_id, raw) SELECT id, %(raw)s FROM event WHERE is_new
)
SELECT event.id, conversation.id, event.is_new, conversation.wake_at = tick.at, event.inline_until
FROM event, conversation, tick;

-- conversations.claim: A worker leases the conversation that waits longest, and reads its open events.
WITH claimed AS (
    UPDATE channels_app_conversation AS conversation
    SET lease_slot = %(slot)s, lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s),
        fence = conversation.fence + 1
    WHERE conversation.id = (
        SELECT due.id FROM channels_app_conversation AS due
        WHERE due.wake_at <= clock_timestamp()
            AND (due.lease_until IS NULL OR due.lease_until < clock_timestamp())
            AND due.channel_id <> ALL(%(passing_over)s::bigint[])
        ORDER BY due.wake_at LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING conversation.id, conversation.fence, conversation.channel_id, conversation.external_id,
        conversation.session_id, conversation.owner, conversation.stint, conversation.stint_is_implied,
        conversation.session_since, conversation.stint_began_at, conversation.newest_sent_at,
        conversation.last_turn_id, conversation.last_message_id, conversation.bot_counter, conversation.medium,
        conversation.language, conversation.options, conversation.topics, conversation.remembered,
        conversation.contact_id, conversation.inbox_channel_id
)
SELECT clock_timestamp(), seen.arrivals, seen.fence + 1 <> claimed.fence OR seen.lease_until IS NOT NULL,
    channel.revision, channel.bot_id, bot.revision, bot.failures, bot.paused_until, claimed.id, claimed.fence,
    claimed.channel_id, claimed.external_id, claimed.session_id, claimed.owner, claimed.stint,
    claimed.stint_is_implied, claimed.session_since, claimed.stint_began_at, claimed.newest_sent_at,
    claimed.last_turn_id, claimed.last_message_id, claimed.bot_counter, claimed.medium, claimed.language,
    claimed.options, claimed.topics, claimed.remembered, contact.id, inbox_channel.id, contact.external_id,
    contact.primary_identifier, contact.secondary_identifier, contact.picture_url, contact.vip,
    contact.medium_contact_profile_id, contact.attributes, inbox_channel.external_id, inbox_channel.name,
    inbox_channel.is_enabled, inbox_channel.shows_buttons, event.id, event.type, event.state, event.sent_at,
    event.received_at, event.counter, event.wait_until, event.called_at, event.source, event.attempts, event.reason,
    event.inline_until, coalesce(event.retried_at, event.received_at), body.raw
FROM
    claimed
    JOIN LATERAL (
        SELECT * FROM channels_app_conversation WHERE id = claimed.id LIMIT 1) AS seen ON true
    JOIN LATERAL (
        SELECT * FROM channels_app_channel WHERE id = claimed.channel_id LIMIT 1) AS channel ON true
    LEFT JOIN LATERAL (
        SELECT * FROM channels_app_bot WHERE id = channel.bot_id LIMIT 1) AS bot ON true
    LEFT JOIN LATERAL (
        SELECT * FROM channels_app_contact WHERE id = claimed.contact_id LIMIT 1) AS contact ON true
    LEFT JOIN LATERAL (
        SELECT * FROM channels_app_inboxchannel WHERE id = claimed.inbox_channel_id LIMIT 1) AS inbox_channel ON true
    LEFT JOIN LATERAL (
        SELECT open.* FROM channels_app_webhookevent AS open
        WHERE open.conversation_id = claimed.id AND open.outcome IS NULL
        ORDER BY open.sent_at, open.id LIMIT %(most)s) AS event ON true
    LEFT JOIN LATERAL (
        SELECT * FROM channels_app_eventbody WHERE event_id = event.id LIMIT 1) AS body ON true;

-- conversations.claim: The same with a conversation that is named.
WITH claimed AS (
    UPDATE channels_app_conversation AS conversation
    SET lease_slot = %(slot)s, lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s),
        fence = conversation.fence + 1
    WHERE conversation.id = %(conversation_id)s
    RETURNING conversation.id, conversation.fence, conversation.channel_id, conversation.external_id,
        conversation.session_id, conversation.owner, conversation.stint, conversation.stint_is_implied,
        conversation.session_since, conversation.stint_began_at, conversation.newest_sent_at,
        conversation.last_turn_id, conversation.last_message_id, conversation.bot_counter, conversation.medium,
        conversation.language, conversation.options, conversation.topics, conversation.remembered,
        conversation.contact_id, conversation.inbox_channel_id
)
SELECT clock_timestamp(), seen.arrivals, seen.fence + 1 <> claimed.fence OR seen.lease_until IS NOT NULL,
    channel.revision, channel.bot_id, bot.revision, bot.failures, bot.paused_until, claimed.id, claimed.fence,
    claimed.channel_id, claimed.external_id, claimed.session_id, claimed.owner, claimed.stint,
    claimed.stint_is_implied, claimed.session_since, claimed.stint_began_at, claimed.newest_sent_at,
    claimed.last_turn_id, claimed.last_message_id, claimed.bot_counter, claimed.medium, claimed.language,
    claimed.options, claimed.topics, claimed.remembered, contact.id, inbox_channel.id, contact.external_id,
    contact.primary_identifier, contact.secondary_identifier, contact.picture_url, contact.vip,
    contact.medium_contact_profile_id, contact.attributes, inbox_channel.external_id, inbox_channel.name,
    inbox_channel.is_enabled, inbox_channel.shows_buttons, event.id, event.type, event.state, event.sent_at,
    event.received_at, event.counter, event.wait_until, event.called_at, event.source, event.attempts, event.reason,
    event.inline_until, coalesce(event.retried_at, event.received_at), body.raw
FROM
    claimed
    JOIN LATERAL (
        SELECT * FROM channels_app_conversation WHERE id = claimed.id LIMIT 1) AS seen ON true
    JOIN LATERAL (
        SELECT * FROM channels_app_channel WHERE id = claimed.channel_id LIMIT 1) AS channel ON true
    LEFT JOIN LATERAL (
        SELECT * FROM channels_app_bot WHERE id = channel.bot_id LIMIT 1) AS bot ON true
    LEFT JOIN LATERAL (
        SELECT * FROM channels_app_contact WHERE id = claimed.contact_id LIMIT 1) AS contact ON true
    LEFT JOIN LATERAL (
        SELECT * FROM channels_app_inboxchannel WHERE id = claimed.inbox_channel_id LIMIT 1) AS inbox_channel ON true
    LEFT JOIN LATERAL (
        SELECT open.* FROM channels_app_webhookevent AS open
        WHERE open.conversation_id = claimed.id AND open.outcome IS NULL
        ORDER BY open.sent_at, open.id LIMIT %(most)s) AS event ON true
    LEFT JOIN LATERAL (
        SELECT * FROM channels_app_eventbody WHERE event_id = event.id LIMIT 1) AS body ON true;

-- conversations.contacts: An event says something new of the contact.
INSERT INTO channels_app_contact AS contact (channel_id, external_id, primary_identifier, secondary_identifier,
    picture_url, vip, medium_contact_profile_id, attributes)
VALUES (%(channel_id)s, %(external_id)s, %(primary_identifier)s, %(secondary_identifier)s, %(picture_url)s, %(vip)s,
    %(medium_contact_profile_id)s,
    coalesce(%(attributes)s::jsonb, '[]'))
ON CONFLICT (channel_id, external_id) DO UPDATE
    SET primary_identifier = EXCLUDED.primary_identifier, secondary_identifier = EXCLUDED.secondary_identifier,
        picture_url = EXCLUDED.picture_url, vip = EXCLUDED.vip, medium_contact_profile_id =
        EXCLUDED.medium_contact_profile_id,
        attributes = coalesce(%(attributes)s::jsonb, contact.attributes)
RETURNING id, attributes;

-- conversations.contacts: An event names another inbox channel than before.
SELECT id, is_enabled, shows_buttons, name, first_seen_at IS NOT NULL FROM channels_app_inboxchannel
WHERE channel_id = %(channel_id)s AND external_id = %(external_id)s;

-- conversations.contacts: One that has another name now, or is new.
INSERT INTO channels_app_inboxchannel AS known (channel_id, external_id, name, is_enabled, first_seen_at)
VALUES (%(channel_id)s, %(external_id)s, %(name)s, %(is_enabled)s, clock_timestamp())
ON CONFLICT (channel_id, external_id) DO UPDATE
    SET name = coalesce(nullif(EXCLUDED.name, ''), known.name),
        first_seen_at = coalesce(known.first_seen_at, EXCLUDED.first_seen_at)
RETURNING id, is_enabled, shows_buttons, name, true;

-- conversations.lookup: Before the bot is asked: whose the conversation is, what the contact said, and that a try
-- begins. `joined`: the STARTED that the bot is told of with this message.
WITH held AS (
    UPDATE channels_app_conversation SET owner = %(owner)s, stint = %(stint)s,
        stint_is_implied = %(stint_is_implied)s, newest_sent_at = %(newest_sent_at)s, medium = %(medium)s,
        bot_counter = CASE WHEN stint = %(stint)s THEN bot_counter END,
        stint_began_at = CASE WHEN stint = %(stint)s THEN stint_began_at ELSE clock_timestamp() END,
        options = %(offered)s::jsonb,
        language = %(language)s, topics = %(topics)s, contact_id = %(contact_id)s,
        inbox_channel_id = %(inbox_channel_id)s, last_message_id = %(last_message_id)s, last_turn_id = %(event_id)s
    WHERE id = %(conversation_id)s AND fence = %(fence)s RETURNING id
), said AS (
    INSERT INTO channels_app_message (conversation_id, event_id, author, position, text, attachment_url, said_at)
    SELECT held.id, said.event_id, 'contact', 0, said.text, '', least(said.at, clock_timestamp())
    FROM held, unnest(%(said_by)s::bigint[], %(said)s::text[], %(said_at)s::timestamptz[]) AS said(event_id, text, at)
    ON CONFLICT DO NOTHING
), joined AS (
    UPDATE channels_app_webhookevent AS event
    SET state = 'done', outcome = 'merged', reason = CASE WHEN event.type = 'message_received'
            THEN 'The bot got it in one turn with the message before it.'
            ELSE 'The bot was told of it with the contact''s first message.' END,
        stint = %(stint)s, answered_by = %(event_id)s, wait_until = NULL, finished_at = clock_timestamp()
    FROM held WHERE event.id = ANY(%(joined)s::bigint[]) AND event.state <> 'done'
)
UPDATE channels_app_webhookevent AS event
SET state = %(state)s, attempts = event.attempts + 1, called_at = coalesce(event.called_at, clock_timestamp()),
    stint = %(stint)s, wait_until = NULL
FROM held WHERE event.id = %(event_id)s RETURNING event.id;

-- conversations.lookup: The same for a contact who comes back after the end: with a new session.
WITH held AS (
    UPDATE channels_app_conversation SET owner = %(owner)s, stint = %(stint)s,
        stint_is_implied = %(stint_is_implied)s, newest_sent_at = %(newest_sent_at)s, medium = %(medium)s,
        bot_counter = CASE WHEN stint = %(stint)s THEN bot_counter END,
        stint_began_at = CASE WHEN stint = %(stint)s THEN stint_began_at ELSE clock_timestamp() END,
        options = %(offered)s::jsonb, session_id = %(session_id)s, session_since = %(session_since)s,
        remembered = '{}'::jsonb,
        language = %(language)s, topics = %(topics)s, contact_id = %(contact_id)s,
        inbox_channel_id = %(inbox_channel_id)s, last_message_id = %(last_message_id)s, last_turn_id = %(event_id)s
    WHERE id = %(conversation_id)s AND fence = %(fence)s RETURNING id
), said AS (
    INSERT INTO channels_app_message (conversation_id, event_id, author, position, text, attachment_url, said_at)
    SELECT held.id, said.event_id, 'contact', 0, said.text, '', least(said.at, clock_timestamp())
    FROM held, unnest(%(said_by)s::bigint[], %(said)s::text[], %(said_at)s::timestamptz[]) AS said(event_id, text, at)
    ON CONFLICT DO NOTHING
), joined AS (
    UPDATE channels_app_webhookevent AS event
    SET state = 'done', outcome = 'merged', reason = CASE WHEN event.type = 'message_received'
            THEN 'The bot got it in one turn with the message before it.'
            ELSE 'The bot was told of it with the contact''s first message.' END,
        stint = %(stint)s, answered_by = %(event_id)s, wait_until = NULL, finished_at = clock_timestamp()
    FROM held WHERE event.id = ANY(%(joined)s::bigint[]) AND event.state <> 'done'
)
UPDATE channels_app_webhookevent AS event
SET state = %(state)s, attempts = event.attempts + 1, called_at = coalesce(event.called_at, clock_timestamp()),
    stint = %(stint)s, wait_until = NULL
FROM held WHERE event.id = %(event_id)s RETURNING event.id;

-- conversations.exchanges: A call beside the bot's, e.g. that the contact sees it typing; the last one goes with the
-- next statement.
WITH held AS (
    SELECT id FROM channels_app_conversation WHERE id = %(conversation_id)s AND fence = %(fence)s
)
    INSERT INTO channels_app_exchange (event_id, channel_id, delivery_id, target, n, fence, started_at, took_ms,
        result, code, status, error, trace_id, method, url, request, response, limits)
    SELECT %(call_event_id)s::bigint, %(channel_id)s, %(call_delivery_id)s::bigint, %(call_target)s,
        %(call_n)s::bigint, %(fence)s, %(call_started_at)s::timestamptz, %(call_took_ms)s::bigint, %(call_result)s,
        %(call_code)s, %(call_status)s::bigint, %(call_error)s, %(call_trace_id)s, %(call_method)s, %(call_url)s,
        %(call_request)s, %(call_response)s, %(call_limits)s
    FROM held
RETURNING id;

-- deliveries.writing: The reply as rows, before anything of it leaves. `merged`, `answered`: events that end with it,
-- or have their answer with it; `called`: the call of the bot.
WITH held AS (
    UPDATE channels_app_conversation AS conversation
    SET options = jsonb_set(%(options)s::jsonb, '{after}', to_jsonb(coalesce((
        SELECT max(open.id) FROM (
            SELECT event.id FROM channels_app_webhookevent AS event
            WHERE event.conversation_id = %(conversation_id)s AND event.outcome IS NULL
            ORDER BY event.sent_at, event.id LIMIT %(most)s) AS open), 0))), bot_counter = coalesce(%(counter)s,
                conversation.bot_counter),
        remembered = jsonb_build_object('bot', %(bot_id)s::bigint, 'values', %(remembered)s::jsonb)
    WHERE conversation.id = %(conversation_id)s AND conversation.fence = %(fence)s AND conversation.arrivals =
        %(arrivals)s RETURNING conversation.id
), said AS (
    INSERT INTO channels_app_message (conversation_id, event_id, author, position, text, attachment_url, said_at)
    SELECT held.id, %(event_id)s, said.author, said.place, said.text, said.url, clock_timestamp()
    FROM held, unnest(%(authors)s::text[], %(places)s::int[], %(texts)s::text[], %(urls)s::text[])
        AS said(author, place, text, url)
    ON CONFLICT DO NOTHING
), planned AS (
    INSERT INTO channels_app_delivery (event_id, conversation_id, seq, kind, payload, state, tries, first_sent_at)
    SELECT %(event_id)s, held.id, call.seq, call.kind, call.payload,
        CASE WHEN call.seq = %(leaving)s::bigint THEN 'in_flight' ELSE 'pending' END,
        CASE WHEN call.seq = %(leaving)s::bigint THEN 1 ELSE 0 END,
        CASE WHEN call.seq = %(leaving)s::bigint THEN clock_timestamp() END
    FROM held, unnest(%(seqs)s::int[], %(kinds)s::text[], %(payloads)s::jsonb[]) AS call(seq, kind, payload)
    ON CONFLICT DO NOTHING
    RETURNING id, seq
), sending AS (
    UPDATE channels_app_webhookevent AS event
    SET state = 'sending', wait_until = NULL, reason = %(reason)s, stint = %(stint)s
    FROM held WHERE event.id = %(event_id)s
), merged AS (
    UPDATE channels_app_webhookevent AS event
    SET state = 'done', outcome = 'merged', reason = 'It became a part of another event''s reply.', wait_until = NULL,
        finished_at = clock_timestamp()
    FROM held WHERE event.id = ANY(%(merged)s::bigint[]) AND event.state <> 'done'
), answered AS (
    UPDATE channels_app_webhookevent AS event SET answered_by = %(event_id)s
    FROM held WHERE event.id = ANY(%(answered)s::bigint[])
), called AS (
    INSERT INTO channels_app_exchange (event_id, channel_id, delivery_id, target, n, fence, started_at, took_ms,
        result, code, status, error, trace_id, method, url, request, response, limits)
    SELECT %(call_event_id)s::bigint, %(channel_id)s, %(call_delivery_id)s::bigint, %(call_target)s,
        %(call_n)s::bigint, %(fence)s, %(call_started_at)s::timestamptz, %(call_took_ms)s::bigint, %(call_result)s,
        %(call_code)s, %(call_status)s::bigint, %(call_error)s, %(call_trace_id)s, %(call_method)s, %(call_url)s,
        %(call_request)s, %(call_response)s, %(call_limits)s
    FROM held
) SELECT held.id, planned.id, planned.seq FROM held LEFT JOIN planned ON true ORDER BY planned.seq;

-- deliveries.recording: A call is about to leave that is not the first of its reply, or not at its first try.
WITH held AS (SELECT id FROM channels_app_conversation WHERE id = %(conversation_id)s AND fence = %(fence)s FOR UPDATE)
UPDATE channels_app_delivery AS delivery
SET state = 'in_flight', tries = delivery.tries + 1,
    first_sent_at = coalesce(delivery.first_sent_at, clock_timestamp())
FROM held WHERE delivery.id = %(delivery_id)s RETURNING delivery.id;

-- deliveries.recording: What became of a call after which the event goes on.
WITH held AS (SELECT id FROM channels_app_conversation WHERE id = %(conversation_id)s AND fence = %(fence)s FOR
    UPDATE), tried AS (
    UPDATE channels_app_delivery AS delivery
    SET state = %(tried_state)s, finished_at = CASE WHEN %(tried_is_final)s THEN clock_timestamp() END,
        last_status = %(tried_status)s::bigint, last_error = %(tried_error)s, trace_id = %(tried_trace_id)s,
        payload = coalesce(%(tried_payload)s::jsonb, delivery.payload)
    FROM held WHERE delivery.id = %(tried_id)s::bigint
), called AS (
    INSERT INTO channels_app_exchange (event_id, channel_id, delivery_id, target, n, fence, started_at, took_ms,
        result, code, status, error, trace_id, method, url, request, response, limits)
    SELECT %(call_event_id)s::bigint, %(channel_id)s, %(call_delivery_id)s::bigint, %(call_target)s,
        %(call_n)s::bigint, %(fence)s, %(call_started_at)s::timestamptz, %(call_took_ms)s::bigint, %(call_result)s,
        %(call_code)s, %(call_status)s::bigint, %(call_error)s, %(call_trace_id)s, %(call_method)s, %(call_url)s,
        %(call_request)s, %(call_response)s, %(call_limits)s
    FROM held
) SELECT held.id FROM held;

-- deliveries.inline: Ten times a second while requests of the inbox wait for their answers: those that are ready.
SELECT asked.event_id, event.outcome IS NOT NULL, delivery.id, delivery.state, delivery.outgoing
FROM unnest(%(event_ids)s::bigint[]) AS asked(event_id)
JOIN LATERAL (
    SELECT * FROM channels_app_webhookevent WHERE id = asked.event_id LIMIT 1) AS event ON true
LEFT JOIN LATERAL (
    SELECT newest.id, newest.payload #>> '{inline,state}' AS state, newest.payload ->> 'outgoing' AS outgoing FROM (
        SELECT * FROM channels_app_delivery WHERE conversation_id = event.conversation_id
        ORDER BY id DESC LIMIT %(newest)s) AS newest
    WHERE (newest.payload #>> '{inline,event}')::bigint = asked.event_id LIMIT 1) AS delivery ON true;

-- deliveries.inline: A request takes its answer along.
WITH offer AS (
    SELECT delivery.id, delivery.event_id, delivery.conversation_id
    FROM (SELECT * FROM channels_app_delivery WHERE id = %(delivery_id)s LIMIT 1) AS delivery
    JOIN LATERAL (
        SELECT * FROM channels_app_webhookevent WHERE id = delivery.event_id LIMIT 1) AS event ON true
    WHERE event.state = 'sending' AND event.wait_until > clock_timestamp() AND NOT EXISTS (
        SELECT FROM (
            SELECT * FROM channels_app_webhookevent
            WHERE conversation_id = delivery.conversation_id AND outcome IS NULL
            ORDER BY sent_at, id LIMIT 50) AS open
        WHERE open.state = 'queued' AND (
            open.type = 'conversation_delegated' AND open.sent_at > event.sent_at
            OR open.type = 'message_received' AND delivery.payload #>> '{outgoing,complete}' = 'resolved'))
), held AS (
    UPDATE channels_app_conversation AS conversation
    SET wake_at = least(wake_at, clock_timestamp() + make_interval(secs => %(settle_s)s::double precision)), arrivals =
        arrivals + 1
    WHERE conversation.id = (SELECT conversation_id FROM offer) RETURNING conversation.id
), taken AS (
    UPDATE channels_app_delivery AS delivery
    SET state = 'in_flight', tries = delivery.tries + 1, first_sent_at = clock_timestamp(),
        payload = jsonb_set(delivery.payload, '{inline,state}', '"taken"')
    WHERE delivery.id = (SELECT offer.id FROM offer, held) AND delivery.state = 'pending'
        AND delivery.payload #>> '{inline,state}' = 'offered'
    RETURNING delivery.event_id, delivery.payload ->> 'outgoing' AS outgoing
), settled AS (
    UPDATE channels_app_webhookevent AS event SET wait_until = clock_timestamp() + make_interval(secs =>
        %(settle_s)s::double precision)
    WHERE event.id = (SELECT event_id FROM taken)
)
SELECT taken.outgoing FROM taken;

-- deliveries.inline: A worker takes back what no request came for.
UPDATE channels_app_delivery AS delivery SET payload = delivery.payload - 'inline'
WHERE delivery.id = %(delivery_id)s AND delivery.payload #>> '{inline,state}' = 'offered'
RETURNING delivery.id;

-- conversations.release: The end of a step: the conversation is released with what has ended, waits, was tried and
-- called, and the next one is claimed.
WITH held AS (
    UPDATE channels_app_conversation AS conversation
    SET lease_slot = NULL, lease_until = NULL, owner = coalesce(%(owner)s, conversation.owner),
        wake_at = CASE
            WHEN conversation.arrivals <> %(arrivals)s THEN clock_timestamp()
            WHEN %(until)s::timestamptz IS NOT NULL THEN %(until)s::timestamptz
            ELSE least(%(put_off_until)s::timestamptz, (
                SELECT min(greatest(open.wait_until, clock_timestamp()))
                FROM (
                    SELECT event.wait_until FROM channels_app_webhookevent AS event
                    WHERE event.conversation_id = %(conversation_id)s AND event.outcome IS NULL
                        AND event.id <> ALL(%(settled)s::bigint[])
                    ORDER BY event.sent_at, event.id LIMIT %(most)s) AS open))
            END
    WHERE conversation.id = %(conversation_id)s AND conversation.fence = %(fence)s
    RETURNING conversation.id, conversation.wake_at
), ended AS (
    UPDATE channels_app_webhookevent AS event
    SET state = 'done', wait_until = NULL, finished_at = clock_timestamp(),
        outcome = (%(outcomes)s::text[])[array_position(%(ended)s::bigint[], event.id)],
        reason = coalesce((%(reasons)s::text[])[array_position(%(ended)s::bigint[], event.id)], event.reason)
    FROM held WHERE event.id = ANY(%(ended)s::bigint[]) AND event.state <> 'done'
), put_off AS (
    UPDATE channels_app_webhookevent AS event
    SET state = %(state)s, reason = coalesce(%(reason)s, event.reason), wait_until = %(put_off_until)s::timestamptz
    FROM held WHERE event.id = %(put_off_id)s::bigint
), tried AS (
    UPDATE channels_app_delivery AS delivery
    SET state = %(tried_state)s, finished_at = CASE WHEN %(tried_is_final)s THEN clock_timestamp() END,
        last_status = %(tried_status)s::bigint, last_error = %(tried_error)s, trace_id = %(tried_trace_id)s,
        payload = coalesce(%(tried_payload)s::jsonb, delivery.payload)
    FROM held WHERE delivery.id = %(tried_id)s::bigint
), called AS (
    INSERT INTO channels_app_exchange (event_id, channel_id, delivery_id, target, n, fence, started_at, took_ms,
        result, code, status, error, trace_id, method, url, request, response, limits)
    SELECT %(call_event_id)s::bigint, %(channel_id)s, %(call_delivery_id)s::bigint, %(call_target)s,
        %(call_n)s::bigint, %(fence)s, %(call_started_at)s::timestamptz, %(call_took_ms)s::bigint, %(call_result)s,
        %(call_code)s, %(call_status)s::bigint, %(call_error)s, %(call_trace_id)s, %(call_method)s, %(call_url)s,
        %(call_request)s, %(call_response)s, %(call_limits)s
    FROM held
), milestone AS (
    UPDATE channels_app_channel AS channel SET live_at = coalesce(channel.live_at, clock_timestamp()), handed_over_at =
        coalesce(channel.handed_over_at, clock_timestamp())
    FROM held WHERE channel.id = %(channel_id)s AND true
), claimed AS (
    UPDATE channels_app_conversation AS conversation
    SET lease_slot = %(slot)s, lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s),
        fence = conversation.fence + 1
    WHERE conversation.id = (
        SELECT due.id FROM channels_app_conversation AS due
        WHERE due.wake_at <= clock_timestamp()
            AND (due.lease_until IS NULL OR due.lease_until < clock_timestamp())
            AND due.channel_id <> ALL(%(passing_over)s::bigint[])
            AND due.id <> %(conversation_id)s AND EXISTS (SELECT FROM held)
        ORDER BY due.wake_at LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING conversation.id, conversation.fence, conversation.channel_id, conversation.external_id,
        conversation.session_id, conversation.owner, conversation.stint, conversation.stint_is_implied,
        conversation.session_since, conversation.stint_began_at, conversation.newest_sent_at,
        conversation.last_turn_id, conversation.last_message_id, conversation.bot_counter, conversation.medium,
        conversation.language, conversation.options, conversation.topics, conversation.remembered,
        conversation.contact_id, conversation.inbox_channel_id
)
SELECT held.wake_at, held.wake_at <= clock_timestamp(), claimed.id, clock_timestamp(), seen.arrivals, seen.fence + 1 <>
    claimed.fence OR seen.lease_until IS NOT NULL, channel.revision, channel.bot_id, bot.revision, bot.failures,
    bot.paused_until, claimed.id, claimed.fence, claimed.channel_id, claimed.external_id, claimed.session_id,
    claimed.owner, claimed.stint, claimed.stint_is_implied, claimed.session_since, claimed.stint_began_at,
    claimed.newest_sent_at, claimed.last_turn_id, claimed.last_message_id, claimed.bot_counter, claimed.medium,
    claimed.language, claimed.options, claimed.topics, claimed.remembered, contact.id, inbox_channel.id,
    contact.external_id, contact.primary_identifier, contact.secondary_identifier, contact.picture_url, contact.vip,
    contact.medium_contact_profile_id, contact.attributes, inbox_channel.external_id, inbox_channel.name,
    inbox_channel.is_enabled, inbox_channel.shows_buttons, event.id, event.type, event.state, event.sent_at,
    event.received_at, event.counter, event.wait_until, event.called_at, event.source, event.attempts, event.reason,
    event.inline_until, coalesce(event.retried_at, event.received_at), body.raw
FROM held LEFT JOIN (
    claimed
    JOIN LATERAL (
        SELECT * FROM channels_app_conversation WHERE id = claimed.id LIMIT 1) AS seen ON true
    JOIN LATERAL (
        SELECT * FROM channels_app_channel WHERE id = claimed.channel_id LIMIT 1) AS channel ON true
    LEFT JOIN LATERAL (
        SELECT * FROM channels_app_bot WHERE id = channel.bot_id LIMIT 1) AS bot ON true
    LEFT JOIN LATERAL (
        SELECT * FROM channels_app_contact WHERE id = claimed.contact_id LIMIT 1) AS contact ON true
    LEFT JOIN LATERAL (
        SELECT * FROM channels_app_inboxchannel WHERE id = claimed.inbox_channel_id LIMIT 1) AS inbox_channel ON true
    LEFT JOIN LATERAL (
        SELECT open.* FROM channels_app_webhookevent AS open
        WHERE open.conversation_id = claimed.id AND open.outcome IS NULL
        ORDER BY open.sent_at, open.id LIMIT %(most)s) AS event ON true
    LEFT JOIN LATERAL (
        SELECT * FROM channels_app_eventbody WHERE event_id = event.id LIMIT 1) AS body ON true
) ON true;
