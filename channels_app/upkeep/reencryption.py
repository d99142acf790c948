"""After a change of ENCRYPTION_KEYS: encrypt what is saved with the first of them."""

from collections.abc import Iterator

from django.db import transaction

from channels_app.channels.readiness import renew_check
from channels_app.lib.encryption import decrypt
from channels_app.models import Bot, Channel, SettingsModel
from channels_app.protocol.errors import ConfigError, MissingKeyError
from offload.models import OffloadProvider


def reencrypt_all() -> Iterator[str]:
    """Re-encrypt each row's secrets; yields its name as it is done. Raises ConfigError if a key is missing.

    Access tokens are left alone: they are refreshed within the hour.
    """
    for model in (Bot, Channel):
        for pk in model.objects.values_list("pk", flat=True):
            yield _reencrypt_settings(model, pk)
    for pk in OffloadProvider.objects.values_list("pk", flat=True):
        with transaction.atomic():
            provider = OffloadProvider.objects.select_for_update().get(pk=pk)
            provider.verify_token = provider.verify_token
            provider.write_back_secret = provider.write_back_secret
            provider.save(update_fields=["verify_token_encrypted", "write_back_secret_encrypted"])
        yield f"offload provider {provider}"
    renew_check()
    yield "the check of the keys"


def forget_unreadable() -> Iterator[str]:
    """Clear each secret whose key is lost; yields its name as it is done. It has to be entered again."""
    for model in (Bot, Channel, OffloadProvider):
        for pk in model._default_manager.values_list("pk", flat=True):
            with transaction.atomic():
                row = model._default_manager.select_for_update(of=("self",)).get(pk=pk)
                lost = [name for name, sealed in row.sealed_secrets().items() if not _has_key(*sealed)]
                for name in lost:
                    row.forget_secret(name)
                if lost:
                    row.save()
            for name in lost:
                yield f"{row._meta.verbose_name} {row}, {name}"


def _has_key(sealed: str, context: str) -> bool:
    try:
        decrypt(sealed, context)
    except MissingKeyError:
        return False
    except ConfigError:  # changed by hand: not for us to throw away
        return True
    return True


def _reencrypt_settings(model: type[SettingsModel], pk: int) -> str:
    with transaction.atomic():
        row = model._default_manager.select_for_update(of=("self",)).get(pk=pk)
        row.put_settings(row.clear_settings())
        changed = ["settings"]
        if isinstance(row, Channel):
            row.shared_secret, row.old_secret = row.shared_secret, row.old_secret
            changed += ["shared_secret_encrypted", "old_secret_encrypted"]
        # no new revision: a copy of the row, decrypted or on a page, is still right
        model._default_manager.filter(pk=pk).update(**{name: getattr(row, name) for name in changed})
    return f"{row._meta.verbose_name} {row}"
