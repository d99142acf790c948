"""CB-9xx: calls to the REST API that were not done. Each answer of the API that is no success names one."""

from channels_app.codes.words import NOTHING_NOTICED, Code, Severity

TITLE = "Calls to the REST API"
_CALLER = "Not by the bridge: the program that called decides."

CODES = (
    Code(
        code="CB-901",
        name="Not logged in",
        text="The call names nobody that the bridge knows: no API token that counts, and no session.",
        meaning="Every call acts for a user. Programs send an API token, pages the session of the admin's log-in.",
        causes=(
            "The header is missing, or is not `Authorization: Bearer cbt_…`.",
            "The token has ended or was revoked, or its user is not active any more.",
            "A proxy in front takes the header away.",
        ),
        checks=("The admin's page API tokens shows which tokens count, and when each was last used.",),
        repairs=("Make a new token on the admin's page API tokens, and send it as `Authorization: Bearer cbt_…`.",),
        retried=_CALLER,
        contact=NOTHING_NOTICED,
    ),
    Code(
        code="CB-902",
        name="Not allowed",
        text="This user may not do that: {need}.",
        meaning="A call may do what its user may do on the pages, and nothing else.",
        causes=(
            "The role of the user is too small: a viewer reads no texts, an operator sets up no channels.",
            "A page called without its CSRF token.",
        ),
        checks=("`GET /api/v1/me/` says who the call acts for, and what that user may do.",),
        repairs=("A superuser can give the user another role, on the admin's page Users.",),
        retried=_CALLER,
        contact=NOTHING_NOTICED,
    ),
    Code(
        code="CB-903",
        name="Not there",
        text="There is nothing at this address.",
        meaning="The address is misspelt, or what it names has been deleted.",
        causes=("An id of another bridge or of another kind of thing.", "A conversation or channel that was deleted."),
        repairs=("Take addresses from lists: each row has its id. All of them are in the API's documentation.",),
        retried=_CALLER,
        contact=NOTHING_NOTICED,
    ),
    Code(
        code="CB-904",
        name="Not understood",
        text="The call can't be done as it is: see the fields.",
        meaning="The body or the query does not fit what this address expects. Nothing was changed.",
        causes=(
            "A field that is not known: the bridge refuses it, because it would otherwise be ignored silently.",
            "A value of another type, or a required one that is missing.",
            "The body is not JSON, or is not sent as `application/json`.",
        ),
        checks=("`errors` in the answer names each field with what is wrong.",),
        repairs=("Compare with the API's documentation, which has an example of each call.",),
        retried=_CALLER,
        contact=NOTHING_NOTICED,
    ),
    Code(
        code="CB-905",
        name="Not possible now",
        severity=Severity.WARNING,
        text="As things stand that can't be done: {why}",
        meaning="The call was understood and allowed, but the state of what it is about does not permit it.",
        causes=("Somebody else did it before, or agents have the conversation by now.",),
        checks=("Read the row again: its state says why.",),
        repairs=("Do what the sentence says, then call again.",),
        retried=_CALLER,
        contact=NOTHING_NOTICED,
    ),
    Code(
        code="CB-906",
        name="Idempotency-Key of another call",
        text="This Idempotency-Key was used for another call in the last 24 hours.",
        meaning="A key stands for one call with one body. Asked again with the same key, the bridge gives the first "
        "answer and does nothing; with another body it can't know which of the two is meant.",
        causes=("A key is made from too little, for example from the date alone.",),
        repairs=("Make a new random key for each thing to be done, and keep it for repetitions of that one.",),
        retried=_CALLER,
        contact=NOTHING_NOTICED,
    ),
    Code(
        code="CB-907",
        name="Busy with the same",
        severity=Severity.WARNING,
        text="The same is being done at this moment. Call again in a few seconds.",
        meaning="Another call holds what this one needs, for example one with the same Idempotency-Key.",
        causes=("A program repeated a call before the first one was answered.",),
        repairs=("Wait a few seconds, then call again with the same Idempotency-Key.",),
        retried=_CALLER,
        contact=NOTHING_NOTICED,
    ),
    Code(
        code="CB-908",
        name="The API failed",
        text="The bridge failed to answer this call. Its log says why.",
        meaning="Something happened that nobody foresaw, or PostgreSQL does not answer.",
        causes=("PostgreSQL restarts or is away.", "A defect of the bridge."),
        checks=("`/readyz` says whether the bridge reaches PostgreSQL. The log of the web process has the error.",),
        repairs=(
            "Call again later, with the same Idempotency-Key. If it stays, report it with the lines of the log.",
        ),
        retried=_CALLER,
        contact="Nothing: events are accepted and handled apart from the API.",
    ),
    Code(
        code="CB-909",
        name="Changed by others",
        severity=Severity.WARNING,
        text="Others have changed this since you read it, so nothing was saved. It is at revision {revision} now.",
        meaning="The call named in If-Match the revision that it had read, and there is a newer one. Saved all the "
        "same, it could undo what somebody else has just done.",
        causes=("A person saved on the pages, or another program, between your reading and your writing.",),
        checks=("`changes` in the answer says what was changed, from what to what, by whom and when.",),
        repairs=("Read the row again, decide anew, and call with its present revision in If-Match.",),
        retried=_CALLER,
        contact=NOTHING_NOTICED,
    ),
)
