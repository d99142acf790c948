"""Operations on a conversation's rows: store, claim, hold, release. Imported by deliveries and all above."""
