"""Chat completions: plain, streamed, and the effect of their parameters."""

import asyncio

from support import MODEL, Async, Sync, user


class Chat(Sync):
    def create(self, text="one two three", **parameters):
        return self.client.chat.completions.create(model=MODEL, messages=user(text), **parameters)

    def test_whole(self):
        answer = self.create("Hello, wörld 🌍!")
        self.assertEqual((answer.object, answer.model), ("chat.completion", MODEL))
        self.assertTrue(answer.id.startswith("chatcmpl-"))
        [choice] = answer.choices
        self.assertEqual((choice.index, choice.finish_reason), (0, "stop"))
        self.assertEqual((choice.message.role, choice.message.content), ("assistant", "Hello, wörld 🌍!"))
        self.assertIsNone(choice.message.refusal)
        usage = answer.usage
        self.assertGreater(usage.prompt_tokens, 0)
        self.assertGreater(usage.completion_tokens, 0)
        self.assertEqual(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens)
        self.assertEqual(usage.completion_tokens_details.reasoning_tokens, 0)

    def test_the_last_user_message_counts(self):
        answer = self.client.chat.completions.create(
            model=MODEL,
            messages=[
                {"role": "developer", "content": "Be brief."},
                {"role": "user", "content": "first"},
                {"role": "assistant", "content": "first"},
                {"role": "user", "content": [{"type": "text", "text": "sec"}, {"type": "text", "text": "ond"}]},
            ],
        )
        self.assertEqual(answer.choices[0].message.content, "second")

    def test_streamed(self):
        chunks = list(self.create(stream=True))
        self.assertEqual({chunk.object for chunk in chunks}, {"chat.completion.chunk"})
        self.assertEqual(len({chunk.id for chunk in chunks}), 1)
        deltas = [chunk.choices[0].delta for chunk in chunks]
        self.assertEqual((deltas[0].role, deltas[0].content), ("assistant", ""))
        self.assertEqual("".join(delta.content or "" for delta in deltas), "one two three")
        self.assertGreater(len(chunks), 3)
        reasons = [chunk.choices[0].finish_reason for chunk in chunks]
        self.assertEqual(reasons, [None] * (len(chunks) - 1) + ["stop"])
        self.assertEqual([chunk.usage for chunk in chunks], [None] * len(chunks))

    def test_streamed_with_usage(self):
        *chunks, last = self.create(stream=True, stream_options={"include_usage": True})
        self.assertEqual(last.choices, [])
        self.assertEqual(last.usage, self.create().usage)
        self.assertTrue(all(chunk.usage is None for chunk in chunks))

    def test_the_stream_helper(self):
        with self.client.chat.completions.stream(model=MODEL, messages=user("one two three")) as stream:
            deltas = [event.delta for event in stream if event.type == "content.delta"]
            answer = stream.get_final_completion()
        self.assertEqual("".join(deltas), "one two three")
        self.assertEqual(answer.choices[0].message.content, "one two three")
        self.assertEqual(answer.choices[0].finish_reason, "stop")

    def test_the_stream_helper_left_early(self):
        with self.client.chat.completions.stream(model=MODEL, messages=user("word " * 20_000)) as stream:
            for event in stream:
                if event.type == "content.delta" and event.delta:
                    break
        self.well()

    def test_obfuscation(self):
        parameters = {"stream": True, "stream_options": {"include_obfuscation": True}}
        chunks = [chunk.to_dict() for chunk in self.create(**parameters)]
        self.assertTrue(all(chunk["obfuscation"] for chunk in chunks))
        self.assertFalse(any("obfuscation" in chunk.to_dict() for chunk in self.create(stream=True)))

    def test_n(self):
        answer = self.create(n=3, temperature=0)
        self.assertEqual([choice.index for choice in answer.choices], [0, 1, 2])
        self.assertEqual([choice.message.content for choice in answer.choices], ["one two three"] * 3)

    def test_n_streamed(self):
        texts, ended = ["", ""], set()
        for chunk in self.create(n=2, temperature=0, stream=True):
            [choice] = chunk.choices
            texts[choice.index] += choice.delta.content or ""
            if choice.finish_reason:
                ended.add(choice.index)
        self.assertEqual((texts, ended), (["one two three"] * 2, {0, 1}))

    def test_stop(self):
        for stop in ["three", ["nowhere", "three"]]:
            [choice] = self.create(stop=stop).choices
            self.assertEqual((choice.message.content, choice.finish_reason), ("one two ", "stop"))
            chunks = list(self.create(stop=stop, stream=True))
            text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
            self.assertEqual((text, chunks[-1].choices[0].finish_reason), ("one two ", "stop"))

    def test_max_tokens(self):
        for limit in [{"max_tokens": 2}, {"max_completion_tokens": 2}]:
            answer = self.create(**limit)
            self.assertEqual(answer.choices[0].message.content, "one two")
            self.assertEqual(answer.choices[0].finish_reason, "length")
            self.assertEqual(answer.usage.completion_tokens, 2)

    def test_a_stream_closed_early(self):
        for close in [lambda stream: stream.close(), lambda stream: stream.response.close()]:
            stream = self.create("word " * 20_000, stream=True)
            self.assertEqual(next(stream).choices[0].delta.role, "assistant")
            close(stream)
            self.well()

    def test_a_stream_left_by_its_block(self):
        with self.create("word " * 20_000, stream=True) as stream:
            for _ in stream:
                break
        self.well()

    def test_a_long_conversation(self):
        text = "".join(f"line {i} with \"quotes\", a \\ and a tab\t.\n" for i in range(1_000))
        self.assertEqual(self.create(text).choices[0].message.content, text)

    def test_an_answer_ends_at_the_model_s_limit(self):
        text = "".join(f"line {i} with \"quotes\", a \\ and a tab\t.\n" for i in range(5_000))
        answer = self.create(text)
        [choice] = answer.choices
        self.assertEqual((choice.finish_reason, answer.usage.completion_tokens), ("length", 16_384))
        self.assertTrue(text.startswith(choice.message.content))


class AsyncChat(Async):
    async def create(self, text="one two three", **parameters):
        return await self.client.chat.completions.create(model=MODEL, messages=user(text), **parameters)

    async def test_whole(self):
        answer = await self.create()
        self.assertEqual(answer.choices[0].message.content, "one two three")

    async def test_streamed(self):
        text = ""
        async for chunk in await self.create(stream=True):
            text += chunk.choices[0].delta.content or ""
        self.assertEqual(text, "one two three")

    async def test_many_at_once(self):
        answers = await asyncio.gather(*(self.create(f"number {i}") for i in range(20)))
        texts = [answer.choices[0].message.content for answer in answers]
        self.assertEqual(texts, [f"number {i}" for i in range(20)])
        self.assertEqual(len({answer.id for answer in answers}), 20)

    async def test_a_stream_closed_early(self):
        stream = await self.create("word " * 20_000, stream=True)
        async for _ in stream:
            break
        await stream.close()
        answer = await self.create("Still there?")
        self.assertEqual(answer.choices[0].message.content, "Still there?")
