"""CB-1xx: the bridge's own address, whom it may call, and its saved secrets."""

from channels_app.codes.words import LIKE_A_FAILED_BOT, REFUSED_EVENT, Button, Code, Place

TITLE = "The bridge's own address and its saved secrets"

CODES = (
    Code(
        code="CB-101",
        name="Address not public",
        text="{caller} cannot reach {url}. It needs a public https address. Set PUBLIC_BASE_URL, or use a tunnel "
        "while testing.",
        meaning="The addresses that you paste into Sparkcentral and Chatlayer are built from the setting "
        "`PUBLIC_BASE_URL`. As it is now, it does not begin with https://, or it names this machine or a private "
        "network, where no platform on the internet gets to. Only the form of the address is looked at; nobody is "
        "called.",
        causes=(
            "`PUBLIC_BASE_URL` still has its value from development, such as `http://localhost:8000`.",
            "It begins with `http://`: what contacts write would travel in the clear.",
            "It names a host of your own network: a private IP address, a name without a dot, or one that ends in "
            "`.local`, `.internal`, `.lan`, `.home` or `.test`.",
        ),
        checks=(
            "Open the webhook URL of the channel's page on a phone that is not in your network. A right address "
            "says “This address is ready.”",
        ),
        repairs=(
            "Set `PUBLIC_BASE_URL` to the https address at which your proxy passes requests to the bridge, without "
            "a path, and restart all processes.",
            "While you are testing, start a tunnel to the web process and use the tunnel's https address.",
            "Copy the addresses from the channel's page and the bot's page again: those that you pasted into "
            "Sparkcentral and Chatlayer before hold the old one.",
        ),
        retried="There is nothing to try again. While nobody can call us, no event arrives.",
        contact=REFUSED_EVENT,
        buttons=(Button(label="Check again", place=Place.TEST_CONNECTION),),
    ),
    Code(
        code="CB-102",
        name="Own address fails from outside",
        text="We could not reach our own webhook address from outside: {problem}.",
        meaning="The bridge called its own webhook URL the way Sparkcentral does: through DNS, TLS and your proxy to "
        "a web process. What came back was not the answer of this bridge.",
        causes=(
            "The host name of `PUBLIC_BASE_URL` is not in DNS, or points to another server.",
            "The TLS certificate has expired, or its chain is not complete. Browsers often hide the second.",
            "The proxy answers by itself: a log-in page, a firewall, a limit of requests, or no rule for "
            "`/webhooks/`.",
            "No web process runs, or `ALLOWED_HOSTS` lacks the host name.",
            "Your network does not let a server call its own public address. Then Sparkcentral may reach us all the "
            "same.",
        ),
        checks=(
            "Open the webhook URL on a phone that is not in your network. It should say “This address is ready.”",
            'Run `manage.py send_test_event "Name of the channel"` on the server, and once more with '
            "`--url http://127.0.0.1:8000`. If only the second works, the trouble is in front of the bridge.",
        ),
        repairs=(
            "Mend what the sentence names: the DNS record, the certificate, or the proxy's rule for `/webhooks/`.",
            "Let the proxy pass bodies unchanged and without a limit that a busy day reaches.",
        ),
        retried="The check runs when you press the button. Sparkcentral tries each event four times within about two "
        "seconds.",
        contact=REFUSED_EVENT,
        buttons=(Button(label="Check again", place=Place.TEST_CONNECTION),),
    ),
    Code(
        code="CB-103",
        name="Internal host",
        text="{host} is an internal host: add it to ALLOWED_PRIVATE_HOSTS if the bridge may call it.",
        meaning="The bridge calls public addresses only, so that nobody can make it read your internal services by "
        "entering their address as a bot or a file. This host is in a private network, or its name leads there.",
        causes=(
            "The bot runs in your own network, or as a container beside the bridge.",
            "Inside your network the bot's public name leads to a private address.",
            "The address has a typing error.",
        ),
        checks=(
            "On the server of the bridge, look up the host name, e.g. with `getent hosts bot.example.com`. Addresses "
            "that begin with 10., 192.168., 172.16. to 172.31., 127. or fd are private.",
        ),
        repairs=(
            "If the bridge is to call it: add the host name, its address or its network to `ALLOWED_PRIVATE_HOSTS`, "
            "separated by commas, and restart all processes.",
            "Otherwise enter the bot's public https address.",
        ),
        retried="A bot is not called again for this message: a setting does not mend itself. For a file that the bot "
        "names, the contact gets the link at once.",
        contact=LIKE_A_FAILED_BOT,
        buttons=(Button(label="Open the bot", place=Place.BOT),),
    ),
    Code(
        code="CB-104",
        name="Encryption key missing",
        text="A saved secret needs the encryption key {key}, which is not among ENCRYPTION_KEYS.",
        meaning="Secrets are stored encrypted under the keys of the setting `ENCRYPTION_KEYS`. One was encrypted "
        "with a key that this process does not have, so nobody can read it. The sentence names the key by the first "
        "8 characters of its SHA-256 hash, never the key itself.",
        causes=(
            "An old key was taken away before `manage.py reencrypt` had run.",
            "The database was restored or copied from an installation with other keys.",
            "One of the processes (web, worker, guard) was started with another environment.",
        ),
        checks=(
            "Compare `ENCRYPTION_KEYS` of all processes: do web, worker and guard have the same?",
            "Look for the old value where you keep it apart from the backups.",
        ),
        repairs=(
            "Put the missing key behind the present one, `ENCRYPTION_KEYS=<present>,<missing>`, restart all "
            "processes, and run `manage.py reencrypt`. Then the old key can go.",
            "If the key is lost, the secrets are lost: enter API keys, shared secret and tokens again on the pages of "
            "the channels and bots. Conversations are not encrypted and stay.",
        ),
        retried="Events that had been accepted before are tried six times, then they have failed; see CB-705. New "
        "ones are refused until the key is there.",
        contact=REFUSED_EVENT,
        buttons=(Button(label="Replace keys", place=Place.REPLACE_KEYS),),
    ),
    Code(
        code="CB-105",
        name="Saved secret not readable",
        text="A saved secret {problem}: enter it again.",
        meaning="The bridge has the right key, but what is stored is not what it wrote. Each secret is sealed "
        "together with the place where it belongs; a changed or moved value is refused rather than used.",
        causes=(
            "Somebody edited the database by hand.",
            "A value was copied from one channel or bot to another in the database.",
            "An import wrote the secret as plain text.",
        ),
        checks=("Ask who has worked on the database. The admin pages never write such a value.",),
        repairs=(
            "Enter the secret again on the page of the channel or bot, and save.",
            "Use the admin pages or `manage.py apply_config` for changes, never SQL.",
        ),
        retried="Events that had been accepted before are tried six times, then they have failed; see CB-705.",
        contact=REFUSED_EVENT,
        buttons=(Button(label="Replace keys", place=Place.REPLACE_KEYS),),
    ),
)
