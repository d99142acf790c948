"""Operations on a conversation's rows: store an event, claim, begin a turn, release. Imported by deliveries and all
above."""
