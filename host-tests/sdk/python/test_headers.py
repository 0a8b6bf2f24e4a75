"""The headers of every response, in the SDK's raw responses."""

import openai
from support import MODEL, Async, Sync, user


class Headers(Sync):
    def check(self, headers):
        self.assertEqual(headers["openai-version"], "2020-10-01")
        self.assertGreaterEqual(float(headers["openai-processing-ms"]), 0)
        self.assertTrue(headers["x-request-id"])

    def test_of_a_list(self):
        raw = self.client.models.with_raw_response.list()
        self.check(raw.headers)
        self.assertEqual(raw.headers["content-type"], "application/json")
        self.assertIn(MODEL, [model.id for model in raw.parse()])

    def test_of_a_chat(self):
        raw = self.client.chat.completions.with_raw_response.create(model=MODEL, messages=user("hi"))
        self.check(raw.headers)
        answer = raw.parse()
        self.assertEqual(answer.choices[0].message.content, "hi")
        self.assertEqual(answer._request_id, raw.headers["x-request-id"])

    def test_of_a_stream(self):
        create = self.client.chat.completions.with_streaming_response.create
        with create(model=MODEL, messages=user("hi"), stream=True) as raw:
            self.check(raw.headers)
            self.assertEqual(raw.headers["content-type"], "text/event-stream; charset=utf-8")
            lines = [line for line in raw.iter_lines() if line]
        self.assertTrue(all(line.startswith("data: ") for line in lines), lines)
        self.assertEqual(lines[-1], "data: [DONE]")

    def test_of_an_error(self):
        with self.assertRaises(openai.NotFoundError) as caught:
            self.client.models.retrieve("gpt-0")
        self.check(caught.exception.response.headers)

    def test_the_caller_may_name_its_request(self):
        raw = self.client.models.with_raw_response.list(extra_headers={"x-request-id": "mine-1"})
        self.assertEqual(raw.headers["x-request-id"], "mine-1")

    def test_each_request_has_its_own_id(self):
        ids = {self.client.models.with_raw_response.list().headers["x-request-id"] for _ in range(3)}
        self.assertEqual(len(ids), 3)


class AsyncHeaders(Async):
    async def test_of_a_chat(self):
        create = self.client.chat.completions.with_raw_response.create
        raw = await create(model=MODEL, messages=user("hi"))
        self.assertTrue(raw.headers["x-request-id"])
        self.assertEqual(raw.parse().choices[0].message.content, "hi")
