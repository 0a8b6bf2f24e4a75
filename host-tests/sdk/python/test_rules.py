"""Rules: refusals, errors and broken responses that a test can trigger, as the SDK reports them."""

import unittest

import openai
from pydantic import BaseModel
from support import MODEL, RULES, client, function, needs_one_hop, needs_rules, user


class Point(BaseModel):
    x: int


@needs_rules
class Rules(unittest.TestCase):
    def setUp(self):
        self.client = client(base_url=RULES)
        self.addCleanup(self.client.close)

    def create(self, text, **parameters):
        return self.client.chat.completions.create(model=MODEL, messages=user(text), **parameters)

    def tearDown(self):
        self.assertEqual(self.create("Still there?").choices[0].message.content, "Still there?")

    def test_an_error(self):
        with self.assertRaises(openai.RateLimitError) as caught:
            self.create("overload")
        error = caught.exception
        self.assertEqual((error.code, error.type), ("rate_limit_exceeded", "requests"))
        self.assertEqual(error.response.headers["retry-after"], "2")

    def test_a_retry_succeeds(self):
        with self.assertRaises(openai.InternalServerError):
            self.create("busy")
        with client(base_url=RULES, max_retries=1) as patient:
            answer = patient.chat.completions.create(model=MODEL, messages=user("busy"))
        self.assertEqual(answer.choices[0].message.content, "busy")

    @needs_one_hop
    def test_a_connection_that_breaks(self):
        with self.assertRaises(openai.APIConnectionError):
            self.create("hang up")

    @needs_one_hop
    def test_a_stream_that_breaks(self):
        text = ""
        with self.assertRaises(openai.APIConnectionError):
            for chunk in self.create("Now break off, please, and quickly", stream=True):
                text += chunk.choices[0].delta.content or ""
        self.assertTrue(text and "Now break off, please, and quickly".startswith(text), text)

    def test_a_refusal(self):
        [choice] = self.create("What is my password?").choices
        self.assertEqual((choice.finish_reason, choice.message.content), ("stop", None))
        self.assertEqual(choice.message.refusal, "I can't help with passwords.")

    def test_a_refusal_instead_of_an_instance(self):
        parameters = {"model": MODEL, "messages": user("My password?"), "response_format": Point}
        message = self.client.chat.completions.parse(**parameters).choices[0].message
        self.assertEqual((message.parsed, message.refusal), (None, "I can't help with passwords."))
        with self.client.chat.completions.stream(**parameters, logprobs=True) as stream:
            events = list(stream)
            message = stream.get_final_completion().choices[0].message
        self.assertEqual((message.parsed, message.refusal), (None, "I can't help with passwords."))
        deltas = [event.delta for event in events if event.type == "refusal.delta"]
        self.assertEqual("".join(deltas), message.refusal)
        self.assertGreater(len(deltas), 2)
        self.assertEqual(len([event for event in events if event.type == "refusal.done"]), 1)

    def test_calls_and_what_follows(self):
        tools = [function("get_weather", city={"type": "string"})]
        answer = self.create("How is the weather?", tools=tools)
        [call] = answer.choices[0].message.tool_calls
        self.assertEqual(call.function.arguments, '{"city":"Paris"}')
        for result, want in [("18 degrees", "It is 18 degrees in Paris."), ("error 5", "The tool failed: error 5")]:
            answer = self.client.chat.completions.create(model=MODEL, tools=tools, messages=[
                *user("How is the weather?"), answer.choices[0].message,
                {"role": "tool", "tool_call_id": call.id, "content": result}])
            self.assertEqual(answer.choices[0].message.content, want)
            answer = self.create("How is the weather?", tools=tools)
            [call] = answer.choices[0].message.tool_calls

    def test_half_of_the_calls_fail(self):
        def outcome(seed):
            try:
                return self.create("flaky", seed=seed).choices[0].finish_reason
            except openai.InternalServerError as error:
                return error.status_code

        outcomes = [outcome(seed) for seed in range(40)]
        self.assertEqual(outcomes, [outcome(seed) for seed in range(40)])
        self.assertTrue(8 < outcomes.count(503) < 32, outcomes)
        self.assertEqual(outcomes.count(503) + outcomes.count("stop"), 40)
