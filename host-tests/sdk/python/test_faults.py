"""Failures of upstreams, as the SDK reports them."""

import unittest

import openai
from support import faulty_client, needs_faults, user


@needs_faults
class Faults(unittest.TestCase):
    def setUp(self):
        self.client = faulty_client()
        self.addCleanup(self.client.close)

    def fails(self, model, kind, status):
        with self.assertRaises(kind) as caught:
            self.client.chat.completions.create(model=model, messages=user("hi"))
        self.assertEqual(caught.exception.status_code, status)
        return caught.exception

    def test_a_rate_limit(self):
        error = self.fails("limited", openai.RateLimitError, 429)
        self.assertEqual((error.code, error.type), ("rate_limit_exceeded", "requests"))
        self.assertEqual(error.response.headers["retry-after"], "7")
        self.assertEqual(error.response.headers["x-ratelimit-remaining-requests"], "0")

    def test_a_server_error(self):
        self.fails("failing", openai.InternalServerError, 500)

    def test_an_unreachable_upstream(self):
        error = self.fails("down", openai.InternalServerError, 502)
        self.assertEqual((error.code, error.type), ("upstream_unavailable", "server_error"))

    def test_a_stream_that_breaks_off(self):
        text = ""
        with self.assertRaises(openai.APIError) as caught:
            for chunk in self.client.chat.completions.create(model="dying", messages=user("hi"), stream=True):
                text += chunk.choices[0].delta.content or ""
        self.assertEqual(text, "one two")
        self.assertEqual((caught.exception.code, caught.exception.type), ("upstream_unavailable", "server_error"))

    def test_a_retry_succeeds(self):
        patient = faulty_client(max_retries=2)
        self.addCleanup(patient.close)
        answer = patient.chat.completions.create(model="flaky", messages=user("hi"))
        self.assertEqual(answer.choices[0].message.content, "At last.")
