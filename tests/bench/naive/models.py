from typing import ClassVar

from django.db import models


class Channel(models.Model):
    uuid = models.UUIDField(unique=True)
    shared_secret = models.CharField(max_length=200)

    objects: ClassVar[models.Manager["Channel"]] = models.Manager()

    class Meta:
        app_label = "naive"

    def __str__(self) -> str:
        return str(self.uuid)


class Conversation(models.Model):
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE)
    external_id = models.CharField(max_length=200)
    last_message_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager["Conversation"]] = models.Manager()

    class Meta:
        app_label = "naive"
        unique_together = [("channel", "external_id")]

    def __str__(self) -> str:
        return self.external_id


class Event(models.Model):
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE)
    key = models.CharField(max_length=200)
    type = models.CharField(max_length=50)
    data = models.JSONField()
    received_at = models.DateTimeField(auto_now_add=True)
    done_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager["Event"]] = models.Manager()

    class Meta:
        app_label = "naive"
        unique_together = [("channel", "key")]

    def __str__(self) -> str:
        return self.key


class Message(models.Model):
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE)
    author = models.CharField(max_length=10)
    text = models.TextField()
    said_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager["Message"]] = models.Manager()

    class Meta:
        app_label = "naive"

    def __str__(self) -> str:
        return self.text
