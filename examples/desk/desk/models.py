"""What the help desk keeps."""

from django.db import models


class Agent(models.Model):
    """Somebody who answers."""

    name = models.TextField(unique=True)


class Ticket(models.Model):
    """A question."""

    title = models.TextField()
    state = models.TextField()
    agent = models.ForeignKey(Agent, null=True, on_delete=models.PROTECT)
