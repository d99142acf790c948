"""PostgreSQL plans by what it knows of its tables. It looks at them by itself, unless that is switched off or late;
and by what was true of an empty table a list would read through a million rows."""

from django.db import connection

ROWS_LEAST = 1_000
"""What may have changed in a table without harm: to read so many rows takes a millisecond."""
SHARE = 0.2
"""And so much of it: twice what PostgreSQL itself waits for, so that there is nothing to do where it works."""
_GROWN = """
SELECT relname FROM pg_stat_user_tables
WHERE starts_with(relname, 'channels_app_') AND n_mod_since_analyze > %(least)s + %(share)s * n_live_tup
ORDER BY relname
"""


def learn_sizes() -> list[str]:
    """Have PostgreSQL look at the tables that have changed much since it last did; which these were."""
    with connection.cursor() as cursor:
        cursor.execute(_GROWN, {"least": ROWS_LEAST, "share": SHARE})
        grown = [row[0] for row in cursor.fetchall()]
        for table in grown:
            cursor.execute(f"ANALYZE (SKIP_LOCKED) {connection.ops.quote_name(table)}")
    return grown
