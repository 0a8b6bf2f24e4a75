"""Programs like the SDK's own chat examples: parsing, streaming and tools, with the SDK's helpers."""

import unittest
from enum import Enum
from typing import List, Union

import openai
from pydantic import BaseModel
from support import MODEL, RULES, needs_rules, user


class Step(BaseModel):
    explanation: str
    output: str


class Solution(BaseModel):
    steps: List[Step]
    final_answer: str


class Column(str, Enum):
    id = "id"
    status = "status"
    ordered_at = "ordered_at"


class Condition(BaseModel):
    column: Column
    value: Union[str, int]


class Query(BaseModel):
    """A query of a database."""

    columns: List[Column]
    conditions: List[Condition]


ORDERS = [
    {"role": "system", "content": "You answer by database queries."},
    *user("All orders of last November that were fulfilled, please."),
]


@needs_rules
class Examples(unittest.TestCase):
    def setUp(self):
        self.client = openai.OpenAI(base_url=RULES, max_retries=0, timeout=30)
        self.addCleanup(self.client.close)
        self.chat = self.client.chat.completions

    def test_parsing(self):
        messages = user("Solve 8x + 31 = 2.")
        answer = self.chat.parse(model=MODEL, messages=messages, response_format=Solution).choices[0].message
        self.assertIsInstance(answer.parsed, Solution)
        self.assertIsNone(answer.refusal)

    def test_parsing_a_stream(self):
        messages = user("Solve 8x + 31 = 2.")
        with self.chat.stream(model=MODEL, messages=messages, response_format=Solution) as stream:
            kinds = {event.type for event in stream}
            self.assertIsInstance(stream.get_final_completion().choices[0].message.parsed, Solution)
        self.assertLessEqual({"chunk", "content.delta", "content.done"}, kinds)

    def test_parsing_the_call_of_a_tool(self):
        tools = [openai.pydantic_function_tool(Query)]
        answer = self.chat.parse(model=MODEL, messages=ORDERS, tools=tools).choices[0]
        self.assertEqual(answer.finish_reason, "tool_calls")
        self.assertIsInstance(answer.message.tool_calls[0].function.parsed_arguments, Query)

    def test_parsing_the_call_of_a_tool_streamed(self):
        tools = [openai.pydantic_function_tool(Query)]
        with self.chat.stream(model=MODEL, messages=ORDERS, tools=tools, parallel_tool_calls=True) as stream:
            events = list(stream)
        done = [event for event in events if event.type == "tool_calls.function.arguments.done"]
        self.assertEqual([event.name for event in done], ["Query"])
        self.assertIsInstance(done[0].parsed_arguments, Query)
        deltas = [event for event in events if event.type == "tool_calls.function.arguments.delta"]
        self.assertEqual("".join(event.arguments_delta for event in deltas), done[0].arguments)

    def test_streaming(self):
        pieces = []
        for chunk in self.chat.create(model=MODEL, messages=user("Count to three."), stream=True):
            if chunk.choices and chunk.choices[0].delta.content:
                pieces.append(chunk.choices[0].delta.content)
        self.assertEqual("".join(pieces), "Count to three.")
