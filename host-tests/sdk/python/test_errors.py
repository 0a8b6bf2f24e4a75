"""Errors: each is raised as the SDK's class for it, with all details of the API."""

import openai
from support import MODEL, Async, Sync, async_client, client, user


class Errors(Sync):
    def fails(self, kind, call, status, code, param=None):
        """Asserts that a call fails in this way, and that the next one succeeds."""
        with self.assertRaises(kind) as caught:
            call()
        error = caught.exception
        self.assertIs(type(error), kind)
        self.assertEqual((error.status_code, error.code, error.param), (status, code, param))
        self.assertEqual(error.type, "invalid_request_error")
        self.assertTrue(error.request_id)
        self.assertEqual(set(error.body), {"message", "type", "param", "code"})
        self.well()
        return error

    def chat(self, **parameters):
        return self.client.chat.completions.create(
            **{"model": MODEL, "messages": user("hi"), **parameters}
        )

    def test_an_unknown_parameter(self):
        call = lambda: self.chat(extra_body={"unknown_option": 1})
        self.fails(openai.BadRequestError, call, 400, "unknown_parameter", "unknown_option")

    def test_a_missing_parameter(self):
        call = lambda: self.client.post("/chat/completions", body={"model": MODEL}, cast_to=object)
        error = self.fails(openai.BadRequestError, call, 400, "missing_required_parameter", "messages")
        self.assertIn("Missing required parameter: 'messages'.", str(error))

    def test_values_that_are_wrong(self):
        for parameters, code, param in [
            ({"temperature": 3}, "decimal_above_max_value", "temperature"),
            ({"n": 0}, "integer_below_min_value", "n"),
            ({"max_tokens": "ten"}, "invalid_type", "max_tokens"),
            ({"messages": [{"role": "robot", "content": "hi"}]}, "invalid_value", "messages[0].role"),
            ({"messages": []}, "empty_array", "messages"),
            ({"stream_options": {"include_usage": True}}, None, "stream_options"),
        ]:
            with self.subTest(param):
                self.fails(openai.BadRequestError, lambda: self.chat(**parameters), 400, code, param)

    def test_a_missing_prompt(self):
        call = lambda: self.client.post("/completions", body={"model": "davinci-002"}, cast_to=object)
        self.fails(openai.BadRequestError, call, 400, "missing_required_parameter", "prompt")

    def test_a_stream_that_never_begins(self):
        call = lambda: self.chat(stream=True, extra_body={"unknown_option": 1})
        self.fails(openai.BadRequestError, call, 400, "unknown_parameter", "unknown_option")

    def test_an_unknown_model(self):
        for stream in [False, True]:
            call = lambda: self.chat(model="gpt-0", stream=stream)
            self.fails(openai.NotFoundError, call, 404, "model_not_found")

    def test_an_unknown_path(self):
        call = lambda: self.client.files.list()
        error = self.fails(openai.NotFoundError, call, 404, "unknown_url")
        self.assertIn("GET /v1/files", str(error))

    def test_a_wrong_key(self):
        stranger = client(api_key="sk-0123456789abcdef")
        self.addCleanup(stranger.close)
        error = self.fails(openai.AuthenticationError, stranger.models.list, 401, "invalid_api_key")
        self.assertNotIn("0123456789", str(error))

    def test_no_key(self):
        call = lambda: self.client.models.list(extra_headers={"Authorization": openai.omit})
        self.fails(openai.AuthenticationError, call, 401, None)


class AsyncErrors(Async):
    async def test_each_has_its_class(self):
        stranger = async_client(api_key="sk-0123456789abcdef")
        self.addAsyncCleanup(stranger.close)
        for kind, call in [
            (openai.BadRequestError, self.client.post("/completions", body={"model": MODEL}, cast_to=object)),
            (openai.NotFoundError, self.client.models.retrieve("gpt-0")),
            (openai.AuthenticationError, stranger.models.retrieve(MODEL)),
        ]:
            with self.assertRaises(kind):
                await call
