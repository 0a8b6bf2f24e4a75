"""The OpenAI SDK through Portcullis to any server.

OPENAI_BASE_URL and OPENAI_API_KEY are the URL and the key of the gateway; THROUGH_MODEL is a model of the server.
THROUGH_LACKS is a comma-separated list of what the server lacks:

    completions    /v1/completions
    models         its own list of models
    tools          function calls
    tool_choice    forced function calls
    limit          an error for a prompt that is longer than the context
    stop           stop sequences
    user_role      its own error for an unknown role

The content of the text is not checked, only that there is some.
"""

import asyncio
import os
import time
import unittest

import openai

MODEL = os.environ["THROUGH_MODEL"]
LACKS = os.environ.get("THROUGH_LACKS", "").split(",")
# The timeout in seconds, long enough for a model on a busy machine.
PATIENCE = 300
# One pixel.
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5"
    "ErkJggg=="
)
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": ["Paris", "Rome"]}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


def needs(what):
    return unittest.skipIf(what in LACKS, f"this server has no {what}")


def user(text):
    return [{"role": "user", "content": text}]


class Through(unittest.TestCase):
    def setUp(self):
        self.client = openai.OpenAI(max_retries=0, timeout=PATIENCE)
        self.addCleanup(self.client.close)

    def chat(self, messages=None, **parameters):
        messages = messages or user("Tell me about the sea.")
        return self.client.chat.completions.create(
            **{"model": MODEL, "messages": messages, "max_tokens": 12, "temperature": 0, **parameters}
        )

    def check_usage(self, usage):
        self.assertGreater(usage.prompt_tokens, 0)
        self.assertGreater(usage.completion_tokens, 0)
        self.assertEqual(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens)

    def test_chat(self):
        answer = self.chat()
        self.assertEqual(answer.object, "chat.completion")
        self.assertEqual(answer.choices[0].message.role, "assistant")
        self.assertTrue(answer.choices[0].message.content)
        self.assertIn(answer.choices[0].finish_reason, ["length", "stop"])
        self.check_usage(answer.usage)

    def test_headers_are_the_gateway_s(self):
        raw = self.client.chat.completions.with_raw_response.create(
            model=MODEL, messages=user("hi"), max_tokens=1, extra_headers={"x-request-id": "mine-1"}
        )
        self.assertEqual(raw.headers["x-request-id"], "mine-1")
        self.assertEqual(raw.headers["x-portcullis-attempts"], "1")
        self.assertTrue(raw.headers["x-portcullis-target"])

    def test_stream_with_usage(self):
        chunks = list(self.chat(stream=True, stream_options={"include_usage": True}))
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        self.assertTrue(text)
        reasons = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
        self.assertIn(next(filter(None, reasons)), ["length", "stop"])
        self.assertEqual({chunk.object for chunk in chunks}, {"chat.completion.chunk"})
        self.assertEqual(len({chunk.id for chunk in chunks}), 1)
        usages = [chunk.usage for chunk in chunks if chunk.usage]
        self.check_usage(usages[-1])

    def test_a_stream_has_the_text_of_the_plain_response(self):
        whole = self.chat().choices[0].message.content
        chunks = self.chat(stream=True)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        self.assertEqual(text.strip(), whole.strip())

    def test_the_sdk_s_own_stream_helper(self):
        kinds = []
        stream = self.client.chat.completions.stream
        try:
            with stream(model=MODEL, messages=user("Tell me about the sea."), max_tokens=8) as events:
                kinds.extend(event.type for event in events)
                self.assertTrue(events.get_final_completion().choices[0].message.content)
        except openai.LengthFinishReasonError as error:
            # The helper raises this if the limit was reached, after it has read the stream to its end.
            self.assertTrue(error.completion.choices[0].message.content)

    def test_a_long_stream(self):
        # Not one repeated word, which LiteLLM treats as a stuck model.
        words = " ".join(f"{number} drops" for number in range(300))
        began = time.monotonic()
        arrived, text = [], ""
        for chunk in self.chat(user(words), stream=True, max_tokens=200):
            arrived.append(time.monotonic() - began)
            text += chunk.choices[0].delta.content or "" if chunk.choices else ""
        self.assertGreater(len(arrived), 20)
        self.assertTrue(text)
        self.assertLess(arrived[0], arrived[-1], "the first chunk arrives before the last")

    def test_a_system_prompt_and_turns(self):
        messages = [
            {"role": "system", "content": "You are brief."},
            {"role": "user", "content": "My name is Ada."},
            {"role": "assistant", "content": "Hello, Ada."},
            {"role": "user", "content": [{"type": "text", "text": "What is "}, {"type": "text", "text": "my name?"}]},
        ]
        short = self.chat(messages[-1:]).usage.prompt_tokens
        answer = self.chat(messages)
        self.assertTrue(answer.choices[0].message.content)
        self.assertGreater(answer.usage.prompt_tokens, short, "the whole conversation is read")

    @needs("stop")
    def test_stop(self):
        whole = self.chat(max_tokens=24).choices[0].message.content
        word = max(whole.split(), key=len)
        before = whole.split(word)[0]
        answer = self.chat(max_tokens=24, stop=[word]).choices[0]
        self.assertEqual(answer.finish_reason, "stop")
        self.assertEqual((answer.message.content or "").strip(), before.strip())

    def test_a_caller_that_stops_listening(self):
        stream = self.chat(user("water " * 300), stream=True, max_tokens=400)
        for _ in range(3):
            next(stream)
        stream.close()
        self.assertTrue(self.chat(max_tokens=2).choices, "the next caller is served")

    @needs("completions")
    def test_completions(self):
        create = self.client.completions.create
        answer = create(model=MODEL, prompt="The sea is", max_tokens=6, temperature=0)
        self.assertEqual(answer.object, "text_completion")
        self.assertTrue(answer.choices[0].text)
        self.check_usage(answer.usage)
        chunks = list(create(model=MODEL, prompt="The sea is", max_tokens=6, temperature=0, stream=True))
        self.assertTrue("".join(chunk.choices[0].text for chunk in chunks if chunk.choices))

    @needs("models")
    def test_models(self):
        self.assertIn(MODEL, [model.id for model in self.client.models.list()])
        self.assertEqual(self.client.models.retrieve(MODEL).id, MODEL)

    @needs("tool_choice")
    def test_a_call_that_is_forced(self):
        choice = {"type": "function", "function": {"name": "get_weather"}}
        answer = self.chat(
            user("The weather in Paris?"), tools=[TOOL], tool_choice=choice, max_tokens=100
        ).choices[0]
        call = answer.message.tool_calls[0]
        self.assertEqual((call.type, call.function.name), ("function", "get_weather"))
        self.assertIn("city", call.function.arguments)
        return call

    @needs("tool_choice")
    def test_a_call_that_is_streamed(self):
        chunks = self.chat(
            user("The weather in Paris?"), tools=[TOOL], tool_choice="required", max_tokens=100, stream=True
        )
        name, arguments = "", ""
        for chunk in chunks:
            for call in (chunk.choices[0].delta.tool_calls or []) if chunk.choices else []:
                name += call.function.name or ""
                arguments += call.function.arguments or ""
        self.assertEqual(name, "get_weather")
        self.assertIn("city", arguments)

    @needs("tools")
    def test_the_result_of_a_call_goes_back(self):
        call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}}
        messages = [
            *user("The weather in Paris?"),
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": "Sunny, 20 degrees."},
        ]
        self.assertTrue(self.chat(messages, tools=[TOOL]).choices[0].message)

    def test_an_image_arrives_or_is_refused_in_words(self):
        content = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": PIXEL}}]
        try:
            self.assertTrue(self.chat([{"role": "user", "content": content}]).choices)
        except openai.APIStatusError as error:
            # The server reports that the model does not support images; its status and message are returned.
            self.assertIn("image", error.body["message"])
            self.assertEqual(error.response.headers["x-portcullis-attempts"], "1")

    @needs("limit")
    def test_a_prompt_that_is_too_long(self):
        for stream in [False, True]:
            with self.assertRaises(openai.BadRequestError) as caught:
                list(self.chat(user("word " * 6000), stream=stream))
            self.assertRegex(str(caught.exception), "(?i)context")

    def test_an_unknown_model(self):
        with self.assertRaises(openai.APIStatusError) as caught:
            self.client.chat.completions.create(model="gpt-0", messages=user("hi"))
        self.assertIn(caught.exception.status_code, [400, 404])

    def test_a_wrong_key(self):
        with self.assertRaises(openai.AuthenticationError) as caught:
            self.client.with_options(api_key="sk-0123456789abcdef").models.list()
        self.assertEqual(caught.exception.code, "invalid_api_key")

    def test_a_parameter_that_is_wrong(self):
        with self.assertRaises(openai.BadRequestError) as caught:
            self.chat(temperature="hot")
        self.assertEqual(caught.exception.body["param"], "temperature")

    def test_several_at_once(self):
        async def run():
            async with openai.AsyncOpenAI(max_retries=0, timeout=PATIENCE) as client:
                calls = [
                    client.chat.completions.create(model=MODEL, messages=user(f"Count to {i}."), max_tokens=3)
                    for i in range(4)
                ]
                return await asyncio.gather(*calls)

        answers = asyncio.run(run())
        self.assertEqual(len({answer.id for answer in answers}), 4)


if __name__ == "__main__":
    unittest.main()
