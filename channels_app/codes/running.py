"""CB-7xx: the processes and services that the bridge runs on."""

from channels_app.codes.words import NOTHING_NOTICED, Button, Code, Place, Severity

TITLE = "Running the bridge"
_WORKERS = Button(label="Queue and workers", place=Place.WORKERS)
_LATE = (
    "Answers come late. What can't be answered in Sparkcentral's time (5 minutes after a message) goes to your agents."
)

CODES = (
    Code(
        code="CB-701",
        name="No worker",
        text="Nothing is processing messages: no worker seen for {silent}. Waiting: {waiting}; nothing is lost.",
        meaning="Events are accepted and written down, but no worker has shown a sign of life. While a guard runs it "
        "does the work itself, slower than workers would.",
        causes=(
            "No worker was started after an upgrade or a restart of the server.",
            "The workers can't reach PostgreSQL or Redis.",
            "They were started with another database.",
        ),
        checks=(
            "On the server: `docker compose ps`, or the state of the service. The worker's log says why it ended.",
            "`manage.py guard --once` looks once, does what is due, and says what it found.",
        ),
        repairs=(
            "Start `celery -A chatbridge worker`, as in compose.yaml and Procfile, and let it restart by itself.",
        ),
        retried="Everything that waits is done when a worker is there, oldest first, as far as its time allows.",
        contact=_LATE,
        buttons=(_WORKERS,),
    ),
    Code(
        code="CB-702",
        name="Messages wait too long",
        severity=Severity.WARNING,
        text="Messages wait {wait} before they reach the bot. Add a worker or raise concurrency.",
        meaning="There are more conversations to work on than threads. A thread is busy for as long as the bot "
        "thinks.",
        causes=(
            "More contacts write at the same time than usual.",
            "The bot has become slow, so that each conversation holds its thread longer.",
            "A worker is missing since the last restart.",
        ),
        checks=("Queue and workers shows threads, what waits, and since when. The dashboard shows the bot's time.",),
        repairs=(
            "Start another worker, or raise `WORKER_THREADS`; mind the connections to PostgreSQL.",
            "If the bot is slow, mend that first.",
        ),
        retried="Nothing failed. What waits is done, oldest first.",
        contact=_LATE,
        buttons=(_WORKERS,),
    ),
    Code(
        code="CB-703",
        name="No guard",
        severity=Severity.WARNING,
        text="No guard has been seen for {silent}: what a dead worker or a lost wake-up leaves behind waits.",
        meaning="The guard looks every second for what waits too long, frees what dead processes held, and hands over "
        "in time when a worker is stuck. Workers go on without it, as long as they and Redis are well.",
        causes=("The guard was not started, or ended and was not restarted.", "It can't reach PostgreSQL."),
        checks=("On the server: does a process `manage.py guard` run? One belongs on every machine with workers.",),
        repairs=("Start `python manage.py guard` as a service that restarts by itself.",),
        retried="What waits is found when a guard is there, or with the next event of the same conversation.",
        contact="Nothing, while all is well. After a crash of a worker: no answer for up to 30 seconds, or longer.",
        buttons=(_WORKERS,),
    ),
    Code(
        code="CB-704",
        name="Clocks differ",
        severity=Severity.WARNING,
        text="The clock of {machine} differs from that of {server} by {skew} s. Set its time.",
        meaning="The bridge judges ages and deadlines by one clock: that of PostgreSQL's server. If it is ahead of "
        "Sparkcentral's by 5 minutes, all events seem too old and are refused, with CB-403. The clock of another "
        "machine decides nothing, but the times in its logs are wrong, and far off it finds valid certificates "
        "expired.",
        causes=(
            "The server does not set its clock by NTP.",
            "A virtual machine was suspended and went on with the old time.",
        ),
        checks=("On the machine that is named: `timedatectl status`. “System clock synchronized” should say yes.",),
        repairs=("Switch NTP on, e.g. with `timedatectl set-ntp true`, and allow it through the firewall.",),
        retried="There is nothing to try again.",
        contact="Nothing below 5 minutes. With PostgreSQL's clock further ahead: nothing from the bot, and your "
        "agents get all conversations.",
        buttons=(Button(label="Compare again", place=Place.TEST_CONNECTION),),
    ),
    Code(
        code="CB-705",
        name="Event failed unforeseen",
        text="Handling this event failed again and again in a way that nobody foresaw; the log says why.",
        meaning="A step for this event raised an error that the bridge has no answer to. After six tries, two seconds "
        "apart, the event is put aside, so that the ones after it go on.",
        causes=(
            "A defect of the bridge.",
            "A secret of the channel can't be read; see CB-104.",
            "PostgreSQL was away for longer, or its disk is full.",
        ),
        checks=("The log of workers and guard has “a step of conversation … failed” with a traceback.",),
        repairs=(
            "Mend the cause, upgrade, or report the traceback.",
            "Then do the event again on its page, or many with `manage.py replay`.",
        ),
        retried="Six times. Then a person has to order it.",
        contact="No answer to this message, until Sparkcentral's own time is over and an agent gets the conversation.",
        buttons=(Button(label="Replay", place=Place.REPLAY),),
    ),
    Code(
        code="CB-706",
        name="Lost wake-up mended",
        severity=Severity.WARNING,
        text="The guard found work in a conversation that nobody would have been woken for, and has woken it.",
        meaning="A conversation with open events always knows when it has to be looked at again. This one did not, "
        "which should be impossible.",
        causes=("A defect of the bridge.", "Somebody changed rows by hand, e.g. after a restore."),
        checks=("Has somebody worked on the database at that time?",),
        repairs=("If nobody has: please report it, with the version of the bridge.",),
        retried="Yes, it was done at once.",
        contact="The answer came up to some seconds late.",
        buttons=(Button(label="Counts", place=Place.REFUSALS),),
    ),
    Code(
        code="CB-707",
        name="Handed over without a database",
        text="PostgreSQL is away: event {event} of channel {channel} was handed over inline.",
        meaning="PostgreSQL could not be used for 6 seconds (CB-711), and Sparkcentral does not wait longer than 10. "
        "So that no contact is lost, the answer to the event itself ordered the hand-over. Nothing could be stored: "
        "the log is the only place that knows of this event.",
        causes=("PostgreSQL restarts, moves to another server, is overloaded, or has no connection left.",),
        checks=("`/readyz` of a web process answers 200 when PostgreSQL is there.", "PostgreSQL's own log."),
        repairs=(
            "Bring PostgreSQL back.",
            "Count the connections: one for each thread of all processes must be below its `max_connections`.",
        ),
        retried="A request waits up to 6 seconds for PostgreSQL. What was handed over stays with the agents.",
        contact="The channel's text for a failed bot, if there is one, and then an agent.",
        buttons=(_WORKERS,),
    ),
    Code(
        code="CB-708",
        name="Redis away",
        severity=Severity.WARNING,
        text="Redis does not answer: wake-ups stop, and each process keeps to its own share of calls.",
        meaning="Redis tells workers that there is work, and counts the account's calls for all of them. Without it "
        "the guard finds the work within about two seconds, and each process allows itself 5 calls a second. Nothing "
        "is lost: Redis holds nothing that PostgreSQL does not know.",
        causes=("Redis is down, restarts, or is out of memory.", "`REDIS_URL` is wrong in one of the processes."),
        checks=("`redis-cli -u <REDIS_URL> ping` on the server answers PONG.",),
        repairs=("Start Redis. It needs neither its old data nor a backup.",),
        retried="Every process asks again after a moment.",
        contact="Answers come up to two seconds later.",
        buttons=(_WORKERS,),
    ),
    Code(
        code="CB-709",
        name="Check failed itself",
        severity=Severity.WARNING,
        text="The check itself failed; the log of the bridge says why.",
        meaning="“Test connection” met something that it has no words for. That says nothing about whether the thing "
        "that it checks works.",
        causes=("A defect of the bridge.",),
        checks=("The log of the web process has “check of …” with a traceback, at this time.",),
        repairs=("Please report the traceback.",),
        retried="No. Press the button again.",
        contact=NOTHING_NOTICED,
        buttons=(Button(label="Check again", place=Place.TEST_CONNECTION),),
    ),
    Code(
        code="CB-710",
        name="Taken over from a frozen worker",
        severity=Severity.WARNING,
        text="A worker was silent for longer than its lease, so another one went on with conversation {conversation}.",
        meaning="A worker holds a conversation for 30 seconds at a time and renews that. This one did not. When it "
        "woke up again, it noticed that it had lost the conversation, and changed nothing.",
        causes=(
            "The server was out of memory or suspended, or the process was stopped for a while.",
            "PostgreSQL could not be reached by this worker.",
        ),
        checks=("Look at memory, swap and load of the worker's server at this time.",),
        repairs=("Give the worker more memory, or fewer threads (`WORKER_THREADS`).",),
        retried="Yes, by the other worker, from where the first one had got to.",
        contact="The answer comes up to 30 seconds late.",
        buttons=(_WORKERS,),
    ),
    Code(
        code="CB-711",
        name="PostgreSQL can't be used",
        text="PostgreSQL can't be used: {why}.",
        meaning="PostgreSQL does not answer, or answers that it can do nothing for us now: it takes no writes, its "
        "disk is full, it has no connection left, or it falls silent. Whatever needs it waits or is refused; "
        "connections are closed, so that the next try reaches the server that is there by then.",
        causes=(
            "PostgreSQL restarts, or its place was taken by another server (fail-over), and this is the old one.",
            "Its disk is full, or all of its `max_connections` are taken.",
            "The network between us lets nothing through.",
            "Its tables are older than this version: `manage.py migrate` was forgotten.",
        ),
        checks=(
            "`/readyz` of a web process says what is wrong.",
            "The logs of all processes have this line once a minute while it lasts, and PostgreSQL's own words.",
        ),
        repairs=(
            "Bring PostgreSQL back, or let its address lead to the server that takes writes. With several addresses: "
            "`postgresql://…@first,second/chatbridge?target_session_attrs=read-write`.",
            "Nothing has to be restarted here.",
        ),
        retried="Yes: everything goes on by itself when PostgreSQL can be used again.",
        contact="Answers come late. New messages are handed to an agent after 6 seconds; see CB-707.",
        buttons=(_WORKERS,),
    ),
    Code(
        code="CB-712",
        name="The platform reports trouble",
        severity=Severity.WARNING,
        text="Sparkcentral's status page reports trouble: {description}.",
        meaning="The page whose address is set as STATUS_PAGE_URL says that something is wrong at Sparkcentral. The "
        "bridge goes on as ever: events that come are answered, and replies are sent again as long as there is time.",
        causes=("An incident or maintenance at Sparkcentral. Not everything there need be concerned.",),
        checks=("The status page itself says what is concerned, and since when.",),
        repairs=("Nothing here: wait, and subscribe to the news of the status page.",),
        retried="The page is read once a minute; this line goes when it reports no trouble any more.",
        contact="It depends on the trouble: messages may come late, or not at all.",
    ),
)
