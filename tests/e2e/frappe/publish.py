#!/usr/bin/env python3
"""Publishes what frappe.publish_realtime and frappe.publish_progress publish, from outside of a bench.

    publish.py BENCH SITE USER publish_progress '{"percent": 40, "title": "Importing"}'
    publish.py BENCH SITE USER publish_realtime '{"event": "msgprint", "message": "hello", "user": "a@b.c"}'

BENCH is a folder with sites/common_site_config.json; its `redis_queue` is where it publishes. USER is whose session it
is. With a list in place of the last argument's object, each of its objects is one call. What was published is printed.
Needs Python 3 and the package `redis`.
"""

import json
import pathlib
import sys

import redis


def as_json(value):
    """As frappe.as_json writes it."""
    return json.dumps(value, indent=1, sort_keys=True, separators=(",", ": "), default=str)


class Session:
    """A user's session at a site, as far as publishing goes."""

    def __init__(self, bench, site, user):
        settings = json.loads(pathlib.Path(bench, "sites", "common_site_config.json").read_text())
        self.redis = redis.from_url(settings["redis_queue"])
        self.site, self.user = site, user

    def publish_progress(self, percent, title="Progress", doctype=None, docname=None, description=None, task_id=None):
        self.publish_realtime(
            "progress",
            {"percent": percent, "title": title, "description": description},
            user=None if doctype and docname else self.user,
            doctype=doctype,
            docname=docname,
            task_id=task_id,
        )

    def publish_realtime(
        self, event=None, message=None, room=None, user=None, doctype=None, docname=None, task_id=None
    ):
        message = {} if message is None else message
        event = event or ("task_progress" if task_id else "global")
        if event == "msgprint" and not user:
            user = self.user
        elif event == "list_update":
            room = f"doctype:{doctype or message.get('doctype')}"
        elif event == "docinfo_update":
            room = f"doc:{doctype}/{docname}"
        if not room and task_id:
            room = f"task_progress:{task_id}"
            message.setdefault("task_id", task_id)
        elif not room and user:
            room = f"user:{user}"
        elif not room and doctype and docname:
            room = f"doc:{doctype}/{docname}"
        self.emit(event, message, room or "all")

    def emit(self, event, message, room):
        text = as_json({"event": event, "message": message, "room": room, "namespace": self.site})
        self.redis.publish("events", text)
        print(text)


def main(bench, site, user, function, arguments):
    calls = json.loads(arguments)
    publish = {"publish_progress": Session.publish_progress, "publish_realtime": Session.publish_realtime}[function]
    session = Session(bench, site, user)
    for call in calls if isinstance(calls, list) else [calls]:
        publish(session, **call)


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    main(*sys.argv[1:])
