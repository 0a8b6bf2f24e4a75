"""Text completions: plain, streamed, and the effect of their parameters."""

from support import TEXT_MODEL, Async, Sync


class Completions(Sync):
    def create(self, prompt="one two three", **parameters):
        return self.client.completions.create(model=TEXT_MODEL, prompt=prompt, **parameters)

    def test_whole(self):
        answer = self.create()
        self.assertEqual((answer.object, answer.model), ("text_completion", TEXT_MODEL))
        self.assertTrue(answer.id.startswith("cmpl-"))
        [choice] = answer.choices
        self.assertEqual((choice.index, choice.text, choice.finish_reason), (0, "one two three", "stop"))
        self.assertEqual(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens)

    def test_streamed(self):
        chunks = list(self.create(stream=True))
        self.assertEqual("".join(chunk.choices[0].text for chunk in chunks), "one two three")
        self.assertGreater(len(chunks), 2)
        self.assertEqual(chunks[-1].choices[0].finish_reason, "stop")
        self.assertEqual(len({chunk.id for chunk in chunks}), 1)

    def test_streamed_with_usage(self):
        *chunks, last = self.create(stream=True, stream_options={"include_usage": True})
        self.assertEqual((last.choices, last.usage), ([], self.create().usage))
        self.assertTrue(all(chunk.usage is None for chunk in chunks))

    def test_prompts(self):
        answer = self.create(["one", "two"], n=2, temperature=0)
        self.assertEqual([choice.text for choice in answer.choices], ["one", "one", "two", "two"])
        self.assertEqual([choice.index for choice in answer.choices], [0, 1, 2, 3])

    def test_echo(self):
        self.assertEqual(self.create("one", echo=True).choices[0].text, "oneone")

    def test_stop(self):
        [choice] = self.create(stop=["three"]).choices
        self.assertEqual((choice.text, choice.finish_reason), ("one two ", "stop"))

    def test_max_tokens(self):
        answer = self.create(max_tokens=2)
        self.assertEqual((answer.choices[0].text, answer.choices[0].finish_reason), ("one two", "length"))
        self.assertEqual(answer.usage.completion_tokens, 2)

    def test_sixteen_tokens_by_default(self):
        answer = self.create("word " * 50)
        self.assertEqual((answer.usage.completion_tokens, answer.choices[0].finish_reason), (16, "length"))


class AsyncCompletions(Async):
    async def test_whole(self):
        answer = await self.client.completions.create(model=TEXT_MODEL, prompt="one two")
        self.assertEqual(answer.choices[0].text, "one two")

    async def test_streamed(self):
        stream = await self.client.completions.create(model=TEXT_MODEL, prompt="one two", stream=True)
        self.assertEqual("".join([chunk.choices[0].text async for chunk in stream]), "one two")
