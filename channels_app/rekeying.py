"""After a change of ENCRYPTION_KEYS: encrypt what is saved with the first of them."""

from collections.abc import Iterator

from django.db import transaction

from channels_app.models import Bot, Channel, SettingsModel
from offload.models import OffloadProvider


def reencrypt_all() -> Iterator[str]:
    """Encrypt the secrets of each row anew; its name as it is done. Raises ConfigError where a key is missing.

    Access tokens are left alone: they are fetched anew within the hour.
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


def _reencrypt_settings(model: type[SettingsModel], pk: int) -> str:
    with transaction.atomic():
        row = model._default_manager.select_for_update(of=("self",)).get(pk=pk)
        row.put_settings(row.clear_settings())
        changed = ["settings", "revision"]
        if isinstance(row, Channel):
            row.shared_secret, row.old_secret = row.shared_secret, row.old_secret
            changed += ["shared_secret_encrypted", "old_secret_encrypted"]
        row.save(update_fields=changed)
    return f"{row._meta.verbose_name} {row}"
