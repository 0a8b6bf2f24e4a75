"""Anthropic's official SDK: messages whole and streamed, tools, thinking, counting, errors by their class."""

import os
import unittest

import anthropic
from anthropic import beta_tool
from pydantic import BaseModel
from support import RULES, needs_one_hop, needs_rules

MODEL = "claude-sonnet-4-5"

WEATHER = {
    "name": "get_weather", "description": "The weather of a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def connect(base_url=None, **options) -> anthropic.Anthropic:
    """A client that gives up at the first failure; its base URL has no `/v1`."""
    url = (base_url or os.environ["OPENAI_BASE_URL"]).removesuffix("/v1")
    key = os.environ["OPENAI_API_KEY"]
    return anthropic.Anthropic(**{"base_url": url, "api_key": key, "max_retries": 0, "timeout": 30, **options})


def user(text: str) -> list:
    return [{"role": "user", "content": text}]


class Point(BaseModel):
    x: int
    tags: list[str]


# The gateway behind is called by chat completions, where it serves no Claude models and does not think.
@needs_one_hop
class Messages(unittest.TestCase):
    def setUp(self):
        self.client = connect()
        self.addCleanup(self.client.close)

    def create(self, **parameters):
        return self.client.messages.create(**{"model": MODEL, "max_tokens": 200, "messages": user("Hello there"), **parameters})

    def test_create(self):
        message = self.create(system="Be brief.")
        [block] = message.content
        self.assertEqual((block.type, block.text, message.stop_reason), ("text", "Hello there", "end_turn"))
        self.assertEqual((message.role, message.model, message.id[:4]), ("assistant", MODEL, "msg_"))
        self.assertTrue(message.usage.input_tokens > 0 and message.usage.output_tokens > 0)
        self.assertTrue(message._request_id)

    def test_a_stream_of_events(self):
        events = list(self.create(stream=True, messages=user("Hello there, all of you")))
        self.assertEqual((events[0].type, events[-1].type), ("message_start", "message_stop"))
        texts = [event.delta.text for event in events if event.type == "content_block_delta"]
        self.assertEqual("".join(texts), "Hello there, all of you")
        self.assertGreater(len(texts), 2)

    def test_a_stream_that_accumulates(self):
        with self.client.messages.stream(model=MODEL, max_tokens=200, messages=user("Hello there")) as stream:
            self.assertEqual("".join(stream.text_stream), "Hello there")
            message = stream.get_final_message()
        self.assertEqual((message.content[0].text, message.stop_reason), ("Hello there", "end_turn"))

    def test_limits(self):
        self.assertEqual(self.create(max_tokens=1, messages=user("one two three")).stop_reason, "max_tokens")
        stopped = self.create(stop_sequences=["two"], messages=user("one two three"))
        self.assertEqual((stopped.stop_reason, stopped.stop_sequence, stopped.content[0].text), ("stop_sequence", "two", "one "))

    def test_thinking_crosses_back(self):
        thinking = {"type": "enabled", "budget_tokens": 1024}
        asked = {"model": MODEL, "max_tokens": 2000, "thinking": thinking}
        first = self.client.messages.create(**asked, messages=user("One"))
        self.assertEqual([block.type for block in first.content], ["thinking", "text"])
        self.assertTrue(first.content[0].signature)
        history = [*user("One"), {"role": "assistant", "content": first.content}, *user("Two")]
        with self.client.messages.stream(**asked, messages=history) as stream:
            kinds = {event.delta.type for event in stream if event.type == "content_block_delta"}
            self.assertEqual(stream.get_final_message().content[-1].text, "Two")
        self.assertEqual(kinds, {"thinking_delta", "signature_delta", "text_delta"})

    def test_structured_output(self):
        message = self.client.messages.parse(model=MODEL, max_tokens=500, messages=user("A point"), output_format=Point)
        self.assertIsInstance(message.parsed_output, Point)

    def test_count_tokens(self):
        few = self.client.messages.count_tokens(model=MODEL, messages=user("Hello")).input_tokens
        more = self.client.messages.count_tokens(model=MODEL, messages=user("Hello " * 50), tools=[WEATHER]).input_tokens
        self.assertTrue(0 < few < more)

    def test_the_beta_client(self):
        asked = {"model": MODEL, "max_tokens": 100, "messages": user("Hello"), "betas": ["a-beta-to-come-2027-01-01"]}
        self.assertEqual(self.client.beta.messages.create(**asked).content[0].text, "Hello")

    def test_the_raw_response(self):
        raw = self.client.messages.with_raw_response.create(model=MODEL, max_tokens=100, messages=user("Hello"))
        self.assertEqual(raw.parse().content[0].text, "Hello")
        self.assertEqual(raw.headers["request-id"], raw.request_id)

    def test_models(self):
        models = list(self.client.models.list())
        self.assertIn(MODEL, {model.id.rsplit("-", 1)[0] for model in models} | {model.id for model in models})
        self.assertTrue(all(model.type == "model" and model.display_name for model in models))

    def test_errors(self):
        with self.assertRaises(anthropic.NotFoundError) as caught:
            self.create(model="claude-none")
        self.assertEqual(caught.exception.body["error"], {"type": "not_found_error", "message": "model: claude-none"})
        self.assertTrue(caught.exception.request_id)
        with self.assertRaises(anthropic.BadRequestError) as caught:
            self.create(extra_body={"temperature": 3})
        self.assertEqual(caught.exception.body["error"]["message"], "temperature: range: 0..1")
        with self.assertRaises(anthropic.BadRequestError):
            self.create(messages=[])
        with connect(api_key="sk-wrong") as other, self.assertRaises(anthropic.AuthenticationError):
            other.messages.create(model=MODEL, max_tokens=10, messages=user("Hello"))


@needs_rules
class ByRules(unittest.TestCase):
    def setUp(self):
        self.client = connect(RULES)
        self.addCleanup(self.client.close)

    def test_a_loop_with_a_tool(self):
        asked = {"model": "gpt-4o", "max_tokens": 500, "tools": [WEATHER]}
        first = self.client.messages.create(**asked, messages=user("How is the weather?"))
        self.assertEqual(first.stop_reason, "tool_use")
        [call] = first.content
        self.assertEqual((call.name, call.input), ("get_weather", {"city": "Paris"}))
        result = {"type": "tool_result", "tool_use_id": call.id, "content": [{"type": "text", "text": "18 degrees"}]}
        messages = [*user("How is the weather?"), {"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
        with self.client.messages.stream(**asked, messages=messages) as stream:
            self.assertEqual(stream.get_final_text(), "It is 18 degrees in Paris.")

    def test_the_tool_runner(self):
        cities = []

        @beta_tool
        def get_weather(city: str) -> str:
            """The weather of a city."""
            cities.append(city)
            return "18 degrees"

        runner = self.client.beta.messages.tool_runner(
            model="gpt-4o", max_tokens=500, tools=[get_weather], messages=user("How is the weather?"))
        final = runner.until_done()
        self.assertEqual((final.content[0].text, cities), ("It is 18 degrees in Paris.", ["Paris"]))

    def test_an_error(self):
        with self.assertRaises(anthropic.RateLimitError) as caught:
            self.client.messages.create(model="gpt-4o", max_tokens=100, messages=user("overload"))
        self.assertEqual(caught.exception.response.headers["retry-after"], "2")
