"""Tools: called as `tool_choice` requires, streamed in pieces, and loops that end with a text."""

import json

import openai
from pydantic import BaseModel, Field
from support import MODEL, Async, Sync, function, user

WEATHER = function("get_weather", city={"type": "string"}, days={"type": "integer", "minimum": 1, "maximum": 7})
TIME = function("get_time", zone={"type": "string", "enum": ["UTC", "CET"]})


class GetWeather(BaseModel):
    """The weather of a city."""

    city: str
    days: int = Field(ge=1, le=7)


def run_tool(call) -> str:
    """Runs a tool call."""
    arguments = json.loads(call.function.arguments)
    if call.function.name == "get_weather":
        assert isinstance(arguments["city"], str) and 1 <= arguments["days"] <= 7, arguments
        return "18 degrees"
    assert arguments["zone"] in ("UTC", "CET"), arguments
    return "12:00"


class Tools(Sync):
    def create(self, text, **parameters):
        return self.client.chat.completions.create(model=MODEL, messages=user(text), **parameters)

    def loop(self, text, **parameters):
        """Runs tool calls until the response is a text; returns it, and the tools that were called in each turn."""
        messages, turns = user(text), []
        while len(turns) < 5:
            answer = self.client.chat.completions.create(model=MODEL, messages=messages, **parameters)
            [choice] = answer.choices
            if choice.finish_reason == "stop":
                self.assertIsNone(choice.message.tool_calls)
                return choice.message.content, turns
            self.assertEqual(choice.finish_reason, "tool_calls")
            calls = choice.message.tool_calls
            self.assertEqual(len({call.id for call in calls}), len(calls))
            messages.append(choice.message)
            messages += [{"role": "tool", "tool_call_id": call.id, "content": run_tool(call)} for call in calls]
            turns.append([call.function.name for call in calls])
        self.fail("the loop does not end")

    def test_auto_calls_what_is_named(self):
        text, turns = self.loop("Use get_weather for Paris.", tools=[WEATHER, TIME])
        self.assertEqual(turns, [["get_weather"]])
        self.assertIn("18 degrees", text)

    def test_auto_calls_nothing_that_is_not_named(self):
        self.assertEqual(self.loop("Good morning!", tools=[WEATHER, TIME]), ("Good morning!", []))

    def test_several_at_once(self):
        text, turns = self.loop("get_weather and get_time, please", tools=[WEATHER, TIME])
        self.assertEqual([sorted(names) for names in turns], [["get_time", "get_weather"]])
        self.assertIn("18 degrees", text)
        self.assertIn("12:00", text)

    def test_one_at_a_time(self):
        message = self.create(
            "get_weather and get_time, please", tools=[WEATHER, TIME], parallel_tool_calls=False
        ).choices[0].message
        self.assertEqual(len(message.tool_calls), 1)

    def test_required(self):
        # Required only once: after the results `tool_choice` is `auto` again.
        [choice] = self.create("Good morning!", tools=[WEATHER, TIME], tool_choice="required").choices
        self.assertEqual(choice.finish_reason, "tool_calls")
        [call] = choice.message.tool_calls
        self.assertEqual((call.type, call.function.name), ("function", "get_weather"))
        run_tool(call)

    def test_named(self):
        choice_of = {"type": "function", "function": {"name": "get_time"}}
        [choice] = self.create("get_weather", tools=[WEATHER, TIME], tool_choice=choice_of).choices
        # The live API ends a forced call with `stop`.
        self.assertEqual(choice.finish_reason, "stop")
        [call] = choice.message.tool_calls
        self.assertEqual(call.function.name, "get_time")
        run_tool(call)

    def test_none(self):
        [choice] = self.create("get_weather", tools=[WEATHER], tool_choice="none").choices
        self.assertEqual((choice.finish_reason, choice.message.tool_calls), ("stop", None))
        self.assertEqual(choice.message.content, "get_weather")

    def test_allowed(self):
        allowed = {"type": "allowed_tools", "allowed_tools": {
            "mode": "required", "tools": [{"type": "function", "function": {"name": "get_time"}}]}}
        [choice] = self.create("get_weather", tools=[WEATHER, TIME], tool_choice=allowed).choices
        self.assertEqual([call.function.name for call in choice.message.tool_calls], ["get_time"])

    def test_streamed(self):
        text = "get_weather and get_time, please"
        whole = self.create(text, tools=[WEATHER, TIME]).choices[0].message.tool_calls
        calls = {}
        for chunk in self.create(text, tools=[WEATHER, TIME], stream=True):
            for delta in chunk.choices[0].delta.tool_calls or []:
                if delta.index not in calls:
                    # Only the first piece has the id, the type and the name.
                    self.assertTrue(delta.id.startswith("call_"))
                    self.assertEqual((delta.type, delta.function.arguments), ("function", ""))
                    calls[delta.index] = [delta.function.name, ""]
                else:
                    self.assertEqual((delta.id, delta.type, delta.function.name), (None, None, None))
                    calls[delta.index][1] += delta.function.arguments
            reason = chunk.choices[0].finish_reason
        self.assertEqual(reason, "tool_calls")
        self.assertEqual(
            [calls[i] for i in sorted(calls)], [[call.function.name, call.function.arguments] for call in whole]
        )

    def test_the_stream_helper(self):
        tools = [openai.pydantic_function_tool(GetWeather, name="get_weather"), TIME]
        with self.client.chat.completions.stream(
            model=MODEL, messages=user("get_weather and get_time, please"), tools=tools
        ) as stream:
            events = list(stream)
            answer = stream.get_final_completion()
        done = [event for event in events if event.type == "tool_calls.function.arguments.done"]
        self.assertEqual([event.name for event in done], ["get_weather", "get_time"])
        deltas = [event for event in events if event.type == "tool_calls.function.arguments.delta"]
        for event in done:
            pieces = [delta.arguments_delta for delta in deltas if delta.index == event.index]
            self.assertEqual("".join(pieces), event.arguments)
            self.assertGreater(len(pieces), 2)
        self.assertIsInstance(done[0].parsed_arguments, GetWeather)
        [choice] = answer.choices
        self.assertEqual(choice.finish_reason, "tool_calls")
        self.assertEqual(choice.message.tool_calls[0].function.parsed_arguments, done[0].parsed_arguments)

    def test_the_stream_helper_with_a_named_one(self):
        tools = [openai.pydantic_function_tool(GetWeather, name="get_weather")]
        choice_of = {"type": "function", "function": {"name": "get_weather"}}
        with self.client.chat.completions.stream(
            model=MODEL, messages=user("hi"), tools=tools, tool_choice=choice_of, n=2
        ) as stream:
            answer = stream.until_done().get_final_completion()
        self.assertEqual([choice.finish_reason for choice in answer.choices], ["stop", "stop"])
        for choice in answer.choices:
            self.assertIsInstance(choice.message.tool_calls[0].function.parsed_arguments, GetWeather)

    def test_parsed(self):
        answer = self.client.chat.completions.parse(
            model=MODEL, messages=user("get_weather"), tools=[openai.pydantic_function_tool(GetWeather, name="get_weather")]
        )
        [call] = answer.choices[0].message.tool_calls
        self.assertIsInstance(call.function.parsed_arguments, GetWeather)

    def test_arguments_that_are_cut(self):
        with self.assertRaises(openai.LengthFinishReasonError):
            self.client.chat.completions.parse(
                model=MODEL, messages=user("get_weather"), max_tokens=2,
                tools=[openai.pydantic_function_tool(GetWeather, name="get_weather")],
            )

    def test_a_custom_tool(self):
        grammar = {"type": "grammar", "grammar": {"syntax": "regex", "definition": "[a-z]{3}-[0-9]{2}"}}
        tools = [{"type": "custom", "custom": {"name": "locate", "format": grammar}}]
        [choice] = self.create("locate it", tools=tools).choices
        self.assertEqual(choice.finish_reason, "tool_calls")
        [call] = choice.message.tool_calls
        self.assertEqual((call.type, call.custom.name), ("custom", "locate"))
        self.assertRegex(call.custom.input, r"\A[a-z]{3}-[0-9]{2}\Z")
        answer = self.client.chat.completions.create(model=MODEL, tools=tools, messages=[
            *user("locate it"), choice.message, {"role": "tool", "tool_call_id": call.id, "content": "found"}])
        self.assertEqual(answer.choices[0].finish_reason, "stop")
        self.assertIn("found", answer.choices[0].message.content)

    def test_a_custom_tool_streamed(self):
        tools = [{"type": "custom", "custom": {"name": "note"}}]
        text, name = "", None
        for chunk in self.create("note this down", tools=tools, stream=True):
            for delta in chunk.choices[0].delta.tool_calls or []:
                # The SDK has no type for these pieces.
                custom = delta.to_dict()["custom"]
                name = name or custom.get("name")
                text += custom.get("input", "")
        self.assertEqual(name, "note")
        [call] = self.create("note this down", tools=tools).choices[0].message.tool_calls
        self.assertEqual(text, call.custom.input)

    def test_legacy_functions(self):
        functions = [{name: value for name, value in WEATHER["function"].items() if name != "strict"}]
        [choice] = self.create("get_weather", functions=functions).choices
        self.assertEqual((choice.finish_reason, choice.message.tool_calls), ("function_call", None))
        call = choice.message.function_call
        self.assertEqual(call.name, "get_weather")
        self.assertEqual(set(json.loads(call.arguments)), {"city", "days"})
        pieces = [chunk.choices[0].delta.function_call for chunk in self.create("get_weather", functions=functions, stream=True)]
        pieces = [piece for piece in pieces if piece]
        self.assertEqual((pieces[0].name, "".join(piece.arguments for piece in pieces)), (call.name, call.arguments))
        answer = self.client.chat.completions.create(model=MODEL, functions=functions, messages=[
            *user("get_weather"), {"role": "assistant", "content": None, "function_call": call},
            {"role": "function", "name": "get_weather", "content": "18 degrees"}])
        self.assertEqual(answer.choices[0].finish_reason, "stop")
        self.assertIn("18 degrees", answer.choices[0].message.content)


class AsyncTools(Async):
    async def test_the_stream_helper(self):
        tools = [openai.pydantic_function_tool(GetWeather, name="get_weather")]
        async with self.client.chat.completions.stream(
            model=MODEL, messages=user("get_weather"), tools=tools
        ) as stream:
            answer = await stream.get_final_completion()
        [call] = answer.choices[0].message.tool_calls
        self.assertIsInstance(call.function.parsed_arguments, GetWeather)
