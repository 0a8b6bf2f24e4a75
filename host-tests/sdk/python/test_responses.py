"""The official SDK on the Responses API: whole and streamed answers, tools, structured output, errors."""

import unittest

import openai
from pydantic import BaseModel
from support import MODEL, RULES, Sync, client, needs_one_hop, needs_rules

WEATHER = {
    "type": "function", "name": "get_weather", "strict": True,
    "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False,
    },
}


class Point(BaseModel):
    x: int
    tags: list[str]


class Responses(Sync):
    def test_create(self):
        response = self.client.responses.create(model=MODEL, input="Hello there", instructions="Be brief.")
        self.assertEqual((response.status, response.output_text), ("completed", "Hello there"))
        self.assertEqual((response.instructions, response.model), ("Be brief.", MODEL))
        self.assertEqual(response.usage.total_tokens, response.usage.input_tokens + response.usage.output_tokens)
        self.assertGreater(response.usage.input_tokens, 0)

    def test_a_conversation(self):
        first = self.client.responses.create(model=MODEL, input="One", store=False)
        history = [{"role": "user", "content": "One"}, *first.output, {"role": "user", "content": "Two"}]
        self.assertEqual(self.client.responses.create(model=MODEL, input=history).output_text, "Two")

    def test_a_stream_of_events(self):
        events = list(self.client.responses.create(model=MODEL, input="Hello there, all of you", stream=True))
        self.assertEqual([event.sequence_number for event in events], list(range(len(events))))
        self.assertEqual((events[0].type, events[-1].type), ("response.created", "response.completed"))
        deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
        self.assertEqual("".join(deltas), "Hello there, all of you")
        self.assertGreater(len(deltas), 2)
        self.assertEqual(events[-1].response.output_text, "Hello there, all of you")

    def test_a_stream_that_accumulates(self):
        with self.client.responses.stream(model=MODEL, input="Hello there") as stream:
            snapshots = [event.snapshot for event in stream if event.type == "response.output_text.delta"]
            final = stream.get_final_response()
        self.assertEqual((snapshots[-1], final.output_text), ("Hello there", "Hello there"))

    def test_structured_output(self):
        response = self.client.responses.parse(model=MODEL, input="A point", text_format=Point)
        self.assertIsInstance(response.output_parsed, Point)
        with self.client.responses.stream(model=MODEL, input="A point", text_format=Point) as stream:
            stream.until_done()
            self.assertIsInstance(stream.get_final_response().output_parsed, Point)

    def test_an_answer_that_is_cut(self):
        response = self.client.responses.create(model=MODEL, input="word " * 40, max_output_tokens=16)
        self.assertEqual((response.status, response.incomplete_details.reason), ("incomplete", "max_output_tokens"))
        self.assertEqual((response.output[0].status, response.usage.output_tokens), ("incomplete", 16))

    def test_the_raw_response(self):
        raw = self.client.responses.with_raw_response.create(model=MODEL, input="Hello")
        self.assertEqual(raw.parse().output_text, "Hello")
        self.assertEqual(raw.headers["openai-version"], "2020-10-01")
        self.assertTrue(raw.headers["x-request-id"] and raw.request_id)

    def test_input_tokens(self):
        count = self.client.responses.input_tokens.count(model=MODEL, input="Hello there")
        response = self.client.responses.create(model=MODEL, input="Hello there")
        self.assertEqual((count.object, count.input_tokens), ("response.input_tokens", response.usage.input_tokens))

    @needs_one_hop
    def test_errors(self):
        create = self.client.responses.create
        with self.assertRaises(openai.BadRequestError) as caught:
            create(model="gpt-none", input="Hello")
        self.assertEqual((caught.exception.code, caught.exception.param), ("model_not_found", "model"))
        with self.assertRaises(openai.BadRequestError) as caught:
            create(model=MODEL, input="Hello", temperature=3)
        self.assertEqual((caught.exception.code, caught.exception.param), ("decimal_above_max_value", "temperature"))
        with self.assertRaises(openai.BadRequestError) as caught:
            create(model=MODEL, input="Hello", extra_body={"max_tokens": 5})
        self.assertEqual(caught.exception.param, "max_tokens")
        with self.assertRaises(openai.BadRequestError) as caught:
            create(model=MODEL, input="Hello", previous_response_id="resp_1")
        self.assertEqual(caught.exception.code, "previous_response_not_found")
        with self.assertRaises(openai.NotFoundError):
            self.client.responses.retrieve("resp_1")
        with client(api_key="sk-wrong") as other, self.assertRaises(openai.AuthenticationError):
            other.responses.create(model=MODEL, input="Hello")


@needs_rules
class ByRules(unittest.TestCase):
    def setUp(self):
        self.client = client(base_url=RULES)
        self.addCleanup(self.client.close)

    def test_a_loop_with_a_tool(self):
        conversation = [{"role": "user", "content": "How is the weather?"}]
        first = self.client.responses.create(model=MODEL, input=conversation, tools=[WEATHER])
        [call] = first.output
        self.assertEqual((call.type, call.name, call.arguments), ("function_call", "get_weather", '{"city":"Paris"}'))
        conversation += [*first.output, {"type": "function_call_output", "call_id": call.call_id, "output": "18 degrees"}]
        second = self.client.responses.create(model=MODEL, input=conversation, tools=[WEATHER])
        self.assertEqual(second.output_text, "It is 18 degrees in Paris.")

    def test_a_loop_with_a_tool_streamed(self):
        with self.client.responses.stream(model=MODEL, input="How is the weather?", tools=[WEATHER]) as stream:
            kinds = [event.type for event in stream]
            [call] = stream.get_final_response().output
        self.assertIn("response.function_call_arguments.delta", kinds)
        self.assertEqual((call.name, call.arguments), ("get_weather", '{"city":"Paris"}'))

    def test_a_refusal(self):
        with self.client.responses.stream(model=MODEL, input="What is my password?") as stream:
            deltas = [event.delta for event in stream if event.type == "response.refusal.delta"]
            [message] = stream.get_final_response().output
        self.assertEqual("".join(deltas), "I can't help with passwords.")
        self.assertEqual([part.type for part in message.content], ["refusal"])

    def test_an_error(self):
        with self.assertRaises(openai.RateLimitError) as caught:
            self.client.responses.create(model=MODEL, input="overload")
        self.assertEqual(caught.exception.response.headers["retry-after"], "2")
