"""Structured output: parsed into models, plain and streamed."""

import json
from enum import Enum
from typing import Optional

import openai
from pydantic import BaseModel
from support import MODEL, Async, Sync, user


class Colour(str, Enum):
    RED = "red"
    BLUE = "blue"


class Node(BaseModel):
    """A tree, so that the schema is recursive."""

    name: str
    children: list["Node"]


class Event(BaseModel):
    title: str
    colour: Colour
    seats: int
    price: float
    host: Optional[str]
    plan: Node


class Structured(Sync):
    def test_parsed(self):
        answer = self.client.chat.completions.parse(model=MODEL, messages=user("An event"), response_format=Event)
        [choice] = answer.choices
        self.assertEqual(choice.finish_reason, "stop")
        self.assertIsInstance(choice.message.parsed, Event)
        self.assertTrue(choice.message.parsed.title)
        self.assertEqual(Event.model_validate_json(choice.message.content), choice.message.parsed)

    def test_another_seed_another_instance(self):
        parse = lambda seed: self.client.chat.completions.parse(
            model=MODEL, messages=user("An event"), response_format=Event, seed=seed
        ).choices[0].message.content
        self.assertEqual(parse(1), parse(1))
        self.assertNotEqual(parse(1), parse(2))

    def test_the_stream_helper(self):
        with self.client.chat.completions.stream(
            model=MODEL, messages=user("An event"), response_format=Event,
            stream_options={"include_usage": True},
        ) as stream:
            events = list(stream)
            answer = stream.get_final_completion()
        deltas = [event for event in events if event.type == "content.delta" and event.delta]
        [done] = [event for event in events if event.type == "content.done"]
        self.assertEqual("".join(event.delta for event in deltas), done.content)
        self.assertEqual(deltas[-1].snapshot, done.content)
        self.assertTrue(any(isinstance(event.parsed, dict) and event.parsed for event in deltas[:-1]))
        self.assertIsInstance(done.parsed, Event)
        self.assertEqual(answer.choices[0].message.parsed, done.parsed)
        self.assertEqual(answer.usage.completion_tokens, len(deltas))

    def test_several_choices_streamed(self):
        with self.client.chat.completions.stream(
            model=MODEL, messages=user("An event"), response_format=Event, n=3
        ) as stream:
            answer = stream.get_final_completion()
        self.assertEqual([choice.index for choice in answer.choices], [0, 1, 2])
        self.assertTrue(all(isinstance(choice.message.parsed, Event) for choice in answer.choices))
        self.assertEqual(len({choice.message.content for choice in answer.choices}), 3)

    def test_cut(self):
        for call in [
            lambda **p: self.client.chat.completions.parse(**p),
            lambda **p: self.client.chat.completions.stream(**p).__enter__().get_final_completion(),
        ]:
            with self.assertRaises(openai.LengthFinishReasonError) as caught:
                call(model=MODEL, messages=user("An event"), response_format=Event, max_tokens=3)
            self.assertEqual(caught.exception.completion.choices[0].finish_reason, "length")
        self.well()

    def test_any_object(self):
        answer = self.client.chat.completions.create(
            model=MODEL, messages=user("Some JSON"), response_format={"type": "json_object"}
        )
        self.assertIsInstance(json.loads(answer.choices[0].message.content), dict)


class AsyncStructured(Async):
    async def test_parsed(self):
        answer = await self.client.chat.completions.parse(
            model=MODEL, messages=user("A tree"), response_format=Node
        )
        self.assertIsInstance(answer.choices[0].message.parsed, Node)

    async def test_the_stream_helper(self):
        async with self.client.chat.completions.stream(
            model=MODEL, messages=user("A tree"), response_format=Node
        ) as stream:
            kinds = {event.type async for event in stream}
            answer = await stream.get_final_completion()
        self.assertLessEqual({"chunk", "content.delta", "content.done"}, kinds)
        self.assertIsInstance(answer.choices[0].message.parsed, Node)
